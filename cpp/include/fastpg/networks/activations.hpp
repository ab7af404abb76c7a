// The functions between the layers of a perceptron, in float32, and products with their slopes.
// Vectorised; tanh is within 2 ulp for every number.
#pragma once

#include <algorithm>
#include <cstddef>

namespace fastpg {

enum class Activation { tanh, relu, elu, silu };

namespace activations {

// All slopes but silu's follow from the value.
constexpr bool needs_slopes(Activation activation) { return activation == Activation::silu; }

// The largest |f(z)| where |z| is at most so large.
constexpr double largest(Activation activation, double z) {
  return activation == Activation::tanh ? std::min(z, 1.0) : std::max(z, 1.0);
}

// z becomes f(z). slopes: f'(z), where they are needed; nullptr where nobody wants them.
void apply(Activation activation, float* z, float* slopes, std::ptrdiff_t count);

// x *= f'(z) for values = f(z). slopes: where they are needed.
void scale_by_slopes(Activation activation, const float* values, const float* slopes, float* x,
                     std::ptrdiff_t count);

}  // namespace activations
}  // namespace fastpg
