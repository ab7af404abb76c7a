// Softmax over the logits of one state, without Eigen, for the inside of a rollout.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace fastpg {

// The most probable action; the first of equals.
inline std::int32_t argmax(const double* logits, std::int32_t count) {
  return static_cast<std::int32_t>(std::max_element(logits, logits + count) - logits);
}

// Inverse-CDF sample with `uniform` in (0, 1). Overwrites the logits with unnormalised
// probabilities.
inline std::int32_t sample_categorical(double* logits, std::int32_t count, double uniform) {
  const double largest = *std::max_element(logits, logits + count);
  double total = 0.0;
  for (std::int32_t a = 0; a < count; ++a) total += logits[a] = std::exp(logits[a] - largest);
  double remaining = uniform * total;
  for (std::int32_t a = 0; a < count - 1; ++a) {
    remaining -= logits[a];
    if (remaining < 0.0) return a;
  }
  return count - 1;
}

}  // namespace fastpg
