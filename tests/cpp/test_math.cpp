// Squares that environments take for those of the C library.
#include <cmath>
#include <limits>
#include <random>

#include "check.hpp"
#include "fastpg/core/math.hpp"

using namespace fastpg;

namespace {

template <class Real>
bool is_pow(Real x) {
  const volatile Real two = 2;
  const Real power = std::pow(x, two), square = ExactMath::square(x);
  return square == power || (std::isnan(square) && std::isnan(power));
}

template <class Real>
void check_squares(double lowest_exponent, double highest_exponent) {
  std::mt19937_64 generator(1);
  std::uniform_real_distribution<double> mantissa(-2.0, 2.0);
  std::uniform_real_distribution<double> exponent(lowest_exponent, highest_exponent);
  for (int i = 0; i < 1'000'000; ++i) {
    const double x = std::ldexp(mantissa(generator), static_cast<int>(exponent(generator)));
    CHECK(is_pow(static_cast<Real>(x)));
  }
}

}  // namespace

CASE(squares_are_those_of_pow) {
  check_squares<double>(-4.0, 4.0);
  check_squares<double>(-560.0, 520.0);
  check_squares<float>(-4.0, 4.0);
  check_squares<float>(-80.0, 70.0);
}

CASE(squares_of_numbers_without_digits) {
  using Limits = std::numeric_limits<double>;
  for (const double x : {0.0, -0.0, Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(),
                         Limits::denorm_min(), Limits::max(), Limits::min()}) {
    CHECK(is_pow(x));
    CHECK(is_pow(static_cast<float>(x)));
  }
}
