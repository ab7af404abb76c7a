// What changes in a bound environment, out of it and into it: states, snapshots, pickles.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "bound_env.hpp"

namespace fastpg {

inline Array<double> get_state(BoundVectorEnv& self) {
  const SoleUse guard(self.busy);
  const VectorEnv& env = self.env;
  require_reset(env);
  Array<double> out({env.num_envs(), env.shape().state_size});
  for (Lane i = 0; i < env.num_envs(); ++i) {
    env.get_state(i, out.mutable_data() + i * env.shape().state_size);
  }
  return out;
}

// A float32 observation holds no larger numbers. Not NaN either.
inline constexpr double most_state = 1e38;

// States of a user's environment may hold any numbers.
inline void require_observable(const BoundVectorEnv& self, const char* name,
                               const Array<double>& states) {
  if (self.env.shape().may_fail) return;
  for (py::ssize_t i = 0; i < states.size(); ++i) {
    const double state = states.data()[i];
    require(std::abs(state) <= most_state,
            {name, ": expected numbers of magnitude at most 1e38, got ", state});
  }
}

inline void set_state(BoundVectorEnv& self, const Array<double>& state,
                      const std::optional<Array<bool>>& mask) {
  const SoleUse guard(self.busy);
  VectorEnv& env = self.env;
  require_ndim("state", state, 2);
  require_size("state (rows)", state.shape(0), env.num_envs());
  require_size("state (columns)", state.shape(1), env.shape().state_size);
  require_observable(self, "state", state);
  if (mask) {
    require_ndim("mask", *mask, 1);
    require_size("mask", mask->size(), env.num_envs());
  }
  for (Lane i = 0; i < env.num_envs(); ++i) {
    if (mask && !flag(*mask, i)) continue;
    env.set_state(i, state.data() + i * env.shape().state_size);
  }
}

template <class T, class From>
std::vector<T> converted(const std::vector<From>& from) {
  std::vector<T> out;
  for (const From& value : from) out.push_back(static_cast<T>(value));
  return out;
}

inline Array<std::uint64_t> stream_words(const std::vector<Pcg64>& streams) {
  std::vector<std::uint64_t> words;
  for (const Pcg64& stream : streams) {
    for (const std::uint64_t word : stream.words()) words.push_back(word);
  }
  return take(std::move(words), {static_cast<py::ssize_t>(streams.size()), 4});
}

inline std::vector<Pcg64> read_streams(const Array<std::uint64_t>& words, Lane lanes) {
  require_ndim("streams", words, 2);
  require_size("streams (rows)", words.shape(0), lanes);
  require_size("streams (columns)", words.shape(1), 4);
  std::vector<Pcg64> streams;
  for (const std::uint64_t* w = words.data(); w != words.data() + words.size(); w += 4) {
    streams.emplace_back(Pcg64::Words{w[0], w[1], w[2], w[3]});
  }
  return streams;
}

// Component by component, without what lies between them.
inline Array<double> state_rows(VectorEnv& env) {
  const LaneBlock states = env.states();
  Array<double> out({env.shape().state_size, states.count});
  for (Lane k = 0; k < env.shape().state_size; ++k) {
    std::copy_n(states.component(k), states.count, out.mutable_data() + k * states.count);
  }
  return out;
}

inline std::vector<double> padded_states(const Array<double>& rows, Lane stride) {
  std::vector<double> padded(static_cast<std::size_t>(rows.shape(0) * stride), 0.0);
  for (Lane k = 0; k < rows.shape(0); ++k) {
    std::copy_n(rows.data() + k * rows.shape(1), rows.shape(1), padded.data() + k * stride);
  }
  return padded;
}

inline py::dict snapshot_dict(BoundVectorEnv& self) {
  VectorEnv::Snapshot now = self.env.snapshot();
  const py::ssize_t n = self.env.num_envs();
  py::dict out;
  out["states"] = state_rows(self.env);
  out["streams"] = stream_words(now.streams);
  out["elapsed_steps"] = take(std::move(now.elapsed), {n});
  out["episode_returns"] = take(std::move(now.episode_returns), {n});
  out["status"] = take(converted<std::uint8_t>(now.status), {n});
  return out;
}

inline constexpr std::int64_t most_elapsed = std::int64_t{1} << 62;

// checked: whether the numbers must be such as set_state() takes; a copy may hold any that the
// physics has led to.
inline void restore(BoundVectorEnv& self, const Array<double>& states,
                    const Array<std::uint64_t>& streams, const Array<std::int64_t>& elapsed_steps,
                    const Array<double>& episode_returns, const Array<std::uint8_t>& status,
                    bool checked) {
  const SoleUse guard(self.busy);
  const Lane n = self.env.num_envs();
  require_ndim("states", states, 2);
  require_size("states (rows)", states.shape(0), self.env.shape().state_size);
  require_size("states (columns)", states.shape(1), n);
  if (checked) {
    require_observable(self, "states", states);
    require_finite("episode_returns", episode_returns);
  }
  require_size("elapsed_steps", elapsed_steps.size(), n);
  require_size("episode_returns", episode_returns.size(), n);
  require_size("status", status.size(), n);
  VectorEnv::Snapshot next;
  next.states = padded_states(states, self.env.state_stride());
  next.streams = read_streams(streams, n);
  for (Lane i = 0; i < n; ++i) {
    require(elapsed_steps.data()[i] >= 0 && elapsed_steps.data()[i] <= most_elapsed,
            "elapsed_steps: expected numbers in [0, 2^62]");
    require(status.data()[i] <= static_cast<std::uint8_t>(LaneStatus::ended),
            "status: expected 0, 1 or 2");
    next.status.push_back(static_cast<LaneStatus>(status.data()[i]));
  }
  next.elapsed.assign(elapsed_steps.data(), elapsed_steps.data() + n);
  next.episode_returns.assign(episode_returns.data(), episode_returns.data() + n);
  self.env.restore(std::move(next));
}

// What pickle and copy make an environment again from.
inline py::tuple reduce(const py::object& object) {
  auto& self = object.cast<BoundVectorEnv&>();
  const SoleUse guard(self.busy);
  py::dict values;  // name: one value, or one for each environment
  for (const Parameter& p : self.env.kernel().parameters(0)) {
    values[p.name.c_str()] = self.env.kernel().parameter(p.name);
  }
  if (self.arguments.empty()) refuse_type({"a tabular environment is pickled in Python"});
  return py::make_tuple(py::module_::import("fastpg._core").attr("restored_env"),
                        py::make_tuple(self.arguments, values, snapshot_dict(self)));
}

inline py::object restored_env(const py::tuple& arguments, const py::dict& values,
                               const py::dict& snapshot) {
  py::object env = py::type::of<BoundVectorEnv>()(*arguments);
  for (const auto& [name, given] : values) env.attr("set_parameter")(name, given);
  env.attr("restore")(**snapshot, py::arg("checked") = false);
  return env;
}

}  // namespace fastpg
