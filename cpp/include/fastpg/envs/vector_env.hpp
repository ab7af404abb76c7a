// Many copies of one environment: states as a structure of arrays, one random stream a lane,
// time limits, and what happens when an episode ends.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/flags.hpp"
#include "fastpg/core/layout.hpp"
#include "fastpg/core/thread_pool.hpp"
#include "fastpg/envs/kernel.hpp"

namespace fastpg {

// Gymnasium's three answers to the end of an episode.
enum class Autoreset { next_step, same_step, disabled };

// Where one step of all lanes is written; final_observations only under same_step, of the lanes
// that ended.
struct StepOutputs {
  float* observations;
  double* rewards;
  bool* terminated;
  bool* truncated;
  float* final_observations;
  bool* restarted;  // lanes whose new episode began within this step

  StepOutputs from_lane(Lane lane, Lane observation_size) const {
    float* const final =
        final_observations == nullptr ? nullptr : final_observations + lane * observation_size;
    return {observations + lane * observation_size,
            rewards + lane,
            terminated + lane,
            truncated + lane,
            final,
            restarted + lane};
  }
};

enum class LaneStatus : std::uint8_t { never_reset, running, ended };

class VectorEnv {
 public:
  static constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();
  static constexpr Lane lanes_a_task = 512;  // whose states stay in the first cache

  // Everything but the parameters: with it a VectorEnv of the same size goes on identically.
  struct Snapshot {
    std::vector<double> states;  // component by component, state_stride() apart
    std::vector<Pcg64> streams;
    std::vector<std::int64_t> elapsed;
    std::vector<double> episode_returns;
    std::vector<LaneStatus> status;
  };

  // max_episode_steps: `no_limit` for none.
  VectorEnv(std::unique_ptr<EnvironmentKernel> kernel, Lane num_envs,
            std::int64_t max_episode_steps)
      : kernel_(std::move(kernel)),
        shape_(kernel_->shape()),
        state_stride_(spread_stride<double>(num_envs)),
        max_episode_steps_(max_episode_steps) {
    require(num_envs >= 1, "num_envs: expected at least 1, got " + std::to_string(num_envs));
    require(max_episode_steps >= 1,
            "max_episode_steps: expected at least 1, got " + std::to_string(max_episode_steps));
    const auto lanes = static_cast<std::size_t>(num_envs);
    now_.states.assign(static_cast<std::size_t>(state_stride_ * shape_.state_size), 0.0);
    now_.streams.resize(lanes);
    now_.elapsed.assign(lanes, 0);
    now_.episode_returns.assign(lanes, 0.0);
    now_.status.assign(lanes, LaneStatus::never_reset);
    if (shape_.draws_in_steps) kept_streams_.resize(lanes);
  }

  Lane num_envs() const { return static_cast<Lane>(now_.streams.size()); }
  const EnvironmentShape& shape() const { return shape_; }
  EnvironmentKernel& kernel() { return *kernel_; }
  const EnvironmentKernel& kernel() const { return *kernel_; }

  Pcg64& stream(Lane lane) { return now_.streams[static_cast<std::size_t>(lane)]; }

  void reset(Lane lane, ResetBounds bounds) {
    double state[most_state_size];
    kernel_->reset(bounds, stream(lane), state);
    set_state(lane, state);
  }
  void reset(Lane lane) { reset(lane, shape_.default_bounds); }

  // A new episode, unless the lane already stands at the start of one.
  void restart(Lane lane) {
    if (now_.status[lane] != LaneStatus::running || now_.elapsed[lane] != 0) reset(lane);
  }

  bool all_reset() const { return !any(LaneStatus::never_reset); }
  bool any_ended() const { return any(LaneStatus::ended); }

  // Lanes whose episode is over start a new one.
  void reset_ended() {
    for (Lane i = 0; i < num_envs(); ++i) {
      if (now_.status[i] == LaneStatus::ended) reset(i);
    }
  }

  // The caller has checked all_reset() and, under `disabled`, that no lane has ended.
  void step(ActionsView actions, Autoreset mode, StepOutputs out, int threads) {
    for_tasks(threads, [&](Lane begin, Lane count) {
      step_part(states().part(begin, count), from_entry(actions, begin, shape_.action_size), mode,
                out.from_lane(begin, shape_.observation_size));
    });
  }

  // work(begin, count) for parts of the lanes whose bounds do not depend on `threads`.
  Lane task_count() const { return (num_envs() - 1) / lanes_a_task + 1; }
  template <class Work>
  void for_tasks(int threads, Work&& work) {
    parallel_for(threads, task_count(), [&](Lane task) {
      const Lane begin = task * lanes_a_task;
      work(begin, std::min(lanes_a_task, num_envs() - begin));
    });
  }

