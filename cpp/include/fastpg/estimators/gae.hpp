// Generalised advantage estimation:
//   delta_t = r_t + gamma V(s_{t+1}) [not terminated] - V(s_t)
//   A_t     = delta_t + gamma lambda [not ended] A_{t+1}
//   target  = A_t + V(s_t)
#pragma once

#include "fastpg/estimators/lanes.hpp"

namespace fastpg {

struct GaeArrays {
  TimeByLane shape;
  const double* rewards;
  const double* values;
  const double* next_values;
  const Flag* terminated;
  const Flag* ended;
  double* advantages;
  double* targets;
};

namespace detail {

// following: A_{t+1} before, A_t after. Rewards, values and advantages that are not finite show in
// the targets.
template <class Width>
std::uint64_t gae_row(Width width, const double* FASTPG_RESTRICT rewards,
                      const double* FASTPG_RESTRICT values,
                      const double* FASTPG_RESTRICT next_values,
                      const Flag* FASTPG_RESTRICT terminated, const Flag* FASTPG_RESTRICT ended,
                      double gamma, double decay, double* FASTPG_RESTRICT following,
                      double* FASTPG_RESTRICT advantages, double* FASTPG_RESTRICT targets) {
  std::uint64_t faults = 0;
  Flag stray = 0;
  for (std::ptrdiff_t n = 0; n < width; ++n) {
    const double value = values[n];
    const double next = next_values[n];
    const double delta = rewards[n] + choose<Width>(terminated[n], 0.0, gamma * next) - value;
    const double advantage = delta + choose<Width>(ended[n], 0.0, decay * following[n]);
    const double target = advantage + value;
    following[n] = advantage;
    advantages[n] = advantage;
    targets[n] = target;
    faults |= not_finite(target) | not_finite(next);
    stray |= not_within(terminated[n], ended[n]);
  }
  return faults | stray;
}

template <class Width>
std::uint64_t gae_panel(const GaeArrays& a, double gamma, double decay, std::ptrdiff_t first,
                        Width width) {
  alignas(64) double following[most_lanes];
  std::fill(following, following + width, 0.0);
  std::uint64_t faults = 0;
  newest_first(a.shape.steps - 1, width, [&](std::ptrdiff_t t) {
    const std::ptrdiff_t at = t * a.shape.lanes + first;
    faults |= gae_row(width, a.rewards + at, a.values + at, a.next_values + at, a.terminated + at,
                      a.ended + at, gamma, decay, following, a.advantages + at, a.targets + at);
  });
  return faults;
}

}  // namespace detail

// False where a number, given or found, is not finite, or a terminated step has not ended.
inline bool gae(const GaeArrays& arrays, double gamma, double gae_lambda, int threads) {
  const double decay = gamma * gae_lambda;
  return detail::over_lanes(arrays.shape, threads, [&](std::ptrdiff_t first, auto width) {
    return detail::gae_panel(arrays, gamma, decay, first, width);
  });
}

}  // namespace fastpg
