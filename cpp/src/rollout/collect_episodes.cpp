#include "fastpg/rollout/collect_episodes.hpp"

#include <algorithm>
#include <memory>

#include "fastpg/core/interruption.hpp"
#include "fastpg/rollout/lane_words.hpp"

namespace fastpg {
namespace {

// The states of the environments that still play, packed so that physics runs over no other ones,
// and their observations for the policy.
class ActiveLanes {
 public:
  ActiveLanes(VectorEnv& env, Lane count, Lane action_size)
      : env_(env),
        states_(static_cast<std::size_t>(count * env.shape().state_size)),
        observations_(static_cast<std::size_t>(count * env.shape().observation_size)),
        allowed_(static_cast<std::size_t>(count * env.shape().mask_size())),
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

  // words: of all environments, word k of environment i at [k * lanes + i].
  LaneView view(const std::uint32_t* words, Lane lanes) {
    env_.kernel().observe(block(), observations_.data(), stride_);
    for (Lane slot = 0; slot < count(); ++slot) {
      elapsed_[static_cast<std::size_t>(slot)] = env_.elapsed(lane(slot));
      for (Lane k = 0; k < action_size_; ++k) {
        words_[static_cast<std::size_t>(k * stride_ + slot)] = words[k * lanes + lane(slot)];
      }
    }
    LaneView view{observations_.data(), stride_, elapsed_.data(), words_.data(), stride_, count()};
    if (!allowed_.empty()) {
      env_.kernel().masks(block(), allowed_.data(), stride_);
      view.allowed = allowed_.data();
      view.allowed_stride = stride_;
    }
    return view;
  }

  void load(Lane slot) {
    const LaneBlock all = env_.states();
    for (Lane k = 0; k < env_.shape().state_size; ++k) at(k, slot) = all.component(k)[lane(slot)];
  }
  void store(Lane slot) {
    const LaneBlock all = env_.states();
    for (Lane k = 0; k < env_.shape().state_size; ++k) all.component(k)[lane(slot)] = at(k, slot);
  }
  // The last slot takes the place of a retired one.
  void retire(Lane slot) {
    for (Lane k = 0; k < env_.shape().state_size; ++k) at(k, slot) = at(k, count() - 1);
    lanes_[static_cast<std::size_t>(slot)] = lanes_.back();
    lanes_.pop_back();
  }

 private:
  double& at(Lane k, Lane slot) { return states_[static_cast<std::size_t>(k * stride_ + slot)]; }

  VectorEnv& env_;
  std::vector<double> states_;
  std::vector<float> observations_;
  std::vector<std::uint8_t> allowed_;
  std::vector<std::int64_t> elapsed_;
  std::vector<std::uint32_t> words_;
  Lane stride_;
  Lane action_size_;
  std::vector<Lane> lanes_;
};

class EpisodeCollector {
 public:
  EpisodeCollector(VectorEnv& env, const Actor& actor, RolloutStorage& out)
      : env_(env),
        actor_(actor),
        out_(out),
        lanes_(std::min(env.num_envs(), out.columns)),
        worker_(actor.worker(lanes_)),
        actions_(action_buffer(actor, lanes_)),
        rewards_(static_cast<std::size_t>(lanes_)),
        terminated_(std::make_unique<bool[]>(static_cast<std::size_t>(lanes_))) {
    for (Lane i = 0; i < lanes_; ++i) column_.push_back(i);
  }

  void run(const LaneStream& stream, std::uint64_t first_step, std::int64_t max_samples) {
    for (Lane i = 0; i < lanes_; ++i) env_.restart(i);
    LaneWords words(stream, 0, lanes_, actor_.action_size(), first_step);
    ActiveLanes active(env_, lanes_, actor_.action_size());
    Pace pace(static_cast<double>(lanes_) * actor_.operations());
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
    const ActionsView actions = worker_->act(view, actions_at(actions_, 0));
    env_.advance(active.block(), actions, rewards_.data(), terminated_.get());
    out_.sample_count += active.count();
    for (Lane slot = active.count() - 1; slot >= 0; --slot) {
      const Lane lane = active.lane(slot);
      const Lane t = env_.elapsed(lane);
      if (!record(view, slot, lane, t)) continue;
      active.store(slot);
      end_episodes(env_, &lane, &column(lane), 1, t, out_.ends);
      active.load(slot);
      column(lane) += env_.num_envs();
      if (column(lane) >= out_.columns) active.retire(slot);
    }
  }

  // Records one step of an environment; true when it ended the episode.
  bool record(LaneView view, Lane slot, Lane lane, Lane t) {
    out_.grow(t + 1);
    const Lane at = out_.flat(t, column(lane));
    bool truncated = false;
    const bool ended = env_.count_step(lane, rewards_[slot], terminated_[slot], truncated);
    float* const observation = out_.observation(t, column(lane));
    for (Lane k = 0; k < out_.observation_size; ++k) {
      observation[k] = view.observations[k * view.observations_stride + slot];
    }
    std::uint8_t* const flags = out_.mask(t, column(lane));
    for (Lane k = 0; k < out_.mask_size; ++k) {
      flags[k] = view.allowed[k * view.allowed_stride + slot];
    }
    out_.record_action(t, column(lane), actions_, slot);
    out_.rewards[at] = rewards_[slot];
    out_.terminated[at] = terminated_[slot];
    out_.truncated[at] = truncated;
    out_.valid[at] = 1;
    out_.step_index[at] = static_cast<std::int32_t>(t);
    return ended;
  }

  VectorEnv& env_;
  const Actor& actor_;
  RolloutStorage& out_;
  Lane lanes_;
  std::unique_ptr<ActorWorker> worker_;
  ActionBuffer actions_;
  std::vector<double> rewards_;
  std::unique_ptr<bool[]> terminated_;
  std::vector<Lane> column_;
};

}  // namespace

void collect_episodes(VectorEnv& env, const Actor& actor, const LaneStream& stream,
                      std::uint64_t first_step, std::int64_t max_samples, RolloutStorage& out) {
  env.or_unchanged([&] { EpisodeCollector(env, actor, out).run(stream, first_step, max_samples); });
}

}  // namespace fastpg
