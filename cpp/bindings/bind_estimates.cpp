#include <algorithm>

#include "fastpg/core/elementwise.hpp"
#include "fastpg/core/thread_pool.hpp"
#include "fastpg/estimators/rollout_estimates.hpp"
#include "named_result.hpp"
#include "value_samples.hpp"

namespace fastpg {
namespace {

const NamedResult* estimates_result = nullptr;

// An array of a rollout, named by its field.
template <class T>
Array<T> field(const py::dict& rollout, const char* name) {
  const auto found = py::reinterpret_borrow<py::object>(PyDict_GetItemString(rollout.ptr(), name));
  if (!found || !py::isinstance<Array<T>>(found)) {
    refuse_type({"rollout: expected a C-contiguous array ", name,
                 " of the dtype of a Rollout, got ",
                 (found ? py::repr(py::type::of(found)).cast<std::string>() : "none")});
  }
  return py::reinterpret_borrow<Array<T>>(found);
}

// What the estimates read of a rollout. Sizes are noted once they are checked: other threads may
// reshape an array while a kernel runs.
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
    shape = {rewards.shape(0), rewards.shape(1)};
    observation_size = observations.shape(2);
    end_count = end_rows.size();
  }

  TimeByLane shape{};
  py::ssize_t observation_size = 0;
  py::ssize_t end_count = 0;
  Array<float> observations;
  Array<double> rewards;
  Array<bool> terminated, truncated, valid;
  Array<std::int32_t> step_index;
  Array<float> last_observations;
  Array<std::int64_t> last_step_index, end_rows, end_columns;
  Array<float> final_observations;
  Array<std::int64_t> episode_lengths;

