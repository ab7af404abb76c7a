// Rollouts of a lane policy in a VectorEnv: by steps (T x N, episodes running over) and by whole
// episodes (the lecture's trajectories). Lanes reset in the step that ends their episode, after the
// last observation was kept.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "fastpg/core/philox.hpp"
#include "fastpg/envs/vector_env.hpp"
#include "fastpg/rollout/lane_policy.hpp"
#include "fastpg/rollout/storage.hpp"

namespace fastpg {

// Uniform numbers for lanes that all stand at the same step, `size` of them a lane; blocks are
// renewed every fourth step.
class LockstepUniforms {
 public:
  LockstepUniforms(const LaneStream& stream, Lane lanes, Lane size, std::uint64_t first_step)
      : stream_(stream),
        step_(first_step),
        size_(size),
        blocks_(static_cast<std::size_t>(lanes * size)) {
    renew();
  }

  auto of(Lane lane) const {
    return [this, lane](Lane k) { return to_uniform(blocks_[lane * size_ + k][step_ & 3]); };
  }

  void next_step() {
    if ((++step_ & 3) == 0) renew();
  }

 private:
  void renew() {
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const auto lane = static_cast<std::uint32_t>(i / static_cast<std::size_t>(size_));
      const auto k = static_cast<std::uint32_t>(i % static_cast<std::size_t>(size_));
      blocks_[i] = stream_.block(lane, step_, k);
    }
  }

  LaneStream stream_;
  std::uint64_t step_;
  Lane size_;
  std::vector<Philox4x32::Counter> blocks_;
};

// Books the end of an episode and starts the next one.
template <class Storage>
void record_end(VectorEnv& env, Lane lane, Lane row, Lane column, Storage& out) {
  auto& ends = out.ends;
  ends.row.push_back(row);
  ends.column.push_back(column);
  ends.returns.push_back(env.episode_return(lane));
  ends.lengths.push_back(env.elapsed(lane));
  ends.final_observations.resize(ends.final_observations.size() +
                                 static_cast<std::size_t>(out.observation_size));
  env.observe(
      lane, ends.final_observations.data() + ends.final_observations.size() - out.observation_size);
  env.reset(lane);
}

template <class Storage>
void record_last(VectorEnv& env, Lane lane, Lane column, Storage& out) {
  out.last_observations.resize(static_cast<std::size_t>(out.columns * out.observation_size));
  out.last_step_index.resize(static_cast<std::size_t>(out.columns));
  env.observe(lane, out.last_observations.data() + column * out.observation_size);
  out.last_step_index[column] = env.elapsed(lane);
}

// `steps` steps of every lane. Storage has one column a lane.
template <class Actor>
void collect_steps(VectorEnv& env, Actor& actor, const LaneStream& stream, std::uint64_t first_step,
                   Lane steps, RolloutStorage<typename Actor::Action>& out) {
  const Lane lanes = env.num_envs();
  const auto terminated = std::make_unique<bool[]>(static_cast<std::size_t>(lanes));
  LockstepUniforms uniforms(stream, lanes, actor.action_size(), first_step);
  out.grow(steps);
  env.reset_ended();
  std::fill(out.valid.begin(), out.valid.end(), std::uint8_t{1});

  for (Lane t = 0; t < steps; ++t) {
    const Lane row = out.flat(t, 0);
    env.kernel().observe(env.states(), out.observation(t, 0));
    for (Lane i = 0; i < lanes; ++i) {
      out.step_index[row + i] = static_cast<std::int32_t>(env.elapsed(i));
      actor.act(out.observation(t, i), env.elapsed(i), uniforms.of(i), out.action(t, i));
    }
    env.advance(env.states(), actor.sent(out.action(t, 0), lanes), &out.rewards[row],
                terminated.get());
    for (Lane i = 0; i < lanes; ++i) {
      bool truncated = false;
      const bool ended = env.count_step(i, out.rewards[row + i], terminated[i], truncated);
      out.terminated[row + i] = terminated[i];
      out.truncated[row + i] = truncated;
      if (ended) record_end(env, i, t, i, out);
    }
    uniforms.next_step();
  }
  for (Lane i = 0; i < lanes; ++i) record_last(env, i, i, out);
  out.sample_count = steps * lanes;
  out.step_count = steps;
}

// The states of the lanes still at work, packed, so that physics runs over no lane in vain.
class ActiveLanes {
 public:
  ActiveLanes(VectorEnv& env, Lane count)
      : env_(env),
        states_(static_cast<std::size_t>(count * env.shape().state_size)),
        stride_(count) {
    for (Lane i = 0; i < count; ++i) lanes_.push_back(i);
    for (Lane slot = 0; slot < count; ++slot) load(slot);
  }

