// phi(s, h) of the linear value baseline: (1, s, s_i s_j for i <= j) and, where time matters, (t,
// t^2, t^3), t = h / 100; the observation is clipped to [-10, 10] (Duan et al. 2016, with the cross
// products added).
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "fastpg/core/chunks.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/layout.hpp"
#include "fastpg/core/memory.hpp"

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

  // Feature f + 1 of the samples in columns[f * stride …], so that loops run over samples (feature
  // 0, the constant, is left out); not 0 where an observation is not finite.
  template <class Step>
  static std::uint64_t block(const float* observations, std::ptrdiff_t observation_size, bool time,
                             const Step* step_index, std::ptrdiff_t samples, std::ptrdiff_t stride,
                             double* columns) {
    std::uint64_t faults = 0;
    double* const linear = columns;
    to_components(observations, samples, observation_size, stride, linear);
    for (std::ptrdiff_t i = 0; i < observation_size; ++i) {
      faults |= clip_column(samples, linear + i * stride);
    }
    double* product = linear + observation_size * stride;
    for (std::ptrdiff_t i = 0; i < observation_size; ++i) {
      const std::ptrdiff_t end = products_end(i, observation_size);
      for (std::ptrdiff_t j = i; j < end; ++j, product += stride) {
        multiply(linear + i * stride, linear + j * stride, samples, product);
      }
    }
    if (!time) return faults;
    for (std::ptrdiff_t k = 0; k < samples; ++k) {
      product[k] = static_cast<double>(step_index[k]) / time_scale;
    }
    multiply(product, product, samples, product + stride);
    multiply(product, product + stride, samples, product + 2 * stride);
    return faults;
  }

 private:
  static std::uint64_t clip_column(std::ptrdiff_t samples, double* column) {
    std::uint64_t faults = 0;
    for (std::ptrdiff_t k = 0; k < samples; ++k) {
      const double x = column[k];
      const double raised = x < -clip ? -clip : x;
      column[k] = raised > clip ? clip : raised;
      faults |= std::bit_cast<std::uint64_t>(x - x);
    }
    return faults;
  }

  static void multiply(const double* a, const double* b, std::ptrdiff_t samples, double* out) {
    for (std::ptrdiff_t k = 0; k < samples; ++k) out[k] = a[k] * b[k];
  }

  // Number i is multiplied by those from i to here.
  static std::ptrdiff_t products_end(std::ptrdiff_t i, std::ptrdiff_t observation_size) {
    if (observation_size <= most_crossed) return observation_size;
    return observation_size <= most_squared ? i + 1 : i;
  }
};

// Observations (n, observation_size) at steps of their episodes (n,).
template <class Step>
struct ValueSamples {
  const float* observations;
  const Step* step_index;
  std::ptrdiff_t count;
  std::ptrdiff_t observation_size;
  bool time;

  std::ptrdiff_t features() const { return ValueFeatures::size(observation_size, time); }
  std::uint64_t block(std::ptrdiff_t first, std::ptrdiff_t samples, std::ptrdiff_t stride,
                      double* columns) const {
    return ValueFeatures::block(observations + first * observation_size, observation_size, time,
                                step_index + first, samples, stride, columns);
  }
};

inline constexpr std::ptrdiff_t value_block = 64;

// use(first, samples, columns) of block after block of features, columns value_block apart. False
// where an observation is not finite.
template <class Step, class Use>
bool for_each_value_block(const ValueSamples<Step>& samples, int threads, const Use& use) {
  const Chunks chunks = Chunks::of((samples.count - 1) / value_block + 1, value_block, 0);
  const std::ptrdiff_t features = samples.features();
  const double operations =
      static_cast<double>(samples.count) * static_cast<double>(100 + 10 * features);
  std::atomic<std::uint64_t> faults{0};
  chunks.run(threads, operations, [&](std::ptrdiff_t chunk) {
    Buffer<double> columns(static_cast<std::size_t>((features - 1) * value_block));
    const std::ptrdiff_t end = std::min(samples.count, chunks.end(chunk) * value_block);
    Pace pace(static_cast<double>(value_block * (features + 10)));
    faults |= dispatch([&] {
      std::uint64_t found = 0;
      std::ptrdiff_t at = chunks.begin(chunk) * value_block;
      for (; at < end; at += value_block, pace.turn()) {
        const std::ptrdiff_t size = std::min(value_block, end - at);
        found |= samples.block(at, size, value_block, columns.data());
        use(at, size, columns.data());
      }
      return found;
    });
  });
  return faults == 0;
}

// out: (count, features()).
template <class Step>
bool value_features(const ValueSamples<Step>& samples, double* out) {
  const std::ptrdiff_t features = samples.features();
  const auto store = [&](std::ptrdiff_t first, std::ptrdiff_t size, const double* columns) {
    for (std::ptrdiff_t k = 0; k < size; ++k) {
      double* const row = out + (first + k) * features;
      row[0] = 1.0;
      for (std::ptrdiff_t f = 1; f < features; ++f) row[f] = columns[(f - 1) * value_block + k];
    }
  };
  return for_each_value_block(samples, 1, store);
}

// values: (count,), the features times the weights.
template <class Step>
bool value_predict(const ValueSamples<Step>& samples, const double* weights, int threads,
                   double* values) {
  const std::ptrdiff_t features = samples.features();
  const auto weigh = [&](std::ptrdiff_t first, std::ptrdiff_t size, const double* columns) {
    double* const sums = values + first;
    std::fill(sums, sums + size, weights[0]);
    for (std::ptrdiff_t f = 1; f < features; ++f) {
      const double* const column = columns + (f - 1) * value_block;
      const double weight = weights[f];
      for (std::ptrdiff_t k = 0; k < size; ++k) sums[k] += weight * column[k];
    }
  };
  return for_each_value_block(samples, threads, weigh);
}

}  // namespace fastpg
