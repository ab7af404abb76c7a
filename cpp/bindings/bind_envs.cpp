#include <cstring>
#include <optional>

#include "bound_env.hpp"
#include "eigen_views.hpp"
#include "env_state.hpp"
#include "env_steps.hpp"
#include "fastpg/envs/foreign.hpp"
#include "fastpg/envs/registry.hpp"
#include "fastpg/envs/tabular.hpp"
#include "fastpg/rollout/collect_episodes.hpp"
#include "fastpg/rollout/collect_steps.hpp"
#include "fastpg/rollout/network_actors.hpp"
#include "named_result.hpp"
#include "read_actions.hpp"

namespace fastpg {
namespace {

const NamedResult* ends_result = nullptr;

// A policy without its parameters: these come with each rollout, and are shared with Python.
class PyActor {
 public:
  static PyActor softmax(std::shared_ptr<const FeatureMap> map,
                         std::shared_ptr<const Architecture> network,
                         std::vector<std::int32_t> choices, bool deterministic) {
    require(!choices.empty(), "choices: expected at least one");
    PyActor made(std::move(map), std::move(network), LogStd::parameters, {}, {}, deterministic);
    made.choices_ = std::move(choices);
    return made;
  }
  static PyActor gaussian(std::shared_ptr<const FeatureMap> map,
                          std::shared_ptr<const Architecture> network, std::vector<double> low,
                          std::vector<double> high, bool deterministic, bool state_dependent_std) {
    const Index outputs = network->outputs();
    require(!state_dependent_std || outputs % 2 == 0,
            {"network (outputs): expected an even number with state_dependent_std, got ", outputs});
    const Index size = state_dependent_std ? outputs / 2 : outputs;
    require_size("low", static_cast<Index>(low.size()), size);
    require_size("high", static_cast<Index>(high.size()), size);
    return PyActor(std::move(map), std::move(network),
                   state_dependent_std ? LogStd::outputs : LogStd::parameters, std::move(low),
                   std::move(high), deterministic);
  }

  std::unique_ptr<Actor> at(const Array<double>& theta) const {
    const std::span<const double> numbers(theta.data(), static_cast<std::size_t>(theta.size()));
    if (low_.empty()) {
      return std::make_unique<SoftmaxActor>(*map_, *network_, choices_, numbers, deterministic_);
    }
    return std::make_unique<GaussianActor>(*map_, *network_, log_std_, numbers, low_, high_,
                                           deterministic_);
  }

 private:
  PyActor(std::shared_ptr<const FeatureMap> map, std::shared_ptr<const Architecture> network,
          LogStd log_std, std::vector<double> low, std::vector<double> high, bool deterministic)
      : map_(std::move(map)),
        network_(std::move(network)),
        log_std_(log_std),
        low_(std::move(low)),
        high_(std::move(high)),
        deterministic_(deterministic) {
    require_size("network (inputs)", network_->inputs(), map_->size());
  }

