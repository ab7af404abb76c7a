// Acrobot (Sutton 1996) with Gymnasium's constants, order of operations and precision: one
// fourth-order Runge-Kutta step of doubles. Right after a reset the state is rounded to float32.
#include <cmath>
#include <numbers>

#include "fastpg/envs/kernel_of.hpp"

namespace fastpg {
namespace {

struct Acrobot {
  static constexpr std::string_view dynamics[] = {"book", "nips"};

  struct Params {
    double dt = 0.2;
    double link_length_1 = 1.0;
    double link_length_2 = 1.0;  // does not enter the dynamics
    double link_mass_1 = 1.0;
    double link_mass_2 = 1.0;
    double link_com_pos_1 = 0.5;
    double link_com_pos_2 = 0.5;
    double link_moi = 1.0;
    double max_vel_1 = 4 * std::numbers::pi;
    double max_vel_2 = 9 * std::numbers::pi;
    std::array<double, 3> avail_torque{-1.0, 0.0, 1.0};
    double torque_noise_max = 0.0;
    Choice book_or_nips{dynamics};
  };

  template <class P, class Visit>
  static void visit(P& p, Visit&& visit) {
    visit("dt", p.dt, "s, one Runge-Kutta step");
    visit("LINK_LENGTH_1", p.link_length_1, "m");
    visit("LINK_LENGTH_2", p.link_length_2, "m; only drawn");
    visit("LINK_MASS_1", p.link_mass_1, "kg");
    visit("LINK_MASS_2", p.link_mass_2, "kg");
    visit("LINK_COM_POS_1", p.link_com_pos_1, "m, the first link's centre of mass");
    visit("LINK_COM_POS_2", p.link_com_pos_2, "m, the second link's");
    visit("LINK_MOI", p.link_moi, "kg m², moment of inertia of either link");
    visit("MAX_VEL_1", p.max_vel_1, "rad/s, bound of the first velocity");
    visit("MAX_VEL_2", p.max_vel_2, "rad/s, bound of the second");
    visit("AVAIL_TORQUE", p.avail_torque, "N m, what the actions stand for");
    visit("torque_noise_max", p.torque_noise_max, "N m, bound of a uniform noise on the torque");
    visit("book_or_nips", p.book_or_nips,
          "equations of Sutton & Barto's book, or those of the paper");
  }

  // State: the first joint's angle (rad, 0 hangs down), the second's relative to the first link,
  // and their angular velocities (rad/s).
  static constexpr Lane state_size = 4;
  static constexpr Lane observation_size = 6;
  static constexpr DiscreteActions actions{3};  // which of avail_torque
  static constexpr std::array reset_defaults{-0.1, 0.1};
  static constexpr bool draws_in_steps = true;

  static void reset(ResetOptions options, Pcg64& stream, double* state) {
    const double low = options[0], high = options[1];
    for (Lane k = 0; k < state_size; ++k) {
      state[k] = static_cast<float>(stream.uniform(low, high));
    }
  }

  // Gymnasium takes a sine of float32 right after a reset, from NumPy: it may differ from this
  // rounded double by one float32 ulp.
  template <class Math>
  static void observe(LaneBlock block, float* observations, Lane stride) {
    double sine[chunk];
    double cosine[chunk];
    for_chunks<chunk>(block, [&](LaneBlock part, Lane begin) {
      float* const out = observations + begin;
      for (Lane joint = 0; joint < 2; ++joint) {
        Math::sincos(part.component(joint), sine, cosine, part.count);
        round_to_float(cosine, part.count, out + 2 * joint * stride);
        round_to_float(sine, part.count, out + (2 * joint + 1) * stride);
        round_to_float(part.component(2 + joint), part.count, out + (4 + joint) * stride);
      }
    });
  }

  template <class Math>
  static void step(const Params& params, LaneBlock block, const std::int32_t* actions,
                   double* rewards, bool* terminated) {
    for_chunks<chunk>(block, [&](LaneBlock part, Lane begin) {
      double torque[chunk];
      for (Lane i = 0; i < part.count; ++i) {
        torque[i] = params.avail_torque[static_cast<std::size_t>(actions[begin + i])];
        if (params.torque_noise_max > 0.0) {
          torque[i] +=
              part.streams[part.lane(i)].uniform(-params.torque_noise_max, params.torque_noise_max);
        }
      }
      integrate<Math>(params, part, torque);
      bound(params, part);
      reward_and_terminate<Math>(part, rewards + begin, terminated + begin);
    });
  }

 private:
  static constexpr Lane chunk = 32;
  struct Columns {
    double at[state_size][chunk];
  };

  template <class Math>
  static void integrate(const Params& p, LaneBlock block, const double* torque) {
    const double half = p.dt / 2.0;
    const double sixth = p.dt / 6.0;
    const Lane n = block.count;
    const double ahead[] = {half, half, p.dt};
    Columns start{}, moved{}, k[4]{};
    for (Lane j = 0; j < state_size; ++j) {
      for (Lane i = 0; i < n; ++i) start.at[j][i] = moved.at[j][i] = block.component(j)[i];
    }
    // A loop: written out, the derivative would be compiled four times.
    for (int stage = 0; stage < 4; ++stage) {
      derivative<Math>(p, moved, torque, n, k[stage]);
      if (stage < 3) move(start, ahead[stage], k[stage], n, moved);
    }
    for (Lane j = 0; j < state_size; ++j) {
      for (Lane i = 0; i < n; ++i) {
        block.component(j)[i] = start.at[j][i] + sixth * (k[0].at[j][i] + 2.0 * k[1].at[j][i] +
                                                          2.0 * k[2].at[j][i] + k[3].at[j][i]);
      }
    }
  }

