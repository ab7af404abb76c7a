// phi(s) = (s, 1): the observation with a bias.
#pragma once

#include <cstddef>

namespace fastpg {

struct IdentityFeatures {
  static std::ptrdiff_t size(std::ptrdiff_t observation_size) { return observation_size + 1; }

  static void row(const float* observation, std::ptrdiff_t observation_size, double* features) {
    for (std::ptrdiff_t k = 0; k < observation_size; ++k) features[k] = observation[k];
    features[observation_size] = 1.0;
  }
};

}  // namespace fastpg
