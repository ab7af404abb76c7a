// Many copies of one environment: states as a structure of arrays, one random stream for each,
// time limits, and what happens when an episode ends.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "fastpg/envs/kernel.hpp"

namespace fastpg {

// Gymnasium's three answers to the end of an episode.
enum class Autoreset { next_step, same_step, disabled };

// Where one step of all environments is written; final_observations only under same_step, of the
// environments that ended.
struct StepOutputs {
  float* observations;
  double* rewards;
  bool* terminated;
  bool* truncated;
  float* final_observations;
  bool* restarted;  // environments whose new episode began within this step

  StepOutputs from_lane(Lane lane, Lane observation_size) const;
};

enum class LaneStatus : std::uint8_t { never_reset, running, ended };

class VectorEnv {
 public:
  static constexpr Lane most_envs = Lane{1} << 32;  // sizes cannot overflow; Python allows fewer
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
            std::int64_t max_episode_steps);

  Lane num_envs() const { return static_cast<Lane>(now_.streams.size()); }
  const EnvironmentShape& shape() const { return shape_; }
  EnvironmentKernel& kernel() { return *kernel_; }
  const EnvironmentKernel& kernel() const { return *kernel_; }

  Pcg64& stream(Lane lane) { return now_.streams[static_cast<std::size_t>(lane)]; }

  void reset(Lane lane, ResetOptions options) {
    kernel_->reset(lane, options, stream(lane), now_.states.data() + lane, state_stride_);
    begin_episode(lane);
  }
  void reset(Lane lane) { reset(lane, shape_.reset_defaults); }
  // A new episode, unless the environment is already at the start of one.
  void restart(Lane lane);
  // Environments whose episode is over start a new one.
  void reset_ended();

  bool all_reset() const;
  bool any_ended() const;

  // The caller has checked all_reset() and, under `disabled`, that no environment has ended.
  void step(ActionsView actions, Autoreset mode, StepOutputs out, int threads);

  // work(begin, count) for parts of the environments; their bounds do not depend on `threads`.
  Lane task_count() const { return (num_envs() - 1) / lanes_a_task + 1; }
  template <class Work>
  void for_tasks(int threads, Work&& work) {
    run_tasks(
        threads,
        [](void* context, Lane begin, Lane count) {
          (*static_cast<std::remove_reference_t<Work>*>(context))(begin, count);
        },
        &work);
  }

  // Observations of a part in rows.
  void observe_rows(LaneBlock part, float* rows) const;

  // Physics of a block of environments, nothing else.
  void advance(LaneBlock block, ActionsView actions, double* rewards, bool* terminated) const {
    kernel_->step(block, actions, rewards, terminated);
  }

  // Records one step of an environment; true when it ended the episode. Both flags may be set.
  bool count_step(Lane lane, double reward, bool terminated, bool& truncated) {
    now_.episode_returns[lane] += reward;
    truncated = ++now_.elapsed[lane] >= max_episode_steps_;
    const bool ended = terminated || truncated;
    if (ended) now_.status[lane] = LaneStatus::ended;
    return ended;
  }

  // The same for environments begin … begin + count - 1, which are all running, except that their
  // status does not change; true where some ended, and `ended` flags these. With `limited` false
  // none reaches its time limit.
  bool count_steps(Lane begin, Lane count, const double* rewards, const bool* terminated,
                   bool* truncated, bool limited, std::uint8_t* ended);

  // Steps that every one of these environments may still make up to its time limit, the last
  // included.
  std::int64_t steps_to_limit(Lane begin, Lane count) const;

  void observe(Lane lane, float* observation) {
    kernel_->observe(states().part(lane, 1), observation, 1);
  }

  // Of every environment, row-major (num_envs, mask_size); all flags of ended episodes are 1.
  void mask_rows(std::uint8_t* rows);

  void get_state(Lane lane, double* state) const;
  // Puts an environment into a state at the start of an episode.
  void set_state(Lane lane, const double* state);

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
  // The environments listed, whose states are stored elsewhere.
  LaneBlock block(double* data, Lane stride, Lane count, const Lane* lanes) {
    return {data, stride, count, now_.streams.data(), now_.elapsed.data(), lanes, 0};
  }
  std::int64_t elapsed(Lane lane) const { return now_.elapsed[lane]; }
  double episode_return(Lane lane) const { return now_.episode_returns[lane]; }

 private:
  void begin_episode(Lane lane) {
    now_.elapsed[lane] = 0;
    now_.episode_returns[lane] = 0.0;
    now_.status[lane] = LaneStatus::running;
  }
  void run_tasks(int threads, void (*work)(void*, Lane, Lane), void* context);
  void observe_one_by_one(LaneBlock part, float* rows) const;
  void copy_streams(LaneBlock part, const std::uint8_t* ended, std::vector<Pcg64>& to,
                    const std::vector<Pcg64>& from) const;
  void step_part(LaneBlock part, ActionsView actions, Autoreset mode, StepOutputs out);
  void advance_running(LaneBlock part, const std::uint8_t* ended, ActionsView actions,
                       StepOutputs out) const;
  bool ended_lanes(LaneBlock part, std::uint8_t* flags) const;
  void restart_entry(Lane lane, Lane i, StepOutputs out);
  void end(Lane lane, Lane i, Autoreset mode, StepOutputs out);
  bool any(LaneStatus status) const;

  std::unique_ptr<EnvironmentKernel> kernel_;
  EnvironmentShape shape_;
  Lane state_stride_ = 0;
  std::int64_t max_episode_steps_;
  Snapshot now_;
  Snapshot before_;                  // what or_unchanged() goes back to
  std::vector<Pcg64> kept_streams_;  // of environments that ended, during a step
};

}  // namespace fastpg
