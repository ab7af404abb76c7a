// Cart-pole swing-up: the pole hangs at first, and the episode ends when the cart leaves the rail.
// Equations of Barto, Sutton & Anderson (1983) without friction, explicit Euler.
#pragma once

#include <algorithm>
#include <cmath>
#include <fastpg/env.hpp>

struct SwingUp {
  static constexpr const char* id = "SwingUp-v0";
  static constexpr int max_episode_steps = 500;
  static constexpr int observation_size = 5;
  static constexpr auto actions = fastpg::continuous(-1.0, 1.0);  // share of the largest force

  struct Params {
    double gravity = 9.8, force = 10.0, length = 0.5, rail = 2.4;
  };
  static void params(auto& p, auto visit) {
    visit("gravity", p.gravity, "m/s^2", 0, 100);
    visit("force", p.force, "largest force (N)", 0.1, 1000);
    visit("length", p.length, "of half the pole (m)", 0.1, 10);
    visit("rail", p.rail, "largest distance of the cart (m)", 0.1, 100);
  }

  struct State {
    double x, speed, angle, spin;  // of the cart (m, m/s), of the pole (rad from upright, rad/s)
  };
  static void state(auto& s, auto visit) {
    visit("x", s.x), visit("speed", s.speed), visit("angle", s.angle), visit("spin", s.spin);
  }

  struct Options {
    double spread = 0.05;  // of the angle around hanging down
  };
  static void options(auto& o, auto visit) { visit("spread", o.spread, "rad", 0, 3.2); }

  static void reset(State& s, const Params&, const Options& o, fastpg::Stream& rng) {
    s.angle = 3.141592653589793 + rng.uniform(-o.spread, o.spread);
  }

  static void observe(const State& s, const Params&, fastpg::Observation out) {
    out[0] = float(s.x), out[1] = float(s.speed), out[4] = float(s.spin);
    out[2] = float(std::cos(s.angle)), out[3] = float(std::sin(s.angle));
  }

  static fastpg::Step step(State& s, double action, const Params& p) {
    const double sine = std::sin(s.angle), cosine = std::cos(s.angle);
    const double force = p.force * std::clamp(action, -1.0, 1.0), moment = 0.1 * p.length;
    const double push = (force + moment * (s.spin * s.spin) * sine) / 1.1;
    const double turn = (p.gravity * sine - cosine * push) /
                        (p.length * (4.0 / 3.0 - 0.1 * (cosine * cosine) / 1.1));
    s = {s.x + 0.02 * s.speed, s.speed + 0.02 * (push - moment * turn * cosine / 1.1),
         s.angle + 0.02 * s.spin, s.spin + 0.02 * turn};
    const bool off = std::abs(s.x) > p.rail;
    return {off ? 0.0 : 0.5 + 0.5 * std::cos(s.angle), off};
  }
};
