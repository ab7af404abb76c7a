// What goes into resets, steps and rollouts of a bound environment, and what comes out.
#pragma once

#include <cmath>
#include <optional>
#include <vector>

#include "bound_env.hpp"
#include "fastpg/rollout/storage.hpp"

namespace fastpg {

using Seeds = std::vector<std::optional<SeedSequence>>;

// entropy: one entry for each environment, None (the stream goes on) or the words of a seed.
// Reading them runs Python code, which may change the list, and arrays whose sizes were checked
// before.
inline Seeds read_seeds(const std::optional<py::list>& entropy, Lane lanes) {
  Seeds seeds(static_cast<std::size_t>(lanes));
  if (!entropy) return seeds;
  const py::tuple entries(*entropy);
  if (static_cast<Lane>(entries.size()) != lanes) {
    refuse("entropy: expected one entry a lane");
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

inline void require_reset_options(const EnvironmentShape& shape,
                                  const std::vector<double>& options) {
  require_size("bounds", static_cast<Lane>(options.size()),
               static_cast<Lane>(shape.reset_defaults.size()));
  for (const double option : options) {
    require(std::abs(option) <= 1e38, "bounds: expected numbers of magnitude at most 1e38");
  }
}

// For the observations of all environments.
inline Array<float> observation_rows(const VectorEnv& env) {
  return Array<float>({env.num_envs(), env.shape().observation_size});
}

// Memory that C++ owns: NumPy refuses to resize such arrays, so the next step may write into them.
template <class T, class Element = T>
Array<Element> owned(std::vector<py::ssize_t> shape) {
  py::ssize_t size = 1;
  for (const py::ssize_t length : shape) size *= length;
  return take<T, Element>(std::vector<T>(static_cast<std::size_t>(size)), std::move(shape));
}

// Last observations are there under same_step alone.
inline py::tuple step_arrays(const VectorEnv& env, Autoreset mode, bool copy) {
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

inline void require_fit(const Actor& actor, const VectorEnv& env) {
  require_reset(env);
  require_size("observation_size", actor.observation_size(), env.shape().observation_size);
  require(actor.fits(env.shape()), "actor: expected one with the environment's actions");
}

inline py::array recorded_actions(RolloutStorage& s) {
  if (auto* const choices = std::get_if<Buffer<std::int32_t>>(&s.actions)) {
    if (!s.several) return take(std::move(*choices), {s.rows, s.columns});
    return take(std::move(*choices), {s.rows, s.columns, s.action_size});
  }
  return take(std::move(std::get<Buffer<double>>(s.actions)), {s.rows, s.columns, s.action_size});
}

inline py::dict rollout_dict(RolloutStorage&& s) {
  const py::ssize_t masks = s.mask_size;
  const py::ssize_t t = s.rows, n = s.columns, d = s.observation_size;
  const auto k = static_cast<py::ssize_t>(s.ends.row.size());
  py::dict out;
  out["observations"] = take(std::move(s.observations), {t, n, d});
  out["actions"] = recorded_actions(s);
  out["rewards"] = take(std::move(s.rewards), {t, n});
  out["terminated"] = take<std::uint8_t, bool>(std::move(s.terminated), {t, n});
  out["truncated"] = take<std::uint8_t, bool>(std::move(s.truncated), {t, n});
  out["valid"] = take<std::uint8_t, bool>(std::move(s.valid), {t, n});
  if (masks > 0) {
    out["action_masks"] = take<std::uint8_t, bool>(std::move(s.allowed), {t, n, masks});
  }
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

}  // namespace fastpg
