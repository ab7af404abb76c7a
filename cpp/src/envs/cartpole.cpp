// CartPole (Barto, Sutton & Anderson 1983) with Gymnasium's constants, order of operations and
// precision: every intermediate is a double, the observation is the state rounded to float32.
#include <numbers>

#include "fastpg/envs/kernel_of.hpp"

namespace fastpg {
namespace {

struct CartPole {
  static constexpr std::string_view integrators[] = {"euler", "semi-implicit euler"};

  struct Params {
    bool sutton_barto_reward = false;
    double gravity = 9.8;
    double masscart = 1.0;
    double masspole = 0.1;
    double total_mass = 0.1 + 1.0;
    double length = 0.5;  // half of the pole's
    double polemass_length = 0.1 * 0.5;
    double force_mag = 10.0;
    double tau = 0.02;
    Choice kinematics_integrator{integrators};
    double theta_threshold_radians = 12 * 2 * std::numbers::pi / 360;
    double x_threshold = 2.4;
  };

  template <class P, class Visit>
  static void visit(P& p, Visit&& visit) {
    visit("sutton_barto_reward", p.sutton_barto_reward, "the reward of the original paper");
    visit("gravity", p.gravity, "m/s²");
    visit("masscart", p.masscart, "kg; no formula uses it but `total_mass`, set by itself");
    visit("masspole", p.masspole, "kg");
    visit("total_mass", p.total_mass, "kg, of cart and pole");
    visit("length", p.length, "m, half of the pole's");
    visit("polemass_length", p.polemass_length, "kg m");
    visit("force_mag", p.force_mag, "N");
    visit("tau", p.tau, "s between two steps");
    visit("kinematics_integrator", p.kinematics_integrator,
          "how velocities and positions are updated");
    visit("theta_threshold_radians", p.theta_threshold_radians,
          "rad, beyond which the pole has fallen");
    visit("x_threshold", p.x_threshold, "m, beyond which the cart has left");
  }

  // State: cart position (m), cart velocity (m/s), pole angle (rad), pole angular velocity (rad/s).
  static constexpr Lane state_size = 4;
  static constexpr Lane observation_size = 4;
  static constexpr DiscreteActions actions{2};  // 0 pushes left, 1 pushes right
  static constexpr std::array reset_defaults{-0.05, 0.05};
  static constexpr bool draws_in_steps = false;

  static void reset(ResetOptions options, Pcg64& stream, double* state) {
    const double low = options[0], high = options[1];
    for (Lane k = 0; k < state_size; ++k) state[k] = stream.uniform(low, high);
  }

  static void observe(LaneBlock block, float* observations, Lane stride) {
    round_components(block, observation_size, observations, stride);
  }

  template <class Math>
  static void step(const Params& params, LaneBlock block, const std::int32_t* actions,
                   double* rewards, bool* terminated) {
    constexpr Lane chunk = 256;
    double sine[chunk];
    double cosine[chunk];
    for_chunks<chunk>(block, [&](LaneBlock part, Lane begin) {
      Math::sincos(part.component(2), sine, cosine, part.count);
      if (params.kinematics_integrator.index == 0) {
        integrate<Math, false>(params, part, sine, cosine, actions + begin);
      } else {
        integrate<Math, true>(params, part, sine, cosine, actions + begin);
      }
      reward_and_terminate(params, part, rewards + begin, terminated + begin);
    });
  }

 private:
  template <class Math, bool SemiImplicit>
  static void integrate(const Params& p, LaneBlock block, const double* sine, const double* cosine,
                        const std::int32_t* actions) {
    const typename Math::Divisor total_mass(p.total_mass);
    double* const x = block.component(0);
    double* const x_dot = block.component(1);
    double* const theta = block.component(2);
    double* const theta_dot = block.component(3);
    for (Lane i = 0; i < block.count; ++i) {
      const double s = sine[i];
      const double c = cosine[i];
      const double x0 = x[i], v0 = x_dot[i], angle0 = theta[i], spin0 = theta_dot[i];
      const double force = actions[i] == 1 ? p.force_mag : -p.force_mag;
      const double temp = (force + p.polemass_length * (spin0 * spin0) * s) / total_mass;
      const double angular_acceleration =
          (p.gravity * s - c * temp) / (p.length * (4.0 / 3.0 - p.masspole * (c * c) / total_mass));
      const double acceleration = temp - p.polemass_length * angular_acceleration * c / total_mass;
      const double v1 = v0 + p.tau * acceleration;
      const double spin1 = spin0 + p.tau * angular_acceleration;
      x[i] = x0 + p.tau * (SemiImplicit ? v1 : v0);
      x_dot[i] = v1;
      theta[i] = angle0 + p.tau * (SemiImplicit ? spin1 : spin0);
      theta_dot[i] = spin1;
    }
  }

  static void reward_and_terminate(const Params& p, LaneBlock block, double* rewards,
                                   bool* terminated) {
    const double alive_reward = p.sutton_barto_reward ? 0.0 : 1.0;
    const double fallen_reward = p.sutton_barto_reward ? -1.0 : 1.0;
    const double* const x = block.component(0);
    const double* const theta = block.component(2);
    for (Lane i = 0; i < block.count; ++i) {
      const bool fallen = (x[i] < -p.x_threshold) | (x[i] > p.x_threshold) |
                          (theta[i] < -p.theta_threshold_radians) |
                          (theta[i] > p.theta_threshold_radians);
      terminated[i] = fallen;
      rewards[i] = fallen ? fallen_reward : alive_reward;
    }
  }
};

}  // namespace

std::unique_ptr<EnvironmentKernel> make_cartpole(bool exact) {
  return std::make_unique<Kernel<CartPole>>(exact);
}

}  // namespace fastpg
