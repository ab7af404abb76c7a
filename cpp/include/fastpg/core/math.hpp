// Sine, cosine, square and division by what many numbers are divided by, in two kinds that
// environments take as a template parameter.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace fastpg {

// The C library's values: what Gymnasium computes.
struct ExactMath {
  class Divisor {
   public:
    explicit Divisor(double value) : value_(value) {}
    friend double operator/(double dividend, Divisor d) { return dividend / d.value_; }

   private:
    double value_;
  };

  static void sincos(const double* x, double* sine, double* cosine, std::ptrdiff_t count) {
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      sine[i] = std::sin(x[i]);
      cosine[i] = std::cos(x[i]);
    }
  }
  static void sin(const double* x, double* sine, std::ptrdiff_t count) {
    for (std::ptrdiff_t i = 0; i < count; ++i) sine[i] = std::sin(x[i]);
  }
  static void cos(const double* x, double* cosine, std::ptrdiff_t count) {
    for (std::ptrdiff_t i = 0; i < count; ++i) cosine[i] = std::cos(x[i]);
  }

  // Python's and NumPy's x**2 is pow(x, 2), which is not always the rounded x * x.
  static double square(double x) {
    const double product = x * x;
    return is_power(x, product) ? product : power(x);
  }
  static float square(float x) {
    const double product = static_cast<double>(x) * static_cast<double>(x);
    const auto rounded = static_cast<float>(product);
    return is_power(product, rounded) ? rounded : power(x);
  }

 private:
  // The exponent is volatile, since a compiler that sees the 2 writes a multiplication.
  template <class Real>
  static Real power(Real x) {
    const volatile Real two = 2;
    return std::pow(x, two);
  }

#if defined(__GLIBC__)
  // Its results are at most 0.54 ulp off. Where x * x was rounded by 0.45 ulp or less, any other
  // number is 0.55 ulp off or more.
  static constexpr double sure = 0.45;

  // What was rounded off: the product of halves of x (Dekker) is exact.
  static bool is_power(double x, double product) {
    const double far = x * 0x1.0000002p27, high = far - (far - x), low = x - high;
    const double lost = ((high * high - product) + 2.0 * high * low) + low * low;
    const double power_of_two =
        std::bit_cast<double>(std::bit_cast<std::uint64_t>(product) & 0x7ff0000000000000u);
    return product > 0x1p-900 && product < 0x1p900 &&
           std::abs(lost) <= sure * 0x1p-52 * power_of_two;
  }
  static bool is_power(double product, float rounded) {
    const float power_of_two =
        std::bit_cast<float>(std::bit_cast<std::uint32_t>(rounded) & 0x7f800000u);
    const double lost = product - static_cast<double>(rounded);
    // Of powf this holds where the logarithm of the result is small.
    return rounded > 0x1p-16f && rounded < 0x1p16f &&
           std::abs(lost) <= sure * 0x1p-23 * static_cast<double>(power_of_two);
  }
#else
  template <class Real>
  static bool is_power(double, Real) {
    return false;
  }
#endif
};

// At most 1 ulp from the true value, without a branch in the loop, so that it runs in SIMD.
//
// Reduction: x = n pi/2 + (head + tail) with pi/2 split in 33 + 33 + 53 bits (Cody & Waite), exact
// while n has at most 20 bits. Polynomials: minimax on [0, (pi/4)^2] in the square of the argument,
// relative error 2^-57.9 for the sine, absolute error 2^-64 for the cosine. Lanes beyond `bound`
// use the C library.
struct FastMath {
  static constexpr double bound = 1.0e6;

  // A quotient is at most 1.5 ulp off; a division takes as long as a dozen multiplications.
  class Divisor {
   public:
    explicit Divisor(double value) : reciprocal_(1.0 / value) {}
    friend double operator/(double dividend, Divisor d) { return dividend * d.reciprocal_; }

   private:
    double reciprocal_;
  };

