// Environment, policy, random numbers and storage in one pass over the time, for as many
// environments at once as leave everything but the storage in the first cache.
#include "fastpg/rollout/collect_steps.hpp"

#include <algorithm>
#include <memory>

#include "fastpg/core/flags.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/layout.hpp"
#include "fastpg/rollout/lane_words.hpp"

namespace fastpg {
namespace {

bool* flags(std::uint8_t* bytes) { return reinterpret_cast<bool*>(bytes); }

void narrow(const std::int64_t* __restrict from, Lane count, std::int32_t* __restrict to) {
  for (Lane i = 0; i < count; ++i) to[i] = static_cast<std::int32_t>(from[i]);
}

// The environments begin … begin + count - 1 of a rollout, at most VectorEnv::lanes_a_task.
class StepCollector {
 public:
  StepCollector(VectorEnv& env, const Actor& actor, const LaneStream& stream,
                std::uint64_t first_step, Lane begin, Lane count)
      : env_(env),
        begin_(begin),
        count_(count),
        words_(stream, begin, count, actor.action_size(), first_step),
        worker_(actor.worker(count)),
        stride_(spread_stride<float>(count)),
        components_(static_cast<std::size_t>(env.shape().observation_size * stride_)),
        allowed_(static_cast<std::size_t>(env.shape().mask_size() * stride_)) {}

  // Step t, into that row of the storage.
  void step(Lane t, Lane row, RolloutStorage& out) {
    const LaneBlock part = env_.states().part(begin_, count_);
    const Lane at = out.flat(row, begin_);
    const std::int64_t* const elapsed = part.elapsed + begin_;
    env_.kernel().observe(part, components_.data(), stride_);
    record_inputs(elapsed, out.observation(row, begin_), &out.step_index[at]);
    LaneView view{components_.data(), stride_, elapsed, words_.now(), count_, count_};
    if (out.mask_size > 0) view_masks(part, view, out.mask(row, begin_));
    const ActionsView actions = worker_->act(view, out.action(row, begin_));
    env_.advance(part, actions, &out.rewards[at], flags(&out.terminated[at]));
    if (env_.count_steps(begin_, count_, &out.rewards[at], flags(&out.terminated[at]),
                         flags(&out.truncated[at]), may_be_truncated(t), ended_)) {
      end_some(t);
    }
    words_.next_step();
  }

  EpisodeEnds take_ends() { return std::move(ends_); }

 private:
  // Whether an environment may reach its time limit in step t, or be beyond it, since a state may
  // come from an environment with a longer limit. New episodes only delay this.
  bool may_be_truncated(Lane t) {
    if (t < first_limit_) return false;
    first_limit_ = t + env_.steps_to_limit(begin_, count_) - 1;
    return t >= first_limit_;
  }

  void record_inputs(const std::int64_t* elapsed, float* observations,
                     std::int32_t* step_index) const {
    dispatch([&] {
      to_rows(components_.data(), stride_, count_, env_.shape().observation_size, observations);
      narrow(elapsed, count_, step_index);
    });
  }

  // rows: (count, mask_size), where they are recorded.
  void view_masks(LaneBlock part, LaneView& view, std::uint8_t* rows) {
    env_.kernel().masks(part, allowed_.data(), stride_);
    to_rows(allowed_.data(), stride_, count_, env_.shape().mask_size(), rows);
    view.allowed = allowed_.data();
    view.allowed_stride = stride_;
  }

  void end_some(Lane t) {
    Lane lanes[VectorEnv::lanes_a_task];
    Lane count = 0;
    for_each_set(ended_, count_, [&](Lane i) { lanes[count++] = begin_ + i; });
    end_episodes(env_, lanes, lanes, count, t, ends_);
  }

  VectorEnv& env_;
  Lane begin_;
  Lane count_;
  LaneWords words_;
  std::unique_ptr<ActorWorker> worker_;
  Lane stride_;  // of the components of observations
  std::vector<float> components_;
  std::vector<std::uint8_t> allowed_;  // flags by components, too
  std::uint8_t ended_[VectorEnv::lanes_a_task];
  Lane first_limit_ = 0;
  EpisodeEnds ends_;
};

// Steps of every environment; rows_apart: 1, or 0 if each step overwrites the one before. Returns
// the ends of episodes by parts of the environments.
std::vector<EpisodeEnds> run(VectorEnv& env, const Actor& actor, const LaneStream& stream,
                             std::uint64_t first_step, Lane steps, Lane rows_apart, int threads,
                             RolloutStorage& out) {
  std::vector<EpisodeEnds> ends(static_cast<std::size_t>(env.task_count()));
  env.reset_ended();
  env.for_tasks(threads, [&](Lane begin, Lane count) {
    StepCollector collector(env, actor, stream, first_step, begin, count);
    Pace pace(static_cast<double>(count) * actor.operations());
    for (Lane t = 0; t < steps; ++t, pace.turn()) collector.step(t, t * rows_apart, out);
    for (Lane i = begin; i < begin + count; ++i) out.record_last(env, i, i);
    ends[static_cast<std::size_t>(begin / VectorEnv::lanes_a_task)] = collector.take_ends();
  });
  return ends;
}

}  // namespace

void collect_steps(VectorEnv& env, const Actor& actor, const LaneStream& stream,
                   std::uint64_t first_step, Lane steps, int threads, RolloutStorage& out) {
  out.allocate(steps);
  std::fill(out.valid.begin(), out.valid.end(), std::uint8_t{1});
  env.or_unchanged(
      [&] { out.finish(run(env, actor, stream, first_step, steps, 1, threads, out), steps); });
}

void play_steps(VectorEnv& env, const Actor& actor, const LaneStream& stream,
                std::uint64_t first_step, Lane steps, int threads, RolloutStorage& out) {
  RolloutStorage::require_samples(steps, out.columns);
  out.allocate(1);
  env.or_unchanged(
      [&] { out.finish(run(env, actor, stream, first_step, steps, 0, threads, out), steps); });
}

}  // namespace fastpg
