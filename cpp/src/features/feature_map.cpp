#include "fastpg/features/feature_map.hpp"

#include <algorithm>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/chunks.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/layout.hpp"
#include "fastpg/core/math.hpp"

namespace fastpg {
namespace {

constexpr std::ptrdiff_t piece = 64;
constexpr std::ptrdiff_t least_copied = 32;  // numbers of an observation that is copied by rows

void widen(const float* __restrict from, std::ptrdiff_t count, double* __restrict to) {
  for (std::ptrdiff_t i = 0; i < count; ++i) to[i] = from[i];
}

double normalized(double x, double mean, double scale) {
  return std::min(std::max((x - mean) * scale, -FeatureMap::clip), FeatureMap::clip);
}

void normalize_row(const double* mean, const double* scale, std::size_t size,
                   double* __restrict x) {
  for (std::size_t k = 0; k < size; ++k) x[k] = normalized(x[k], mean[k], scale[k]);
}

}  // namespace

FeatureMap FeatureMap::inputs(std::ptrdiff_t observation_size, bool time) {
  FeatureMap map(observation_size, time);
  map.size_ = map.inputs_;
  return map;
}

FeatureMap FeatureMap::identity(std::ptrdiff_t observation_size, bool time) {
  FeatureMap map(observation_size, time);
  map.size_ = map.inputs_ + 1;
  return map;
}

FeatureMap FeatureMap::polynomial(std::ptrdiff_t observation_size, bool time, std::int64_t degree) {
  require(degree >= 1 && degree <= 16, {"degree: expected an integer in [1, 16], got ", degree});
  FeatureMap map(observation_size, time);
  map.add_monomials(degree);
  map.size_ = static_cast<std::ptrdiff_t>(map.parent_.size());
  return map;
}

FeatureMap FeatureMap::fourier(std::ptrdiff_t observation_size, bool time,
                               std::vector<double> projection, std::vector<double> phases) {
  FeatureMap map(observation_size, time);
  require(!phases.empty(), "phases: expected at least one, got none");
  require_size("projection", static_cast<std::ptrdiff_t>(projection.size()),
               static_cast<std::ptrdiff_t>(phases.size()) * map.inputs_);
  require_finite("projection", projection.data(), static_cast<std::ptrdiff_t>(projection.size()));
  require_finite("phases", phases.data(), static_cast<std::ptrdiff_t>(phases.size()));
  map.projection_ = std::move(projection);
  map.phases_ = std::move(phases);
  map.size_ = static_cast<std::ptrdiff_t>(map.phases_.size()) + 1;
  return map;
}

void FeatureMap::set_normalizer(std::vector<double> mean, std::vector<double> inverse_std) {
  if (!mean.empty() || !inverse_std.empty()) {
    require_size("mean", static_cast<std::ptrdiff_t>(mean.size()), observation_size_);
    require_size("inverse_std", static_cast<std::ptrdiff_t>(inverse_std.size()), observation_size_);
    require_finite("mean", mean.data(), observation_size_);
    require_finite("inverse_std", inverse_std.data(), observation_size_);
  }
  mean_ = std::move(mean);
  inverse_std_ = std::move(inverse_std);
}

FeatureMap::FeatureMap(std::ptrdiff_t observation_size, bool time)
    : observation_size_(observation_size), time_(time) {
  require(observation_size >= 1 && observation_size <= most_features,
          {"observation_size: expected an integer in [1, 1048576], got ", observation_size});
  inputs_ = observation_size + (time ? 1 : 0);
}

void FeatureMap::block(const float* observations, std::ptrdiff_t from,
                       const std::int64_t* step_index, std::ptrdiff_t count, std::ptrdiff_t stride,
                       double* scratch, double* features) const {
  dispatch([&] { fill(observations, from, step_index, count, stride, scratch, features); });
}

void FeatureMap::rows(const float* observations, const std::int64_t* step_index,
                      std::ptrdiff_t count, int threads, double* out) const {
  const Chunks chunks = Chunks::of((count - 1) / piece + 1, piece, 0);
  const double operations = static_cast<double>(count) * static_cast<double>(50 + 10 * size_);
  chunks.run(threads, operations, [&](std::ptrdiff_t chunk) {
    const std::ptrdiff_t begin = chunks.begin(chunk) * piece;
    some_rows(observations + begin * observation_size_, step_index + begin,
              std::min(count, chunks.end(chunk) * piece) - begin, out + begin * size_);
  });
}

void FeatureMap::some_rows(const float* observations, const std::int64_t* step_index,
                           std::ptrdiff_t count, double* out) const {
  if (copies() && observation_size_ >= least_copied) {
    return copy_rows(observations, step_index, count, out);
  }
  const auto doubles = [](std::ptrdiff_t rows) {
    return std::vector<double>(static_cast<std::size_t>(rows * piece));
  };
  std::vector<float> components(static_cast<std::size_t>(observation_size_ * piece));
  std::vector<double> scratch = doubles(scratch_size());
  std::vector<double> features = doubles(size_);
  Pace pace(static_cast<double>(piece * size_) * static_cast<double>(inputs_ + 8));
  for (std::ptrdiff_t begin = 0; begin < count; begin += piece, pace.turn()) {
    const std::ptrdiff_t length = std::min(piece, count - begin);
    dispatch([&] {
      to_components(observations + begin * observation_size_, length, observation_size_, piece,
                    components.data());
    });
    block(components.data(), piece, step_index + begin, length, piece, scratch.data(),
          features.data());
    dispatch([&] { to_rows(features.data(), piece, length, size_, out + begin * size_); });
  }
}

// Inputs alone, row by row: there is nothing to turn round for.
void FeatureMap::copy_rows(const float* observations, const std::int64_t* step_index,
                           std::ptrdiff_t count, double* out) const {
  Pace pace(static_cast<double>(size_));
  dispatch([&] {
    for (std::ptrdiff_t i = 0; i < count; ++i, pace.turn()) {
      double* const row = out + i * size_;
      widen(observations + i * observation_size_, observation_size_, row);
      normalize_row(mean_.data(), inverse_std_.data(), mean_.size(), row);
      double* end = row + observation_size_;
      if (time_) *end++ = static_cast<double>(step_index[i]) / time_scale;
      if (end < row + size_) *end = 1.0;
    }
  });
}

void FeatureMap::fill(const float* observations, std::ptrdiff_t from,
                      const std::int64_t* step_index, std::ptrdiff_t count, std::ptrdiff_t stride,
                      double* scratch, double* features) const {
  double* const inputs = copies() ? features : scratch;
  for (std::ptrdiff_t k = 0; k < observation_size_; ++k) {
    widen(observations + k * from, count, inputs + k * stride);
  }
  normalize(count, stride, inputs);
  if (time_) {
    double* const t = inputs + observation_size_ * stride;
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      t[i] = static_cast<double>(step_index[i]) / time_scale;
    }
  }
  if (!parent_.empty()) {
    multiply(count, stride, inputs, features);
  } else if (!phases_.empty()) {
    project(count, stride, inputs, scratch + inputs_ * stride, features);
  } else if (size_ > inputs_) {
    std::fill_n(features + inputs_ * stride, count, 1.0);
  }
}

