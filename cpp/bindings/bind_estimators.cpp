#include <limits>
#include <new>
#include <optional>
#include <vector>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/thread_pool.hpp"
#include "fastpg/estimators/bootstrap.hpp"
#include "fastpg/estimators/gae.hpp"
#include "fastpg/estimators/resampling.hpp"
#include "fastpg/estimators/returns.hpp"
#include "fastpg/estimators/rollout_estimates.hpp"
#include "fastpg/estimators/statistics.hpp"
#include "named_result.hpp"
#include "refusals.hpp"
#include "value_samples.hpp"

namespace fastpg {
namespace {

TimeByLane window(const Array<double>& rewards) {
  const auto ndim = rewards.ndim();
  if (ndim != 1 && ndim != 2) {
    throw py::value_error("rewards: expected shape (T,) or (T, N), got " + shape_text(rewards));
  }
  if (rewards.size() == 0) {
    throw py::value_error("rewards: expected at least one element, got shape " +
                          shape_text(rewards));
  }
  return {rewards.shape(0), ndim == 2 ? rewards.shape(1) : 1};
}

// NumPy's booleans may hold any byte.
const Flag* bytes(const Array<bool>& flags) {
  return static_cast<const Flag*>(flags.py::array::data());
}

bool all_set(const Array<bool>& flags) {
  const Flag* const values = bytes(flags);
  return std::find(values, values + flags.size(), Flag{0}) == values + flags.size();
}

const NamedResult* gae_result = nullptr;
const NamedResult* prediction_error_result = nullptr;
const NamedResult* estimates_result = nullptr;

void refuse_stray(const Array<bool>& terminated, const Array<bool>& ended) {
  require_same_shape("terminated", terminated, ended);  // as they are now
  const Flag* const inner = bytes(terminated);
  const Flag* const outer = bytes(ended);
  for (py::ssize_t i = 0; i < ended.size(); ++i) {
    if (inner[i] == 0 || outer[i] != 0) continue;
    throw py::value_error(
        "terminated: expected a subset of ended, got a terminated step that has not ended at "
        "index " +
        index_text(ended, i));
  }
}

py::object bound_gae(const Array<double>& rewards, const Array<double>& values,
                     const Array<double>& next_values, const Array<bool>& terminated,
                     const Array<bool>& ended, double gamma, double gae_lambda, int num_threads) {
  const TimeByLane shape = window(rewards);
  require_same_shape("values", values, rewards);
  require_same_shape("next_values", next_values, rewards);
  require_same_shape("terminated", terminated, rewards);
  require_same_shape("ended", ended, rewards);
  require_unit_interval("gamma", gamma);
  require_unit_interval("gae_lambda", gae_lambda);
  checked_threads(num_threads);
  Array<double> advantages = recycled_like<double>(rewards);
  Array<double> targets = recycled_like<double>(rewards);
  const GaeArrays arrays{shape,
                         rewards.data(),
                         values.data(),
                         next_values.data(),
                         bytes(terminated),
                         bytes(ended),
                         advantages.mutable_data(),
                         targets.mutable_data()};
  if (!unlocked([&] { return gae(arrays, gamma, gae_lambda, num_threads); })) {
    refuse_not_finite("rewards", rewards);
    refuse_not_finite("values", values);
    refuse_not_finite("next_values", next_values);
    refuse_stray(terminated, ended);
    refuse_not_finite("advantages", advantages);
    refuse_not_finite("targets", targets);
  }
  return (*gae_result)(std::move(advantages), std::move(targets));
}

Array<double> bound_returns(const Array<double>& rewards,
                            const std::optional<Array<double>>& next_values,
                            const Array<bool>& terminated, const Array<bool>& ended, double gamma,
                            int num_threads) {
  const TimeByLane shape = window(rewards);
  if (next_values) require_same_shape("next_values", *next_values, rewards);
  require_same_shape("terminated", terminated, rewards);
  require_same_shape("ended", ended, rewards);
  require_unit_interval("gamma", gamma);
  checked_threads(num_threads);
  Array<double> returns = recycled_like<double>(rewards);
  const ReturnArrays arrays{shape,
                            rewards.data(),
                            next_values ? next_values->data() : nullptr,
                            bytes(terminated),
                            bytes(ended),
                            returns.mutable_data()};
  if (!unlocked([&] { return discounted_returns(arrays, gamma, num_threads); })) {
    refuse_not_finite("rewards", rewards);
    if (next_values) refuse_not_finite("next_values", *next_values);
    refuse_stray(terminated, ended);
    refuse_not_finite("returns", returns);
  }
  return returns;
}

void require_numbers(const char* name, const Array<double>& values) {
  require_ndim(name, values, 1);
  require(values.size() >= 1, std::string(name) + ": expected at least one number, got none");
  require_finite(name, values.data(), values.size());
}

Array<double> bound_standardize(const Array<double>& values) {
  require_numbers("values", values);
  Array<double> out(values.size());
  const double* const from = values.data();
  double* const to = out.mutable_data();
  const py::ssize_t size = out.size();
  unlocked([&] { standardize(from, size, to); });
  return out;
}

py::object bound_prediction_error(const Array<double>& values, const Array<double>& targets) {
  require_numbers("values", values);
  require_numbers("targets", targets);
  require_same_shape("targets", targets, values);
  std::vector<double> scratch(static_cast<std::size_t>(values.size()));
  const double* const predicted = values.data();
  const double* const wanted = targets.data();
  const PredictionError error = unlocked([&] {
    const auto size = static_cast<py::ssize_t>(scratch.size());
    return prediction_error(predicted, wanted, size, scratch.data());
  });
  return (*prediction_error_result)(error.explained_variance, error.mean_square);
}

// An array of a rollout, named by its field.
template <class T>
Array<T> field(const py::dict& rollout, const char* name) {
  const auto found = py::reinterpret_borrow<py::object>(PyDict_GetItemString(rollout.ptr(), name));
  if (!found || !py::isinstance<Array<T>>(found)) {
    throw py::type_error(std::string("rollout: expected a C-contiguous array ") + name +
                         " of the dtype of a Rollout, got " +
                         (found ? py::repr(py::type::of(found)).cast<std::string>() : "none"));
  }
  return py::reinterpret_borrow<Array<T>>(found);
}

// What the estimates read of a rollout.
struct RolloutFields {
  explicit RolloutFields(const py::dict& rollout)
      : observations(field<float>(rollout, "observations")),
        rewards(field<double>(rollout, "rewards")),
        terminated(field<bool>(rollout, "terminated")),
        truncated(field<bool>(rollout, "truncated")),
        valid(field<bool>(rollout, "valid")),
        step_index(field<std::int32_t>(rollout, "step_index")),
        last_observations(field<float>(rollout, "last_observations")),
        last_step_index(field<std::int64_t>(rollout, "last_step_index")),
        end_rows(field<std::int64_t>(rollout, "end_rows")),
        end_columns(field<std::int64_t>(rollout, "end_columns")),
        final_observations(field<float>(rollout, "final_observations")),
        episode_lengths(field<std::int64_t>(rollout, "episode_lengths")) {
    require_ndim("rewards", rewards, 2);
    require(rewards.size() >= 1, "rewards: expected at least one sample, got none");
    require_ndim("observations", observations, 3);
    for (const py::ssize_t k : {0, 1}) {
      require_size("observations (rows, columns)", observations.shape(k), rewards.shape(k));
    }
    require(observations.shape(2) >= 1, "observations: expected at least one number, got none");
    require_same_shape("terminated", terminated, rewards);
    require_same_shape("truncated", truncated, rewards);
    require_same_shape("valid", valid, rewards);
    require_same_shape("step_index", step_index, rewards);
    require_rows("last_observations", last_observations, last_step_index, rewards.shape(1));
    require_rows("final_observations", final_observations, episode_lengths, end_rows.size());
    require_ndim("end_rows", end_rows, 1);
    require_same_shape("end_columns", end_columns, end_rows);
  }

