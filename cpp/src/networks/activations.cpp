// Compiled with contraction, like dense_products.cpp: all is in an unnamed namespace.
//
// exp(x): x = n ln 2 + r with ln 2 split in 17 + 24 bits (Cody & Waite), then 1 + r + r^2 q(r), q
// minimax of degree 4 on [-ln 2 / 2, ln 2 / 2], relative error 2^-26, times 2^n.
// tanh |x|: 1 - 2 / (exp(2 |x|) + 1) from 0.55 on; below it x + x^3 p(x^2), p minimax of degree 4,
// relative error 2^-29.
#include "fastpg/networks/activations.hpp"

#include <bit>
#include <cmath>
#include <cstdint>

#include "fastpg/core/isa.hpp"

namespace fastpg::activations {
namespace {

struct Power {
  float scale;  // 2^n
  float rest;   // exp(r) - 1
};

// exp(x) = scale (1 + rest), for |x| <= 87; NaN of NaN.
inline Power power_of_e(float x) {
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits: here with the exponent
  // of 1.
  constexpr float shift = 0x1.8p23f + 127.0f;
  const float shifted = x * 0x1.715476p+0f + shift;
  const float n = shifted - shift;
  const float r = (x - n * 0x1.62e4p-1f) - n * 0x1.7f7d1cp-20f;
  const float r2 = r * r;
  const float q0 = 0x1.fffffep-2f + r * 0x1.5554bp-3f;
  const float q1 = 0x1.555674p-5f + r * 0x1.122792p-7f;
  const float q = q0 + r2 * (q1 + r2 * 0x1.6bec02p-10f);
  const float scale = std::bit_cast<float>(std::bit_cast<std::uint32_t>(shifted) << 23);
  return {scale, r + r2 * q};
}

inline float exp_minus_one(float x) {
  const Power e = power_of_e(x);
  return e.scale * e.rest + (e.scale - 1.0f);
}

struct Tanh {
  static float value(float z) {
    constexpr float one_from_here = 10.0f, near = 0.55f;
    const float size = std::abs(z);
    const Power e = power_of_e(2.0f * (size > one_from_here ? one_from_here : size));
    const float far = 1.0f - 2.0f / ((e.scale * e.rest + e.scale) + 1.0f);
    return std::copysign(size < near ? near_zero(size) : far, z);
  }
  static float near_zero(float x) {
    const float s = x * x, s2 = s * s;
    const float low = -0x1.55554ap-2f + s * 0x1.110d18p-3f;
    const float high = -0x1.b92616p-5f + s * (0x1.5927f6p-6f + s * -0x1.9ab1bep-8f);
    return x + x * (s * (low + s2 * high));
  }
  static float slope(float y) { return 1.0f - y * y; }
};

struct Relu {
  static float value(float z) { return z < 0.0f ? 0.0f : z; }
  static float slope(float y) { return y > 0.0f ? 1.0f : 0.0f; }
};

struct Elu {
  static float value(float z) {
    constexpr float minus_one_from_here = -20.0f;
    const float raised = z < minus_one_from_here ? minus_one_from_here : z;
    const float negative = exp_minus_one(raised > 0.0f ? 0.0f : raised);
    return z > 0.0f ? z : negative;
  }
  static float slope(float y) { return y > 0.0f ? 1.0f : 1.0f + y; }
};

// 1 / (1 + exp(-z)) by the exponential that cannot overflow.
inline float sigmoid(float z) {
  constexpr float most = 87.0f;
  const float size = std::abs(z);
  const Power e = power_of_e(size > most ? -most : -size);
  const float small = e.scale * e.rest + e.scale;
  const float value = (z < 0.0f ? small : 1.0f) / (1.0f + small);
  return z < -most ? 0.0f : value;
}

template <class Function>
void apply_to(float* z, std::ptrdiff_t count) {
  dispatch([=] {
    for (std::ptrdiff_t i = 0; i < count; ++i) z[i] = Function::value(z[i]);
  });
}

struct Silu {
  static float value(float z) { return z * sigmoid(z); }
};

void apply_silu(float* __restrict z, float* __restrict slopes, std::ptrdiff_t count) {
  dispatch([=] {
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      const float s = sigmoid(z[i]);
      slopes[i] = s * (1.0f + z[i] * (1.0f - s));
      z[i] *= s;
    }
  });
}

template <class Function>
void scale(const float* __restrict values, float* __restrict x, std::ptrdiff_t count) {
  dispatch([=] {
    for (std::ptrdiff_t i = 0; i < count; ++i) x[i] *= Function::slope(values[i]);
  });
}

void multiply(const float* __restrict by, float* __restrict x, std::ptrdiff_t count) {
  dispatch([=] {
    for (std::ptrdiff_t i = 0; i < count; ++i) x[i] *= by[i];
  });
}

}  // namespace

void apply(Activation activation, float* z, float* slopes, std::ptrdiff_t count) {
  switch (activation) {
    case Activation::tanh:
      return apply_to<Tanh>(z, count);
    case Activation::relu:
      return apply_to<Relu>(z, count);
    case Activation::elu:
      return apply_to<Elu>(z, count);
    case Activation::silu:
      return slopes == nullptr ? apply_to<Silu>(z, count) : apply_silu(z, slopes, count);
  }
}

void scale_by_slopes(Activation activation, const float* values, const float* slopes, float* x,
                     std::ptrdiff_t count) {
  switch (activation) {
    case Activation::tanh:
      return scale<Tanh>(values, x, count);
    case Activation::relu:
      return scale<Relu>(values, x, count);
    case Activation::elu:
      return scale<Elu>(values, x, count);
    case Activation::silu:
      return multiply(slopes, x, count);
  }
}

}  // namespace fastpg::activations
