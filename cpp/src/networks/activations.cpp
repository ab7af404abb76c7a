// Compiled with contraction, like dense_products.cpp: all is in an unnamed namespace.
//
// exp(x): x = n ln 2 + r with ln 2 split in 17 + 24 bits (Cody & Waite), then 1 + r + r^2 q(r), q
// minimax of degree 4 on [-ln 2 / 2, ln 2 / 2], relative error 2^-26, times 2^n.
// tanh |x| = h / (h + 1), h = (exp(2 |x|) - 1) / 2, which is found without cancellation: 2 |x| is
// n ln 2 + 2 r with one product, since ln 2 in float32 is off by 2^-29 alone, and h is 2^n times
// r + r^2 q(r) plus (2^n - 1) / 2. Small h: h - h^2 / (h + 1), whose roundings count less. At most
// 1.95 ulp, 1.82 with fused operations.
#include "fastpg/networks/activations.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "fastpg/core/lanes.hpp"

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

// f(i) for i < n, which is one vector after another: each is one operation, with n a few vectors.
template <int n, class Each>
void each(Each&& f) {
  for (int i = 0; i < n; ++i) f(i);
}

// h = (exp(2 x) - 1) / 2 of n numbers 0 <= x <= 43; NaN of NaN. Operations wait for those before
// them, so n numbers go through each together.
template <int n>
void half_exp_minus_one(const float* x, float* h) {
  constexpr float shift = 0x1.8p23f + 127.0f;
  float shifted[n], r[n], r2[n], q[n], high[n];
  each<n>([&](int i) { shifted[i] = x[i] * 0x1.715476p+1f + shift; });
  each<n>([&](int i) { r[i] = x[i] - (shifted[i] - shift) * 0x1.62e43p-2f; });
  each<n>([&](int i) { r2[i] = r[i] * r[i]; });
  each<n>([&](int i) { q[i] = 1.0f + r[i] * 0x1.5554bp-1f; });
  each<n>([&](int i) { high[i] = 0x1.555684p-2f + r[i] * 0x1.1225dap-3f; });
  each<n>([&](int i) { high[i] += r2[i] * 0x1.6bd8b6p-5f; });
  each<n>([&](int i) { q[i] += r2[i] * high[i]; });
  each<n>([&](int i) { r[i] += r2[i] * q[i]; });
  each<n>([&](int i) {
    const float scale = std::bit_cast<float>(std::bit_cast<std::uint32_t>(shifted[i]) << 23);
    h[i] = scale * r[i] + (scale * 0.5f - 0.5f);
  });
}

// Of n numbers. one_from_here: 10, which the compiler is not to know: it would find the value there
// by itself, for a comparison and a choice more.
template <int n>
void tanh_of(float* z, float one_from_here) {
  constexpr float few = 0.5f;
  float x[n], h[n], ratio[n];
  each<n>([&](int i) {
    const float size = std::abs(z[i]);
    x[i] = size > one_from_here ? one_from_here : size;
  });
  half_exp_minus_one<n>(x, h);
  each<n>([&](int i) { ratio[i] = h[i] / (h[i] + 1.0f); });
  each<n>(
      [&](int i) { z[i] = std::copysign(h[i] < few ? h[i] - h[i] * ratio[i] : ratio[i], z[i]); });
}

void apply_tanh(float* __restrict z, std::ptrdiff_t count) {
  dispatch_lanes([=](auto registers) {
    constexpr int n = 4 * decltype(registers)::bytes / static_cast<int>(sizeof(float));
    float one_from_here = 10.0f;
    lanes::keep_in_register(one_from_here);
    std::ptrdiff_t i = 0;
    for (; i + n <= count; i += n) tanh_of<n>(z + i, one_from_here);
    if (i == count) return;
    float rest[n] = {};
    std::copy(z + i, z + count, rest);
    tanh_of<n>(rest, one_from_here);
    std::copy_n(rest, count - i, z + i);
  });
}

struct Tanh {
  static float slope(float y) { return 1.0f - y * y; }
};

struct Relu {
  float operator()(float z) const { return z < 0.0f ? 0.0f : z; }
  static float slope(float y) { return y > 0.0f ? 1.0f : 0.0f; }
};

struct Elu {
  float operator()(float z) const {
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
    const Function function;
    for (std::ptrdiff_t i = 0; i < count; ++i) z[i] = function(z[i]);
  });
}

struct Silu {
  float operator()(float z) const { return z * sigmoid(z); }
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
      return apply_tanh(z, count);
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
