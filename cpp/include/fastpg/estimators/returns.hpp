// Returns to go: G_t = r_t + gamma (G_{t+1} while the episode goes on, else V(s_{t+1})
// [not terminated]). The last row counts as the end of what was seen: an episode still running
// there bootstraps.
#pragma once

#include "fastpg/estimators/time_by_lane.hpp"

namespace fastpg {

struct ReturnArrays {
  TimeByLane shape;
  const double* rewards;
  const double* next_values;  // null: zeros
  const Flag* terminated;
  const Flag* ended;
  double* returns;
};

// False where a number, given or found, is not finite, or a terminated step has not ended.
bool discounted_returns(const ReturnArrays& arrays, double gamma, int threads);

}  // namespace fastpg
