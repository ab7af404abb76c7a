// Many copies of one environment: states as a structure of arrays, one random stream a lane,
// time limits, and what happens when an episode ends.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "fastpg/core/checks.hpp"
#include "fastpg/envs/environment.hpp"

namespace fastpg {

// Gymnasium's three answers to the end of an episode.
enum class Autoreset { next_step, same_step, disabled };

// Where one step of all lanes is written; final_observations and has_final only under same_step.
struct StepOutputs {
  float* observations;
  double* rewards;
  bool* terminated;
  bool* truncated;
  float* final_observations;
  bool* has_final;
};

template <Environment E>
class VectorEnv {
 public:
  using Params = typename E::Params;
  static constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();

  // max_episode_steps: `no_limit` for none.
  VectorEnv(Lane num_envs, Params params, std::int64_t max_episode_steps, bool exact)
      : params_(params), max_episode_steps_(max_episode_steps), exact_(exact) {
    require(num_envs >= 1, "num_envs: expected at least 1, got " + std::to_string(num_envs));
    require(max_episode_steps >= 1,
            "max_episode_steps: expected at least 1, got " + std::to_string(max_episode_steps));
    const auto lanes = static_cast<std::size_t>(num_envs);
    state_.assign(lanes * E::state_size, 0.0);
    streams_.resize(lanes);
    elapsed_.assign(lanes, 0);
    episode_return_.assign(lanes, 0.0);
    status_.assign(lanes, Status::never_reset);
  }

  Lane num_envs() const { return static_cast<Lane>(streams_.size()); }
  bool exact() const { return exact_; }

  void seed(Lane lane, const SeedSequence& sequence) { streams_[lane] = Pcg64(sequence); }

  void reset(Lane lane, ResetBounds bounds = E::default_bounds) {
    double state[E::state_size];
    E::reset(params_, bounds, streams_[lane], state);
    set_state(lane, state);
  }

  // A new episode, unless the lane already stands at the start of one.
  void restart(Lane lane) {
    if (status_[lane] != Status::running || elapsed_[lane] != 0) reset(lane);
  }

  bool all_reset() const {
    return std::find(status_.begin(), status_.end(), Status::never_reset) == status_.end();
  }
  bool any_ended() const {
    return std::find(status_.begin(), status_.end(), Status::ended) != status_.end();
  }

  // Lanes whose episode is over start a new one.
  void reset_ended() {
    for (Lane i = 0; i < num_envs(); ++i) {
      if (status_[i] == Status::ended) reset(i);
    }
  }

  // The caller has checked all_reset() and, under `disabled`, that no lane has ended.
  void step(const std::int32_t* actions, Autoreset mode, StepOutputs out) {
    advance(states(), actions, out.rewards, out.terminated);
    for (Lane i = 0; i < num_envs(); ++i) {
      float* const observation = out.observations + i * E::observation_size;
      out.truncated[i] = false;
      if (status_[i] == Status::ended) {  // next_step: this step is the reset
        reset(i);
        out.rewards[i] = 0.0;
        out.terminated[i] = false;
      } else if (count_step(i, out.rewards[i], out.terminated[i], out.truncated[i]) &&
                 mode == Autoreset::same_step) {
        observe(i, out.final_observations + i * E::observation_size);
        out.has_final[i] = true;
        reset(i);
      }
      observe(i, observation);
    }
  }

  // Physics of a block of states, nothing else.
  void advance(StateBlock block, const std::int32_t* actions, double* rewards,
               bool* terminated) const {
    if (exact_) {
      E::template step<ExactTrig>(params_, block, actions, rewards, terminated);
    } else {
      E::template step<FastTrig>(params_, block, actions, rewards, terminated);
    }
  }

  // Books one step of a lane; true when it ended the episode. Both flags may be set.
  bool count_step(Lane lane, double reward, bool terminated, bool& truncated) {
    episode_return_[lane] += reward;
    truncated = ++elapsed_[lane] >= max_episode_steps_;
    const bool ended = terminated || truncated;
    if (ended) status_[lane] = Status::ended;
    return ended;
  }

  void observe(Lane lane, float* observation) const {
    double state[E::state_size];
    get_state(lane, state);
    E::observe(state, observation);
  }

  void get_state(Lane lane, double* state) const {
    for (Lane k = 0; k < E::state_size; ++k) state[k] = state_[k * num_envs() + lane];
  }
  void store_state(Lane lane, const double* state) {
    for (Lane k = 0; k < E::state_size; ++k) state_[k * num_envs() + lane] = state[k];
  }

  // Puts a lane into a state at the start of an episode.
  void set_state(Lane lane, const double* state) {
    store_state(lane, state);
    begin_episode(lane);
  }

  StateBlock states() { return {state_.data(), num_envs(), num_envs()}; }
  std::int64_t elapsed(Lane lane) const { return elapsed_[lane]; }
  double episode_return(Lane lane) const { return episode_return_[lane]; }

 private:
  enum class Status : std::uint8_t { never_reset, running, ended };

  void begin_episode(Lane lane) {
    elapsed_[lane] = 0;
    episode_return_[lane] = 0.0;
    status_[lane] = Status::running;
  }

  Params params_;
  std::int64_t max_episode_steps_;
  bool exact_;
  std::vector<double> state_;
  std::vector<Pcg64> streams_;
  std::vector<std::int64_t> elapsed_;
  std::vector<double> episode_return_;
  std::vector<Status> status_;
};

}  // namespace fastpg
