#include <optional>

#include "fastpg/core/checks.hpp"
#include "fastpg/estimators/gae.hpp"
#include "fastpg/estimators/returns.hpp"
#include "refusals.hpp"

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

py::tuple bound_gae(const Array<double>& rewards, const Array<double>& values,
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
  return py::make_tuple(std::move(advantages), std::move(targets));
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

}  // namespace

void bind_estimators(py::module_& m) {
  m.def("gae", &bound_gae, py::arg("rewards").noconvert(), py::arg("values").noconvert(),
        py::arg("next_values").noconvert(), py::arg("terminated").noconvert(),
        py::arg("ended").noconvert(), py::arg("gamma"), py::arg("gae_lambda"),
        py::arg("num_threads"), "(advantages, value targets) of (T,) or (T, N) arrays.");
  m.def("discounted_returns", &bound_returns, py::arg("rewards").noconvert(),
        py::arg("next_values").noconvert(), py::arg("terminated").noconvert(),
        py::arg("ended").noconvert(), py::arg("gamma"), py::arg("num_threads"),
        "Returns to go of (T,) or (T, N) arrays; next_values None: zeros.");
}

}  // namespace fastpg
