// Cart-pole swing-up: the pole hangs at first. Equations of Barto, Sutton & Anderson (1983) without
// friction; the force is continuous, and the pole turns all the way round.
#pragma once

#include <algorithm>
#include <cmath>
#include <fastpg/env.hpp>

struct SwingUp {
  static constexpr const char* id = "SwingUp-v0";
  static constexpr int max_episode_steps = 500;
  static constexpr int observation_size = 5;
  static constexpr auto actions = fastpg::continuous(-1.0, 1.0);

  struct Params {
    double gravity = 9.8, cart = 1.0, pole = 0.1, length = 0.5, force = 10.0, tau = 0.02;
    double track = 2.4;
  };
  static void params(auto& p, auto visit) {
    visit("gravity", p.gravity, "m/s²", 0);
    visit("cart", p.cart, "kg", 0.01);
    visit("pole", p.pole, "kg", 0.01);
    visit("length", p.length, "m, half of the pole's", 0.01);
    visit("force", p.force, "N, of the action 1", 0);
    visit("tau", p.tau, "s between two steps", 0.001, 0.1);
    visit("track", p.track, "m, from the middle to an end", 0.1);
  }

  struct State {
    double x, v, angle, spin;  // m, m/s, rad from upright, rad/s
  };
  static void state(auto& s, auto visit) {
    visit("x", s.x), visit("v", s.v), visit("angle", s.angle), visit("spin", s.spin);
  }
  static void reset(State& s, const Params&, fastpg::Stream& rng) {
    s = {rng.uniform(-0.1, 0.1), 0, 3.141592653589793 + rng.uniform(-0.1, 0.1), 0};
  }

  static void observe(const State& s, const Params&, fastpg::Observation out) {
    out[0] = float(s.x), out[1] = float(s.v);
    out[2] = float(std::sin(s.angle)), out[3] = float(std::cos(s.angle));
    out[4] = float(s.spin);
  }

  static fastpg::Step step(State& s, double action, const Params& p) {
    const double sine = std::sin(s.angle), cosine = std::cos(s.angle);
    const double mass = p.cart + p.pole, moment = p.pole * p.length;
    const double force = p.force * std::clamp(action, -1.0, 1.0);
    const double push = (force + moment * s.spin * s.spin * sine) / mass;
    const double turn = (p.gravity * sine - cosine * push) /
                        (p.length * (4.0 / 3.0 - p.pole * cosine * cosine / mass));
    s.v += p.tau * (push - moment * turn * cosine / mass);
    s.spin += p.tau * turn;
    s.x += p.tau * s.v;
    s.angle += p.tau * s.spin;
    const bool off = std::abs(s.x) > p.track;
    return {off ? -100.0 : std::cos(s.angle) - 0.01 * action * action, off};
  }
};
