// An environment as VectorEnv, rollouts and bindings see it: whole blocks of lanes at a call, so
// that one virtual call serves them all. Kernel<E> is the only implementation.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/envs/environment.hpp"

namespace fastpg {

// One entry a lane, or `action_size` of them, row-major.
using ActionsView = std::variant<const std::int32_t*, const float*, const double*>;

// The actions from some entry on.
inline ActionsView from_entry(ActionsView actions, Lane entry, Lane action_size) {
  return std::visit([&](const auto* first) { return ActionsView(first + entry * action_size); },
                    actions);
}

using ParameterValue = std::variant<bool, double, std::string, std::vector<double>>;

struct Parameter {
  std::string name;
  ParameterValue value;
  std::vector<std::string> choices;  // where the value is a string
};

struct EnvironmentShape {
  Lane state_size;
  Lane observation_size;
  std::int32_t action_count;  // 0: continuous
  Lane action_size;
  ResetBounds default_bounds;
  bool draws_in_steps;
};

class EnvironmentKernel {
 public:
  virtual ~EnvironmentKernel() = default;

  virtual EnvironmentShape shape() const = 0;
  virtual void reset(ResetBounds bounds, Pcg64& stream, double* state) const = 0;
  // Number k of entry i at observations[k * stride + i].
  virtual void observe(LaneBlock block, float* observations, Lane stride) const = 0;
  // Physics alone; std::invalid_argument where the environment has no actions of this type.
  virtual void step(LaneBlock block, ActionsView actions, double* rewards,
                    bool* terminated) const = 0;

  virtual std::vector<Parameter> parameters(Lane lane) const = 0;
  // One value where all lanes agree on every parameter, else one a lane.
  virtual std::vector<ParameterValue> parameter(const std::string& name) const = 0;
  // values: one for all lanes, or one a lane.
  virtual void set_parameter(const std::string& name, const std::vector<ParameterValue>& values,
                             Lane lanes) = 0;
};

namespace detail {

inline ParameterValue parameter_value(bool value) { return value; }
inline ParameterValue parameter_value(double value) { return value; }
inline ParameterValue parameter_value(const Choice& value) {
  return std::string(value.names[value.index]);
}
template <std::size_t N>
ParameterValue parameter_value(const std::array<double, N>& value) {
  return std::vector<double>(value.begin(), value.end());
}

template <class T>
const T& expect(const std::string& name, const ParameterValue& value) {
  const T* const held = std::get_if<T>(&value);
  require(held != nullptr, name + ": expected a value of another type");
  return *held;
}

inline void assign(const std::string& name, bool& field, const ParameterValue& value) {
  field = expect<bool>(name, value);
}
inline void assign(const std::string& name, double& field, const ParameterValue& value) {
  field = expect<double>(name, value);
  require_finite(name.c_str(), &field, 1);
}
inline void assign(const std::string& name, Choice& field, const ParameterValue& value) {
  const auto& wanted = expect<std::string>(name, value);
  const auto at = std::find(field.names.begin(), field.names.end(), wanted);
  require(at != field.names.end(), name + ": unknown value '" + wanted + "'");
  field.index = static_cast<std::size_t>(at - field.names.begin());
}
template <std::size_t N>
void assign(const std::string& name, std::array<double, N>& field, const ParameterValue& value) {
  const auto& numbers = expect<std::vector<double>>(name, value);
  require_size(name.c_str(), static_cast<Lane>(numbers.size()), N);
  require_finite(name.c_str(), numbers.data(), N);
  std::copy(numbers.begin(), numbers.end(), field.begin());
}

}  // namespace detail

template <Environment E>
class Kernel final : public EnvironmentKernel {
 public:
  using Params = typename E::Params;

  // exact: the C library's mathematics; else the library's own, see FastMath.
  explicit Kernel(bool exact) : exact_(exact), params_(1) {}