  // Of all of the rollout's arrays; no_gaps: every sample is valid.
  RolloutArrays arrays(bool no_gaps) const {
    return {shape,
            rewards.data(),
            bytes(terminated),
            bytes(truncated),
            no_gaps ? nullptr : bytes(valid),
            end_count,
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
      : values({r.shape.steps, r.shape.lanes}), last(r.shape.lanes), final(r.end_count) {}

  Array<double> values, last, final;
};

// By the linear baseline; weights nullptr: 0.
void predict(const RolloutFields& r, const Array<std::int64_t>& steps, const double* weights,
             bool time, int threads, RolloutValues& out) {
  const auto fill = [&](const ValueSamples& samples, double* to) {
    if (samples.count == 0) return true;
    if (weights == nullptr) {
      std::fill_n(to, samples.count, 0.0);
      return true;
    }
    return value_predict(samples, weights, threads, to);
  };
  const auto samples = [&](const Array<float>& states, const Array<std::int64_t>& at,
                           py::ssize_t count) {
    return ValueSamples{states.data(), at.data(), count, r.observation_size, time};
  };
  const ValueSamples all = samples(r.observations, steps, r.shape.size());
  const ValueSamples last = samples(r.last_observations, r.last_step_index, r.shape.lanes);
  const ValueSamples final = samples(r.final_observations, r.episode_lengths, r.end_count);
  double* const of_all = out.values.mutable_data();
  double* const of_last = out.last.mutable_data();
  double* const of_final = out.final.mutable_data();
  const bool finite =
      unlocked([&] { return fill(all, of_all) && fill(last, of_last) && fill(final, of_final); });
  if (finite) return;
  require_finite("observations", r.observations);
  require_finite("last_observations", r.last_observations);
  require_finite("final_observations", r.final_observations);
}

// The values that Python found.
void take_values(const py::tuple& given, RolloutValues& out) {
  require_size("values", static_cast<py::ssize_t>(given.size()), 3);
  Array<double>* const to[] = {&out.values, &out.last, &out.final};
  const char* const names[] = {"values", "last_values", "final_values"};
  for (std::size_t k = 0; k < 3; ++k) {
    const py::object item = given[k];
    if (!py::isinstance<Array<double>>(item)) {
      refuse_type({names[k], ": expected a C-contiguous array of float64"});
    }
    auto array = py::reinterpret_borrow<Array<double>>(item);
    require_same_shape(names[k], array, *to[k]);
    *to[k] = std::move(array);
  }
}

Array<std::int64_t> widened(const Array<std::int32_t>& steps) {
  Array<std::int64_t> out = like<std::int64_t>(steps);
  widen(steps.data(), steps.size(), out.mutable_data());
  return out;
}

// The valid samples of values (T, N), (n,): in row-major order.
template <class T>
Array<T> of_valid(Array<T> values, const Array<bool>& valid, bool no_gaps) {
  if (no_gaps) {
    return py::reinterpret_steal<Array<T>>(values.reshape({values.size()}).release());
  }
  Array<T> out(count_set(bytes(valid), valid.size()));
  select(values.data(), bytes(valid), valid.size(), out.mutable_data());
  return out;
}

[[noreturn]] void refuse_estimates(const RolloutFields& r, const RolloutValues& v) {
  require_finite("rewards", r.rewards);
  require_finite("values", v.values);
  require_finite("last_values", v.last);
  require_finite("final_values", v.final);
  refuse(
      "rollout: expected rewards and values whose sums are finite, and no terminated step that has "
      "not ended");
}

// value: weights (k,) of the linear baseline, a tuple of values, or None for values of 0.
py::object bound_estimate(const py::dict& rollout, const py::object& value, bool value_time,
                          double gamma, double gae_lambda, bool monte_carlo, int num_threads) {
  const int threads = checked_threads(num_threads);
  require_unit_interval("gamma", gamma);
  require_unit_interval("gae_lambda", gae_lambda);
  const bool of_python = py::isinstance<py::tuple>(value);
  const bool linear = !of_python && !value.is_none();
  // Code of Python may run here, so first.
  const Array<double> weights = linear ? value.cast<Array<double>>() : Array<double>(0);
  const RolloutFields r(rollout);
  RolloutValues v(r);
  const Array<std::int64_t> steps = widened(r.step_index);
  if (of_python) {
    take_values(py::reinterpret_borrow<py::tuple>(value), v);
  } else if (linear) {
    require_ndim("weights", weights, 1);
    require_size("weights", weights.size(), ValueFeatures::size(r.observation_size, value_time));
    predict(r, steps, weights.data(), value_time, threads, v);
  } else {
    predict(r, steps, nullptr, false, threads, v);
  }
  Array<double> advantages = recycled_like<double>(r.rewards);
  Array<double> targets = recycled_like<double>(r.rewards);
  double* const a = advantages.mutable_data();
  double* const t = targets.mutable_data();
  const bool no_gaps = count_set(bytes(r.valid), r.shape.size()) == r.shape.size();
  const RolloutArrays arrays = r.arrays(no_gaps);
  const StateValues values{v.values.data(), v.last.data(), v.final.data()};
  const RolloutEstimates found = unlocked(
      [&] { return estimate(arrays, values, {gamma, gae_lambda, monte_carlo, threads}, a, t); });
  require(found.ends_inside, "end_rows, end_columns: expected places in the rollout");
  if (!found.finite) refuse_estimates(r, v);
  const auto samples = [&](const auto& all) { return of_valid(all, r.valid, no_gaps); };
  return (*estimates_result)(samples(v.values), samples(advantages), samples(targets),
                             samples(steps), found.explained_variance, found.value_loss);
}

}  // namespace

void bind_estimates(py::module_& m) {
  estimates_result =
      new NamedResult(m, "Estimates", "fastpg._core.Estimates",
                      "Advantages and value targets of the n valid samples of a rollout.",
                      {{"values", "V(s), (n,)"},
                       {"advantages", "(n,)"},
                       {"targets", "(n,)"},
                       {"steps", "step_index as int64, (n,)"},
                       {"explained_variance", "of the values as predictions of the targets"},
                       {"value_loss", "their mean squared error"}});
  m.def("estimate", &bound_estimate, py::arg("rollout"), py::arg("value"), py::arg("value_time"),
        py::arg("gamma"), py::arg("gae_lambda"), py::arg("monte_carlo"), py::arg("num_threads"),
        "Estimates of the fields of a Rollout; `value`: weights of the linear baseline, a tuple of "
        "values (T, N), (N,) and (K,), or None for values of 0.");
}

}  // namespace fastpg