  // Observations of a part in rows. As many lanes at a time as fit a little of the stack: nothing
  // is allocated, so that a step cannot fail halfway.
  void observe_rows(LaneBlock part, float* rows) const {
    // Six rows of this stride keep apart as spread_stride() says.
    constexpr Lane usual_size = 6, stride = 304;
    float components[usual_size * stride];
    const Lane size = shape_.observation_size;
    const Lane most = size <= usual_size ? stride : usual_size * stride / size / 8 * 8;
    if (most == 0) return observe_one_by_one(part, rows);
    for (Lane begin = 0; begin < part.count; begin += most) {
      const LaneBlock piece = part.part(begin, std::min(most, part.count - begin));
      kernel_->observe(piece, components, most);
      dispatch([&] { to_rows(components, most, piece.count, size, rows + begin * size); });
    }
  }

  // Physics of a block of lanes, nothing else.
  void advance(LaneBlock block, ActionsView actions, double* rewards, bool* terminated) const {
    kernel_->step(block, actions, rewards, terminated);
  }

  // Books one step of a lane; true when it ended the episode. Both flags may be set.
  bool count_step(Lane lane, double reward, bool terminated, bool& truncated) {
    now_.episode_returns[lane] += reward;
    truncated = ++now_.elapsed[lane] >= max_episode_steps_;
    const bool ended = terminated || truncated;
    if (ended) now_.status[lane] = LaneStatus::ended;
    return ended;
  }

  // The same for lanes begin … begin + count - 1 that are all running, but for their status; true
  // where some ended, and `ended` says which. With `limited` false none reaches its time limit.
  bool count_steps(Lane begin, Lane count, const double* rewards, const bool* terminated,
                   bool* truncated, bool limited, std::uint8_t* ended) {
    return dispatch([&] {
      add_step(count, rewards, now_.episode_returns.data() + begin, now_.elapsed.data() + begin);
      if (limited) {
        at_limit(count, now_.elapsed.data() + begin, max_episode_steps_, truncated);
      } else {
        std::fill_n(truncated, count, false);
      }
      return either(count, terminated, truncated, ended);
    });
  }

  // Steps that every one of these lanes may still make up to its time limit, the last included.
  std::int64_t steps_to_limit(Lane begin, Lane count) const {
    const auto first = now_.elapsed.begin() + begin;
    return max_episode_steps_ -
           std::min(*std::max_element(first, first + count), max_episode_steps_);
  }

  void observe(Lane lane, float* observation) {
    kernel_->observe(states().part(lane, 1), observation, 1);
  }

  void get_state(Lane lane, double* state) const {
    for (Lane k = 0; k < shape_.state_size; ++k) state[k] = now_.states[k * state_stride_ + lane];
  }
  void store_state(Lane lane, const double* state) {
    for (Lane k = 0; k < shape_.state_size; ++k) now_.states[k * state_stride_ + lane] = state[k];
  }

  // Puts a lane into a state at the start of an episode.
  void set_state(Lane lane, const double* state) {
    store_state(lane, state);
    now_.elapsed[lane] = 0;
    now_.episode_returns[lane] = 0.0;
    now_.status[lane] = LaneStatus::running;
  }

  const Snapshot& snapshot() const { return now_; }
  // The sizes are those of this environment's own snapshot.
  void restore(Snapshot snapshot) { now_ = std::move(snapshot); }
  // work(); where it throws, everything is as it was.
  template <class Work>
  auto or_unchanged(Work&& work) {
    before_ = now_;  // into the memory of the last time
    try {
      return work();
    } catch (...) {
      undo();
      throw;
    }
  }
  // Takes back what the last or_unchanged() did.
  void undo() { std::swap(now_, before_); }
  void set_streams(std::vector<Pcg64> streams) { now_.streams = std::move(streams); }

  Lane state_stride() const { return state_stride_; }
  LaneBlock states() { return block(now_.states.data(), state_stride_, num_envs(), nullptr); }
  // The lanes listed, whose states stand elsewhere.
  LaneBlock block(double* data, Lane stride, Lane count, const Lane* lanes) {
    return {data, stride, count, now_.streams.data(), now_.elapsed.data(), lanes, 0};
  }
  std::int64_t elapsed(Lane lane) const { return now_.elapsed[lane]; }
  double episode_return(Lane lane) const { return now_.episode_returns[lane]; }

