#include "fastpg/estimators/gae.hpp"

#include <algorithm>

#include "fastpg/estimators/panels.hpp"

namespace fastpg {
namespace {

using namespace detail;

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

}  // namespace

bool gae(const GaeArrays& arrays, double gamma, double gae_lambda, int threads) {
  const double decay = gamma * gae_lambda;
  return over_lanes(arrays.shape, threads, [&](std::ptrdiff_t first, auto width) {
    return gae_panel(arrays, gamma, decay, first, width);
  });
}

}  // namespace fastpg
