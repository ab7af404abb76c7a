// What the bindings of environments share: the object that Python holds, and rollouts as
// dictionaries.
#pragma once

#include <atomic>
#include <concepts>
#include <optional>
#include <variant>

#include "fastpg/core/checks.hpp"
#include "fastpg/envs/vector_env.hpp"
#include "fastpg/rollout/collect_steps.hpp"
#include "unlocked.hpp"

namespace fastpg {

// Compiled once, in bind_envs.cpp.
extern template EpisodeEnds collect_lanes<SoftmaxActor>(VectorEnv&, const SoftmaxActor&,
                                                        const LaneStream&, std::uint64_t, Lane,
                                                        Lane, Lane, RolloutStorage<std::int32_t>&);
extern template EpisodeEnds collect_lanes<GaussianActor>(VectorEnv&, const GaussianActor&,
                                                         const LaneStream&, std::uint64_t, Lane,
                                                         Lane, Lane, RolloutStorage<double>&);

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

// copy=False: arrays that every step writes into. The memory is held here, for whoever has such an
// array may make it point elsewhere.
struct ReusedArrays {
  py::tuple arrays;
  std::vector<py::object> owners;
  std::vector<void*> memory;
  Autoreset mode;

  ReusedArrays(py::tuple made, Autoreset made_for) : arrays(std::move(made)), mode(made_for) {
    for (const py::handle item : arrays) {
      auto array = py::reinterpret_borrow<py::array>(item);
      owners.push_back(array.base());
      memory.push_back(array.mutable_data());
    }
  }

  // Whether every array still is what was handed out, and they are of this mode.
  bool serve(Autoreset wanted) const {
    if (wanted != mode) return false;
    for (std::size_t k = 0; k < memory.size(); ++k) {
      const auto array = py::reinterpret_borrow<py::array>(arrays[k]);
      if (array.data() != memory[k] || !array.base().is(owners[k]) || !array.writeable()) {
        return false;
      }
    }
    return true;
  }
};

struct BoundVectorEnv {
  BoundVectorEnv(std::unique_ptr<EnvironmentKernel> kernel, py::ssize_t num_envs,
                 std::optional<std::int64_t> max_steps, bool is_exact, bool copy, int num_threads,
                 py::tuple given)
      : env(std::move(kernel), num_envs, max_steps.value_or(VectorEnv::no_limit)),
        exact(is_exact),
        copy_outputs(copy),
        threads(checked_threads(num_threads)),
        arguments(std::move(given)) {}

  VectorEnv env;
  bool exact;
  bool copy_outputs;
  int threads;
  py::tuple arguments;  // it was made of; a pickle makes it again from them
  std::optional<ReusedArrays> reused;
  std::atomic_flag busy;
};

inline void require_reset(const VectorEnv& env) {
  if (!env.all_reset()) {
    throw std::runtime_error("expected reset() first: an environment has no state");
  }
}

// NumPy's flags may be bytes other than 0 and 1, which no bool of C++ may be.
inline bool flag(const Array<bool>& flags, Lane i) {
  return *(static_cast<const std::uint8_t*>(static_cast<const py::array&>(flags).data()) + i) != 0;
}

template <class Action>
Array<Action> recorded_actions(RolloutStorage<Action>& s) {
  std::vector<py::ssize_t> shape = {s.rows, s.columns};
  if constexpr (std::floating_point<Action>) shape.push_back(s.action_size);
  return take(std::move(s.actions), std::move(shape));
}

template <class Action>
py::dict rollout_dict(RolloutStorage<Action>&& s) {
  const py::ssize_t t = s.rows, n = s.columns, d = s.observation_size;
  const auto k = static_cast<py::ssize_t>(s.ends.row.size());
  py::dict out;
  out["observations"] = take(std::move(s.observations), {t, n, d});
  out["actions"] = recorded_actions(s);
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

template <class Actor>
void require_fit(const Actor& actor, const VectorEnv& env) {
  require_reset(env);
  require_size("observation_size", actor.observation_size(), env.shape().observation_size);
  require(actor.fits(env.shape()), "actor: expected one with the environment's actions");
}

using AnyActor = std::variant<const SoftmaxActor*, const GaussianActor*>;

}  // namespace fastpg
