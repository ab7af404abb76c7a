// Rollouts by whole episodes, the lecture's trajectories, one a column.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "fastpg/core/interruption.hpp"
#include "fastpg/core/layout.hpp"
#include "fastpg/envs/vector_env.hpp"
#include "fastpg/rollout/lane_policy.hpp"
#include "fastpg/rollout/lane_words.hpp"
#include "fastpg/rollout/storage.hpp"

namespace fastpg {

// The states of the lanes still at work, packed, so that physics runs over no lane in vain, and
// what a policy sees of them.
class ActiveLanes {
 public:
  ActiveLanes(VectorEnv& env, Lane count, Lane action_size)
      : env_(env),
        states_(static_cast<std::size_t>(count * env.shape().state_size)),
        observations_(static_cast<std::size_t>(count * env.shape().observation_size)),
        elapsed_(static_cast<std::size_t>(count)),
        words_(static_cast<std::size_t>(count * action_size)),
        stride_(count),
        action_size_(action_size) {
    for (Lane i = 0; i < count; ++i) lanes_.push_back(i);
    for (Lane slot = 0; slot < count; ++slot) load(slot);
  }

  Lane count() const { return static_cast<Lane>(lanes_.size()); }
  Lane lane(Lane slot) const { return lanes_[static_cast<std::size_t>(slot)]; }
  LaneBlock block() { return env_.block(states_.data(), stride_, count(), lanes_.data()); }

  // words: of all lanes, word k of lane i at [k * lanes + i].
  LaneView view(const std::uint32_t* words, Lane lanes) {
    env_.kernel().observe(block(), observations_.data(), stride_);
    for (Lane slot = 0; slot < count(); ++slot) {
      elapsed_[static_cast<std::size_t>(slot)] = env_.elapsed(lane(slot));
      for (Lane k = 0; k < action_size_; ++k) {
        words_[static_cast<std::size_t>(k * stride_ + slot)] = words[k * lanes + lane(slot)];
      }
    }
    return {observations_.data(), stride_, elapsed_.data(), words_.data(), stride_, count()};
  }

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
  std::vector<float> observations_;
  std::vector<std::int64_t> elapsed_;
  std::vector<std::uint32_t> words_;
  Lane stride_;
  Lane action_size_;
  std::vector<Lane> lanes_;
};

// Lane i plays episodes i, i + N, i + 2N, …, which no length of an episode can bias. Stops,
// incomplete, before more than max_samples are taken.
template <class Actor>
class EpisodeCollector {
 public:
  using Action = typename Actor::Action;
  using Storage = RolloutStorage<Action>;

  EpisodeCollector(VectorEnv& env, const Actor& actor, Storage& out)
      : env_(env),
        actor_(actor),
        out_(out),
        lanes_(std::min(env.num_envs(), out.columns)),
        scratch_(actor.scratch(lanes_)),
        actions_(static_cast<std::size_t>(lanes_ * out.action_size)),
        rewards_(static_cast<std::size_t>(lanes_)),
        terminated_(std::make_unique<bool[]>(static_cast<std::size_t>(lanes_))) {
    for (Lane i = 0; i < lanes_; ++i) column_.push_back(i);
  }

  void run(const LaneStream& stream, std::uint64_t first_step, std::int64_t max_samples) {
    for (Lane i = 0; i < lanes_; ++i) env_.restart(i);
    LaneWords words(stream, 0, lanes_, actor_.action_size(), first_step);
    ActiveLanes active(env_, lanes_, actor_.action_size());
    Pace pace(static_cast<double>(lanes_) * actor_.linear().operations());
    for (; active.count() > 0; words.next_step(), ++out_.step_count, pace.turn()) {
      if (out_.sample_count + active.count() > max_samples) {
        out_.complete = false;
        break;
      }
      step(active, active.view(words.now(), lanes_));
    }
    for (Lane slot = 0; slot < active.count(); ++slot) {
      active.store(slot);
      out_.record_last(env_, active.lane(slot), column(active.lane(slot)));
    }
  }

 private:
  Lane& column(Lane lane) { return column_[static_cast<std::size_t>(lane)]; }

  void step(ActiveLanes& active, LaneView view) {
    actor_.act(view, scratch_, actions_.data());
    env_.advance(active.block(), actor_.sent(actions_.data(), active.count(), scratch_),
                 rewards_.data(), terminated_.get());
    out_.sample_count += active.count();
    for (Lane slot = active.count() - 1; slot >= 0; --slot) {
      const Lane lane = active.lane(slot);
      const Lane t = env_.elapsed(lane);
      if (!record(view, slot, lane, t)) continue;
      active.store(slot);
      end_episodes(env_, &lane, 1, t, [this](Lane i) { return column(i); }, out_.ends);
      active.load(slot);
      column(lane) += env_.num_envs();
      if (column(lane) >= out_.columns) active.retire(slot);
    }
  }

  // Writes down one step of a lane; true when it ended the episode.
  bool record(LaneView view, Lane slot, Lane lane, Lane t) {
    out_.grow(t + 1);
    const Lane at = out_.flat(t, column(lane));
    bool truncated = false;
    const bool ended = env_.count_step(lane, rewards_[slot], terminated_[slot], truncated);
    float* const observation = out_.observation(t, column(lane));
    for (Lane k = 0; k < out_.observation_size; ++k) {
      observation[k] = view.observations[k * view.observations_stride + slot];
    }
    std::copy_n(&actions_[slot * out_.action_size], out_.action_size, out_.action(t, column(lane)));
    out_.rewards[at] = rewards_[slot];
    out_.terminated[at] = terminated_[slot];
    out_.truncated[at] = truncated;
    out_.valid[at] = 1;
    out_.step_index[at] = static_cast<std::int32_t>(t);
    return ended;
  }

  VectorEnv& env_;
  const Actor& actor_;
  Storage& out_;
  Lane lanes_;
  typename Actor::Scratch scratch_;
  std::vector<Action> actions_;
  std::vector<double> rewards_;
  std::unique_ptr<bool[]> terminated_;
  std::vector<Lane> column_;
};

// Where it throws, as where the episodes do not fit the memory, the environment is left as it was.
template <class Actor>
void collect_episodes(VectorEnv& env, const Actor& actor, const LaneStream& stream,
                      std::uint64_t first_step, std::int64_t max_samples,
                      RolloutStorage<typename Actor::Action>& out) {
  env.or_unchanged(
      [&] { EpisodeCollector<Actor>(env, actor, out).run(stream, first_step, max_samples); });
}

}  // namespace fastpg