  Lane count() const { return static_cast<Lane>(lanes_.size()); }
  Lane lane(Lane slot) const { return lanes_[static_cast<std::size_t>(slot)]; }
  LaneBlock block() { return env_.block(states_.data(), stride_, count(), lanes_.data()); }

  void load(Lane slot) {
    double state[most_state_size];
    env_.get_state(lane(slot), state);
    put(slot, state);
  }
  void store(Lane slot) {
    double state[most_state_size];
    get(slot, state);
    env_.store_state(lane(slot), state);
  }
  // The last slot takes the place of a retired one.
  void retire(Lane slot) {
    double state[most_state_size];
    get(count() - 1, state);
    put(slot, state);
    lanes_[static_cast<std::size_t>(slot)] = lanes_.back();
    lanes_.pop_back();
  }

 private:
  void get(Lane slot, double* state) const {
    for (Lane k = 0; k < env_.shape().state_size; ++k) state[k] = states_[k * stride_ + slot];
  }
  void put(Lane slot, const double* state) {
    for (Lane k = 0; k < env_.shape().state_size; ++k) states_[k * stride_ + slot] = state[k];
  }

  VectorEnv& env_;
  std::vector<double> states_;
  Lane stride_;
  std::vector<Lane> lanes_;
};

// Whole episodes, one a column: lane i plays episodes i, i + N, i + 2N, …, which no length of an
// episode can bias. Stops, incomplete, before more than max_samples are taken.
template <class Actor>
void collect_episodes(VectorEnv& env, Actor& actor, const LaneStream& stream,
                      std::uint64_t first_step, std::int64_t max_samples,
                      RolloutStorage<typename Actor::Action>& out) {
  const Lane n_episodes = out.columns;
  const Lane lanes = std::min(env.num_envs(), n_episodes);
  const auto lane_count = static_cast<std::size_t>(lanes);
  for (Lane i = 0; i < lanes; ++i) env.restart(i);

  LockstepUniforms uniforms(stream, lanes, actor.action_size(), first_step);
  ActiveLanes active(env, lanes);
  std::vector<Lane> column(lane_count);
  for (Lane i = 0; i < lanes; ++i) column[i] = i;
  std::vector<float> observations(lane_count * static_cast<std::size_t>(out.observation_size));
  std::vector<typename Actor::Action> actions(lane_count *
                                              static_cast<std::size_t>(out.action_size));
  std::vector<double> rewards(lane_count);
  const auto terminated = std::make_unique<bool[]>(lane_count);
  out.last_observations.resize(static_cast<std::size_t>(n_episodes * out.observation_size));
  out.last_step_index.resize(static_cast<std::size_t>(n_episodes));

  while (active.count() > 0) {
    if (out.sample_count + active.count() > max_samples) {
      out.complete = false;
      break;
    }
    env.kernel().observe(active.block(), observations.data());
    for (Lane slot = 0; slot < active.count(); ++slot) {
      const Lane lane = active.lane(slot);
      actor.act(&observations[slot * out.observation_size], env.elapsed(lane), uniforms.of(lane),
                &actions[slot * out.action_size]);
    }
    env.advance(active.block(), actor.sent(actions.data(), active.count()), rewards.data(),
                terminated.get());
    out.sample_count += active.count();
    for (Lane slot = active.count() - 1; slot >= 0; --slot) {
      const Lane lane = active.lane(slot);
      const Lane t = env.elapsed(lane);
      out.grow(t + 1);
      const Lane at = out.flat(t, column[lane]);
      bool truncated = false;
      const bool ended = env.count_step(lane, rewards[slot], terminated[slot], truncated);
      std::copy_n(&observations[slot * out.observation_size], out.observation_size,
                  out.observation(t, column[lane]));
      std::copy_n(&actions[slot * out.action_size], out.action_size, out.action(t, column[lane]));
      out.rewards[at] = rewards[slot];
      out.terminated[at] = terminated[slot];
      out.truncated[at] = truncated;
      out.valid[at] = 1;
      out.step_index[at] = static_cast<std::int32_t>(t);
      if (!ended) continue;
      active.store(slot);
      record_end(env, lane, t, column[lane], out);
      active.load(slot);
      column[lane] += env.num_envs();
      if (column[lane] >= n_episodes) active.retire(slot);
    }
    uniforms.next_step();
    ++out.step_count;
  }
  for (Lane slot = 0; slot < active.count(); ++slot) {
    active.store(slot);
    record_last(env, active.lane(slot), column[active.lane(slot)], out);
  }
}

}  // namespace fastpg