  Array<float> observations;
  Array<double> rewards;
  Array<bool> terminated, truncated, valid;
  Array<std::int32_t> step_index;
  Array<float> last_observations;
  Array<std::int64_t> last_step_index, end_rows, end_columns;
  Array<float> final_observations;
  Array<std::int64_t> episode_lengths;

  TimeByLane shape() const { return {rewards.shape(0), rewards.shape(1)}; }
  py::ssize_t observation_size() const { return observations.shape(2); }
  // Of all of the rollout's arrays; no_gaps: every sample is valid.
  RolloutArrays arrays(bool no_gaps) const {
    return {shape(),
            rewards.data(),
            bytes(terminated),
            bytes(truncated),
            no_gaps ? nullptr : bytes(valid),
            end_rows.size(),
            end_rows.data(),
            end_columns.data()};
  }

 private:
  void require_rows(const char* name, const Array<float>& states, const Array<std::int64_t>& steps,
                    py::ssize_t count) const {
    require_ndim(name, states, 2);
    require_size((std::string(name) + " (rows)").c_str(), states.shape(0), count);
    require_size((std::string(name) + " (columns)").c_str(), states.shape(1),
                 observations.shape(2));
    require_ndim("step_index", steps, 1);
    require_size((std::string(name) + " (steps)").c_str(), steps.size(), count);
  }
};

// V of the states of a rollout: (T, N), (N,) and (K,).
struct RolloutValues {
  RolloutValues(const RolloutFields& r)
      : values({r.shape().steps, r.shape().lanes}),
        last(r.shape().lanes),
        final(r.end_rows.size()) {}

