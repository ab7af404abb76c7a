// What a rollout records: row-major (T, N) arrays and the ends of episodes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fastpg/core/checks.hpp"
#include "fastpg/envs/environment.hpp"

namespace fastpg {

struct EpisodeEnds {  // in the order in which they happened
  std::vector<std::int64_t> row;
  std::vector<std::int64_t> column;
  std::vector<float> final_observations;  // (K, observation_size)
  std::vector<double> returns;
  std::vector<std::int64_t> lengths;
};

template <class Action>
struct RolloutStorage {
  // Far beyond any memory, far below where sizes in bytes overflow.
  static constexpr std::int64_t most_samples = std::int64_t{1} << 48;

  RolloutStorage(Lane column_count, Lane observation_length, Lane action_length)
      : columns(column_count), observation_size(observation_length), action_size(action_length) {
    require(columns <= most_samples,
            "rollout: expected at most 2^48 columns, got " + std::to_string(columns));
  }

  Lane columns;
  Lane observation_size;
  Lane action_size;
  Lane rows = 0;
  std::int64_t sample_count = 0;  // valid samples
  std::int64_t step_count = 0;    // steps of the slowest lane
  bool complete = true;           // false: a budget cut the last episodes

  std::vector<float> observations;
  std::vector<Action> actions;
  std::vector<double> rewards;
  std::vector<std::uint8_t> terminated;
  std::vector<std::uint8_t> truncated;
  std::vector<std::uint8_t> valid;
  std::vector<std::int32_t> step_index;
  std::vector<float> last_observations;  // (columns, observation_size): what follows the last row
  std::vector<std::int64_t> last_step_index;  // (columns,)
  EpisodeEnds ends;

  // Rows are only ever appended, and a row-major array grows by rows in place.
  void grow(Lane row_count) {
    if (row_count <= rows) return;
    require(row_count <= most_samples / columns, "rollout: expected at most 2^48 samples, got " +
                                                     std::to_string(row_count) + " x " +
                                                     std::to_string(columns));
    rows = row_count;
    const auto size = static_cast<std::size_t>(rows * columns);
    observations.resize(size * static_cast<std::size_t>(observation_size));
    actions.resize(size * static_cast<std::size_t>(action_size));
    rewards.resize(size);
    terminated.resize(size);
    truncated.resize(size);
    valid.resize(size);
    step_index.resize(size);
  }

  Lane flat(Lane row, Lane column) const { return row * columns + column; }
  float* observation(Lane row, Lane column) {
    return observations.data() + flat(row, column) * observation_size;
  }
  Action* action(Lane row, Lane column) { return actions.data() + flat(row, column) * action_size; }
};

}  // namespace fastpg
