// Returns to go and generalised advantage estimation over row-major (T, N) arrays, newest row
// first.
//
// `terminated`: the episode ended by itself, nothing follows, no bootstrap.
// `ended`: the episode ended, by termination or truncation; the recursion is cut here.
// next_values[t, n] is V of the state that really followed, never of the one after a reset.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "fastpg/core/checks.hpp"

namespace fastpg {

struct TimeByLane {
  std::ptrdiff_t steps;
  std::ptrdiff_t lanes;

  std::ptrdiff_t size() const { return steps * lanes; }
};

inline void require_terminated_within_ended(const bool* terminated, const bool* ended,
                                            std::ptrdiff_t count) {
  bool stray = false;
  for (std::ptrdiff_t i = 0; i < count; ++i) stray |= terminated[i] & !ended[i];
  if (!stray) return;
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    require(!terminated[i] || ended[i],
            "terminated: expected a subset of ended, got a terminated "
            "step that has not ended at flat index " +
                std::to_string(i));
  }
}

// delta_t = r_t + gamma V(s_{t+1}) [not terminated] - V(s_t)
// A_t     = delta_t + gamma lambda [not ended] A_{t+1}
// target  = A_t + V(s_t)
inline void gae(TimeByLane shape, const double* rewards, const double* values,
                const double* next_values, const bool* terminated, const bool* ended, double gamma,
                double gae_lambda, double* advantages, double* targets) {
  const double decay = gamma * gae_lambda;
  std::vector<double> following(static_cast<std::size_t>(shape.lanes), 0.0);
  for (std::ptrdiff_t t = shape.steps - 1; t >= 0; --t) {
    const std::ptrdiff_t row = t * shape.lanes;
    for (std::ptrdiff_t n = 0; n < shape.lanes; ++n) {
      const std::ptrdiff_t i = row + n;
      const double bootstrap = terminated[i] ? 0.0 : gamma * next_values[i];
      const double delta = rewards[i] + bootstrap - values[i];
      const double advantage = delta + (ended[i] ? 0.0 : decay * following[n]);
      following[n] = advantage;
      advantages[i] = advantage;
      targets[i] = advantage + values[i];
    }
  }
}

// G_t = r_t + gamma (G_{t+1} while the episode goes on, else V(s_{t+1}) [not terminated]).
// The last row counts as the end of what was seen: an episode still running there bootstraps.
inline void discounted_returns(TimeByLane shape, const double* rewards, const double* next_values,
                               const bool* terminated, const bool* ended, double gamma,
                               double* returns) {
  for (std::ptrdiff_t t = shape.steps - 1; t >= 0; --t) {
    const std::ptrdiff_t row = t * shape.lanes;
    const bool last = t == shape.steps - 1;
    for (std::ptrdiff_t n = 0; n < shape.lanes; ++n) {
      const std::ptrdiff_t i = row + n;
      const double bootstrap = terminated[i] ? 0.0 : next_values[i];
      const double follows = (last || ended[i]) ? bootstrap : returns[i + shape.lanes];
      returns[i] = rewards[i] + gamma * follows;
    }
  }
}

}  // namespace fastpg
