// phi(s, h) of the linear value baseline: (1, s, s_i s_j for i <= j) and, where time matters, (t,
// t^2, t^3), t = h / 100; the observation is clipped to [-10, 10] (Duan et al. 2016, with the cross
// products added).
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastpg {

struct ValueFeatures {
  static constexpr double clip = 10.0;
  static constexpr double time_scale = 100.0;
  static constexpr std::ptrdiff_t most_crossed = 32;   // longer observations: squares alone
  static constexpr std::ptrdiff_t most_squared = 128;  // still longer ones: no products

  static std::ptrdiff_t size(std::ptrdiff_t observation_size, bool time);
};

// Observations (n, observation_size) at steps of their episodes (n,).
struct ValueSamples {
  const float* observations;
  const std::int64_t* step_index;
  std::ptrdiff_t count;
  std::ptrdiff_t observation_size;
  bool time;

  std::ptrdiff_t features() const { return ValueFeatures::size(observation_size, time); }

  // Feature f + 1 of the samples from `first` on in columns[f * stride …], so that loops run over
  // samples (feature 0, the constant, is left out); not 0 where an observation is not finite.
  std::uint64_t block(std::ptrdiff_t first, std::ptrdiff_t samples, std::ptrdiff_t stride,
                      double* columns) const;
};

// out: (count, features()). False where an observation is not finite.
bool value_features(const ValueSamples& samples, double* out);

// values: (count,), the features times the weights. False where an observation is not finite.
bool value_predict(const ValueSamples& samples, const double* weights, int threads, double* values);

}  // namespace fastpg
