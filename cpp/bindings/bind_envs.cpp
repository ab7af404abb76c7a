#include <map>
#include <optional>

#include "bound_env.hpp"
#include "eigen_views.hpp"
#include "env_state.hpp"
#include "fastpg/envs/acrobot.hpp"
#include "fastpg/envs/cartpole.hpp"
#include "fastpg/envs/mountain_car.hpp"
#include "fastpg/envs/mountain_car_continuous.hpp"
#include "fastpg/envs/pendulum.hpp"
#include "fastpg/envs/tabular.hpp"
#include "fastpg/rollout/collect_episodes.hpp"
#include "read_actions.hpp"

namespace fastpg {

template EpisodeEnds collect_lanes<SoftmaxActor>(VectorEnv&, const SoftmaxActor&, const LaneStream&,
                                                 std::uint64_t, Lane, Lane, Lane,
                                                 RolloutStorage<std::int32_t>&);
template EpisodeEnds collect_lanes<GaussianActor>(VectorEnv&, const GaussianActor&,
                                                  const LaneStream&, std::uint64_t, Lane, Lane,
                                                  Lane, RolloutStorage<double>&);

namespace {

template <class E>
std::unique_ptr<EnvironmentKernel> make(bool exact) {
  return std::make_unique<Kernel<E>>(exact);
}

// A new environment is its header and one line here.
const std::map<std::string, std::unique_ptr<EnvironmentKernel> (*)(bool)> kernels = {
    {"Acrobot", &make<Acrobot>},         {"CartPole", &make<CartPole>},
    {"MountainCar", &make<MountainCar>}, {"MountainCarContinuous", &make<MountainCarContinuous>},
    {"Pendulum", &make<Pendulum>},
};

std::unique_ptr<EnvironmentKernel> make_kernel(const std::string& name, bool exact) {
  const auto found = kernels.find(name);
  if (found == kernels.end()) throw py::value_error("name: no environment '" + name + "'");
  return found->second(exact);
}

std::unique_ptr<BoundVectorEnv> make_env(const std::string& name, py::ssize_t num_envs,
                                         std::optional<std::int64_t> max_episode_steps, bool exact,
                                         bool copy, int num_threads) {
  return std::make_unique<BoundVectorEnv>(
      make_kernel(name, exact), num_envs, max_episode_steps, exact, copy, num_threads,
      py::make_tuple(name, num_envs, max_episode_steps, exact, copy, num_threads));
}

std::unique_ptr<BoundVectorEnv> make_tabular_env(
    const Transitions& transitions, const Array<double>& r, const Array<double>& start,
    const Array<float>& features, const Array<bool>& terminal, std::optional<std::int64_t> horizon,
    py::ssize_t num_envs, std::optional<std::int64_t> max_episode_steps, bool copy,
    int num_threads) {
  require_ndim("features", features, 2);
  require_size("features (rows)", features.shape(0), transitions.states());
  require_finite("features", features.data(), features.size());
  auto kernel = std::make_unique<TabularKernel>(
      transitions, matrix_view("r", r), vector_view("start", start),
      std::vector<float>(features.data(), features.data() + features.size()),
      std::vector<std::uint8_t>(terminal.data(), terminal.data() + terminal.size()),
      horizon.value_or(TabularKernel::no_horizon));
  // No arguments: Python makes it again from the MDP.
  return std::make_unique<BoundVectorEnv>(std::move(kernel), num_envs, max_episode_steps, true,
                                          copy, num_threads, py::tuple());
}

Array<float> observations(VectorEnv& env) {
  Array<float> out({env.num_envs(), env.shape().observation_size});
  env.observe_rows(env.states(), out.mutable_data());
  return out;
}

using Seeds = std::vector<std::optional<SeedSequence>>;

// entropy: one entry a lane, None (the stream goes on) or the words of a seed. To read them runs
// Python code, which may change the list, and arrays whose sizes were looked at before.
Seeds read_seeds(const std::optional<py::list>& entropy, Lane lanes) {
  Seeds seeds(static_cast<std::size_t>(lanes));
  if (!entropy) return seeds;
  const py::tuple entries(*entropy);
  if (static_cast<Lane>(entries.size()) != lanes) {
    throw py::value_error("entropy: expected one entry a lane");
  }
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    const py::object entry = entries[i];
    if (entry.is_none()) continue;
    const auto words = entry.cast<Array<std::uint32_t>>();
    require_ndim("entropy", words, 1);
    seeds[i] = SeedSequence({words.data(), static_cast<std::size_t>(words.size())});
  }
  return seeds;
}

Array<float> reset(BoundVectorEnv& self, const std::optional<py::list>& entropy,
                   const std::optional<Array<bool>>& mask,
                   std::optional<std::pair<double, double>> bounds) {
  const SoleUse guard(self.busy);
  VectorEnv& env = self.env;
  ResetBounds chosen = env.shape().default_bounds;
  if (bounds) chosen = {bounds->first, bounds->second};
  if (!(std::abs(chosen.first) <= 1e38 && std::abs(chosen.second) <= 1e38)) {
    throw py::value_error("bounds: expected numbers of magnitude at most 1e38");
  }
  const Seeds seeds = read_seeds(entropy, env.num_envs());
  if (mask) {
    require_ndim("mask", *mask, 1);
    if (mask->size() != env.num_envs()) throw py::value_error("mask: expected one flag a lane");
  }
  for (Lane i = 0; i < env.num_envs(); ++i) {
    if (mask && !flag(*mask, i)) continue;
    if (const auto& seed = seeds[static_cast<std::size_t>(i)]) env.stream(i) = Pcg64(*seed);
    env.reset(i, chosen);
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

// Last observations are there under same_step alone.
py::tuple step_arrays(const VectorEnv& env, Autoreset mode, bool copy) {
  const py::ssize_t n = env.num_envs();
  const py::ssize_t size = env.shape().observation_size;
  const py::ssize_t finals = mode == Autoreset::same_step ? n : 0;
  if (copy) {
    return py::make_tuple(Array<float>({n, size}), Array<double>({n}), Array<bool>({n}),
                          Array<bool>({n}), Array<float>({finals, size}), Array<bool>({n}));
  }
  return py::make_tuple(owned<float>({n, size}), owned<double>({n}), owned<std::uint8_t, bool>({n}),
                        owned<std::uint8_t, bool>({n}), owned<float>({finals, size}),
                        owned<std::uint8_t, bool>({n}));
}

// (observations, rewards, terminated, truncated, final_observations, restarted)
py::tuple step(BoundVectorEnv& self, const py::array& actions, Autoreset mode) {
  const SoleUse guard(self.busy);
  VectorEnv& env = self.env;
  require_reset(env);
  if (mode == Autoreset::disabled && env.any_ended()) {
    throw std::runtime_error(
        "an environment's episode has ended: expected reset(options={'reset_mask': ...}) first");
  }
  const ReadActions read(actions, env);
  if (self.copy_outputs || !self.reused || !self.reused->serve(mode)) {
    self.reused.emplace(step_arrays(env, mode, self.copy_outputs), mode);
  }
  const py::tuple arrays = self.reused->arrays;
  const auto data = [&self]<class T>(std::size_t k, T) {
    return static_cast<T*>(self.reused->memory[k]);
  };
  const StepOutputs out{data(0, float{}), data(1, double{}), data(2, bool{}),
                        data(3, bool{}),  data(4, float{}),  data(5, bool{})};
  unlocked_throughout([&] { env.step(read.view(), mode, out, self.threads); });
  if (self.copy_outputs) self.reused.reset();
  return arrays;
}

// Runs collect(actor, storage) and hands out what was stored.
template <class Collect>
py::dict collected(BoundVectorEnv& self, const AnyActor& any, Lane columns, Collect&& collect) {
  return std::visit(
      [&]<class Actor>(const Actor* given) {
        require(given != nullptr, "actor: expected one, got None");
        const Actor& actor = *given;
        require_fit(actor, self.env);
        RolloutStorage<typename Actor::Action> storage(columns, self.env.shape().observation_size,
                                                       actor.action_size());
        unlocked([&] { collect(actor, storage); });
        return rollout_dict(std::move(storage));
      },
      any);
}

py::dict bound_collect_steps(BoundVectorEnv& self, const AnyActor& actor, py::ssize_t steps,
                             std::uint64_t seed, Purpose purpose, std::uint64_t first_step) {
  const SoleUse guard(self.busy);
  require(steps >= 1, "steps: expected at least 1, got " + std::to_string(steps));
  return collected(self, actor, self.env.num_envs(), [&](auto& policy, auto& storage) {
    collect_steps(self.env, policy, LaneStream(seed, purpose), first_step, steps, self.threads,
                  storage);
  });
}

py::dict bound_collect_episodes(BoundVectorEnv& self, const AnyActor& actor, py::ssize_t n_episodes,
                                std::int64_t max_samples, std::uint64_t seed, Purpose purpose,
                                std::uint64_t first_step) {
  const SoleUse guard(self.busy);
  require(n_episodes >= 1, "n_episodes: expected at least 1, got " + std::to_string(n_episodes));
  require(max_samples >= 1, "max_samples: expected at least 1, got " + std::to_string(max_samples));
  return collected(self, actor, n_episodes, [&](auto& policy, auto& storage) {
    collect_episodes(self.env, policy, LaneStream(seed, purpose), first_step, max_samples, storage);
  });
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

void bind_actors(py::module_& m) {
  py::class_<SoftmaxActor> softmax(m, "SoftmaxActor", "A linear softmax policy inside a rollout.");
  construct_in_new(softmax);
  softmax.def(py::init<FeatureMap, std::vector<double>, std::int32_t, bool>(), py::arg("features"),
              py::arg("theta"), py::arg("n_actions"), py::arg("deterministic"));
  py::class_<GaussianActor> gaussian(m, "GaussianActor",
                                     "A linear Gaussian policy inside a rollout.");
  construct_in_new(gaussian);
  gaussian.def(
      py::init<FeatureMap, std::vector<double>, std::vector<double>, std::vector<double>, bool>(),
      py::arg("features"), py::arg("theta"), py::arg("low"), py::arg("high"),
      py::arg("deterministic"));
}

}  // namespace

void bind_envs(py::module_& m) {
  py::native_enum<Autoreset>(m, "Autoreset", "enum.Enum",
                             "What a step does when an episode has ended.")
      .value("next_step", Autoreset::next_step)
      .value("same_step", Autoreset::same_step)
      .value("disabled", Autoreset::disabled)
      .finalize();
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
      .def("collect_steps", &bound_collect_steps, py::arg("actor").none(false), py::arg("steps"),
           py::arg("seed"), py::arg("purpose"), py::arg("first_step"),
           "A rollout of `steps` steps of every lane.")
      .def("collect_episodes", &bound_collect_episodes, py::arg("actor").none(false),
           py::arg("n_episodes"), py::arg("max_samples"), py::arg("seed"), py::arg("purpose"),
           py::arg("first_step"), "A rollout of whole episodes.")
      .def("get_state", &get_state, "States (n, k).")
      .def("set_state", &set_state, py::arg("state").noconvert(),
           py::arg("mask").noconvert() = py::none(),
           "Puts lanes into states at the start of an episode.")
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
  m.def("restored_env", &restored_env, py::arg("arguments"), py::arg("values"), py::arg("snapshot"),
        "The VectorEnv of a pickle.");
}

}  // namespace fastpg
