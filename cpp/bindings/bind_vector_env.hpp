// Binds a VectorEnv of one environment. A new environment is one call of bind_vector_env.
#pragma once

#include <atomic>
#include <cmath>
#include <optional>

#include "fastpg/rollout/collect.hpp"
#include "pybind.hpp"

namespace fastpg {

// Two Python threads inside one object would race: the second gets a RuntimeError.
class SoleUse {
 public:
  explicit SoleUse(std::atomic_flag& flag) : flag_(flag) {
    if (flag_.test_and_set()) {
      throw std::runtime_error("this environment is in use by another thread");
    }
  }
  SoleUse(const SoleUse&) = delete;
  SoleUse& operator=(const SoleUse&) = delete;
  ~SoleUse() { flag_.clear(); }

 private:
  std::atomic_flag& flag_;
};

template <class E>
struct BoundVectorEnv {
  using Params = typename E::Params;

  BoundVectorEnv(py::ssize_t num_envs, std::optional<std::int64_t> max_episode_steps, bool exact,
                 bool copy, Params params)
      : env(num_envs, params, max_episode_steps.value_or(VectorEnv<E>::no_limit), exact),
        copy_outputs(copy),
        actions(static_cast<std::size_t>(num_envs)) {}

  VectorEnv<E> env;
  bool copy_outputs;
  std::vector<std::int32_t> actions;
  std::optional<py::tuple> reused;  // copy=False: the arrays every step writes into
  std::atomic_flag busy;
};

// Integer actions of any dtype, checked against [0, action_count).
inline void read_actions(const py::array& given, std::int32_t action_count,
                         std::vector<std::int32_t>& out) {
  const auto lanes = static_cast<py::ssize_t>(out.size());
  const char kind = given.dtype().kind();
  if (kind != 'i' && kind != 'u') {
    throw py::type_error("actions: expected an integer dtype, got " +
                         py::str(given.dtype()).cast<std::string>());
  }
  if (given.ndim() != 1 || given.shape(0) != lanes) {
    throw py::value_error("actions: expected shape (" + std::to_string(lanes) + ",), got " +
                          shape_text(given));
  }
  const auto values = py::array_t<std::int64_t, py::array::forcecast>::ensure(given);
  if (!values) throw py::error_already_set();
  const auto read = values.template unchecked<1>();
  for (py::ssize_t i = 0; i < lanes; ++i) {
    if (read(i) < 0 || read(i) >= action_count) {
      throw py::value_error("actions: expected values in [0, " + std::to_string(action_count) +
                            "), got " + std::to_string(read(i)) + " at index " + std::to_string(i));
    }
    out[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(read(i));
  }
}

template <class E>
Array<float> observations(const VectorEnv<E>& env) {
  Array<float> out({env.num_envs(), E::observation_size});
  for (Lane i = 0; i < env.num_envs(); ++i) {
    env.observe(i, out.mutable_data() + i * E::observation_size);
  }
  return out;
}

// entropy: None, or one entry a lane: None (the stream goes on) or the words of a seed.
template <class E>
Array<float> bound_reset(BoundVectorEnv<E>& self, const std::optional<py::list>& entropy,
                         const std::optional<Array<bool>>& mask, double low, double high) {
  const SoleUse guard(self.busy);
  VectorEnv<E>& env = self.env;
  if (!(low >= -1e38 && low <= high && high <= 1e38)) {
    throw py::value_error("low, high: expected -1e38 <= low <= high <= 1e38, got " +
                          std::to_string(low) + " and " + std::to_string(high));
  }
  if (mask) {
    require_ndim("mask", *mask, 1);
    if (mask->size() != env.num_envs()) throw py::value_error("mask: expected one flag a lane");
  }
  std::vector<std::optional<SeedSequence>> seeds(static_cast<std::size_t>(env.num_envs()));
  if (entropy) {
    if (static_cast<Lane>(entropy->size()) != env.num_envs()) {
      throw py::value_error("entropy: expected one entry a lane");
    }
    for (std::size_t i = 0; i < seeds.size(); ++i) {
      const py::object entry = (*entropy)[i];
      if (entry.is_none()) continue;
      const auto words = entry.cast<Array<std::uint32_t>>();
      require_ndim("entropy", words, 1);
      seeds[i] = SeedSequence({words.data(), static_cast<std::size_t>(words.size())});
    }
  }
  for (Lane i = 0; i < env.num_envs(); ++i) {
    if (mask && !mask->data()[i]) continue;
    if (const auto& seed = seeds[static_cast<std::size_t>(i)]) env.seed(i, *seed);
    env.reset(i, {low, high});
  }
  return observations(env);
}

// Memory that C++ owns: NumPy refuses to resize such arrays, so the next step may write into them.
template <class T, class Element = T>
Array<Element> owned(std::vector<py::ssize_t> shape) {
  py::ssize_t size = 1;
  for (const py::ssize_t length : shape) size *= length;
  return take<T, Element>(std::vector<T>(static_cast<std::size_t>(size)), std::move(shape));
}

template <class E>
py::tuple step_arrays(Lane n) {
  const py::ssize_t size = E::observation_size;
  return py::make_tuple(owned<float>({n, size}), owned<double>({n}), owned<std::uint8_t, bool>({n}),
                        owned<std::uint8_t, bool>({n}), owned<float>({n, size}),
                        owned<std::uint8_t, bool>({n}));
}

template <class E>
void require_reset(const VectorEnv<E>& env) {
  if (!env.all_reset())
    throw std::runtime_error("expected reset() first: an environment has no state");
}

// (observations, rewards, terminated, truncated, final_observations, has_final)
template <class E>
py::tuple bound_step(BoundVectorEnv<E>& self, const py::array& actions, Autoreset mode) {
  const SoleUse guard(self.busy);
  VectorEnv<E>& env = self.env;
  require_reset(env);
  if (mode == Autoreset::disabled && env.any_ended()) {
    throw std::runtime_error(
        "an environment's episode has ended: expected reset(options={'reset_mask': ...}) first");
  }
  read_actions(actions, E::action_count, self.actions);
  if (!self.copy_outputs && !self.reused) self.reused = step_arrays<E>(env.num_envs());
  py::tuple arrays = self.copy_outputs ? step_arrays<E>(env.num_envs()) : *self.reused;
  const auto data = [&arrays]<class T>(std::size_t k, T) {
    return static_cast<T*>(py::reinterpret_borrow<py::array>(arrays[k]).mutable_data());
  };
  StepOutputs out{data(0, float{}), data(1, double{}), data(2, bool{}),
                  data(3, bool{}),  data(4, float{}),  data(5, bool{})};
  {
    const py::gil_scoped_release unlocked;
    std::fill_n(out.has_final, env.num_envs(), false);
    env.step(self.actions.data(), mode, out);
  }
  return arrays;
}

inline py::dict rollout_dict(RolloutStorage&& s) {
  const py::ssize_t t = s.rows, n = s.columns, d = s.observation_size;
  const auto k = static_cast<py::ssize_t>(s.ends.row.size());
  py::dict out;
  out["observations"] = take(std::move(s.observations), {t, n, d});
  out["actions"] = take(std::move(s.actions), {t, n});
  out["rewards"] = take(std::move(s.rewards), {t, n});
  out["terminated"] = take<std::uint8_t, bool>(std::move(s.terminated), {t, n});
  out["truncated"] = take<std::uint8_t, bool>(std::move(s.truncated), {t, n});
  out["valid"] = take<std::uint8_t, bool>(std::move(s.valid), {t, n});
  out["step_index"] = take(std::move(s.step_index), {t, n});
  out["last_observations"] = take(std::move(s.last_observations), {n, d});
  out["last_step_index"] = take(std::move(s.last_step_index), {n});
  out["end_rows"] = take(std::move(s.ends.row), {k});
  out["end_columns"] = take(std::move(s.ends.column), {k});
  out["final_observations"] = take(std::move(s.ends.final_observations), {k, d});
  out["episode_returns"] = take(std::move(s.ends.returns), {k});
  out["episode_lengths"] = take(std::move(s.ends.lengths), {k});
  out["sample_count"] = s.sample_count;
  out["step_count"] = s.step_count;
  out["complete"] = s.complete;
  return out;
}

// parameters: flat (n_features * n_actions).
template <class E>
LinearSoftmaxLane lane_policy(const FeatureMap& map, const Array<double>& parameters,
                              bool deterministic) {
  require_size("observation_size", map.observation_size(), E::observation_size);
  require_ndim("parameters", parameters, 1);
  require_size("parameters", parameters.size(), map.size() * E::action_count);
  require_finite("parameters", parameters.data(), parameters.size());
  return {map, parameters.data(), E::action_count, deterministic};
}

template <class E>
py::dict bound_collect_steps(BoundVectorEnv<E>& self, const FeatureMap& features,
                             const Array<double>& parameters, py::ssize_t steps, std::uint64_t seed,
                             Purpose purpose, std::uint64_t first_step, bool deterministic) {
  const SoleUse guard(self.busy);
  require_reset(self.env);
  require(steps >= 1, "steps: expected at least 1, got " + std::to_string(steps));
  auto policy = lane_policy<E>(features, parameters, deterministic);
  RolloutStorage storage(self.env.num_envs(), E::observation_size);
  {
    const py::gil_scoped_release unlocked;
    collect_steps(self.env, policy, LaneStream(seed, purpose), first_step, steps, storage);
  }
  return rollout_dict(std::move(storage));
}

template <class E>
py::dict bound_collect_episodes(BoundVectorEnv<E>& self, const FeatureMap& features,
                                const Array<double>& parameters, py::ssize_t n_episodes,
                                std::int64_t max_samples, std::uint64_t seed, Purpose purpose,
                                std::uint64_t first_step, bool deterministic) {
  const SoleUse guard(self.busy);
  require_reset(self.env);
  require(n_episodes >= 1, "n_episodes: expected at least 1, got " + std::to_string(n_episodes));
  require(max_samples >= 1, "max_samples: expected at least 1, got " + std::to_string(max_samples));
  auto policy = lane_policy<E>(features, parameters, deterministic);
  RolloutStorage storage(n_episodes, E::observation_size);
  {
    const py::gil_scoped_release unlocked;
    collect_episodes(self.env, policy, LaneStream(seed, purpose), first_step, max_samples, storage);
  }
  return rollout_dict(std::move(storage));
}

template <class E>
Array<double> bound_get_state(const BoundVectorEnv<E>& self) {
  require_reset(self.env);
  Array<double> out({self.env.num_envs(), E::state_size});
  for (Lane i = 0; i < self.env.num_envs(); ++i) {
    self.env.get_state(i, out.mutable_data() + i * E::state_size);
  }
  return out;
}

template <class E>
void bound_set_state(BoundVectorEnv<E>& self, const Array<double>& state) {
  const SoleUse guard(self.busy);
  require_ndim("state", state, 2);
  require_size("state (rows)", state.shape(0), self.env.num_envs());
  require_size("state (columns)", state.shape(1), E::state_size);
  require_finite("state", state.data(), state.size());
  for (Lane i = 0; i < self.env.num_envs(); ++i) {
    self.env.set_state(i, state.data() + i * E::state_size);
  }
}

// The class without its constructor, whose parameters are the environment's own.
template <class E>
py::class_<BoundVectorEnv<E>> bind_vector_env(py::module_& m, const char* name, const char* doc) {
  using Bound = BoundVectorEnv<E>;
  py::class_<Bound> bound(m, name, doc);
  construct_in_new(bound);
  return bound
      .def("reset", &bound_reset<E>, py::arg("entropy") = py::none(),
           py::arg("mask").noconvert() = py::none(), py::arg("low") = E::default_bounds.low,
           py::arg("high") = E::default_bounds.high, "Observations (n, d) after the reset.")
      .def("step", &bound_step<E>, py::arg("actions").noconvert(), py::arg("mode"),
           "(observations, rewards, terminated, truncated, final_observations, has_final)")
      .def("collect_steps", &bound_collect_steps<E>, py::arg("features"),
           py::arg("parameters").noconvert(), py::arg("steps"), py::arg("seed"), py::arg("purpose"),
           py::arg("first_step"), py::arg("deterministic"),
           "A rollout of `steps` steps of every lane.")
      .def("collect_episodes", &bound_collect_episodes<E>, py::arg("features"),
           py::arg("parameters").noconvert(), py::arg("n_episodes"), py::arg("max_samples"),
           py::arg("seed"), py::arg("purpose"), py::arg("first_step"), py::arg("deterministic"),
           "A rollout of whole episodes.")
      .def("get_state", &bound_get_state<E>, "States (n, k).")
      .def("set_state", &bound_set_state<E>, py::arg("state").noconvert(),
           "Puts every lane into a state at the start of an episode.")
      .def_property_readonly("num_envs", [](const Bound& self) { return self.env.num_envs(); })
      .def_property_readonly("exact", [](const Bound& self) { return self.env.exact(); });
}

}  // namespace fastpg
