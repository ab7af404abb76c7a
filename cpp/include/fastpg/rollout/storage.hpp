// What a rollout records: row-major (T, N) arrays and the ends of episodes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/memory.hpp"
#include "fastpg/rollout/episode_ends.hpp"

namespace fastpg {

template <class Action>
struct RolloutStorage {
  // Far beyond any memory, far below where sizes in bytes overflow.
  static constexpr std::int64_t most_samples = std::int64_t{1} << 48;

  RolloutStorage(Lane column_count, Lane observation_length, Lane action_length)
      : columns(column_count), observation_size(observation_length), action_size(action_length) {
    require(columns <= most_samples,
            "rollout: expected at most 2^48 columns, got " + std::to_string(columns));
    last_observations.resize(static_cast<std::size_t>(columns * observation_size), 0.0f);
    last_step_index.resize(static_cast<std::size_t>(columns), 0);
  }

  Lane columns;
  Lane observation_size;
  Lane action_size;
  Lane rows = 0;
  std::int64_t sample_count = 0;  // valid samples
  std::int64_t step_count = 0;    // steps of the slowest lane
  bool complete = true;           // false: a budget cut the last episodes

  Buffer<float> observations;
  Buffer<Action> actions;
  Buffer<double> rewards;
  Buffer<std::uint8_t> terminated;
  Buffer<std::uint8_t> truncated;
  Buffer<std::uint8_t> valid;
  Buffer<std::int32_t> step_index;
  Buffer<float> last_observations;       // (columns, observation_size): what follows the last row
  Buffer<std::int64_t> last_step_index;  // (columns,)
  EpisodeEnds ends;                      // in the order in which they happened

  // Rows are only ever appended, and a row-major array grows by rows in place; what the caller does
  // not write is zero.
  void grow(Lane row_count) {
    if (row_count <= rows) return;
    resize(row_count, [](auto& values, std::size_t size) { values.resize(size, {}); });
  }

  static void require_samples(Lane row_count, Lane column_count) {
    require(row_count <= most_samples / column_count,
            "rollout: expected at most 2^48 samples, got " + std::to_string(row_count) + " x " +
                std::to_string(column_count));
  }

  // All rows at once, unwritten.
  void allocate(Lane row_count) {
    resize(row_count, [](auto& values, std::size_t size) { values.resize(size); });
  }

  Lane flat(Lane row, Lane column) const { return row * columns + column; }
  float* observation(Lane row, Lane column) {
    return observations.data() + flat(row, column) * observation_size;
  }
  Action* action(Lane row, Lane column) { return actions.data() + flat(row, column) * action_size; }

  void record_last(VectorEnv& env, Lane lane, Lane column) {
    env.observe(lane, last_observations.data() + column * observation_size);
    last_step_index[static_cast<std::size_t>(column)] = env.elapsed(lane);
  }

  // All rows are written; parts: the ends of consecutive parts of the lanes.
  void finish(std::vector<EpisodeEnds>&& parts) {
    ends = in_order(std::move(parts), rows, observation_size);
    sample_count = rows * columns;
    step_count = rows;
  }

 private:
  template <class Resize>
  void resize(Lane row_count, Resize&& to) {
    require_samples(row_count, columns);
    rows = row_count;
    const auto size = static_cast<std::size_t>(rows * columns);
    to(observations, size * static_cast<std::size_t>(observation_size));
    to(actions, size * static_cast<std::size_t>(action_size));
    to(rewards, size);
    to(terminated, size);
    to(truncated, size);
    to(valid, size);
    to(step_index, size);
  }
};

}  // namespace fastpg
