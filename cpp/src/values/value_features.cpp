#include "fastpg/values/value_features.hpp"

#include <algorithm>
#include <atomic>
#include <bit>

#include "fastpg/core/chunks.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/layout.hpp"
#include "fastpg/core/memory.hpp"

namespace fastpg {
namespace {

double clipped(double x) {
  const double raised = x < -ValueFeatures::clip ? -ValueFeatures::clip : x;
  return raised > ValueFeatures::clip ? ValueFeatures::clip : raised;
}

std::uint64_t clip_column(std::ptrdiff_t samples, double* column) {
  std::uint64_t faults = 0;
  for (std::ptrdiff_t k = 0; k < samples; ++k) {
    const double x = column[k];
    column[k] = clipped(x);
    faults |= std::bit_cast<std::uint64_t>(x - x);
  }
  return faults;
}

// Clipped observations by columns, where they are long: pieces of a row that are all 0, as most of
// a one-hot code are, are passed by.
std::uint64_t fill_long(const float* rows, std::ptrdiff_t samples, std::ptrdiff_t size,
                        std::ptrdiff_t stride, double* columns) {
  constexpr std::ptrdiff_t width = 16;
  for (std::ptrdiff_t k = 0; k < size; ++k) std::fill_n(columns + k * stride, samples, 0.0);
  std::uint64_t faults = 0;
  for (std::ptrdiff_t i = 0; i < samples; ++i) {
    const float* const row = rows + i * size;
    for (std::ptrdiff_t begin = 0; begin < size; begin += width) {
      const std::ptrdiff_t end = std::min(begin + width, size);
      std::uint32_t any = 0;  // of all bits but the signs
      for (std::ptrdiff_t k = begin; k < end; ++k) any |= std::bit_cast<std::uint32_t>(row[k]) << 1;
      if (any == 0) continue;
      for (std::ptrdiff_t k = begin; k < end; ++k) {
        const double x = row[k];
        columns[k * stride + i] = clipped(x);
        faults |= std::bit_cast<std::uint64_t>(x - x);
      }
    }
  }
  return faults;
}

void multiply(const double* a, const double* b, std::ptrdiff_t samples, double* out) {
  for (std::ptrdiff_t k = 0; k < samples; ++k) out[k] = a[k] * b[k];
}

// Number i is multiplied by those from i to here.
std::ptrdiff_t products_end(std::ptrdiff_t i, std::ptrdiff_t observation_size) {
  if (observation_size <= ValueFeatures::most_crossed) return observation_size;
  return observation_size <= ValueFeatures::most_squared ? i + 1 : i;
}

// The features of a block; see ValueSamples::block. Run it in dispatch().
std::uint64_t fill(const ValueSamples& s, std::ptrdiff_t first, std::ptrdiff_t samples,
                   std::ptrdiff_t stride, double* columns) {
  const std::int64_t* const steps = s.step_index + first;
  std::uint64_t faults = 0;
  double* const linear = columns;
  const float* const rows = s.observations + first * s.observation_size;
  if (s.observation_size > ValueFeatures::most_squared) {
    faults = fill_long(rows, samples, s.observation_size, stride, linear);
  } else {
    to_components(rows, samples, s.observation_size, stride, linear);
    for (std::ptrdiff_t i = 0; i < s.observation_size; ++i) {
      faults |= clip_column(samples, linear + i * stride);
    }
  }
  double* product = linear + s.observation_size * stride;
  for (std::ptrdiff_t i = 0; i < s.observation_size; ++i) {
    const std::ptrdiff_t end = products_end(i, s.observation_size);
    for (std::ptrdiff_t j = i; j < end; ++j, product += stride) {
      multiply(linear + i * stride, linear + j * stride, samples, product);
    }
  }
  if (!s.time) return faults;
  for (std::ptrdiff_t k = 0; k < samples; ++k) {
    product[k] = static_cast<double>(steps[k]) / ValueFeatures::time_scale;
  }
  multiply(product, product, samples, product + stride);
  multiply(product, product + stride, samples, product + 2 * stride);
  return faults;
}

constexpr std::ptrdiff_t value_block = 64;

// With a stride that the compiler knows, which it makes faster loops of.
std::uint64_t fill_value_block(const ValueSamples& samples, std::ptrdiff_t first,
                               std::ptrdiff_t count, double* columns) {
  return dispatch([&] { return fill(samples, first, count, value_block, columns); });
}

// use(first, samples, columns) of block after block of features, columns value_block apart. False
// where an observation is not finite.
template <class Use>
bool for_each_value_block(const ValueSamples& samples, int threads, const Use& use) {
  const Chunks chunks = Chunks::of((samples.count - 1) / value_block + 1, value_block, 0);
  const std::ptrdiff_t features = samples.features();
  const double operations =
      static_cast<double>(samples.count) * static_cast<double>(100 + 10 * features);
  std::atomic<std::uint64_t> faults{0};
  chunks.run(threads, operations, [&](std::ptrdiff_t chunk) {
    Buffer<double> columns(static_cast<std::size_t>((features - 1) * value_block));
    const std::ptrdiff_t end = std::min(samples.count, chunks.end(chunk) * value_block);
    Pace pace(static_cast<double>(value_block * (features + 10)));
    std::uint64_t found = 0;
    std::ptrdiff_t at = chunks.begin(chunk) * value_block;
    for (; at < end; at += value_block, pace.turn()) {
      const std::ptrdiff_t size = std::min(value_block, end - at);
      found |= fill_value_block(samples, at, size, columns.data());
      dispatch([&] { use(at, size, columns.data()); });
    }
    faults |= found;
  });
  return faults == 0;
}

}  // namespace

std::ptrdiff_t ValueFeatures::size(std::ptrdiff_t observation_size, bool time) {
  std::ptrdiff_t products = 0;
  for (std::ptrdiff_t i = 0; i < observation_size; ++i) {
    products += products_end(i, observation_size) - i;
  }
  return 1 + observation_size + products + (time ? 3 : 0);
}

std::uint64_t ValueSamples::block(std::ptrdiff_t first, std::ptrdiff_t samples,
                                  std::ptrdiff_t stride, double* columns) const {
  return dispatch([&] { return fill(*this, first, samples, stride, columns); });
}

bool value_features(const ValueSamples& samples, double* out) {
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

bool value_predict(const ValueSamples& samples, const double* weights, int threads,
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