  EnvironmentShape shape() const override {
    EnvironmentShape shape{E::state_size,     E::observation_size, 0, 1,
                           E::default_bounds, E::draws_in_steps};
    if constexpr (is_discrete<E>) {
      shape.action_count = E::actions.count;
    } else {
      shape.action_size = E::actions.size;
    }
    return shape;
  }

  void reset(ResetBounds bounds, Pcg64& stream, double* state) const override {
    E::reset(bounds, stream, state);
  }

  void observe(LaneBlock block, float* observations, Lane stride) const override {
    dispatch([&] {
      if (exact_) {
        E::template observe<ExactMath>(block, observations, stride);
      } else {
        E::template observe<FastMath>(block, observations, stride);
      }
    });
  }

  void step(LaneBlock block, ActionsView actions, double* rewards,
            bool* terminated) const override {
    std::visit(
        [&]<class Action>(const Action* given) {
          if constexpr (is_discrete<E> == std::same_as<Action, std::int32_t>) {
            step_lanes(block, given, rewards, terminated);
          } else {
            require(false, "actions: expected another dtype");
          }
        },
        actions);
  }

  std::vector<Parameter> parameters(Lane lane) const override {
    std::vector<Parameter> out;
    E::visit(of(lane), [&out]<class Field>(const char* name, const Field& field) {
      out.push_back({name, detail::parameter_value(field), {}});
      if constexpr (std::same_as<Field, Choice>) {
        out.back().choices.assign(field.names.begin(), field.names.end());
      }
    });
    return out;
  }

  std::vector<ParameterValue> parameter(const std::string& name) const override {
    std::vector<ParameterValue> out;
    for (const Params& params : params_) {
      E::visit(params, [&](const char* field_name, const auto& field) {
        if (name == field_name) out.push_back(detail::parameter_value(field));
      });
    }
    return out;
  }

  void set_parameter(const std::string& name, const std::vector<ParameterValue>& values,
                     Lane lanes) override {
    const auto size = static_cast<std::size_t>(lanes);
    require(values.size() == 1 || values.size() == size,
            name + ": expected one value or one a lane, got " + std::to_string(values.size()));
    std::vector<Params> changed = params_;
    if (values.size() > changed.size()) changed.resize(size, params_.front());
    for (std::size_t i = 0; i < changed.size(); ++i) {
      assign(changed[i], name, values[values.size() == 1 ? 0 : i]);
    }
    const bool alike = std::all_of(changed.begin(), changed.end(),
                                   [&](const Params& p) { return p == changed.front(); });
    if (alike) changed.resize(1);
    params_ = std::move(changed);
  }

 private:
  const Params& of(Lane lane) const {
    return params_.size() == 1 ? params_.front() : params_[static_cast<std::size_t>(lane)];
  }

  template <class Action>
  void step_lanes(LaneBlock block, const Action* actions, double* rewards, bool* terminated) const {
    if (params_.size() == 1) {
      dispatch([&] { step_block(params_.front(), block, actions, rewards, terminated); });
      return;
    }
    const Lane size = shape().action_size;
    for (Lane i = 0; i < block.count; ++i) {
      step_block(of(block.lane(i)), block.part(i, 1), actions + i * size, rewards + i,
                 terminated + i);
    }
  }

  template <class Action>
  void step_block(const Params& params, LaneBlock block, const Action* actions, double* rewards,
                  bool* terminated) const {
    if (exact_) {
      E::template step<ExactMath>(params, block, actions, rewards, terminated);
    } else {
      E::template step<FastMath>(params, block, actions, rewards, terminated);
    }
  }

  static void assign(Params& params, const std::string& name, const ParameterValue& value) {
    bool known = false;
    E::visit(params, [&](const char* field_name, auto& field) {
      if (name != field_name) return;
      detail::assign(name, field, value);
      known = true;
    });
    require(known, name + ": no such parameter");
  }

  bool exact_;
  std::vector<Params> params_;  // one for all lanes, or one a lane
};

}  // namespace fastpg
