// Pendulum with Gymnasium's constants, order of operations and precision: the state is double; the
// torque u, u^2 and 3 u / (m l^2) have the dtype of the action.
#include <cmath>
#include <numbers>

#include "fastpg/envs/kernel_of.hpp"

namespace fastpg {
namespace {

struct Pendulum {
  struct Params {
    double g = 10.0;
    double m = 1.0;
    double l = 1.0;
    double dt = 0.05;
    double max_speed = 8.0;
    double max_torque = 2.0;
  };

  template <class P, class Visit>
  static void visit(P& p, Visit&& visit) {
    visit("g", p.g, "m/s²");
    visit("m", p.m, "kg");
    visit("l", p.l, "m");
    visit("dt", p.dt, "s between two steps");
    visit("max_speed", p.max_speed, "rad/s");
    visit("max_torque", p.max_torque, "N m");
  }

  // State: angle (rad, 0 stands upright), angular velocity (rad/s).
  static constexpr Lane state_size = 2;
  static constexpr Lane observation_size = 3;
  static constexpr ContinuousActions actions{1};  // torque (N m), clipped
  static constexpr std::array reset_defaults{std::numbers::pi, 1.0};
  static constexpr bool draws_in_steps = false;

  static void reset(ResetOptions options, Pcg64& stream, double* state) {
    state[0] = stream.uniform(-options[0], options[0]);
    state[1] = stream.uniform(-options[1], options[1]);
  }

  template <class Math>
  static void observe(LaneBlock block, float* observations, Lane stride) {
    double sine[chunk], cosine[chunk];
    for_chunks<chunk>(block, [&](LaneBlock part, Lane begin) {
      float* const out = observations + begin;
      Math::sincos(part.component(0), sine, cosine, part.count);
      round_to_float(cosine, part.count, out);
      round_to_float(sine, part.count, out + stride);
      round_to_float(part.component(1), part.count, out + 2 * stride);
    });
  }

  template <class Math, class Real>
  static void step(const Params& p, LaneBlock block, const Real* torques, double* rewards,
                   bool* terminated) {
    double push[chunk], effort[chunk];
    for_chunks<chunk>(block, [&](LaneBlock part, Lane begin) {
      drive<Math>(p, torques + begin, part.count, push, effort);
      move<Math>(p, part, push, effort, rewards + begin);
      std::fill_n(terminated + begin, part.count, false);
    });
  }

 private:
  static constexpr Lane chunk = 256;

  // What depends on the dtype: the acceleration by the torque, and its cost.
  template <class Math, class Real>
  static void drive(const Params& p, const Real* torques, Lane count, double* push,
                    double* effort) {
    const Real gain = static_cast<Real>(3.0 / (p.m * Math::square(p.l)));
    const Real most = static_cast<Real>(p.max_torque);
    const Real cost = static_cast<Real>(0.001);
    for (Lane i = 0; i < count; ++i) {
      const Real u = clip(torques[i], -most, most);
      push[i] = static_cast<double>(gain * u);
      effort[i] = static_cast<double>(cost * Math::square(u));
    }
  }

  template <class Math>
  static void move(const Params& p, LaneBlock block, const double* push, const double* effort,
                   double* rewards) {
    const double gravity_gain = 3.0 * p.g / (2.0 * p.l);
    double* const angle = block.component(0);
    double* const spin = block.component(1);
    double sine[chunk];
    Math::sin(angle, sine, block.count);
    for (Lane i = 0; i < block.count; ++i) {
      const double cost =
          Math::square(normalized(angle[i])) + 0.1 * Math::square(spin[i]) + effort[i];
      const double acceleration = gravity_gain * sine[i] + push[i];
      spin[i] = clip(spin[i] + acceleration * p.dt, -p.max_speed, p.max_speed);
      angle[i] += spin[i] * p.dt;
      rewards[i] = -cost;
    }
  }

  template <class Real>
  static Real clip(Real value, Real low, Real high) {
    const Real raised = value < low ? low : value;
    return raised > high ? high : raised;
  }

  // ((x + pi) mod 2 pi) - pi, the modulus with the sign of 2 pi as in Python.
  static double normalized(double angle) {
    constexpr double pi = std::numbers::pi;
    double rest = std::fmod(angle + pi, 2.0 * pi);
    if (rest < 0.0) rest += 2.0 * pi;
    return rest - pi;
  }
};

}  // namespace

std::unique_ptr<EnvironmentKernel> make_pendulum(bool exact) {
  return std::make_unique<Kernel<Pendulum>>(exact);
}

}  // namespace fastpg
