// Generalised advantage estimation:
//   delta_t = r_t + gamma V(s_{t+1}) [not terminated] - V(s_t)
//   A_t     = delta_t + gamma lambda [not ended] A_{t+1}
//   target  = A_t + V(s_t)
#pragma once

#include "fastpg/estimators/time_by_lane.hpp"

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

// False where a number, given or found, is not finite, or a terminated step has not ended.
bool gae(const GaeArrays& arrays, double gamma, double gae_lambda, int threads);

}  // namespace fastpg
