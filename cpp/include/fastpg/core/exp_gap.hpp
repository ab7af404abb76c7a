// exp(-d) - 1 + d, which is >= 0, without cancellation near d = 0: what KL divergences are made of.
#pragma once

#include <cmath>

#include "fastpg/core/exp_log.hpp"

namespace fastpg {

// d^2 times the Taylor polynomial of (exp(-d) - 1 + d) / d^2, for |d| < 1/2: relative error 2^-53.
inline double exp_gap_near_zero(double d) {
  double sum = 1.0 / 20922789888000.0;  // 1 / 16!
  constexpr double inverse_factorials[] = {1.0 / 1307674368000.0,
                                           1.0 / 87178291200.0,
                                           1.0 / 6227020800.0,
                                           1.0 / 479001600.0,
                                           1.0 / 39916800.0,
                                           1.0 / 3628800.0,
                                           1.0 / 362880.0,
                                           1.0 / 40320.0,
                                           1.0 / 5040.0,
                                           1.0 / 720.0,
                                           1.0 / 120.0,
                                           1.0 / 24.0,
                                           1.0 / 6.0,
                                           1.0 / 2.0};
  for (const double next : inverse_factorials) sum = next - d * sum;
  return d * d * sum;
}

// exponential: exp(-d).
inline double exp_gap(double d, double exponential) {
  const double far = d + (exponential - 1.0);
  const double near = exp_gap_near_zero(d);
  return std::abs(d) < 0.5 ? near : far;
}

inline double exp_gap(double d) { return exp_gap(d, fast_exp(-d)); }

}  // namespace fastpg
