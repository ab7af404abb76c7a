// An environment larger than the library's own: what Python cannot make.
#include <algorithm>
#include <array>
#include <cmath>

#include "check.hpp"
#include "fastpg/envs/kernel_of.hpp"
#include "fastpg/networks/linear.hpp"
#include "fastpg/rollout/collect_episodes.hpp"
#include "fastpg/rollout/collect_steps.hpp"
#include "fastpg/rollout/network_actors.hpp"

using namespace fastpg;

namespace {

// Larger than what the library's own environments need: 12 numbers of state, drawn with 3 numbers
// of a reset, of which the last is added to the first at every step.
struct Wide {
  struct Params {
    double growth = 1.0;
  };

  template <class P, class Visit>
  static void visit(P& p, Visit&& visit) {
    visit("growth", p.growth, "factor of the last number");
  }

  static constexpr Lane state_size = 12;
  static constexpr Lane observation_size = 12;
  static constexpr DiscreteActions actions{2};
  static constexpr std::array reset_defaults{-1.0, 1.0, 0.25};
  static constexpr bool draws_in_steps = false;

  static void reset(ResetOptions options, Pcg64& stream, double* state) {
    for (Lane k = 0; k < state_size - 1; ++k) state[k] = stream.uniform(options[0], options[1]);
    state[state_size - 1] = options[2];
  }

  static void observe(LaneBlock block, float* observations, Lane stride) {
    round_components(block, observation_size, observations, stride);
  }

  template <class Math>
  static void step(const Params& p, LaneBlock block, const std::int32_t*, double* rewards,
                   bool* terminated) {
    for (Lane i = 0; i < block.count; ++i) {
      double& first = block.component(0)[i];
      first += p.growth * block.component(state_size - 1)[i];
      rewards[i] = first;
      terminated[i] = first > 1.0;
    }
  }
};

// Reset with these numbers, every environment from a stream of its own.
VectorEnv wide(Lane lanes, ResetOptions options) {
  VectorEnv env(std::make_unique<Kernel<Wide>>(true), lanes, 100);
  for (Lane i = 0; i < lanes; ++i) {
    const std::uint32_t words[] = {static_cast<std::uint32_t>(i)};
    env.stream(i) = Pcg64(SeedSequence(words));
    env.reset(i, options);
  }
  return env;
}

SoftmaxActor wide_policy() {
  static const FeatureMap map = FeatureMap::identity(Wide::observation_size, false);
  const LinearArchitecture network(map.size(), 2);
  const std::vector<double> theta(static_cast<std::size_t>(network.parameters()), 0.0);
  static const std::array<std::int32_t, 1> choices{2};
  return {map, network, choices, theta, false};
}

}  // namespace

CASE(a_reset_takes_any_number_of_numbers) {
  const double options[] = {3.0, 4.0, 7.0};
  VectorEnv env = wide(600, options);
  const std::uint32_t words[] = {599};
  Pcg64 stream{SeedSequence(words)};
  double state[Wide::state_size];
  env.get_state(599, state);
  for (Lane k = 0; k + 1 < Wide::state_size; ++k) CHECK(state[k] == stream.uniform(3.0, 4.0));
  CHECK(state[Wide::state_size - 1] == 7.0);
}

CASE(rollouts_hold_states_of_any_size) {
  const SoftmaxActor policy = wide_policy();
  VectorEnv env = wide(600, Wide::reset_defaults);
  RolloutStorage out(600, env.shape(), policy);
  collect_steps(env, policy, LaneStream(3, RandomStream::action), 0, 20, 2, out);
  CHECK(out.ends.count() > 600);
  for (std::size_t k = 0; k < out.ends.count(); ++k) {
    const Lane row = out.ends.row[k], column = out.ends.column[k];
    const float* const last = out.ends.final_observations.data() + 12 * static_cast<Lane>(k);
    const float* const before = out.observation(row, column);
    CHECK(last[0] > 1.0f && out.terminated[static_cast<std::size_t>(out.flat(row, column))]);
    CHECK(std::abs(last[0] - (before[0] + 0.25f)) < 1e-6f);
    CHECK(std::equal(last + 1, last + 12, before + 1));
    if (row + 1 < out.rows) CHECK(out.observation(row + 1, column)[0] < 1.0f);
  }
}

CASE(whole_episodes_and_steps_hold_the_same_states_of_any_size) {
  const SoftmaxActor policy = wide_policy();
  VectorEnv one = wide(3, Wide::reset_defaults), two = wide(3, Wide::reset_defaults);
  RolloutStorage steps(3, one.shape(), policy);
  RolloutStorage episodes(3, two.shape(), policy);
  collect_steps(one, policy, LaneStream(3, RandomStream::action), 0, 20, 1, steps);
  collect_episodes(two, policy, LaneStream(3, RandomStream::action), 0, 1 << 20, episodes);
  for (Lane column = 0; column < 3; ++column) {
    for (Lane row = 0; row < episodes.rows; ++row) {
      if (!episodes.valid[static_cast<std::size_t>(episodes.flat(row, column))]) continue;
      const float* const a = episodes.observation(row, column);
      CHECK(std::equal(a, a + 12, steps.observation(row, column)));
    }
  }
}

CASE(parameters_are_described_by_the_list_that_sets_them) {
  Kernel<Wide> kernel(true);
  kernel.set_parameter("growth", {ParameterValue(2.0), ParameterValue(3.0)}, 2);
  const Parameter second = kernel.parameters(1).front();
  CHECK(second.name == "growth" && second.meaning == "factor of the last number");
  CHECK(std::get<double>(second.value) == 3.0);
  CHECK(kernel.parameter("growth").size() == 2);
  kernel.set_parameter("growth", {ParameterValue(2.0)}, 2);
  CHECK(kernel.parameter("growth").size() == 1);
}
