#include "fastpg/estimators/rollout_estimates.hpp"

#include <algorithm>

#include "fastpg/estimators/gae.hpp"
#include "fastpg/estimators/next_values.hpp"
#include "fastpg/estimators/returns.hpp"
#include "fastpg/estimators/statistics.hpp"

namespace fastpg {
namespace {

std::size_t length(std::ptrdiff_t count) { return static_cast<std::size_t>(count); }

// Where no recursion may pass: the end of an episode, or of a column's samples.
Buffer<Flag> segment_ends(const RolloutArrays& r) {
  Buffer<Flag> ends(length(r.shape.size()));
  for (std::ptrdiff_t k = 0; k < r.shape.size(); ++k) {
    ends[length(k)] = (r.terminated[k] != 0) | (r.truncated[k] != 0);
  }
  if (r.valid == nullptr) return ends;
  const std::ptrdiff_t last_row = r.shape.size() - r.shape.lanes;
  for (std::ptrdiff_t k = 0; k < r.shape.size(); ++k) {
    if (k >= last_row || r.valid[k + r.shape.lanes] == 0) ends[length(k)] = 1;
  }
  return ends;
}

// What follows the last sample of a column stands behind it, not behind the last row.
void move_last_values(const RolloutArrays& r, const double* last, double* next) {
  for (std::ptrdiff_t n = 0; n < r.shape.lanes; ++n) {
    std::ptrdiff_t t = r.shape.steps - 1;
    while (t > 0 && r.valid[t * r.shape.lanes + n] == 0) --t;
    next[t * r.shape.lanes + n] = last[n];
  }
}

bool fill_next_values(const RolloutArrays& r, const StateValues& v, double* next) {
  const EndValues ends{r.end_count, r.end_rows, r.end_columns, v.final};
  next_values(r.shape, v.values, v.last, {}, next);
  if (r.valid != nullptr) move_last_values(r, v.last, next);
  return put_end_values(r.shape, ends, next);
}

PredictionError error_of(const RolloutArrays& r, const double* values, const double* targets) {
  const std::ptrdiff_t size = r.shape.size();
  Buffer<double> scratch(length(size));
  if (r.valid == nullptr) return prediction_error(values, targets, size, scratch.data());
  Buffer<double> some_values, some_targets;
  for (std::ptrdiff_t k = 0; k < size; ++k) {
    if (r.valid[k] == 0) continue;
    some_values.push_back(values[k]);
    some_targets.push_back(targets[k]);
  }
  const auto count = static_cast<std::ptrdiff_t>(some_values.size());
  if (count == 0) return {0.0, 0.0};
  return prediction_error(some_values.data(), some_targets.data(), count, scratch.data());
}

}  // namespace

RolloutEstimates estimate(const RolloutArrays& rollout, const StateValues& values,
                          const EstimateSettings& settings, double* advantages, double* targets) {
  RolloutEstimates found{true, true, 0.0, 0.0};
  Buffer<double> next(length(rollout.shape.size()));
  found.ends_inside = fill_next_values(rollout, values, next.data());
  if (!found.ends_inside) return found;
  const Buffer<Flag> ends = segment_ends(rollout);
  const GaeArrays arrays{rollout.shape,      rollout.rewards, values.values, next.data(),
                         rollout.terminated, ends.data(),     advantages,    targets};
  found.finite = gae(arrays, settings.gamma, settings.gae_lambda, settings.threads);
  if (found.finite && settings.monte_carlo) {
    const ReturnArrays returns{rollout.shape,      rollout.rewards, next.data(),
                               rollout.terminated, ends.data(),     targets};
    found.finite = discounted_returns(returns, settings.gamma, settings.threads);
  }
  if (!found.finite) return found;
  const PredictionError error = error_of(rollout, values.values, targets);
  found.explained_variance = error.explained_variance;
  found.value_loss = error.mean_square;
  return found;
}

}  // namespace fastpg
