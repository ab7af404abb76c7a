#include <set>

#include "check.hpp"
#include "fastpg/envs/cartpole.hpp"
#include "fastpg/rollout/collect_episodes.hpp"
#include "fastpg/rollout/collect_steps.hpp"

using namespace fastpg;

namespace {

constexpr Lane observation_size = CartPole::observation_size;

VectorEnv cartpoles(Lane lanes, std::int64_t limit, bool exact = true) {
  return {std::make_unique<Kernel<CartPole>>(exact), lanes, limit};
}

VectorEnv made(Lane lanes, std::int64_t limit) {
  VectorEnv env = cartpoles(lanes, limit);
  for (Lane i = 0; i < lanes; ++i) {
    const std::uint32_t words[] = {static_cast<std::uint32_t>(i)};
    env.stream(i) = Pcg64(SeedSequence(words));
    env.reset(i);
  }
  return env;
}

const FeatureMap identity = FeatureMap::identity(observation_size, false);

using Storage = RolloutStorage<std::int32_t>;

SoftmaxActor uniform_policy() {
  const auto size = static_cast<std::size_t>((observation_size + 1) * CartPole::actions.count);
  return {identity, std::vector<double>(size, 0.0), CartPole::actions.count, false};
}

}  // namespace

// From rest and upright, pushed right: temp = 10 / 1.1, angle' = -temp / (0.5 (4/3 - 0.1 / 1.1)).
CASE(cartpole_first_step_by_hand) {
  VectorEnv env = cartpoles(1, 500);
  const double rest[] = {0.0, 0.0, 0.0, 0.0};
  env.set_state(0, rest);
  const std::int32_t right[] = {1};
  double reward;
  bool terminated;
  env.advance(env.states(), static_cast<const std::int32_t*>(right), &reward, &terminated);
  double state[4];
  env.get_state(0, state);
  const double temp = 10.0 / 1.1;
  const double spin = -temp / (0.5 * (4.0 / 3.0 - 0.1 / 1.1));
  CHECK(state[0] == 0.0 && state[2] == 0.0);
  CHECK_CLOSE(state[1], 0.02 * (temp - 0.05 * spin / 1.1), 1e-15);
  CHECK_CLOSE(state[3], 0.02 * spin, 1e-15);
  CHECK(reward == 1.0 && !terminated);
}

CASE(a_fall_at_the_limit_sets_both_flags) {
  VectorEnv env = cartpoles(1, 1);
  const double falling[] = {0.0, 0.0, 0.3, 0.0};
  env.set_state(0, falling);
  const std::int32_t action[] = {0};
  float observation[4], final_observation[4];
  double reward;
  bool terminated, truncated, has_final = false;
  env.step(static_cast<const std::int32_t*>(action), Autoreset::next_step,
           {observation, &reward, &terminated, &truncated, final_observation, &has_final}, 1);
  CHECK(terminated && truncated);
}

CASE(rollouts_do_not_depend_on_how_they_are_cut) {
  auto policy = uniform_policy();
  const LaneStream stream(3, Purpose::action);
  VectorEnv one = made(5, 30), two = made(5, 30);
  Storage whole(5, observation_size, 1), first(5, observation_size, 1),
      rest(5, observation_size, 1);
  collect_steps(one, policy, stream, 0, 100, 1, whole);
  collect_steps(two, policy, stream, 0, 37, 1, first);
  collect_steps(two, policy, stream, 37, 63, 1, rest);
  for (std::size_t i = 0; i < whole.actions.size(); ++i) {
    const auto cut = first.actions.size();
    CHECK(whole.actions[i] == (i < cut ? first.actions[i] : rest.actions[i - cut]));
  }
  CHECK(whole.last_observations == rest.last_observations);
  CHECK(whole.ends.lengths.size() == first.ends.lengths.size() + rest.ends.lengths.size());
}

CASE(whole_episodes_fill_their_columns) {
  auto policy = uniform_policy();
  VectorEnv env = made(3, 500);
  Storage out(7, observation_size, 1);
  collect_episodes(env, policy, LaneStream(0, Purpose::action), 0, 1 << 30, out);
  CHECK(out.complete && out.ends.column.size() == 7);
  std::int64_t total = 0;
  for (std::size_t k = 0; k < 7; ++k) {
    const Lane column = out.ends.column[k];
    CHECK(out.ends.row[k] == out.ends.lengths[k] - 1);
    for (Lane t = 0; t < out.rows; ++t) {
      CHECK(out.valid[out.flat(t, column)] == (t < out.ends.lengths[k]));
    }
    total += out.ends.lengths[k];
  }
  CHECK(total == out.sample_count);
}

CASE(a_budget_is_never_passed) {
  auto policy = uniform_policy();
  VectorEnv env = made(4, 500);
  Storage out(8, observation_size, 1);
  collect_episodes(env, policy, LaneStream(0, Purpose::action), 0, 50, out);
  CHECK(!out.complete && out.sample_count <= 50 && out.sample_count > 46);
}

CASE(fast_and_exact_trig_play_the_same_game) {
  VectorEnv exact = cartpoles(64, 500), fast = cartpoles(64, 500, false);
  std::vector<std::int32_t> actions(64);
  std::vector<double> rewards(64);
  bool terminated[64];
  for (Lane i = 0; i < 64; ++i) {
    const double angle = 0.006 * static_cast<double>(i - 32);
    const double state[] = {0.0, 0.1, angle, -0.2};
    exact.set_state(i, state);
    fast.set_state(i, state);
    actions[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i & 1);
  }
  exact.advance(exact.states(), static_cast<const std::int32_t*>(actions.data()), rewards.data(),
                terminated);
  fast.advance(fast.states(), static_cast<const std::int32_t*>(actions.data()), rewards.data(),
               terminated);
  for (Lane i = 0; i < 64; ++i) {
    double a[4], b[4];
    exact.get_state(i, a);
    fast.get_state(i, b);
    for (int k = 0; k < 4; ++k) CHECK_CLOSE(a[k], b[k], 1e-14);
  }
}
