#include <cmath>
#include <fastpg/env.hpp>
#include <numbers>

struct CartPole {
  static constexpr const char* id = "HeaderCartPole-v0";
  static constexpr int max_episode_steps = 500;
  struct Params {
    double gravity = 9.8, masspole = 0.1, total_mass = 0.1 + 1.0, length = 0.5;
    double polemass_length = 0.1 * 0.5, force_mag = 10.0, tau = 0.02;
    double theta_threshold = 12 * 2 * std::numbers::pi / 360, x_threshold = 2.4;
  };
  static void params(auto& p, auto visit) {
    visit("gravity", p.gravity, "m/s²");
    visit("masspole", p.masspole, "kg", 0);
    visit("total_mass", p.total_mass, "kg, of cart and pole", 0);
    visit("length", p.length, "m, half of the pole's", 0);
    visit("polemass_length", p.polemass_length, "kg m");
    visit("force_mag", p.force_mag, 0, 100);  // a range without a meaning
    visit("tau", p.tau, "s between two steps", 0);
    visit("theta_threshold", p.theta_threshold, "rad");
    visit("x_threshold", p.x_threshold, "m");
  }
  struct State {
    double x, v, theta, omega;
  };
  static void state(auto& s, auto visit) {
    visit("x", s.x), visit("v", s.v), visit("theta", s.theta), visit("omega", s.omega);
  }
  struct Options {
    double low = -0.05, high = 0.05;
  };
  static void options(auto& o, auto visit) { visit("low", o.low), visit("high", o.high); }
  static constexpr auto actions = fastpg::discrete(2);
  static constexpr int observation_size = 4;

  static void reset(State& s, const Params&, const Options& o, fastpg::Stream& rng) {
    s.x = rng.uniform(o.low, o.high);
    s.v = rng.uniform(o.low, o.high);
    s.theta = rng.uniform(o.low, o.high);
    s.omega = rng.uniform(o.low, o.high);
  }
  static void observe(const State& s, const Params&, fastpg::Observation out) {
    out[0] = float(s.x), out[1] = float(s.v), out[2] = float(s.theta), out[3] = float(s.omega);
  }
  struct Angle {
    double sine, cosine;
  };
  static Angle prepare(const State& s, const Params&) {
    return {std::sin(s.theta), std::cos(s.theta)};
  }
  static fastpg::Step step(State& s, int action, const Params& p, const Angle& angle) {
    const auto [sine, cosine] = angle;
    const double force = action == 1 ? p.force_mag : -p.force_mag;
    const double temp = (force + p.polemass_length * (s.omega * s.omega) * sine) / p.total_mass;
    const double spin = (p.gravity * sine - cosine * temp) /
                        (p.length * (4.0 / 3.0 - p.masspole * (cosine * cosine) / p.total_mass));
    const double push = temp - p.polemass_length * spin * cosine / p.total_mass;
    s = {s.x + p.tau * s.v, s.v + p.tau * push, s.theta + p.tau * s.omega, s.omega + p.tau * spin};
    const bool fallen = std::abs(s.x) > p.x_threshold || std::abs(s.theta) > p.theta_threshold;
    return {1.0, fallen};
  }
};
FASTPG_ENV(CartPole);
