#include "fastpg/estimators/returns.hpp"

#include <algorithm>

#include "fastpg/estimators/panels.hpp"

namespace fastpg {
namespace {

using namespace detail;

// following: G_{t+1} before, G_t after; in the last row what its episodes bootstrap from.
template <class Width>
std::uint64_t returns_row(Width width, const double* FASTPG_RESTRICT rewards,
                          const double* FASTPG_RESTRICT next_values,
                          const Flag* FASTPG_RESTRICT terminated, const Flag* FASTPG_RESTRICT ended,
                          double gamma, double* FASTPG_RESTRICT following,
                          double* FASTPG_RESTRICT returns) {
  std::uint64_t faults = 0;
  Flag stray = 0;
  for (std::ptrdiff_t n = 0; n < width; ++n) {
    const double next = next_values[n];
    const Flag cut = ended[n];
    const double bootstrap = choose<Width>(terminated[n], 0.0, next);
    const double follows = choose<Width>(cut, bootstrap, following[n]);
    const double value = rewards[n] + gamma * follows;
    following[n] = value;
    returns[n] = value;
    faults |= not_finite(value) | not_finite(next);
    stray |= not_within(terminated[n], cut);
  }
  return faults | stray;
}

template <class Width>
std::uint64_t returns_panel(const ReturnArrays& a, double gamma, std::ptrdiff_t first,
                            Width width) {
  alignas(64) static constexpr double zeros[most_lanes] = {};
  alignas(64) double following[most_lanes];
  const std::ptrdiff_t last = (a.shape.steps - 1) * a.shape.lanes + first;
  const auto next_values = [&](std::ptrdiff_t at) {
    return a.next_values == nullptr ? zeros : a.next_values + at;
  };
  for (std::ptrdiff_t n = 0; n < width; ++n) {
    following[n] = choose<Width>(a.terminated[last + n], 0.0, next_values(last)[n]);
  }
  std::uint64_t faults = 0;
  newest_first(a.shape.steps - 1, width, [&](std::ptrdiff_t t) {
    const std::ptrdiff_t at = t * a.shape.lanes + first;
    faults |= returns_row(width, a.rewards + at, next_values(at), a.terminated + at, a.ended + at,
                          gamma, following, a.returns + at);
  });
  return faults;
}

}  // namespace

bool discounted_returns(const ReturnArrays& arrays, double gamma, int threads) {
  return over_lanes(arrays.shape, threads, [&](std::ptrdiff_t first, auto width) {
    return returns_panel(arrays, gamma, first, width);
  });
}

}  // namespace fastpg