  std::shared_ptr<const FeatureMap> map_;
  std::shared_ptr<const Architecture> network_;
  LogStd log_std_;
  std::vector<std::int32_t> choices_;  // of a softmax
  std::vector<double> low_, high_;     // none: a softmax
  bool deterministic_;
};

std::unique_ptr<BoundVectorEnv> make_env(const std::string& name, py::ssize_t num_envs,
                                         std::optional<std::int64_t> max_episode_steps, bool exact,
                                         bool copy, int num_threads) {
  return std::make_unique<BoundVectorEnv>(
      make_kernel(name, exact), num_envs, max_episode_steps, exact, copy, num_threads,
      py::make_tuple(name, num_envs, max_episode_steps, exact, copy, num_threads));
}

// The environment of a capsule becomes one of this name.
std::string register_environment(const py::capsule& given) {
  if (given.name() == nullptr || std::string(given.name()) != "fastpg_env") {
    refuse_type({"expected a capsule named 'fastpg_env'"});
  }
  auto env = std::make_shared<ForeignEnv>(*given.get_pointer<fastpg_env>());
  const std::string name = env->name();
  require(!is_native(name), {"name: '", name, "' is an environment of fastpg"});
  register_foreign(std::move(env));
  return name;
}

py::object masks(BoundVectorEnv& self) {
  const SoleUse guard(self.busy);
  VectorEnv& env = self.env;
  if (!env.shape().masked) return py::none();
  require_reset(env);
  Array<bool> out({env.num_envs(), env.shape().mask_size()});
  env.mask_rows(reinterpret_cast<std::uint8_t*>(out.mutable_data()));
  return out;
}

std::unique_ptr<BoundVectorEnv> make_tabular_env(
    const Transitions& transitions, const Array<double>& r, const Array<double>& start,
    const Array<float>& features, const Array<bool>& terminal, std::optional<std::int64_t> horizon,
    py::ssize_t num_envs, std::optional<std::int64_t> max_episode_steps, bool copy,
    int num_threads) {
  require_ndim("features", features, 2);
  require_size("features (rows)", features.shape(0), transitions.states());
  require_finite("features", features);
  auto kernel = std::make_unique<TabularKernel>(
      transitions, matrix_view("r", r), vector_view("start", start),
      std::vector<float>(features.data(), features.data() + features.size()),
      std::vector<std::uint8_t>(bytes(terminal), bytes(terminal) + terminal.size()),
      horizon.value_or(TabularKernel::no_horizon));
  // No arguments: Python makes it again from the MDP.
  return std::make_unique<BoundVectorEnv>(std::move(kernel), num_envs, max_episode_steps, true,
                                          copy, num_threads, py::tuple());
}

Array<float> reset(BoundVectorEnv& self, const std::optional<py::list>& entropy,
                   const std::optional<Array<bool>>& mask,
                   const std::optional<std::vector<double>>& bounds) {
  const SoleUse guard(self.busy);
  VectorEnv& env = self.env;
  if (bounds) require_reset_options(env.shape(), *bounds);
  const ResetOptions options = bounds ? ResetOptions(*bounds) : env.shape().reset_defaults;
  const Seeds seeds = read_seeds(entropy, env.num_envs());
  if (mask) {
    require_ndim("mask", *mask, 1);
    if (mask->size() != env.num_envs()) refuse("mask: expected one flag a lane");
  }
  Array<float> out = observation_rows(env);  // before anything changes: there may be no memory
  const auto reset_all = [&] {
    for (Lane i = 0; i < env.num_envs(); ++i) {
      if (mask && !flag(*mask, i)) continue;
      if (const auto& seed = seeds[static_cast<std::size_t>(i)]) env.stream(i) = Pcg64(*seed);
      env.reset(i, options);
    }
    env.observe_rows(env.states(), out.mutable_data());
  };
  if (env.shape().may_fail) {
    env.or_unchanged(reset_all);
  } else {
    reset_all();
  }
  return out;
}

// (observations, rewards, terminated, truncated, final_observations, restarted)
py::tuple step(BoundVectorEnv& self, const py::array& actions, Autoreset mode) {
  const SoleUse guard(self.busy);
  VectorEnv& env = self.env;
  require_reset(env);
  if (mode == Autoreset::disabled && env.any_ended()) {
    throw std::runtime_error(
        "an environment's episode has ended: expected reset() first, or of some environments of a "
        "vector reset(options={'reset_mask': ...})");
  }
  const ReadActions read(actions, env);
  if (self.copy_outputs || !self.reused || !self.reused->serve(mode)) {
    self.reused.emplace(step_arrays(env, mode, self.copy_outputs), mode);
  }
  const py::tuple arrays = self.reused->arrays;
  const auto data = [&self]<class T>(std::size_t k, T) {
    return static_cast<T*>(self.reused->forms[k].memory);
  };
  const StepOutputs out{data(0, float{}), data(1, double{}), data(2, bool{}),
                        data(3, bool{}),  data(4, float{}),  data(5, bool{})};
  unlocked_throughout([&] { env.step(read.view(), mode, out, self.threads); });
  if (self.copy_outputs) self.reused.reset();
  return arrays;
}

// Runs collect(actor, storage) and returns hand_out(storage); without the memory for that, the
// environments are as they were. theta: of the policy's shape.
template <class Collect, class HandOut>
auto collected(BoundVectorEnv& self, const PyActor& form, const Array<double>& theta, Lane columns,
               Collect&& collect, HandOut&& hand_out) {
  const std::unique_ptr<Actor> actor = form.at(theta);
  require_fit(*actor, self.env);
  RolloutStorage storage(columns, self.env.shape(), *actor);
  unlocked([&] { collect(*actor, storage); });
  try {
    return hand_out(std::move(storage));
  } catch (...) {
    self.env.undo();
    throw;
  }
}

// `run`: collect_steps or play_steps.
template <class Run, class HandOut>
auto run_steps(BoundVectorEnv& self, const PyActor& form, const Array<double>& theta,
               py::ssize_t steps, const LaneStream& stream, std::uint64_t first_step, Run&& run,
               HandOut&& hand_out) {
  const SoleUse guard(self.busy);
  require(steps >= 1, {"steps: expected at least 1, got ", steps});
  const auto collect = [&](const Actor& actor, RolloutStorage& storage) {
    run(self.env, actor, stream, first_step, steps, self.threads, storage);
  };
  return collected(self, form, theta, self.env.num_envs(), collect, hand_out);
}

py::dict bound_collect_steps(BoundVectorEnv& self, const PyActor& form, const Array<double>& theta,
                             py::ssize_t steps, const LaneStream& stream,
                             std::uint64_t first_step) {
  return run_steps(self, form, theta, steps, stream, first_step, collect_steps, rollout_dict);
}

py::object ends_of(RolloutStorage&& s) {
  const auto k = static_cast<py::ssize_t>(s.ends.count());
  return (*ends_result)(take(std::move(s.ends.column), {k}), take(std::move(s.ends.returns), {k}),
                        take(std::move(s.ends.lengths), {k}),
                        take(std::move(s.last_step_index), {s.columns}));
}

py::object bound_play_steps(BoundVectorEnv& self, const PyActor& form, const Array<double>& theta,
                            py::ssize_t steps, const LaneStream& stream, std::uint64_t first_step) {
  return run_steps(self, form, theta, steps, stream, first_step, play_steps, ends_of);
}

py::dict bound_collect_episodes(BoundVectorEnv& self, const PyActor& form,
                                const Array<double>& theta, py::ssize_t n_episodes,
                                std::int64_t max_samples, const LaneStream& stream,
                                std::uint64_t first_step) {
  const SoleUse guard(self.busy);
  require(n_episodes >= 1, {"n_episodes: expected at least 1, got ", n_episodes});
  require(max_samples >= 1, {"max_samples: expected at least 1, got ", max_samples});
  const auto collect = [&](const Actor& actor, RolloutStorage& storage) {
    collect_episodes(self.env, actor, stream, first_step, max_samples, storage);
  };
  return collected(self, form, theta, n_episodes, collect, rollout_dict);
}

// ({name: (default, choices, meaning)}, defaults of the numbers that a reset takes)
py::tuple describe_environment(const std::string& name) {
  const auto kernel = make_kernel(name, true);
  py::dict parameters;
  for (const Parameter& p : kernel->parameters(0)) {
    parameters[p.name.c_str()] = py::make_tuple(p.value, p.choices, p.meaning);
  }
  const ResetOptions defaults = kernel->shape().reset_defaults;
  return py::make_tuple(parameters, std::vector<double>(defaults.begin(), defaults.end()));
}

py::dict parameter_dict(const BoundVectorEnv& self, Lane lane) {
  py::dict out;
  for (const Parameter& p : self.env.kernel().parameters(lane)) {
    out[p.name.c_str()] = py::make_tuple(p.value, p.choices);
  }
  return out;
}

py::dict parameters(BoundVectorEnv& self, py::ssize_t lane) {
  const SoleUse guard(self.busy);
  require(lane >= 0 && lane < self.env.num_envs(), "lane: expected one of the environments");
  return parameter_dict(self, lane);
}

void set_parameter(BoundVectorEnv& self, const std::string& name,
                   const std::vector<ParameterValue>& values) {
  // An error that begins with the name would end there.
  require(name.find('\0') == std::string::npos, "name: expected text without a zero character");
  const SoleUse guard(self.busy);
  self.env.kernel().set_parameter(name, values, self.env.num_envs());
}

// RuntimeError with the index of the environment.
void bind_environment_error(py::module_& m) {
  static py::handle type;
  type = PyErr_NewExceptionWithDoc(
      "fastpg._core.NativeEnvError",
      "A function of a user's environment has failed. `environment`: index of the environment.",
      PyExc_RuntimeError, nullptr);
  m.add_object("NativeEnvError", type);
  py::register_local_exception_translator([](std::exception_ptr raised) {
    try {
      if (raised) std::rethrow_exception(raised);
    } catch (const EnvironmentError& error) {
      // A library may give any bytes.
      const auto text = py::reinterpret_steal<py::object>(
          PyUnicode_DecodeUTF8(error.what(), std::strlen(error.what()), "replace"));
      if (!text) throw py::error_already_set();
      const py::object made = type(text);
      made.attr("environment") = error.environment();
      PyErr_SetObject(type.ptr(), made.ptr());
    }
  });
}

void bind_actors(py::module_& m) {
  py::class_<PyActor> actor(m, "Actor", "The form of a policy inside a rollout.");
  construct_in_new(actor);
  actor
      .def_static("softmax", &PyActor::softmax, py::arg("features").none(false),
                  py::arg("network").none(false), py::arg("choices"), py::arg("deterministic"),
                  "Draws from a softmax of each choice.")
      .def_static("gaussian", &PyActor::gaussian, py::arg("features").none(false),
                  py::arg("network").none(false), py::arg("low"), py::arg("high"),
                  py::arg("deterministic"), py::arg("state_dependent_std") = false,
                  "Draws from a Gaussian; the environment gets actions clipped to [low, high].");
}

}  // namespace

void bind_envs(py::module_& m) {
  bind_environment_error(m);
  py::native_enum<Autoreset>(m, "Autoreset", "enum.Enum",
                             "What a step does when an episode has ended.")
      .value("next_step", Autoreset::next_step)
      .value("same_step", Autoreset::same_step)
      .value("disabled", Autoreset::disabled)
      .finalize();
  ends_result = new NamedResult(m, "EpisodeEnds", "fastpg._core.EpisodeEnds",
                                "The k episodes that ended in some steps of n environments.",
                                {{"columns", "their environments, (k,)"},
                                 {"returns", "undiscounted, (k,)"},
                                 {"lengths", "in steps, (k,)"},
                                 {"last_step_index", "after the last step, (n,)"}});
  bind_actors(m);

  py::class_<BoundVectorEnv> bound(m, "VectorEnv", "`num_envs` copies of one environment.");
  construct_in_new(bound);
  bound
      .def(py::init(&make_env), py::arg("name"), py::arg("num_envs"), py::arg("max_episode_steps"),
           py::arg("exact"), py::arg("copy"), py::arg("num_threads"))
      .def_static("tabular", &make_tabular_env, py::arg("transitions"), py::arg("r").noconvert(),
                  py::arg("start").noconvert(), py::arg("features").noconvert(),
                  py::arg("terminal").noconvert(), py::arg("horizon"), py::arg("num_envs"),
                  py::arg("max_episode_steps"), py::arg("copy"), py::arg("num_threads"),
                  "Copies of a finite MDP.")
      .def("reset", &reset, py::arg("entropy") = py::none(),
           py::arg("mask").noconvert() = py::none(), py::arg("bounds") = py::none(),
           "Observations (n, d) after the reset.")
      .def("step", &step, py::arg("actions").noconvert(), py::arg("mode"),
           "(observations, rewards, terminated, truncated, final_observations, restarted)")
      .def("collect_steps", &bound_collect_steps, py::arg("actor").none(false),
           py::arg("theta").noconvert(), py::arg("steps"), py::arg("stream").none(false),
           py::arg("first_step"), "A rollout of `steps` steps of every lane.")
      .def("play_steps", &bound_play_steps, py::arg("actor").none(false),
           py::arg("theta").noconvert(), py::arg("steps"), py::arg("stream").none(false),
           py::arg("first_step"), "The ends of episodes in `steps` steps of every lane.")
      .def("collect_episodes", &bound_collect_episodes, py::arg("actor").none(false),
           py::arg("theta").noconvert(), py::arg("n_episodes"), py::arg("max_samples"),
           py::arg("stream").none(false), py::arg("first_step"), "A rollout of whole episodes.")
      .def("get_state", &get_state, "States (n, k).")
      .def("set_state", &set_state, py::arg("state").noconvert(),
           py::arg("mask").noconvert() = py::none(),
           "Puts lanes into states at the start of an episode.")
      .def("masks", &masks, "Allowed actions, bool (n, flags); None where there are no masks.")
      .def(
          "snapshot",
          [](BoundVectorEnv& self) {
            const SoleUse guard(self.busy);
            return snapshot_dict(self);
          },
          "Everything that changes: arrays by name, for `restore`.")
      .def("restore", &restore, py::arg("states").noconvert(), py::arg("streams").noconvert(),
           py::arg("elapsed_steps").noconvert(), py::arg("episode_returns").noconvert(),
           py::arg("status").noconvert(), py::arg("checked") = true, "Goes on from a snapshot.")
      .def("parameters", &parameters, py::arg("lane") = 0, "name: (value, choices) of a lane.")
      .def("set_parameter", &set_parameter, py::arg("name"), py::arg("values").noconvert(),
           "One value for all lanes, or one a lane.")
      .def("__reduce__", &reduce)
      .def_property(
          "streams",
          [](BoundVectorEnv& self) {
            const SoleUse guard(self.busy);
            return stream_words(self.env.snapshot().streams);
          },
          [](BoundVectorEnv& self, const Array<std::uint64_t>& words) {
            const SoleUse guard(self.busy);
            self.env.set_streams(read_streams(words, self.env.num_envs()));
          },
          "Random streams (n, 4): PCG64 state and increment, high words first.")
      .def_property_readonly(
          "draws_in_steps",
          [](const BoundVectorEnv& self) { return self.env.shape().draws_in_steps; })
      .def_property_readonly("num_envs",
                             [](const BoundVectorEnv& self) { return self.env.num_envs(); })
      .def_property_readonly("exact", [](const BoundVectorEnv& self) { return self.exact; })
      .def_readonly("num_threads", &BoundVectorEnv::threads);
  m.def("describe_environment", &describe_environment, py::arg("name"),
        "({name: (default, choices, meaning)}, defaults of the numbers that a reset takes)");
  m.def("register_environment", &register_environment, py::arg("env"),
        "Makes the fastpg_env of a capsule known, and returns its name.");
  m.def("restored_env", &restored_env, py::arg("arguments"), py::arg("values"), py::arg("snapshot"),
        "The VectorEnv of a pickle.");
}

}  // namespace fastpg
