// An environment in the form that VectorEnv, rollouts and bindings use: one virtual call serves a
// whole block of environments.
#pragma once

#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "fastpg/core/checks.hpp"
#include "fastpg/envs/environment.hpp"

namespace fastpg {

// Actions of one of three types: one entry for each environment, or `action_size` of them,
// row-major. Small enough to be passed in registers.
class ActionsView {
 public:
  ActionsView(const std::int32_t* first) : first_(first), type_(Type::int32) {}
  ActionsView(const float* first) : first_(first), type_(Type::float32) {}
  ActionsView(const double* first) : first_(first), type_(Type::float64) {}

  bool is_float32() const { return type_ == Type::float32; }

  // std::invalid_argument where they are of another type.
  template <class T>
  const T* as() const {
    if (type_ != ActionsView(static_cast<const T*>(nullptr)).type_) refuse_type();
    return static_cast<const T*>(first_);
  }

  // The actions from some entry on.
  ActionsView from(Lane entry) const {
    switch (type_) {
      case Type::int32:
        return as<std::int32_t>() + entry;
      case Type::float32:
        return as<float>() + entry;
      default:
        return as<double>() + entry;
    }
  }

 private:
  enum class Type : std::int64_t { int32, float32, float64 };

  [[noreturn]] static void refuse_type() { fastpg::refuse("actions: expected another dtype"); }

  const void* first_;
  Type type_;
};

using ParameterValue = std::variant<bool, double, std::string, std::vector<double>>;

struct Parameter {
  std::string name;
  ParameterValue value;
  std::vector<std::string> choices;  // where the value is a string
  std::string meaning;               // and its unit
};

struct EnvironmentShape {
  Lane state_size;
  Lane observation_size;
  std::span<const std::int32_t> action_counts;  // of each choice; none: continuous
  Lane action_size;
  ResetOptions reset_defaults;  // as many as a reset takes
  bool draws_in_steps;
  bool several = false;   // discrete actions are arrays, even of one choice (MultiDiscrete)
  bool masked = false;    // masks() says which actions are allowed
  bool may_fail = false;  // its functions may throw EnvironmentError

  bool discrete() const { return !action_counts.empty(); }
  // Flags of a mask: of all choices side by side.
  Lane mask_size() const {
    return masked ? std::accumulate(action_counts.begin(), action_counts.end(), Lane{0}) : 0;
  }
};

// An environment's own function has failed, or has given a number that it may not.
class EnvironmentError : public std::runtime_error {
 public:
  EnvironmentError(const std::string& message, Lane environment)
      : std::runtime_error(message), environment_(environment) {}
  Lane environment() const { return environment_; }

 private:
  Lane environment_;
};

class EnvironmentKernel {
 public:
  virtual ~EnvironmentKernel() = default;

  virtual EnvironmentShape shape() const = 0;
  // options: as many as shape().reset_defaults. Number k of the new state at state[k * stride].
  virtual void reset(Lane lane, ResetOptions options, Pcg64& stream, double* state,
                     Lane stride) const = 0;
  // Number k of entry i at observations[k * stride + i].
  virtual void observe(LaneBlock block, float* observations, Lane stride) const = 0;
  // Physics alone; std::invalid_argument where the environment has no actions of this type.
  virtual void step(LaneBlock block, ActionsView actions, double* rewards,
                    bool* terminated) const = 0;
  // Where shape().masked: flag k of entry i at allowed[k * stride + i], 0 or 1; of each choice one
  // is 1.
  virtual void masks(LaneBlock, std::uint8_t*, Lane) const {}

  virtual std::vector<Parameter> parameters(Lane lane) const = 0;
  // One value where all environments agree on every parameter, else one for each environment.
  virtual std::vector<ParameterValue> parameter(const std::string& name) const = 0;
  // values: one for all environments, or one for each.
  virtual void set_parameter(const std::string& name, const std::vector<ParameterValue>& values,
                             Lane lanes) = 0;
};

}  // namespace fastpg