void FeatureMap::normalize(std::ptrdiff_t count, std::ptrdiff_t stride, double* inputs) const {
  for (std::size_t k = 0; k < mean_.size(); ++k) {
    const double mean = mean_[k], scale = inverse_std_[k];
    double* const x = inputs + static_cast<std::ptrdiff_t>(k) * stride;
    for (std::ptrdiff_t i = 0; i < count; ++i) x[i] = normalized(x[i], mean, scale);
  }
}

void FeatureMap::multiply(std::ptrdiff_t count, std::ptrdiff_t stride, const double* inputs,
                          double* features) const {
  std::fill_n(features, count, 1.0);
  for (std::size_t k = 1; k < parent_.size(); ++k) {
    const double* const parent = features + static_cast<std::ptrdiff_t>(parent_[k]) * stride;
    const double* const factor = inputs + static_cast<std::ptrdiff_t>(factor_[k]) * stride;
    double* const product = features + static_cast<std::ptrdiff_t>(k) * stride;
    for (std::ptrdiff_t i = 0; i < count; ++i) product[i] = parent[i] * factor[i];
  }
}

void FeatureMap::project(std::ptrdiff_t count, std::ptrdiff_t stride, const double* inputs,
                         double* angle, double* features) const {
  const double* row = projection_.data();
  for (std::size_t k = 0; k < phases_.size(); ++k, row += inputs_) {
    std::fill_n(angle, count, phases_[k]);
    for (std::ptrdiff_t j = 0; j < inputs_; ++j) {
      const double weight = row[j];
      const double* const x = inputs + j * stride;
      for (std::ptrdiff_t i = 0; i < count; ++i) angle[i] += weight * x[i];
    }
    FastMath::sin(angle, features + static_cast<std::ptrdiff_t>(k) * stride, count);
  }
  std::fill_n(features + static_cast<std::ptrdiff_t>(phases_.size()) * stride, count, 1.0);
}

void FeatureMap::add_monomials(std::int64_t degree) {
  parent_ = {0};
  factor_ = {0};
  std::size_t begin = 0;
  std::size_t end = 1;
  for (std::int64_t d = 1; d <= degree; ++d) {
    for (std::size_t parent = begin; parent < end; ++parent) {
      for (std::ptrdiff_t k = d == 1 ? 0 : factor_[parent]; k < inputs_; ++k) {
        parent_.push_back(parent);
        factor_.push_back(k);
        require(static_cast<std::ptrdiff_t>(parent_.size()) <= most_features,
                "polynomial: expected at most 1048576 features");
      }
    }
    begin = end;
    end = parent_.size();
  }
}

}  // namespace fastpg
