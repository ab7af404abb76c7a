// Policies inside a rollout: a network of features, and a draw from the distribution that its
// outputs describe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "fastpg/core/memory.hpp"
#include "fastpg/features/feature_map.hpp"
#include "fastpg/networks/architecture.hpp"
#include "fastpg/rollout/actor.hpp"

namespace fastpg {

// Outputs of a network of phi(s, h), for as many environments at a time as leave all in cache.
class NetworkOutputs {
 public:
  struct Scratch {
    Lane most;    // environments at a time
    Lane stride;  // of what follows, by components
    Buffer<double> inputs;
    Buffer<double> features;
    Buffer<float> layers;
    Buffer<double> values;  // output a of environment i at [a * stride + i]
    Buffer<double> draws;   // (2, stride): what a draw needs
  };

  // theta: (network.parameters(),), which is copied. The map stays the caller's.
  NetworkOutputs(const FeatureMap& map, const Architecture& network, const double* theta);

  Lane observation_size() const { return map_.observation_size(); }
  Lane count() const { return network_->outputs(); }
  double operations() const;

  // For up to `most` environments.
  Scratch scratch(Lane most) const;
  // draw(part, begin): of these environments from `begin` on, whose outputs are scratch.values.
  template <class Draw>
  void act(LaneView lanes, Scratch& scratch, Draw&& draw) const;

 private:
  void find(LaneView part, Scratch& scratch) const;

  const FeatureMap& map_;
  std::unique_ptr<const ForwardPass> network_;
};

// Draws from a softmax of the outputs, one for each choice; their outputs stand side by side.
class SoftmaxActor final : public Actor {
 public:
  // choices: numbers of actions, whose sum is network.outputs(). theta: (network.parameters(),),
  // which is copied. The map and the choices stay the caller's.
  SoftmaxActor(const FeatureMap& map, const Architecture& network,
               std::span<const std::int32_t> choices, std::span<const double> theta,
               bool deterministic);

  Lane observation_size() const override { return logits_.observation_size(); }
  Lane action_size() const override { return static_cast<Lane>(choices_.size()); }
  bool discrete() const override { return true; }
  bool fits(const EnvironmentShape& shape) const override;
  double operations() const override { return logits_.operations(); }
  std::unique_ptr<ActorWorker> worker(Lane most) const override;

 private:
  class Worker;

  NetworkOutputs logits_;
  std::span<const std::int32_t> choices_;
  bool deterministic_;
};

// Where a Gaussian's ln sigma are: parameters behind those of the network, or outputs behind the
// means (see DiagGaussian and StateStdGaussian).
enum class LogStd { parameters, outputs };

// Draws from a Gaussian whose means are the first outputs. Actions are recorded as drawn; the
// environment gets them clipped to [low, high] and rounded to float32, the dtype of its action
// space.
class GaussianActor final : public Actor {
 public:
  // theta: the network's, then ln sigma (m,) where they are parameters, which are copied; low,
  // high: (m,). The map and the bounds stay the caller's.
  GaussianActor(const FeatureMap& map, const Architecture& network, LogStd log_std,
                std::span<const double> theta, std::span<const double> low,
                std::span<const double> high, bool deterministic);

  Lane observation_size() const override { return outputs_.observation_size(); }
  Lane action_size() const override { return static_cast<Lane>(low_.size()); }
  bool discrete() const override { return false; }
  bool fits(const EnvironmentShape& shape) const override;
  double operations() const override { return outputs_.operations(); }
  std::unique_ptr<ActorWorker> worker(Lane most) const override;

 private:
  class Worker;

  NetworkOutputs outputs_;
  std::span<const double> low_;
  std::span<const double> high_;
  std::vector<double> sigma_;  // none where they are outputs
  bool deterministic_;
};

}  // namespace fastpg
