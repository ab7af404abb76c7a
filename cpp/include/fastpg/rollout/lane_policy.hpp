// Policies as the inside of a rollout sees them: one observation in, one action out. Each owns a
// copy of its parameters, so that nobody can change them meanwhile.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/normal.hpp"
#include "fastpg/envs/kernel.hpp"
#include "fastpg/features/feature_map.hpp"
#include "fastpg/policies/categorical.hpp"

namespace fastpg {

// phi(s, h)^T W of one observation.
class LinearLane {
 public:
  // weights: row-major (map.size(), outputs).
  LinearLane(FeatureMap map, std::vector<double> weights, Lane outputs)
      : map_(std::move(map)),
        weights_(std::move(weights)),
        inputs_(static_cast<std::size_t>(map_.inputs())),
        features_(static_cast<std::size_t>(map_.size())),
        values_(static_cast<std::size_t>(outputs)) {
    require_size("parameters", static_cast<Lane>(weights_.size()), map_.size() * outputs);
    require_finite("parameters", weights_.data(), static_cast<Lane>(weights_.size()));
  }

  Lane observation_size() const { return map_.observation_size(); }
  Lane outputs() const { return static_cast<Lane>(values_.size()); }

  double* operator()(const float* observation, std::int64_t step_index) {
    map_.row(observation, step_index, inputs_.data(), features_.data());
    std::fill(values_.begin(), values_.end(), 0.0);
    const double* row = weights_.data();
    for (const double feature : features_) {
      for (std::size_t a = 0; a < values_.size(); ++a) values_[a] += feature * row[a];
      row += values_.size();
    }
    return values_.data();
  }

 private:
  FeatureMap map_;
  std::vector<double> weights_;
  std::vector<double> inputs_;
  std::vector<double> features_;
  std::vector<double> values_;
};

// Draws from a softmax of linear logits.
class SoftmaxActor {
 public:
  using Action = std::int32_t;

  SoftmaxActor(FeatureMap map, std::vector<double> theta, std::int32_t n_actions,
               bool deterministic)
      : logits_(std::move(map), std::move(theta), n_actions), deterministic_(deterministic) {}

  Lane observation_size() const { return logits_.observation_size(); }
  Lane action_size() const { return 1; }
  bool fits(const EnvironmentShape& shape) const { return shape.action_count == logits_.outputs(); }

  // uniform(k): the uniform number for entry k of the action.
  template <class Uniform>
  void act(const float* observation, std::int64_t step_index, Uniform&& uniform, Action* action) {
    double* const logits = logits_(observation, step_index);
    const auto n_actions = static_cast<std::int32_t>(logits_.outputs());
    *action = deterministic_ ? argmax(logits, n_actions)
                             : sample_categorical(logits, n_actions, uniform(0));
  }

  // What the environment gets for some actions.
  ActionsView sent(const Action* actions, Lane) { return actions; }

 private:
  LinearLane logits_;
  bool deterministic_;
};

// Draws from a Gaussian of linear mean. Actions are recorded as drawn; the environment gets them
// clipped to [low, high] and rounded to float32, the dtype of its action space.
class GaussianActor {
 public:
  using Action = double;

  // theta: W (map.size(), m) in C order, then ln sigma (m,); low, high: (m,).
  GaussianActor(FeatureMap map, const std::vector<double>& theta, std::vector<double> low,
                std::vector<double> high, bool deterministic)
      : mean_(std::move(map), weights(theta, low.size()), static_cast<Lane>(low.size())),
        low_(std::move(low)),
        high_(std::move(high)),
        deterministic_(deterministic) {
    require_size("high", static_cast<Lane>(high_.size()), action_size());
    for (std::size_t k = 0; k < low_.size(); ++k) {
      require(low_[k] <= high_[k], "low, high: expected low <= high");
      sigma_.push_back(std::exp(theta[theta.size() - low_.size() + k]));
    }
    require_finite("sigma", sigma_.data(), action_size());
  }

  Lane observation_size() const { return mean_.observation_size(); }
  Lane action_size() const { return static_cast<Lane>(low_.size()); }
  bool fits(const EnvironmentShape& shape) const {
    return shape.action_count == 0 && shape.action_size == action_size();
  }

  template <class Uniform>
  void act(const float* observation, std::int64_t step_index, Uniform&& uniform, Action* action) {
    const double* const mean = mean_(observation, step_index);
    for (Lane k = 0; k < action_size(); ++k) {
      action[k] = deterministic_ ? mean[k] : mean[k] + sigma_[k] * normal_quantile(uniform(k));
    }
  }

  ActionsView sent(const Action* actions, Lane count) {
    sent_.resize(static_cast<std::size_t>(count * action_size()));
    for (std::size_t i = 0; i < sent_.size(); ++i) {
      const std::size_t k = i % low_.size();
      sent_[i] = static_cast<float>(std::clamp(actions[i], low_[k], high_[k]));
    }
    return sent_.data();
  }

 private:
  static std::vector<double> weights(const std::vector<double>& theta, std::size_t size) {
    require(size >= 1 && theta.size() > size, "parameters: expected more than one row");
    return {theta.begin(), theta.end() - static_cast<Lane>(size)};
  }

  LinearLane mean_;
  std::vector<double> low_;
  std::vector<double> high_;
  std::vector<double> sigma_;
  std::vector<float> sent_;
  bool deterministic_;
};

}  // namespace fastpg