 private:
  void observe_one_by_one(LaneBlock part, float* rows) const {
    for (Lane i = 0; i < part.count; ++i) {
      kernel_->observe(part.part(i, 1), rows + i * shape_.observation_size, 1);
    }
  }

  // Ended lanes take part in the physics of a block; what they draw there is drawn again.
  void copy_streams(LaneBlock part, const std::uint8_t* ended, std::vector<Pcg64>& to,
                    const std::vector<Pcg64>& from) const {
    if (!shape_.draws_in_steps) return;
    for_each_set(ended, part.count, [&](Lane i) {
      const auto lane = static_cast<std::size_t>(part.first + i);
      to[lane] = from[lane];
    });
  }

  // Arguments rather than what a lambda holds: a loop that stores could overwrite the latter.
  static void add_step(Lane count, const double* __restrict rewards, double* __restrict returns,
                       std::int64_t* __restrict elapsed) {
    for (Lane i = 0; i < count; ++i) returns[i] += rewards[i];
    for (Lane i = 0; i < count; ++i) ++elapsed[i];
  }
  static void at_limit(Lane count, const std::int64_t* __restrict elapsed, std::int64_t limit,
                       bool* __restrict truncated) {
    for (Lane i = 0; i < count; ++i) truncated[i] = elapsed[i] >= limit;
  }
  static bool either(Lane count, const bool* __restrict terminated,
                     const bool* __restrict truncated, std::uint8_t* __restrict ended) {
    std::uint8_t some = 0;
    for (Lane i = 0; i < count; ++i) {
      ended[i] = static_cast<std::uint8_t>(terminated[i] | truncated[i]);
      some = static_cast<std::uint8_t>(some | ended[i]);
    }
    return some != 0;
  }

  // part: consecutive lanes, at most lanes_a_task. Outputs are theirs. Under next_step, lanes whose
  // episode ended before spend this step on their reset.
  void step_part(LaneBlock part, ActionsView actions, Autoreset mode, StepOutputs out) {
    std::uint8_t restarting[lanes_a_task], ended[lanes_a_task];
    const bool some_restart = ended_lanes(part, restarting);
    if (some_restart) copy_streams(part, restarting, kept_streams_, now_.streams);
    advance(part, actions, out.rewards, out.terminated);
    if (some_restart) copy_streams(part, restarting, now_.streams, kept_streams_);
    std::fill_n(out.restarted, part.count, false);
    const bool some_ended = count_steps(part.first, part.count, out.rewards, out.terminated,
                                        out.truncated, true, ended);
    if (some_restart) {
      for_each_set(restarting, part.count, [&](Lane i) {
        restart_entry(part.first + i, i, out);
        ended[i] = 0;
      });
    }
    if (some_ended) {
      for_each_set(ended, part.count, [&](Lane i) { end(part.first + i, i, mode, out); });
    }
    observe_rows(part, out.observations);
  }

  bool ended_lanes(LaneBlock part, std::uint8_t* flags) const {
    const LaneStatus* const status = now_.status.data() + part.first;
    return dispatch([&] { return flag_ended(part.count, status, flags); });
  }
  static bool flag_ended(Lane count, const LaneStatus* __restrict status,
                         std::uint8_t* __restrict flags) {
    std::uint8_t some = 0;
    for (Lane i = 0; i < count; ++i) {
      flags[i] = status[i] == LaneStatus::ended ? 1 : 0;
      some = static_cast<std::uint8_t>(some | flags[i]);
    }
    return some != 0;
  }

  void restart_entry(Lane lane, Lane i, StepOutputs out) {
    reset(lane);
    out.rewards[i] = 0.0;
    out.terminated[i] = false;
    out.truncated[i] = false;
    out.restarted[i] = true;
  }

  // The end of the episode of a lane, whose outputs are entry i.
  void end(Lane lane, Lane i, Autoreset mode, StepOutputs out) {
    now_.status[lane] = LaneStatus::ended;
    if (mode != Autoreset::same_step) return;
    observe(lane, out.final_observations + i * shape_.observation_size);
    reset(lane);
    out.restarted[i] = true;
  }

  bool any(LaneStatus status) const {
    return std::find(now_.status.begin(), now_.status.end(), status) != now_.status.end();
  }

  std::unique_ptr<EnvironmentKernel> kernel_;
  EnvironmentShape shape_;
  Lane state_stride_;
  std::int64_t max_episode_steps_;
  Snapshot now_;
  Snapshot before_;                  // what or_unchanged() goes back to
  std::vector<Pcg64> kept_streams_;  // of lanes that ended, during a step
};

}  // namespace fastpg