  static void sincos(const double* x, double* sine, double* cosine, std::ptrdiff_t count) {
    for (std::ptrdiff_t i = 0; i < count; ++i) reduced_sincos(x[i], sine[i], cosine[i]);
    if (all_bounded(x, count)) return;
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      if (!(std::abs(x[i]) <= bound)) ExactMath::sincos(x + i, sine + i, cosine + i, 1);
    }
  }
  static void sin(const double* x, double* sine, std::ptrdiff_t count) {
    double unused;
    for (std::ptrdiff_t i = 0; i < count; ++i) reduced_sincos(x[i], sine[i], unused);
    if (all_bounded(x, count)) return;
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      if (!(std::abs(x[i]) <= bound)) sine[i] = std::sin(x[i]);
    }
  }
  static void cos(const double* x, double* cosine, std::ptrdiff_t count) {
    double unused;
    for (std::ptrdiff_t i = 0; i < count; ++i) reduced_sincos(x[i], unused, cosine[i]);
    if (all_bounded(x, count)) return;
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      if (!(std::abs(x[i]) <= bound)) cosine[i] = std::cos(x[i]);
    }
  }

  static double square(double x) { return x * x; }
  static float square(float x) { return x * x; }

 private:
  static bool all_bounded(const double* x, std::ptrdiff_t count) {
    std::uint64_t beyond = 0;
    for (std::ptrdiff_t i = 0; i < count; ++i) beyond += std::abs(x[i]) <= bound ? 0 : 1;
    return beyond == 0;
  }

  static void reduced_sincos(double x, double& sine, double& cosine) {
    // Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits.
    constexpr double shift = 0x1.8p52;
    const double shifted = x * 0x1.45f306dc9c883p-1 + shift;
    const double n = shifted - shift;
    const std::uint64_t quadrant = std::bit_cast<std::uint64_t>(shifted);

    const double first = x - n * 0x1.921fb54400000p+0;
    const double second_part = n * 0x1.0b4611a600000p-34;
    const double second = first - second_part;
    const double third_part = n * 0x1.3198a2e037073p-69 - ((first - second) - second_part);
    const double head = second - third_part;
    const double tail = (second - head) - third_part;

    const double s = sine_kernel(head, tail);
    const double c = cosine_kernel(head, tail);
    const bool swap = quadrant & 1;
    sine = flip_sign(swap ? c : s, (quadrant & 2) << 62);
    cosine = flip_sign(swap ? s : c, ((quadrant + 1) & 2) << 62);
  }

  static double flip_sign(double value, std::uint64_t sign) {
    return std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) ^ sign);
  }

  static double sine_kernel(double x, double tail) {
    const double z = x * x;
    const double p =
        0x1.111111110f7cap-7 + z * (-0x1.a01a019bfd181p-13 +
                                    z * (0x1.71de3567125ecp-19 +
                                         z * (-0x1.ae5e59f595795p-26 + z * 0x1.5d8fa31eaa9e0p-33)));
    const double cube = z * x;
    // sin(x + tail) = x + tail (1 - z/2) + x^3 (S + z p)
    return x - ((z * (0.5 * tail - cube * p) - tail) + cube * 0x1.5555555555548p-3);
  }

  static double cosine_kernel(double x, double tail) {
    const double z = x * x;
    const double p = 0x1.555555555554cp-5 +
                     z * (-0x1.6c16c16c1517ep-10 +
                          z * (0x1.a01a019cb1bdap-16 +
                               z * (-0x1.27e4f809f09efp-22 +
                                    z * (0x1.1ee9ebe931b20p-29 + z * -0x1.8fae9c7b1d773p-37))));
    const double half = 0.5 * z;
    const double one_minus = 1.0 - half;
    // cos(x + tail) = 1 - z/2 + z^2 p - x tail, with what 1 - z/2 rounded off added back
    return one_minus + (((1.0 - one_minus) - half) + (z * z * p - x * tail));
  }
};

}  // namespace fastpg
