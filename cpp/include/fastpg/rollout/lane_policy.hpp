// A policy as the inside of a rollout sees it: one observation in, one action out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fastpg/features/feature_map.hpp"
#include "fastpg/policies/categorical.hpp"

namespace fastpg {

class LinearSoftmaxLane {
 public:
  // theta: row-major (n_features, n_actions). The caller keeps it and the map.
  LinearSoftmaxLane(const FeatureMap& map, const double* theta, std::int32_t n_actions,
                    bool deterministic)
      : map_(map),
        theta_(theta),
        n_actions_(n_actions),
        deterministic_(deterministic),
        inputs_(static_cast<std::size_t>(map.inputs())),
        features_(static_cast<std::size_t>(map.size())),
        logits_(static_cast<std::size_t>(n_actions)) {}

  std::int32_t act(const float* observation, std::int64_t step_index, double uniform) {
    map_.row(observation, step_index, inputs_.data(), features_.data());
    std::fill(logits_.begin(), logits_.end(), 0.0);
    const double* row = theta_;
    for (const double feature : features_) {
      for (std::int32_t a = 0; a < n_actions_; ++a) logits_[a] += feature * row[a];
      row += n_actions_;
    }
    return deterministic_ ? argmax(logits_.data(), n_actions_)
                          : sample_categorical(logits_.data(), n_actions_, uniform);
  }

 private:
  const FeatureMap& map_;
  const double* theta_;
  std::int32_t n_actions_;
  bool deterministic_;
  std::vector<double> inputs_;
  std::vector<double> features_;
  std::vector<double> logits_;
};

}  // namespace fastpg
