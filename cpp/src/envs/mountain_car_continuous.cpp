// MountainCarContinuous with Gymnasium's constants, order of operations and precision. Its state is
// float64 after a reset and float32 from the first step on. A number that was clipped is the
// bound itself, a Python float: it takes part in double until it meets a float32.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "fastpg/envs/kernel_of.hpp"

namespace fastpg {
namespace {

struct MountainCarContinuous {
  struct Params {
    double goal_velocity = 0.0;
    double min_action = -1.0;
    double max_action = 1.0;
    double min_position = -1.2;
    double max_position = 0.6;
    double max_speed = 0.07;
    double goal_position = 0.45;
    double power = 0.0015;
  };

  template <class P, class Visit>
  static void visit(P& p, Visit&& visit) {
    visit("goal_velocity", p.goal_velocity, "m per step that the car must have at the goal");
    visit("min_action", p.min_action, "lower bound of the force");
    visit("max_action", p.max_action, "upper bound of the force");
    visit("min_position", p.min_position, "m");
    visit("max_position", p.max_position, "m");
    visit("max_speed", p.max_speed, "m per step");
    visit("goal_position", p.goal_position, "m");
    visit("power", p.power, "m per step² and unit of force");
  }

  // State: position along the x-axis (m), velocity (m per step).
  static constexpr Lane state_size = 2;
  static constexpr Lane observation_size = 2;
  static constexpr ContinuousActions actions{1};  // directional force, clipped
  static constexpr std::array reset_defaults{-0.6, -0.4};
  static constexpr bool draws_in_steps = false;

  static void reset(ResetOptions options, Pcg64& stream, double* state) {
    state[0] = stream.uniform(options[0], options[1]);
    state[1] = 0.0;
  }

  static void observe(LaneBlock block, float* observations, Lane stride) {
    round_components(block, observation_size, observations, stride);
  }

  template <class Math, class Real>
  static void step(const Params& p, LaneBlock block, const Real* actions, double* rewards,
                   bool* terminated) {
    constexpr Lane chunk = 256;
    double slope[chunk];
    for_chunks<chunk>(block, [&](LaneBlock part, Lane begin) {
      double* const x = part.component(0);
      double* const v = part.component(1);
      for (Lane i = 0; i < part.count; ++i) {
        slope[i] = fresh(part, i) ? 3.0 * x[i] : 3.0f * static_cast<float>(x[i]);
      }
      Math::cos(slope, slope, part.count);
      for (Lane i = 0; i < part.count; ++i) {
        const Real action = actions[begin + i];
        const bool ended = fresh(part, i) ? drive<double>(p, action, slope[i], x[i], v[i])
                                          : drive<float>(p, action, slope[i], x[i], v[i]);
        const double effort = Math::square(static_cast<double>(action)) * 0.1;
        terminated[begin + i] = ended;
        rewards[begin + i] = (ended ? 100.0 : 0.0) - effort;
      }
    });
  }

 private:
  static bool fresh(LaneBlock block, Lane i) { return block.elapsed[block.lane(i)] == 0; }

  // A number of dtype State, or a Python float where it was set to a bound.
  template <class State>
  struct Number {
    State value;
    double bound = 0.0;
    bool clipped = false;

    void set(double to) { *this = {static_cast<State>(to), to, true}; }
    bool above(double other) const {
      return clipped ? bound > other : value > static_cast<State>(other);
    }
    bool below(double other) const {
      return clipped ? bound < other : value < static_cast<State>(other);
    }
    bool equals(double other) const {
      return clipped ? bound == other : value == static_cast<State>(other);
    }
    bool at_least(double other) const { return above(other) || equals(other); }
    float as_float32() const { return static_cast<float>(clipped ? bound : value); }
  };

  // x, v: the state; returns whether it ended. State: the state's dtype, Real: the action's.
  template <class State, class Real>
  static bool drive(const Params& p, Real action, double cosine, double& x, double& v) {
    const double pull = 0.0025 * cosine;
    const State velocity = static_cast<State>(v);
    const bool raised = static_cast<Real>(p.min_action) > action;
    if (raised || static_cast<Real>(p.max_action) < action) {
      const double force = raised ? std::min(p.min_action, p.max_action) : p.max_action;
      const State change = static_cast<State>(force * p.power - pull);
      return move<State, State>(p, velocity + change, x, v);
    }
    using Wider = std::common_type_t<State, Real>;
    const Real change = action * static_cast<Real>(p.power) - static_cast<Real>(pull);
    return move<State, Wider>(p, static_cast<Wider>(velocity) + static_cast<Wider>(change), x, v);
  }

  // Velocity: the dtype of the new velocity before it is stored as float32.
  template <class State, class Velocity>
  static bool move(const Params& p, Velocity accelerated, double& x, double& v) {
    Number<Velocity> velocity{accelerated};
    if (velocity.above(p.max_speed)) velocity.set(p.max_speed);
    if (velocity.below(-p.max_speed)) velocity.set(-p.max_speed);
    const State position = static_cast<State>(x);
    return velocity.clipped
               ? settle(p, position + static_cast<State>(velocity.bound), velocity, x, v)
               : settle(p, position + velocity.value, velocity, x, v);
  }

  template <class Position, class Velocity>
  static bool settle(const Params& p, Position moved, Number<Velocity> velocity, double& x,
                     double& v) {
    Number<Position> position{moved};
    if (position.above(p.max_position)) position.set(p.max_position);
    if (position.below(p.min_position)) position.set(p.min_position);
    if (position.equals(p.min_position) && velocity.below(0.0)) velocity.set(0.0);
    x = position.as_float32();
    v = velocity.as_float32();
    return position.at_least(p.goal_position) && velocity.at_least(p.goal_velocity);
  }
};

}  // namespace

std::unique_ptr<EnvironmentKernel> make_mountain_car_continuous(bool exact) {
  return std::make_unique<Kernel<MountainCarContinuous>>(exact);
}

}  // namespace fastpg
