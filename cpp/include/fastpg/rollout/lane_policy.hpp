// A policy as the inside of a rollout sees it: one observation in, one action out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fastpg/features/identity.hpp"
#include "fastpg/policies/categorical.hpp"

namespace fastpg {

class LinearSoftmaxLane {
 public:
  // theta: row-major (n_features, n_actions), kept by the caller.
  LinearSoftmaxLane(const double* theta, std::ptrdiff_t observation_size, std::int32_t n_actions,
                    bool deterministic)
      : theta_(theta),
        observation_size_(observation_size),
        n_actions_(n_actions),
        deterministic_(deterministic),
        features_(static_cast<std::size_t>(IdentityFeatures::size(observation_size))),
        logits_(static_cast<std::size_t>(n_actions)) {}

  std::int32_t act(const float* observation, double uniform) {
    IdentityFeatures::row(observation, observation_size_, features_.data());
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
  const double* theta_;
  std::ptrdiff_t observation_size_;
  std::int32_t n_actions_;
  bool deterministic_;
  std::vector<double> features_;
  std::vector<double> logits_;
};

}  // namespace fastpg
