// The standard normal quantile (Wichura 1988, algorithm AS 241, PPND16): relative error about
// 1e-16, so that one uniform gives one normal number and streams stay counted by
// (environment, step).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace fastpg {

namespace detail {

template <int N>
double polynomial(const double (&coefficients)[N], double x) {
  double value = coefficients[N - 1];
  for (int k = N - 2; k >= 0; --k) value = value * x + coefficients[k];
  return value;
}

}  // namespace detail

namespace detail {

// Of |p - 1/2| <= 0.425.
inline double central_quantile(double q) {
  static constexpr double a[] = {3.3871328727963666080e0, 1.3314166789178437745e2,
                                 1.9715909503065514427e3, 1.3731693765509461125e4,
                                 4.5921953931549871457e4, 6.7265770927008700853e4,
                                 3.3430575583588128105e4, 2.5090809287301226727e3};
  static constexpr double b[] = {1.0,
                                 4.2313330701600911252e1,
                                 6.8718700749205790830e2,
                                 5.3941960214247511077e3,
                                 2.1213794301586595867e4,
                                 3.9307895800092710610e4,
                                 2.8729085735721942674e4,
                                 5.2264952788528545610e3};
  const double r = 0.180625 - q * q;
  return q * polynomial(a, r) / polynomial(b, r);
}

// Of p or 1 - p, whichever is smaller, without its sign.
inline double tail_quantile(double smaller) {
  static constexpr double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                 5.76949722146069140550e0,  3.64784832476320460504e0,
                                 1.27045825245236838258e0,  2.41780725177450611770e-1,
                                 2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static constexpr double d[] = {1.0,
                                 2.05319162663775882187e0,
                                 1.67638483018380384940e0,
                                 6.89767334985100004550e-1,
                                 1.48103976427480074590e-1,
                                 1.51986665636164571966e-2,
                                 5.47593808499534494600e-4,
                                 1.05075007164441684324e-9};
  static constexpr double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                 1.78482653991729133580e0,  2.96560571828504891230e-1,
                                 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                 2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static constexpr double f[] = {1.0,
                                 5.99832206555887937690e-1,
                                 1.36929880922735805310e-1,
                                 1.48753612908506148525e-2,
                                 7.86869131145613259100e-4,
                                 1.84631831751005468180e-5,
                                 1.42151175831644588870e-7,
                                 2.04426310338993978564e-15};
  const double tail = std::sqrt(-std::log(smaller));
  return tail <= 5.0 ? polynomial(c, tail - 1.6) / polynomial(d, tail - 1.6)
                     : polynomial(e, tail - 5.0) / polynomial(f, tail - 5.0);
}

inline bool is_central(double q) { return std::abs(q) <= 0.425; }

}  // namespace detail

// p in (0, 1).
inline double normal_quantile(double p) {
  const double q = p - 0.5;
  if (detail::is_central(q)) return detail::central_quantile(q);
  return q < 0.0 ? -detail::tail_quantile(p) : detail::tail_quantile(1.0 - p);
}

// In place. Run it in dispatch(): all numbers as if they were central, then those that are not.
inline void normal_quantiles(double* values, std::ptrdiff_t count) {
  constexpr std::ptrdiff_t piece = 256;
  double p[piece];
  for (std::ptrdiff_t begin = 0; begin < count; begin += piece) {
    const std::ptrdiff_t length = std::min(piece, count - begin);
    double* const out = values + begin;
    std::copy_n(out, length, p);
    for (std::ptrdiff_t i = 0; i < length; ++i) out[i] = detail::central_quantile(p[i] - 0.5);
    for (std::ptrdiff_t i = 0; i < length; ++i) {
      if (!detail::is_central(p[i] - 0.5)) out[i] = normal_quantile(p[i]);
    }
  }
}

}  // namespace fastpg
