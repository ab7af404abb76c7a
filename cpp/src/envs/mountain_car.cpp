// MountainCar (Moore 1990) with Gymnasium's constants, order of operations and precision: every
// intermediate is a double, the observation is the state rounded to float32.
#include "fastpg/envs/kernel_of.hpp"

namespace fastpg {
namespace {

struct MountainCar {
  struct Params {
    double goal_velocity = 0.0;
    double min_position = -1.2;
    double max_position = 0.6;
    double max_speed = 0.07;
    double goal_position = 0.5;
    double force = 0.001;
    double gravity = 0.0025;
  };

  template <class P, class Visit>
  static void visit(P& p, Visit&& visit) {
    visit("goal_velocity", p.goal_velocity, "m per step that the car must have at the goal");
    visit("min_position", p.min_position, "m");
    visit("max_position", p.max_position, "m");
    visit("max_speed", p.max_speed, "m per step");
    visit("goal_position", p.goal_position, "m");
    visit("force", p.force, "m per step², of the engine");
    visit("gravity", p.gravity, "m per step²");
  }

  // State: position along the x-axis (m), velocity (m per step).
  static constexpr Lane state_size = 2;
  static constexpr Lane observation_size = 2;
  static constexpr DiscreteActions actions{3};  // 0 to the left, 1 none, 2 to the right
  static constexpr std::array reset_defaults{-0.6, -0.4};
  static constexpr bool draws_in_steps = false;

  static void reset(ResetOptions options, Pcg64& stream, double* state) {
    state[0] = stream.uniform(options[0], options[1]);
    state[1] = 0.0;
  }

  static void observe(LaneBlock block, float* observations, Lane stride) {
    round_components(block, observation_size, observations, stride);
  }

  template <class Math>
  static void step(const Params& p, LaneBlock block, const std::int32_t* actions, double* rewards,
                   bool* terminated) {
    constexpr Lane chunk = 256;
    double slope[chunk];
    for_chunks<chunk>(block, [&](LaneBlock part, Lane begin) {
      double* const x = part.component(0);
      double* const v = part.component(1);
      for (Lane i = 0; i < part.count; ++i) slope[i] = 3.0 * x[i];
      Math::cos(slope, slope, part.count);
      for (Lane i = 0; i < part.count; ++i) {
        const double push = static_cast<double>(actions[begin + i] - 1) * p.force;
        double velocity = v[i] + (push + slope[i] * -p.gravity);
        velocity = clip(velocity, -p.max_speed, p.max_speed);
        const double position = clip(x[i] + velocity, p.min_position, p.max_position);
        if (position == p.min_position && velocity < 0.0) velocity = 0.0;
        x[i] = position;
        v[i] = velocity;
        terminated[begin + i] = position >= p.goal_position && velocity >= p.goal_velocity;
        rewards[begin + i] = -1.0;
      }
    });
  }

 private:
  static double clip(double value, double low, double high) {
    const double raised = value < low ? low : value;
    return raised > high ? high : raised;
  }
};

}  // namespace

std::unique_ptr<EnvironmentKernel> make_mountain_car(bool exact) {
  return std::make_unique<Kernel<MountainCar>>(exact);
}

}  // namespace fastpg
