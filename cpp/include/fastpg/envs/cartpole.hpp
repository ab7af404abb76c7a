// CartPole (Barto, Sutton & Anderson 1983) with Gymnasium's constants, order of operations and
// precision: every intermediate is a double, the observation is the state rounded to float32.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "fastpg/envs/environment.hpp"

namespace fastpg {

struct CartPole {
  struct Params {
    bool sutton_barto_reward = false;
    bool semi_implicit = false;  // integrate velocities before positions
  };

  // State: cart position (m), cart velocity (m/s), pole angle (rad), pole angular velocity (rad/s).
  static constexpr Lane state_size = 4;
  static constexpr Lane observation_size = 4;
  static constexpr std::int32_t action_count = 2;  // 0 pushes left, 1 pushes right
  static constexpr ResetBounds default_bounds{-0.05, 0.05};

  static constexpr double gravity = 9.8;
  static constexpr double cart_mass = 1.0;
  static constexpr double pole_mass = 0.1;
  static constexpr double total_mass = pole_mass + cart_mass;
  static constexpr double half_length = 0.5;
  static constexpr double pole_moment = pole_mass * half_length;
  static constexpr double force_magnitude = 10.0;
  static constexpr double time_step = 0.02;
  static constexpr double position_limit = 2.4;
  static constexpr double angle_limit = 12 * 2 * std::numbers::pi / 360;

  static void reset(const Params&, ResetBounds bounds, Pcg64& stream, double* state) {
    for (Lane k = 0; k < state_size; ++k) state[k] = stream.uniform(bounds.low, bounds.high);
  }

  static void observe(const double* state, float* observation) {
    for (Lane k = 0; k < state_size; ++k) observation[k] = static_cast<float>(state[k]);
  }

  template <class Trig>
  static void step(const Params& params, StateBlock block, const std::int32_t* actions,
                   double* rewards, bool* terminated) {
    constexpr Lane chunk = 256;
    double sine[chunk];
    double cosine[chunk];
    for (Lane begin = 0; begin < block.count; begin += chunk) {
      const StateBlock part{block.data + begin, block.stride, std::min(chunk, block.count - begin)};
      Trig::sincos(part.component(2), sine, cosine, part.count);
      if (params.semi_implicit) {
        integrate<true>(part, sine, cosine, actions + begin);
      } else {
        integrate<false>(part, sine, cosine, actions + begin);
      }
      judge(params, part, rewards + begin, terminated + begin);
    }
  }

 private:
  template <bool SemiImplicit>
  static void integrate(StateBlock block, const double* sine, const double* cosine,
                        const std::int32_t* actions) {
    double* const x = block.component(0);
    double* const x_dot = block.component(1);
    double* const theta = block.component(2);
    double* const theta_dot = block.component(3);
    for (Lane i = 0; i < block.count; ++i) {
      const double s = sine[i];
      const double c = cosine[i];
      const double x0 = x[i], v0 = x_dot[i], angle0 = theta[i], spin0 = theta_dot[i];
      const double force = actions[i] == 1 ? force_magnitude : -force_magnitude;
      const double temp = (force + pole_moment * (spin0 * spin0) * s) / total_mass;
      const double angular_acceleration =
          (gravity * s - c * temp) / (half_length * (4.0 / 3.0 - pole_mass * (c * c) / total_mass));
      const double acceleration = temp - pole_moment * angular_acceleration * c / total_mass;
      const double v1 = v0 + time_step * acceleration;
      const double spin1 = spin0 + time_step * angular_acceleration;
      x[i] = x0 + time_step * (SemiImplicit ? v1 : v0);
      x_dot[i] = v1;
      theta[i] = angle0 + time_step * (SemiImplicit ? spin1 : spin0);
      theta_dot[i] = spin1;
    }
  }

  static void judge(const Params& params, StateBlock block, double* rewards, bool* terminated) {
    const double alive_reward = params.sutton_barto_reward ? 0.0 : 1.0;
    const double fallen_reward = params.sutton_barto_reward ? -1.0 : 1.0;
    const double* const x = block.component(0);
    const double* const theta = block.component(2);
    for (Lane i = 0; i < block.count; ++i) {
      const bool fallen = (x[i] < -position_limit) | (x[i] > position_limit) |
                          (theta[i] < -angle_limit) | (theta[i] > angle_limit);
      terminated[i] = fallen;
      rewards[i] = fallen ? fallen_reward : alive_reward;
    }
  }
};

static_assert(Environment<CartPole>);

}  // namespace fastpg
