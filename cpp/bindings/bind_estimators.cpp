#include <optional>
#include <vector>

#include "fastpg/core/thread_pool.hpp"
#include "fastpg/estimators/gae.hpp"
#include "fastpg/estimators/returns.hpp"
#include "fastpg/estimators/statistics.hpp"
#include "named_result.hpp"
#include "unlocked.hpp"

namespace fastpg {
namespace {

TimeByLane window(const Array<double>& rewards) {
  const auto ndim = rewards.ndim();
  if (ndim != 1 && ndim != 2) {
    refuse({"rewards: expected shape (T,) or (T, N), got ", shape_text(rewards)});
  }
  if (rewards.size() == 0) {
    refuse({"rewards: expected at least one element, got shape ", shape_text(rewards)});
  }
  return {rewards.shape(0), ndim == 2 ? rewards.shape(1) : 1};
}

const NamedResult* gae_result = nullptr;
const NamedResult* prediction_error_result = nullptr;

void refuse_stray(const Array<bool>& terminated, const Array<bool>& ended) {
  require_same_shape("terminated", terminated, ended);  // as they are now
  const Flag* const inner = bytes(terminated);
  const Flag* const outer = bytes(ended);
  for (py::ssize_t i = 0; i < ended.size(); ++i) {
    if (inner[i] == 0 || outer[i] != 0) continue;
    refuse(
        {"terminated: expected a subset of ended, got a terminated step that has not ended at "
         "index ",
         index_text(ended, i)});
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
    require_finite("rewards", rewards);
    require_finite("values", values);
    require_finite("next_values", next_values);
    refuse_stray(terminated, ended);
    require_finite("advantages", advantages);
    require_finite("targets", targets);
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
    require_finite("rewards", rewards);
    if (next_values) require_finite("next_values", *next_values);
    refuse_stray(terminated, ended);
    require_finite("returns", returns);
  }
  return returns;
}

void require_numbers(const char* name, const Array<double>& values) {
  require_ndim(name, values, 1);
  require(values.size() >= 1, {name, ": expected at least one number, got none"});
  require_finite(name, values);
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

}  // namespace

void bind_estimators(py::module_& m) {
  gae_result = new NamedResult(m, "Advantages", "fastpg._core.Advantages", "What GAE gives.",
                               {{"advantages", "A, of the shape of the rewards"},
                                {"targets", "A + V(s), the value targets"}});
  prediction_error_result = new NamedResult(
      m, "PredictionError", "fastpg._core.PredictionError", "Errors of values as predictions.",
      {{"explained_variance", "1 - Var(targets - values) / Var(targets); 0 of constant targets"},
       {"mean_square", "mean squared error"}});
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
}

}  // namespace fastpg
