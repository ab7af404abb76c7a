// Several continuous actions, a `prepare`, no parameters.
#include <algorithm>
#include <array>
#include <cmath>
#include <fastpg/env.hpp>

struct Arm {
  static constexpr const char* id = "HeaderArm-v0";
  static constexpr int observation_size = 4;
  static constexpr std::array<float, 4> observation_low = {-1, -1, -1, -1};
  static constexpr std::array<float, 4> observation_high = {1, 1, 1, 1};
  static constexpr int max_episode_steps = 60;
  static constexpr auto actions = fastpg::continuous<2>(-1.0, 1.0);

  struct State {
    std::array<double, 2> angle;
  };
  static void state(State& s, auto&& visit) { visit("angle", s.angle); }

  static void reset(State& s, fastpg::Stream& rng) {
    for (double& angle : s.angle) angle = rng.uniform(-3, 3);
  }
  static void observe(const State& s, fastpg::Observation out) {
    for (int k = 0; k < 2; ++k) {
      out[k] = float(std::sin(s.angle[std::size_t(k)]));
      out[2 + k] = float(std::cos(s.angle[std::size_t(k)]));
    }
  }
  static std::array<double, 2> prepare(const State& s) {
    return {std::cos(s.angle[0]), std::cos(s.angle[1])};
  }
  static fastpg::Step step(State& s, const std::array<double, 2>& torque,
                           const std::array<double, 2>& height) {
    double reward = 0;
    for (std::size_t k = 0; k < 2; ++k) {
      s.angle[k] += 0.1 * std::clamp(torque[k], -1.0, 1.0);
      reward += height[k] - 0.01 * torque[k] * torque[k];
    }
    return {reward, false};
  }
};
FASTPG_ENV(Arm);
