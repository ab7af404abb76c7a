// What a rollout records: row-major (T, N) arrays and the ends of episodes.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "fastpg/core/memory.hpp"
#include "fastpg/rollout/actor.hpp"
#include "fastpg/rollout/episode_ends.hpp"

namespace fastpg {

using ActionBuffer = std::variant<Buffer<std::int32_t>, Buffer<double>>;

// Number `at` of them and those that follow.
inline RecordedActions actions_at(ActionBuffer& actions, Lane at) {
  if (auto* const choices = std::get_if<Buffer<std::int32_t>>(&actions)) {
    return {choices->data() + at, nullptr};
  }
  return {nullptr, std::get<Buffer<double>>(actions).data() + at};
}

struct RolloutStorage {
  // Far beyond any memory, far below where sizes in bytes overflow.
  static constexpr std::int64_t most_samples = std::int64_t{1} << 48;

  RolloutStorage(Lane column_count, const EnvironmentShape& shape, const Actor& actor);

  Lane columns;
  Lane observation_size;
  Lane action_size;
  bool several;    // as in EnvironmentShape
  Lane mask_size;  // 0: the environment gives no masks
  Lane rows = 0;
  std::int64_t sample_count = 0;  // valid samples
  std::int64_t step_count = 0;    // steps of the slowest environment
  bool complete = true;           // false: a budget cut the last episodes

  Buffer<float> observations;
  ActionBuffer actions;
  Buffer<double> rewards;
  Buffer<std::uint8_t> terminated;
  Buffer<std::uint8_t> truncated;
  Buffer<std::uint8_t> valid;
  Buffer<std::uint8_t> allowed;  // (rows, columns, mask_size)
  Buffer<std::int32_t> step_index;
  Buffer<float> last_observations;       // (columns, observation_size): what follows the last row
  Buffer<std::int64_t> last_step_index;  // (columns,)
  EpisodeEnds ends;                      // in the order in which they happened

  static void require_samples(Lane row_count, Lane column_count);

  // Rows are only ever appended, and a row-major array grows by rows in place; what the caller does
  // not write is zero.
  void grow(Lane row_count);
  // All rows at once, unwritten.
  void allocate(Lane row_count);

  Lane flat(Lane row, Lane column) const { return row * columns + column; }
  float* observation(Lane row, Lane column) {
    return observations.data() + flat(row, column) * observation_size;
  }
  RecordedActions action(Lane row, Lane column) {
    return actions_at(actions, flat(row, column) * action_size);
  }
  std::uint8_t* mask(Lane row, Lane column) {
    return allowed.data() + flat(row, column) * mask_size;
  }
  // Entry `entry` of actions of the same kind.
  void record_action(Lane row, Lane column, const ActionBuffer& from, Lane entry);

  void record_last(VectorEnv& env, Lane lane, Lane column);

  // After as many steps; parts: the ends of consecutive parts of the environments.
  void finish(std::vector<EpisodeEnds>&& parts, Lane steps);
};

// Room for the actions of `lanes` environments.
ActionBuffer action_buffer(const Actor& actor, Lane lanes);

}  // namespace fastpg
