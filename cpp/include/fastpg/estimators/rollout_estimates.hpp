// Advantages and value targets of a rollout, (T, N) arrays in which samples may be missing.
#pragma once

#include <cstdint>

#include "fastpg/core/memory.hpp"
#include "fastpg/estimators/time_by_lane.hpp"

namespace fastpg {

// Row-major arrays of the caller.
struct RolloutArrays {
  TimeByLane shape;
  const double* rewards;
  const Flag* terminated;
  const Flag* truncated;
  const Flag* valid;  // (T, N); nullptr: all samples are there
  std::ptrdiff_t end_count;
  const std::int64_t* end_rows;  // (K,): where episodes ended
  const std::int64_t* end_columns;
};

// V of every state (T, N), of what follows each column's last sample (N,), and of the true last
// observations of episodes (K,).
struct StateValues {
  const double* values;
  const double* last;
  const double* final;
};

struct EstimateSettings {
  double gamma;
  double gae_lambda;
  bool monte_carlo;  // targets: discounted returns; else advantages + values
  int threads;
};

struct RolloutEstimates {
  bool finite;                // false: a number is not; the outputs mean nothing
  bool ends_inside;           // false: an end of an episode is not in the rollout
  double explained_variance;  // of the values as predictions of the targets, over valid samples
  double value_loss;          // their mean squared error
};

// advantages, targets: (T, N), written. Where no sample is valid they mean nothing.
RolloutEstimates estimate(const RolloutArrays& rollout, const StateValues& values,
                          const EstimateSettings& settings, double* advantages, double* targets);

}  // namespace fastpg
