// Policies that are linear in features, inside a rollout.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "fastpg/features/feature_map.hpp"
#include "fastpg/rollout/actor.hpp"

namespace fastpg {

struct ChooseActions;
struct DrawNormals;

// phi(s, h)^T W, for as many environments at a time as leave their features in the first cache.
class LinearLanes {
 public:
  struct Scratch {
    Lane stride;
    std::vector<double> inputs;
    std::vector<double> features;
    std::vector<double> values;  // output a of environment i at [a * stride + i]
    std::vector<double> draws;   // (2, stride): what a draw needs
  };

  // weights: row-major (map.size(), outputs). Both stay the caller's.
  LinearLanes(const FeatureMap& map, const double* weights, Lane outputs)
      : map_(map), weights_(weights), outputs_(outputs) {}

  Lane observation_size() const { return map_.observation_size(); }
  Lane outputs() const { return outputs_; }
  double operations() const;

  // For up to `most` environments.
  Scratch scratch(Lane most) const;
  // Draws from the values of these environments, by one of the two.
  void act(LaneView lanes, Scratch& scratch, const ChooseActions* choose,
           const DrawNormals* draw) const;

 private:
  void apply(LaneView lanes, Scratch& scratch) const;
  void sum(const double* features, Lane stride, Lane count, const double* weights,
           double* __restrict values) const;

  const FeatureMap& map_;
  const double* weights_;
  Lane outputs_;
};

// Draws from a softmax of linear logits.
class SoftmaxActor final : public Actor {
 public:
  // theta: row-major (map.size(), n_actions); both stay the caller's.
  SoftmaxActor(const FeatureMap& map, std::span<const double> theta, std::int32_t n_actions,
               bool deterministic);

  Lane observation_size() const override { return logits_.observation_size(); }
  Lane action_size() const override { return 1; }
  bool discrete() const override { return true; }
  bool fits(const EnvironmentShape& shape) const override;
  double operations() const override { return logits_.operations(); }
  std::unique_ptr<ActorWorker> worker(Lane most) const override;

 private:
  class Worker;

  LinearLanes logits_;
  bool deterministic_;
};

// Draws from a Gaussian of linear mean. Actions are recorded as drawn; the environment gets them
// clipped to [low, high] and rounded to float32, the dtype of its action space.
class GaussianActor final : public Actor {
 public:
  // theta: W (map.size(), m) in C order, then ln sigma (m,); low, high: (m,). All stay the
  // caller's.
  GaussianActor(const FeatureMap& map, std::span<const double> theta, std::span<const double> low,
                std::span<const double> high, bool deterministic);

  Lane observation_size() const override { return mean_.observation_size(); }
  Lane action_size() const override { return static_cast<Lane>(low_.size()); }
  bool discrete() const override { return false; }
  bool fits(const EnvironmentShape& shape) const override;
  double operations() const override { return mean_.operations(); }
  std::unique_ptr<ActorWorker> worker(Lane most) const override;

 private:
  class Worker;

  LinearLanes mean_;
  std::span<const double> low_;
  std::span<const double> high_;
  std::vector<double> sigma_;
  bool deterministic_;
};

}  // namespace fastpg
