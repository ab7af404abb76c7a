// phi(s, h) of the linear value baseline: (1, s, s_i s_j for i <= j) and, where time matters, (t,
// t^2, t^3), t = h / 100; the observation is clipped to [-10, 10] (Duan et al. 2016, with the cross
// products added).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace fastpg {

struct ValueFeatures {
  static constexpr double clip = 10.0;
  static constexpr double time_scale = 100.0;
  static constexpr std::ptrdiff_t most_crossed = 32;   // longer observations: squares alone
  static constexpr std::ptrdiff_t most_squared = 128;  // still longer ones: no products

  static std::ptrdiff_t size(std::ptrdiff_t observation_size, bool time) {
    std::ptrdiff_t products = 0;
    for (std::ptrdiff_t i = 0; i < observation_size; ++i) {
      products += products_end(i, observation_size) - i;
    }
    return 1 + observation_size + products + (time ? 3 : 0);
  }

  static void row(const float* observation, std::ptrdiff_t observation_size, bool time,
                  std::int64_t step_index, double* features) {
    double* const linear = features + 1;
    double* product = linear + observation_size;
    features[0] = 1.0;
    for (std::ptrdiff_t i = 0; i < observation_size; ++i) {
      linear[i] = std::clamp(static_cast<double>(observation[i]), -clip, clip);
    }
    for (std::ptrdiff_t i = 0; i < observation_size; ++i) {
      const std::ptrdiff_t end = products_end(i, observation_size);
      for (std::ptrdiff_t j = i; j < end; ++j) *product++ = linear[i] * linear[j];
    }
    if (!time) return;
    const double t = static_cast<double>(step_index) / time_scale;
    product[0] = t;
    product[1] = t * t;
    product[2] = t * t * t;
  }

 private:
  // Number i is multiplied by those from i to here.
  static std::ptrdiff_t products_end(std::ptrdiff_t i, std::ptrdiff_t observation_size) {
    if (observation_size <= most_crossed) return observation_size;
    return observation_size <= most_squared ? i + 1 : i;
  }
};

}  // namespace fastpg
