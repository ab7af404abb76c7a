#include "fastpg/envs/vector_env.hpp"

#include <algorithm>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/flags.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/layout.hpp"
#include "fastpg/core/thread_pool.hpp"

namespace fastpg {
namespace {

// Arguments rather than what a lambda holds: a loop that stores could overwrite the latter.
void add_step(Lane count, const double* __restrict rewards, double* __restrict returns,
              std::int64_t* __restrict elapsed) {
  for (Lane i = 0; i < count; ++i) returns[i] += rewards[i];
  for (Lane i = 0; i < count; ++i) ++elapsed[i];
}

void at_limit(Lane count, const std::int64_t* __restrict elapsed, std::int64_t limit,
              bool* __restrict truncated) {
  for (Lane i = 0; i < count; ++i) truncated[i] = elapsed[i] >= limit;
}

bool either(Lane count, const bool* __restrict terminated, const bool* __restrict truncated,
            std::uint8_t* __restrict ended) {
  std::uint8_t some = 0;
  for (Lane i = 0; i < count; ++i) {
    ended[i] = static_cast<std::uint8_t>(terminated[i] | truncated[i]);
    some = static_cast<std::uint8_t>(some | ended[i]);
  }
  return some != 0;
}

bool flag_ended(Lane count, const LaneStatus* __restrict status, std::uint8_t* __restrict flags) {
  std::uint8_t some = 0;
  for (Lane i = 0; i < count; ++i) {
    flags[i] = status[i] == LaneStatus::ended ? 1 : 0;
    some = static_cast<std::uint8_t>(some | flags[i]);
  }
  return some != 0;
}

}  // namespace

StepOutputs StepOutputs::from_lane(Lane lane, Lane observation_size) const {
  float* const final =
      final_observations == nullptr ? nullptr : final_observations + lane * observation_size;
  return {observations + lane * observation_size,
          rewards + lane,
          terminated + lane,
          truncated + lane,
          final,
          restarted + lane};
}

VectorEnv::VectorEnv(std::unique_ptr<EnvironmentKernel> kernel, Lane num_envs,
                     std::int64_t max_episode_steps)
    : kernel_(std::move(kernel)), shape_(kernel_->shape()), max_episode_steps_(max_episode_steps) {
  require(num_envs >= 1 && num_envs <= most_envs,
          {"num_envs: expected an integer in [1, 2^32], got ", num_envs});
  require(max_episode_steps >= 1,
          {"max_episode_steps: expected at least 1, got ", max_episode_steps});
  state_stride_ = spread_stride<double>(num_envs);
  const auto lanes = static_cast<std::size_t>(num_envs);
  now_.states.assign(static_cast<std::size_t>(state_stride_ * shape_.state_size), 0.0);
  now_.streams.resize(lanes);
  now_.elapsed.assign(lanes, 0);
  now_.episode_returns.assign(lanes, 0.0);
  now_.status.assign(lanes, LaneStatus::never_reset);
  if (shape_.draws_in_steps) kept_streams_.resize(lanes);
}

void VectorEnv::restart(Lane lane) {
  if (now_.status[lane] != LaneStatus::running || now_.elapsed[lane] != 0) reset(lane);
}

void VectorEnv::reset_ended() {
  for (Lane i = 0; i < num_envs(); ++i) {
    if (now_.status[i] == LaneStatus::ended) reset(i);
  }
}

bool VectorEnv::all_reset() const { return !any(LaneStatus::never_reset); }
bool VectorEnv::any_ended() const { return any(LaneStatus::ended); }
bool VectorEnv::any(LaneStatus status) const {
  return std::find(now_.status.begin(), now_.status.end(), status) != now_.status.end();
}

void VectorEnv::run_tasks(int threads, void (*work)(void*, Lane, Lane), void* context) {
  parallel_for(threads, task_count(), [&](Lane task) {
    const Lane begin = task * lanes_a_task;
    work(context, begin, std::min(lanes_a_task, num_envs() - begin));
  });
}

void VectorEnv::step(ActionsView actions, Autoreset mode, StepOutputs out, int threads) {
  const auto step_all = [&] {
    for_tasks(threads, [&](Lane begin, Lane count) {
      step_part(states().part(begin, count), actions.from(begin * shape_.action_size), mode,
                out.from_lane(begin, shape_.observation_size));
    });
  };
  if (shape_.may_fail) {
    or_unchanged(step_all);
  } else {
    step_all();
  }
}

// part: consecutive environments, at most lanes_a_task. Outputs are theirs. Under next_step,
// environments whose episode ended before spend this step on their reset.
void VectorEnv::step_part(LaneBlock part, ActionsView actions, Autoreset mode, StepOutputs out) {
  std::uint8_t restarting[lanes_a_task], ended[lanes_a_task];
  const bool some_restart = ended_lanes(part, restarting);
  if (some_restart && shape_.may_fail) {
    advance_running(part, restarting, actions, out);
  } else {
    if (some_restart) copy_streams(part, restarting, kept_streams_, now_.streams);
    advance(part, actions, out.rewards, out.terminated);
    if (some_restart) copy_streams(part, restarting, now_.streams, kept_streams_);
  }
  std::fill_n(out.restarted, part.count, false);
  const bool some_ended =
      count_steps(part.first, part.count, out.rewards, out.terminated, out.truncated, true, ended);
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

// A function of the user need not know what a step from an ended episode's last state is.
void VectorEnv::advance_running(LaneBlock part, const std::uint8_t* ended, ActionsView actions,
                                StepOutputs out) const {
  std::fill_n(out.rewards, part.count, 0.0);
  std::fill_n(out.terminated, part.count, false);
  for (Lane begin = 0; begin < part.count;) {
    const auto* const next = std::find(ended + begin, ended + part.count, std::uint8_t{1});
    const Lane end = next - ended;
    if (end > begin) {
      advance(part.part(begin, end - begin), actions.from(begin * shape_.action_size),
              out.rewards + begin, out.terminated + begin);
    }
    begin = end + 1;
  }
}

bool VectorEnv::ended_lanes(LaneBlock part, std::uint8_t* flags) const {
  const LaneStatus* const status = now_.status.data() + part.first;
  return dispatch([&] { return flag_ended(part.count, status, flags); });
}

// Ended environments take part in the physics of a block; the numbers they draw there are drawn
// again.
void VectorEnv::copy_streams(LaneBlock part, const std::uint8_t* ended, std::vector<Pcg64>& to,
                             const std::vector<Pcg64>& from) const {
  if (!shape_.draws_in_steps) return;
  for_each_set(ended, part.count, [&](Lane i) {
    const auto lane = static_cast<std::size_t>(part.first + i);
    to[lane] = from[lane];
  });
}

void VectorEnv::restart_entry(Lane lane, Lane i, StepOutputs out) {
  reset(lane);
  out.rewards[i] = 0.0;
  out.terminated[i] = false;
  out.truncated[i] = false;
  out.restarted[i] = true;
}

// The end of the episode of an environment, whose outputs are entry i.
void VectorEnv::end(Lane lane, Lane i, Autoreset mode, StepOutputs out) {
  now_.status[lane] = LaneStatus::ended;
  if (mode != Autoreset::same_step) return;
  observe(lane, out.final_observations + i * shape_.observation_size);
  reset(lane);
  out.restarted[i] = true;
}

// As many environments at a time as fit a small part of the stack: nothing is allocated, so that a
// step cannot fail halfway.
void VectorEnv::observe_rows(LaneBlock part, float* rows) const {
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

void VectorEnv::observe_one_by_one(LaneBlock part, float* rows) const {
  for (Lane i = 0; i < part.count; ++i) {
    kernel_->observe(part.part(i, 1), rows + i * shape_.observation_size, 1);
  }
}

bool VectorEnv::count_steps(Lane begin, Lane count, const double* rewards, const bool* terminated,
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

std::int64_t VectorEnv::steps_to_limit(Lane begin, Lane count) const {
  const auto first = now_.elapsed.begin() + begin;
  return max_episode_steps_ - std::min(*std::max_element(first, first + count), max_episode_steps_);
}

void VectorEnv::mask_rows(std::uint8_t* rows) {
  const Lane size = shape_.mask_size();
  std::fill_n(rows, num_envs() * size, std::uint8_t{1});
  for (Lane i = 0; i < num_envs(); ++i) {
    if (now_.status[i] == LaneStatus::running) {
      kernel_->masks(states().part(i, 1), rows + i * size, 1);
    }
  }
}

void VectorEnv::get_state(Lane lane, double* state) const {
  for (Lane k = 0; k < shape_.state_size; ++k) state[k] = now_.states[k * state_stride_ + lane];
}

void VectorEnv::set_state(Lane lane, const double* state) {
  for (Lane k = 0; k < shape_.state_size; ++k) now_.states[k * state_stride_ + lane] = state[k];
  begin_episode(lane);
}

}  // namespace fastpg