  static void move(const Columns& from, double time, const Columns& slope, Lane n, Columns& to) {
    for (Lane k = 0; k < state_size; ++k) {
      for (Lane i = 0; i < n; ++i) to.at[k][i] = from.at[k][i] + time * slope.at[k][i];
    }
  }

  // Sutton & Barto's equations, or those of the 1996 paper, which lack a term.
  template <class Math>
  static void derivative(const Params& p, const Columns& y, const double* torque, Lane n,
                         Columns& out) {
    constexpr double g = 9.8;
    constexpr double quarter_turn = std::numbers::pi / 2.0;
    const bool book = p.book_or_nips.index == 0;
    const double m1 = p.link_mass_1, m2 = p.link_mass_2, l1 = p.link_length_1;
    const double lc1 = p.link_com_pos_1, lc2 = p.link_com_pos_2, inertia = p.link_moi;
    const double lc1_square = Math::square(lc1);
    const double lc2_square = Math::square(lc2);
    const double l1_square = Math::square(l1);

    double angle[chunk] = {};
    double sine2[chunk], cosine2[chunk], cosine_both[chunk], cosine1[chunk];
    Math::sincos(y.at[1], sine2, cosine2, n);
    for (Lane i = 0; i < n; ++i) angle[i] = y.at[0][i] + y.at[1][i] - quarter_turn;
    Math::cos(angle, cosine_both, n);
    for (Lane i = 0; i < n; ++i) angle[i] = y.at[0][i] - quarter_turn;
    Math::cos(angle, cosine1, n);

    for (Lane i = 0; i < n; ++i) {
      const double spin1 = y.at[2][i], spin2 = y.at[3][i];
      const typename Math::Divisor d1(m1 * lc1_square +
                                      m2 * (l1_square + lc2_square + 2.0 * l1 * lc2 * cosine2[i]) +
                                      inertia + inertia);
      const double d2 = m2 * (lc2_square + l1 * lc2 * cosine2[i]) + inertia;
      const double phi2 = m2 * lc2 * g * cosine_both[i];
      const double phi1 = -m2 * l1 * lc2 * Math::square(spin2) * sine2[i] -
                          2.0 * m2 * l1 * lc2 * spin2 * spin1 * sine2[i] +
                          (m1 * lc1 + m2 * l1) * g * cosine1[i] + phi2;
      const double coupled = torque[i] + d2 / d1 * phi1;
      const double pushed =
          book ? coupled - m2 * l1 * lc2 * Math::square(spin1) * sine2[i] - phi2 : coupled - phi2;
      const double acceleration2 = pushed / (m2 * lc2_square + inertia - Math::square(d2) / d1);
      out.at[0][i] = spin1;
      out.at[1][i] = spin2;
      out.at[2][i] = -(d2 * acceleration2 + phi1) / d1;
      out.at[3][i] = acceleration2;
    }
  }

  static void bound(const Params& p, LaneBlock block) {
    for (Lane joint = 0; joint < 2; ++joint) {
      const double most = joint == 0 ? p.max_vel_1 : p.max_vel_2;
      double* const angle = block.component(joint);
      double* const spin = block.component(2 + joint);
      for (Lane i = 0; i < block.count; ++i) {
        angle[i] = wrap(angle[i]);
        const double low = -most > spin[i] ? -most : spin[i];
        spin[i] = most < low ? most : low;
      }
    }
  }

  // Whole turns taken off one by one, as Gymnasium does; an angle that this would keep busy for
  // too long (physics of absurd parameters, or a state set by hand) goes by the remainder.
  static double wrap(double angle) {
    constexpr double pi = std::numbers::pi;
    constexpr double turn = pi - -pi;
    if (!(std::abs(angle) < 1e7)) return std::remainder(angle, turn);
    while (angle > pi) angle -= turn;
    while (angle < -pi) angle += turn;
    return angle;
  }

  template <class Math>
  static void reward_and_terminate(LaneBlock block, double* rewards, bool* terminated) {
    double both[chunk] = {};
    double cosine_both[chunk], cosine1[chunk];
    for (Lane i = 0; i < block.count; ++i) both[i] = block.component(1)[i] + block.component(0)[i];
    Math::cos(both, cosine_both, block.count);
    Math::cos(block.component(0), cosine1, block.count);
    for (Lane i = 0; i < block.count; ++i) {
      terminated[i] = -cosine1[i] - cosine_both[i] > 1.0;
      rewards[i] = terminated[i] ? 0.0 : -1.0;
    }
  }
};

}  // namespace

std::unique_ptr<EnvironmentKernel> make_acrobot(bool exact) {
  return std::make_unique<Kernel<Acrobot>>(exact);
}

}  // namespace fastpg
