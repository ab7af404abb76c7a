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
  static constexpr std::ptrdiff_t most_crossed = 32;  // longer observations: squares alone

  static std::ptrdiff_t size(std::ptrdiff_t observation_size, bool time) {
    const std::ptrdiff_t products = observation_size <= most_crossed
                                        ? observation_size * (observation_size + 1) / 2
                                        : observation_size;
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
      const std::ptrdiff_t end = observation_size <= most_crossed ? observation_size : i + 1;
      for (std::ptrdiff_t j = i; j < end; ++j) *product++ = linear[i] * linear[j];
    }
    if (!time) return;
    const double t = static_cast<double>(step_index) / time_scale;
    product[0] = t;
    product[1] = t * t;
    product[2] = t * t * t;
  }
};

}  // namespace fastpg
