// Pendulum with Gymnasium's constants, order of operations and precision: the state is double; the
// torque u, u^2 and 3 u / (m l^2) have the dtype of the action.
#pragma once

#include <cmath>
#include <numbers>

#include "fastpg/envs/environment.hpp"

namespace fastpg {

struct Pendulum {
  struct Params {
    double g = 10.0;
    double m = 1.0;
    double l = 1.0;
    double dt = 0.05;
    double max_speed = 8.0;
    double max_torque = 2.0;

    friend bool operator==(const Params&, const Params&) = default;
  };

  template <class P, class Visit>
  static void visit(P& p, Visit&& visit) {
    visit("g", p.g);
    visit("m", p.m);
    visit("l", p.l);
    visit("dt", p.dt);
    visit("max_speed", p.max_speed);
    visit("max_torque", p.max_torque);
  }

  // State: angle (rad, 0 stands upright), angular velocity (rad/s).
  static constexpr Lane state_size = 2;
  static constexpr Lane observation_size = 3;
  static constexpr ContinuousActions actions{1};  // torque (N m), clipped
  static constexpr ResetBounds default_bounds{std::numbers::pi, 1.0};
  static constexpr bool draws_in_steps = false;

  static void reset(ResetBounds bounds, Pcg64& stream, double* state) {
    state[0] = stream.uniform(-bounds.first, bounds.first);
    state[1] = stream.uniform(-bounds.second, bounds.second);
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
    const double gravity_gain = 3.0 * p.g / (2.0 * p.l);
    const Real torque_gain = static_cast<Real>(3.0 / (p.m * Math::square(p.l)));
    const Real most_torque = static_cast<Real>(p.max_torque);
    const Real effort_cost = static_cast<Real>(0.001);
    for_chunks<chunk>(block, [&](LaneBlock part, Lane begin) {
      double* const angle = part.component(0);
      double* const spin = part.component(1);
      double sine[chunk];
      Math::sin(angle, sine, part.count);
      for (Lane i = 0; i < part.count; ++i) {
        const Real u = clip(torques[begin + i], -most_torque, most_torque);
        const double cost = Math::square(normalized(angle[i])) + 0.1 * Math::square(spin[i]) +
                            static_cast<double>(effort_cost * Math::square(u));
        const double acceleration = gravity_gain * sine[i] + static_cast<double>(torque_gain * u);
        spin[i] = clip(spin[i] + acceleration * p.dt, -p.max_speed, p.max_speed);
        angle[i] += spin[i] * p.dt;
        rewards[begin + i] = -cost;
        terminated[begin + i] = false;
      }
    });
  }

 private:
  static constexpr Lane chunk = 256;

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

static_assert(Environment<Pendulum>);

}  // namespace fastpg
