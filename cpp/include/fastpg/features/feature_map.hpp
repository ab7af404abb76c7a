// phi(s, h): the features of a policy. One class, three maps:
//   identity    (x, 1)
//   polynomial  every product of powers of x up to a degree, 1 included
//   fourier     (sin((P x)_k / nu + phase_k) for k = 1 … K, 1)   (Rajeswaran et al. 2017)
// x is the observation, normalised where a normaliser is set (clipped to [-10, 10] then), followed
// by t = h / 100 where the map sees the time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fastpg/core/checks.hpp"

namespace fastpg {

class FeatureMap {
 public:
  static constexpr double clip = 10.0;
  static constexpr double time_scale = 100.0;
  static constexpr std::ptrdiff_t most_features = 1 << 20;

  static FeatureMap identity(std::ptrdiff_t observation_size, bool time) {
    FeatureMap map(observation_size, time);
    map.size_ = map.inputs_ + 1;
    return map;
  }

  static FeatureMap polynomial(std::ptrdiff_t observation_size, bool time, std::int64_t degree) {
    require(degree >= 1 && degree <= 16,
            "degree: expected an integer in [1, 16], got " + std::to_string(degree));
    FeatureMap map(observation_size, time);
    map.add_monomials(degree);
    map.size_ = static_cast<std::ptrdiff_t>(map.parent_.size());
    return map;
  }

  // projection: row-major (K, inputs), already divided by nu; phases: (K,).
  static FeatureMap fourier(std::ptrdiff_t observation_size, bool time,
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

  std::ptrdiff_t observation_size() const { return observation_size_; }
  std::ptrdiff_t inputs() const { return inputs_; }
  std::ptrdiff_t size() const { return size_; }
  bool time() const { return time_; }

  // x_k = clip((s_k - mean_k) * inverse_std_k); empty vectors take the normaliser away.
  void set_normalizer(std::vector<double> mean, std::vector<double> inverse_std) {
    if (!mean.empty() || !inverse_std.empty()) {
      require_size("mean", static_cast<std::ptrdiff_t>(mean.size()), observation_size_);
      require_size("inverse_std", static_cast<std::ptrdiff_t>(inverse_std.size()),
                   observation_size_);
      require_finite("mean", mean.data(), observation_size_);
      require_finite("inverse_std", inverse_std.data(), observation_size_);
    }
    mean_ = std::move(mean);
    inverse_std_ = std::move(inverse_std);
  }

  // inputs: scratch of inputs() doubles; features: size() doubles.
  void row(const float* observation, std::int64_t step_index, double* inputs,
           double* features) const {
    for (std::ptrdiff_t k = 0; k < observation_size_; ++k) inputs[k] = observation[k];
    if (!mean_.empty()) {
      for (std::ptrdiff_t k = 0; k < observation_size_; ++k) {
        inputs[k] = std::clamp((inputs[k] - mean_[k]) * inverse_std_[k], -clip, clip);
      }
    }
    if (time_) inputs[observation_size_] = static_cast<double>(step_index) / time_scale;
    if (!parent_.empty()) {
      features[0] = 1.0;
      for (std::size_t k = 1; k < parent_.size(); ++k) {
        features[k] = features[parent_[k]] * inputs[factor_[k]];
      }
    } else if (!phases_.empty()) {
      const double* row = projection_.data();
      for (std::size_t k = 0; k < phases_.size(); ++k, row += inputs_) {
        double angle = phases_[k];
        for (std::ptrdiff_t j = 0; j < inputs_; ++j) angle += row[j] * inputs[j];
        features[k] = std::sin(angle);
      }
      features[phases_.size()] = 1.0;
    } else {
      std::copy(inputs, inputs + inputs_, features);
      features[inputs_] = 1.0;
    }
  }

 private:
  FeatureMap(std::ptrdiff_t observation_size, bool time)
      : observation_size_(observation_size),
        inputs_(observation_size + (time ? 1 : 0)),
        time_(time) {
    require(observation_size >= 1 && observation_size <= most_features,
            "observation_size: expected an integer in [1, 1048576], got " +
                std::to_string(observation_size));
  }

  // Graded order; each monomial is an earlier one times one input of at least its last index, so
  // that a row costs one product a feature.
  void add_monomials(std::int64_t degree) {
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

  std::ptrdiff_t observation_size_;
  std::ptrdiff_t inputs_;
  std::ptrdiff_t size_ = 0;
  bool time_;
  std::vector<std::size_t> parent_;
  std::vector<std::ptrdiff_t> factor_;
  std::vector<double> projection_;
  std::vector<double> phases_;
  std::vector<double> mean_;
  std::vector<double> inverse_std_;
};

}  // namespace fastpg
