// Kernel<E>: the kernel of an environment that is written as `Environment` says.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fastpg/core/isa.hpp"
#include "fastpg/envs/parameters.hpp"

namespace fastpg {

template <Environment E>
class Kernel final : public EnvironmentKernel {
 public:
  using Params = typename E::Params;

  // exact: the C library's mathematics; else the library's own, see FastMath.
  explicit Kernel(bool exact) : exact_(exact), params_(1) {}

  EnvironmentShape shape() const override {
    EnvironmentShape shape{E::state_size,     E::observation_size, {}, 1,
                           E::reset_defaults, E::draws_in_steps};
    if constexpr (is_discrete<E>) {
      shape.action_counts = std::span(&E::actions.count, 1);
    } else {
      shape.action_size = E::actions.size;
    }
    return shape;
  }

  void reset(Lane, ResetOptions options, Pcg64& stream, double* state, Lane stride) const override {
    double fresh[E::state_size];
    E::reset(options, stream, fresh);
    for (Lane k = 0; k < E::state_size; ++k) state[k * stride] = fresh[k];
  }

  void observe(LaneBlock block, float* observations, Lane stride) const override {
    if constexpr (ObservesWithoutMath<E>) {
      dispatch([&] { E::observe(block, observations, stride); });
    } else if (exact_) {
      dispatch([&] { E::template observe<ExactMath>(block, observations, stride); });
    } else {
      dispatch([&] { E::template observe<FastMath>(block, observations, stride); });
    }
  }

  void step(LaneBlock block, ActionsView actions, double* rewards,
            bool* terminated) const override {
    if constexpr (is_discrete<E>) {
      step_of<std::int32_t>(block, actions, rewards, terminated);
    } else if (actions.is_float32()) {
      step_of<float>(block, actions, rewards, terminated);
    } else {
      step_of<double>(block, actions, rewards, terminated);
    }
  }

  std::vector<Parameter> parameters(Lane lane) const override {
    Params params = of(lane);
    return described(fields_of<E>(params));
  }

  std::vector<ParameterValue> parameter(const std::string& name) const override {
    std::vector<ParameterValue> out;
    for (Params params : params_) {
      const ParameterFields fields = fields_of<E>(params);
      if (const auto* const field = find_field(fields, name)) out.push_back(value_of(*field));
    }
    return out;
  }

  void set_parameter(const std::string& name, const std::vector<ParameterValue>& values,
                     Lane lanes) override {
    require_one_or_each(name, values.size(), lanes);
    std::vector<Params> changed = params_;
    if (values.size() > changed.size()) changed.resize(values.size(), params_.front());
    bool all_alike = true;
    for (std::size_t i = 0; i < changed.size(); ++i) {
      const ParameterFields fields = fields_of<E>(changed[i]);
      assign(fields, name, values[values.size() == 1 ? 0 : i]);
      all_alike = all_alike && alike(fields, fields_of<E>(changed.front()));
    }
    if (all_alike) changed.resize(1);
    params_ = std::move(changed);
  }

 private:
  const Params& of(Lane lane) const {
    return params_.size() == 1 ? params_.front() : params_[static_cast<std::size_t>(lane)];
  }

  template <class Action>
  void step_of(LaneBlock block, ActionsView view, double* rewards, bool* terminated) const {
    const Action* const actions = view.as<Action>();
    if (exact_) {
      step_lanes<ExactMath>(block, actions, rewards, terminated);
    } else {
      step_lanes<FastMath>(block, actions, rewards, terminated);
    }
  }

  template <class Math, class Action>
  void step_lanes(LaneBlock block, const Action* actions, double* rewards, bool* terminated) const {
    if (params_.size() == 1) {
      const Params& params = params_.front();
      dispatch([&] { E::template step<Math>(params, block, actions, rewards, terminated); });
      return;
    }
    const Lane size = shape().action_size;
    for (Lane i = 0; i < block.count; ++i) {
      E::template step<Math>(of(block.lane(i)), block.part(i, 1), actions + i * size, rewards + i,
                             terminated + i);
    }
  }

  bool exact_;
  std::vector<Params> params_;  // one for all environments, or one for each
};

}  // namespace fastpg