  Array<double> values, last, final;
};

// By the linear baseline; weights nullptr: 0.
void predict(const RolloutFields& r, const Array<std::int64_t>& steps, const double* weights,
             bool time, int threads, RolloutValues& out) {
  const auto fill = [&](const float* states, const std::int64_t* at, py::ssize_t count,
                        double* to) {
    if (count == 0) return true;
    if (weights == nullptr) {
      std::fill_n(to, count, 0.0);
      return true;
    }
    return value_predict(ValueSamples{states, at, count, r.observation_size(), time}, weights,
                         threads, to);
  };
  double* const values = out.values.mutable_data();
  double* const last = out.last.mutable_data();
  double* const final = out.final.mutable_data();
  const bool finite = unlocked([&] {
    return fill(r.observations.data(), steps.data(), r.shape().size(), values) &&
           fill(r.last_observations.data(), r.last_step_index.data(), r.shape().lanes, last) &&
           fill(r.final_observations.data(), r.episode_lengths.data(), r.end_rows.size(), final);
  });
  if (finite) return;
  require_finite("observations", r.observations.data(), r.observations.size());
  require_finite("last_observations", r.last_observations.data(), r.last_observations.size());
  require_finite("final_observations", r.final_observations.data(), r.final_observations.size());
}

// The values that Python found.
void take_values(const py::tuple& given, RolloutValues& out) {
  require_size("values", static_cast<py::ssize_t>(given.size()), 3);
  Array<double>* const to[] = {&out.values, &out.last, &out.final};
  const char* const names[] = {"values", "last_values", "final_values"};
  for (std::size_t k = 0; k < 3; ++k) {
    const py::object item = given[k];
    if (!py::isinstance<Array<double>>(item)) {
      throw py::type_error(std::string(names[k]) + ": expected a C-contiguous array of float64");
    }
    auto array = py::reinterpret_borrow<Array<double>>(item);
    require_same_shape(names[k], array, *to[k]);
    *to[k] = std::move(array);
  }
}

Array<std::int64_t> widened(const Array<std::int32_t>& steps) {
  Array<std::int64_t> out = like<std::int64_t>(steps);
  std::copy_n(steps.data(), steps.size(), out.mutable_data());
  return out;
}

// The valid samples of values (T, N), (n,): in row-major order.
template <class T>
Array<T> of_valid(Array<T> values, const Array<bool>& valid, bool no_gaps) {
  if (no_gaps) {
    return py::reinterpret_steal<Array<T>>(values.reshape({values.size()}).release());
  }
  const Flag* const flags = bytes(valid);
  const py::ssize_t all = valid.size();
  Array<T> out(all - std::count(flags, flags + all, Flag{0}));
  T* to = out.mutable_data();
  for (py::ssize_t k = 0; k < all; ++k) {
    if (flags[k] != 0) *to++ = values.data()[k];
  }
  return out;
}

[[noreturn]] void refuse_estimates(const RolloutFields& r, const RolloutValues& v) {
  refuse_not_finite("rewards", r.rewards);
  refuse_not_finite("values", v.values);
  require_finite("last_values", v.last.data(), v.last.size());
  require_finite("final_values", v.final.data(), v.final.size());
  throw py::value_error(
      "rollout: expected rewards and values whose sums are finite, and no terminated step that has "
      "not ended");
}

// value: weights (k,) of the linear baseline, a tuple of values, or None for values of 0.
py::object bound_estimate(const py::dict& rollout, const py::object& value, bool value_time,
                          double gamma, double gae_lambda, bool monte_carlo, int num_threads) {
  const int threads = checked_threads(num_threads);
  require_unit_interval("gamma", gamma);
  require_unit_interval("gae_lambda", gae_lambda);
  const RolloutFields r(rollout);
  RolloutValues v(r);
  const Array<std::int64_t> steps = widened(r.step_index);
  if (py::isinstance<py::tuple>(value)) {
    take_values(py::reinterpret_borrow<py::tuple>(value), v);
  } else if (value.is_none()) {
    predict(r, steps, nullptr, false, threads, v);
  } else {
    const auto weights = value.cast<Array<double>>();
    require_ndim("weights", weights, 1);
    require_size("weights", weights.size(), ValueFeatures::size(r.observation_size(), value_time));
    predict(r, steps, weights.data(), value_time, threads, v);
  }
  Array<double> advantages = recycled_like<double>(r.rewards);
  Array<double> targets = recycled_like<double>(r.rewards);
  double* const a = advantages.mutable_data();
  double* const t = targets.mutable_data();
  const bool no_gaps = all_set(r.valid);
  const RolloutEstimates found = unlocked([&] {
    return estimate(r.arrays(no_gaps), {v.values.data(), v.last.data(), v.final.data()},
                    {gamma, gae_lambda, monte_carlo, threads}, a, t);
  });
  require(found.ends_inside, "end_rows, end_columns: expected places in the rollout");
  if (!found.finite) refuse_estimates(r, v);
  const auto samples = [&](const auto& all) { return of_valid(all, r.valid, no_gaps); };
  return (*estimates_result)(samples(v.values), samples(advantages), samples(targets),
                             samples(steps), found.explained_variance, found.value_loss);
}

void require_resamples(py::ssize_t tasks, py::ssize_t runs, py::ssize_t resamples) {
  const auto within = [](const char* name, py::ssize_t got, py::ssize_t low, py::ssize_t high) {
    require(low <= got && got <= high, std::string(name) + ": expected a number in [" +
                                           std::to_string(low) + ", " + std::to_string(high) +
                                           "], got " + std::to_string(got));
  };
  constexpr py::ssize_t most = RunDraws::most_runs;
  within("tasks", tasks, 1, most);
  within("runs", runs, 1, most);
  within("resamples", resamples, 0, std::numeric_limits<py::ssize_t>::max() / 8);
}

Array<double> bound_bootstrap(const Array<double>& scores, ScoreStatistic statistic,
                              std::uint64_t seed, py::ssize_t resamples, int num_threads) {
  const int threads = checked_threads(num_threads);
  require_ndim("scores", scores, 2);
  require_resamples(scores.shape(0), scores.shape(1), resamples);
  require_finite("scores", scores.data(), scores.size());
  Array<double> out(resamples);
  const Scores given{scores.data(), scores.shape(0), scores.shape(1)};
  double* const found = out.mutable_data();
  unlocked([&] { bootstrap(given, statistic, seed, resamples, threads, found); });
  return out;
}

Array<std::int32_t> bound_resample_counts(py::ssize_t tasks, py::ssize_t runs, std::uint64_t seed,
                                          std::uint64_t first, py::ssize_t resamples,
                                          int num_threads) {
  const int threads = checked_threads(num_threads);
  require_resamples(tasks, runs, resamples);
  if (resamples > std::numeric_limits<py::ssize_t>::max() / 8 / tasks / runs)
    throw std::bad_alloc();
  auto out =
      take<std::int32_t>(Buffer<std::int32_t>(static_cast<std::size_t>(resamples * tasks * runs)),
                         {resamples, tasks, runs});
  std::int32_t* const counts = out.mutable_data();
  unlocked([&] { resample_counts(tasks, runs, seed, first, resamples, threads, counts); });
  return out;
}

}  // namespace

void bind_estimators(py::module_& m) {
  gae_result = new NamedResult(m, "Advantages", "fastpg._core.Advantages", "What GAE gives.",
                               {{"advantages", "A, of the shape of the rewards"},
                                {"targets", "A + V(s), the value targets"}});
  prediction_error_result = new NamedResult(
      m, "PredictionError", "fastpg._core.PredictionError", "Errors of values as predictions.",
      {{"explained_variance", "1 - Var(targets - values) / Var(targets); 0 of constant targets"},
       {"mean_square", "mean squared error"}});
  estimates_result =
      new NamedResult(m, "Estimates", "fastpg._core.Estimates",
                      "Advantages and value targets of the n valid samples of a rollout.",
                      {{"values", "V(s), (n,)"},
                       {"advantages", "(n,)"},
                       {"targets", "(n,)"},
                       {"steps", "step_index as int64, (n,)"},
                       {"explained_variance", "of the values as predictions of the targets"},
                       {"value_loss", "their mean squared error"}});
  m.def("gae", &bound_gae, py::arg("rewards").noconvert(), py::arg("values").noconvert(),
        py::arg("next_values").noconvert(), py::arg("terminated").noconvert(),
        py::arg("ended").noconvert(), py::arg("gamma"), py::arg("gae_lambda"),
        py::arg("num_threads"), "Advantages of (T,) or (T, N) arrays.");
  m.def("discounted_returns", &bound_returns, py::arg("rewards").noconvert(),
        py::arg("next_values").noconvert(), py::arg("terminated").noconvert(),
        py::arg("ended").noconvert(), py::arg("gamma"), py::arg("num_threads"),
        "Returns to go of (T,) or (T, N) arrays; next_values None: zeros.");
  m.def("standardize", &bound_standardize, py::arg("values").noconvert(),
        "(n,) with mean 0 and standard deviation 1; zeros of a constant.");
  m.def("prediction_error", &bound_prediction_error, py::arg("values").noconvert(),
        py::arg("targets").noconvert(), "A PredictionError of (n,).");
  py::native_enum<ScoreStatistic>(m, "ScoreStatistic", "enum.Enum", "Of scores over runs.")
      .value("iqm", ScoreStatistic::iqm)
      .value("mean", ScoreStatistic::mean)
      .value("median", ScoreStatistic::median)
      .finalize();
  m.def("bootstrap", &bound_bootstrap, py::arg("scores").noconvert(), py::arg("statistic"),
        py::arg("seed"), py::arg("resamples"), py::arg("num_threads"),
        "A statistic of resamples (resamples,) of scores (tasks, runs).");
  m.def("resample_counts", &bound_resample_counts, py::arg("tasks"), py::arg("runs"),
        py::arg("seed"), py::arg("first"), py::arg("resamples"), py::arg("num_threads"),
        "How often `bootstrap` draws each run in some resamples, (resamples, tasks, runs).");
  m.def("estimate", &bound_estimate, py::arg("rollout"), py::arg("value"), py::arg("value_time"),
        py::arg("gamma"), py::arg("gae_lambda"), py::arg("monte_carlo"), py::arg("num_threads"),
        "Estimates of the fields of a Rollout; `value`: weights of the linear baseline, a tuple of "
        "values (T, N), (N,) and (K,), or None for values of 0.");
}

}  // namespace fastpg
