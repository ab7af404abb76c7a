#include <limits>
#include <random>

#include "check.hpp"
#include "fastpg/core/math.hpp"

using namespace fastpg;

namespace {

double ulp(double x) {
  const double magnitude = std::abs(x);
  return std::nextafter(magnitude, std::numeric_limits<double>::infinity()) - magnitude;
}

void check_against_long_double(double x) {
  double s, c;
  FastMath::sincos(&x, &s, &c, 1);
  const long double true_s = std::sin(static_cast<long double>(x));
  const long double true_c = std::cos(static_cast<long double>(x));
  CHECK(std::abs(static_cast<double>(s - true_s)) <= ulp(static_cast<double>(true_s)));
  CHECK(std::abs(static_cast<double>(c - true_c)) <= ulp(static_cast<double>(true_c)));
}

}  // namespace

CASE(fast_trig_is_within_one_ulp) {
  std::mt19937_64 random(1);
  for (const double range : {1e-8, 0.3, 1.6, 30.0, 1e4, 1e6, 1e15}) {
    std::uniform_real_distribution<double> draw(-range, range);
    for (int i = 0; i < 20000; ++i) check_against_long_double(draw(random));
  }
}

CASE(fast_trig_keeps_signed_zero_and_not_a_number) {
  const double x[] = {-0.0, std::numeric_limits<double>::infinity(),
                      std::numeric_limits<double>::quiet_NaN()};
  double s[3], c[3];
  FastMath::sincos(x, s, c, 3);
  CHECK(s[0] == 0.0 && std::signbit(s[0]) && c[0] == 1.0);
  for (int i = 1; i < 3; ++i) CHECK(std::isnan(s[i]) && std::isnan(c[i]));
}

CASE(sine_and_cosine_alone_are_those_of_both) {
  const double x[] = {0.3, -2.0, 40.0, 1e7, -0.0};
  double s[5], c[5], both_s[5], both_c[5];
  const auto check = [&](auto math) {
    math.sincos(x, both_s, both_c, 5);
    math.sin(x, s, 5);
    math.cos(x, c, 5);
    for (int i = 0; i < 5; ++i) CHECK(s[i] == both_s[i] && c[i] == both_c[i]);
  };
  check(FastMath{});
  check(ExactMath{});
}

// Two factors that the C library's pow rounds otherwise than a multiplication would show a fold.
CASE(exact_squares_are_not_multiplications) {
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> draw(-8.0, 8.0);
  int different = 0;
  for (int i = 0; i < 200000; ++i) {
    const double x = draw(random);
    const double square = ExactMath::square(x);
    CHECK(std::abs(square - x * x) <= ulp(square));
    CHECK(FastMath::square(x) == x * x);
    different += square != x * x;
  }
#ifdef __GLIBC__
  CHECK(different > 0);
#endif
}

CASE(quotients_are_exact_or_within_two_ulp) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> draw(0.01, 100.0);
  for (int i = 0; i < 200000; ++i) {
    const double x = draw(random), y = draw(random);
    CHECK(x / ExactMath::Divisor(y) == x / y);
    CHECK(std::abs(x / FastMath::Divisor(y) - x / y) <= 2.0 * ulp(x / y));
  }
}
