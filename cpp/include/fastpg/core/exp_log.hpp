// Exponential and logarithm of doubles without a branch, so that loops over them run in SIMD. The
// order of operations is fixed and nothing is contracted: every instruction set gives the same
// bits.
//
// exp: x = n ln 2 + r with ln 2 split in 32 + 53 bits (Cody & Waite), then 1 + r + r^2 q(r), q
// minimax of degree 10 on [-ln 2 / 2, ln 2 / 2], relative error 2^-62.
// log: x = 2^k m with m in [sqrt 1/2, sqrt 2), s = f / (2 + f) of f = m - 1, ln m = 2 atanh s =
// f - f^2 / 2 + s (f^2 / 2 + z p(z)), z = s^2, p minimax of degree 7, relative error 2^-64.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace fastpg {

namespace detail {

inline constexpr double ln2_head = 0x1.62e42fee00000p-1;
inline constexpr double ln2_tail = 0x1.a39ef35793c76p-33;

}  // namespace detail

// Within 1 ulp for x in [-708, 709]; 0 below, infinity above; NaN of NaN.
inline double fast_exp(double x) {
  // Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits.
  constexpr double shift = 0x1.8p52;
  const double raised = x < -708.0 ? -708.0 : x;
  const double bounded = raised > 709.0 ? 709.0 : raised;
  const double shifted = bounded * 0x1.71547652b82fep+0 + shift;
  const double n = shifted - shift;
  const double r = (bounded - n * detail::ln2_head) - n * detail::ln2_tail;
  const double r2 = r * r;
  const double low = 0x1.0000000000000p-1 + r * 0x1.5555555555557p-3;
  const double q0 = 0x1.5555555555558p-5 + r * 0x1.11111111100dbp-7;
  const double q1 = 0x1.6c16c16c151fbp-10 + r * 0x1.a01a01abe81ccp-13;
  const double q2 = 0x1.a01a01acfb531p-16 + r * 0x1.71de023141a2ep-19;
  const double q3 = 0x1.27e4ccccc090bp-22 + r * (0x1.af4dea17e3fc2p-26 + r * 0x1.1f8b4e34e2489p-29);
  const double q = low + r2 * (q0 + r2 * (q1 + r2 * (q2 + r2 * q3)));
  const double value = 1.0 + (r + r2 * q);
  const double scaled = std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) +
                                              (std::bit_cast<std::uint64_t>(shifted) << 52));
  const double floored = x < -708.0 ? 0.0 : scaled;
  return x > 709.0 ? std::numeric_limits<double>::infinity() : floored;
}

// Within 1 ulp for positive, finite, normal x.
inline double fast_log(double x) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  // Moves sqrt 1/2 to the edge of a binade, so that the exponent field is k.
  constexpr std::uint64_t edge = std::bit_cast<std::uint64_t>(0x1.6a09e667f3bcdp-1);
  const std::uint64_t biased = bits - edge + (std::uint64_t{1023} << 52);
  const std::uint64_t exponent = biased >> 52;
  const double m = std::bit_cast<double>(bits - ((exponent - 1023) << 52));
  // The exponent as a double, without a conversion from 64-bit integers.
  const double k =
      std::bit_cast<double>(exponent | std::bit_cast<std::uint64_t>(0x1p52)) - (0x1p52 + 1023.0);
  const double f = m - 1.0;
  const double s = f / (2.0 + f);
  const double z = s * s;
  const double z2 = z * z;
  const double p0 = 0x1.5555555555555p-1 + z * 0x1.9999999999a39p-2;
  const double p1 = 0x1.2492492476902p-2 + z * 0x1.c71c7201ba589p-3;
  const double p2 = 0x1.745cf8df6184bp-3 + z * 0x1.3b1c3ca5856a8p-3;
  const double p3 = 0x1.0fbde03d1b470p-3 + z * 0x1.0c0a8cab20d58p-3;
  const double rest = z * (p0 + z2 * (p1 + z2 * (p2 + z2 * p3)));
  const double half = 0.5 * f * f;
  return k * detail::ln2_head - ((half - (s * (half + rest) + k * detail::ln2_tail)) - f);
}

}  // namespace fastpg
