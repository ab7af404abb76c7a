#include "fastpg/core/checks.hpp"
#include "fastpg/estimators/returns.hpp"
#include "pybind.hpp"

namespace fastpg {
namespace {

TimeByLane checked_shape(const Array<double>& rewards, const Array<double>& next_values,
                         const Array<bool>& terminated, const Array<bool>& ended, double gamma) {
  require_ndim("rewards", rewards, 2);
  require_same_shape("next_values", next_values, rewards);
  require_same_shape("terminated", terminated, rewards);
  require_same_shape("ended", ended, rewards);
  require_unit_interval("gamma", gamma);
  require_finite("rewards", rewards.data(), rewards.size());
  require_finite("next_values", next_values.data(), next_values.size());
  require_terminated_within_ended(terminated.data(), ended.data(), ended.size());
  return {rewards.shape(0), rewards.shape(1)};
}

py::tuple bound_gae(const Array<double>& rewards, const Array<double>& values,
                    const Array<double>& next_values, const Array<bool>& terminated,
                    const Array<bool>& ended, double gamma, double gae_lambda) {
  const TimeByLane shape = checked_shape(rewards, next_values, terminated, ended, gamma);
  require_same_shape("values", values, rewards);
  require_finite("values", values.data(), values.size());
  require_unit_interval("gae_lambda", gae_lambda);
  Array<double> advantages = like<double>(rewards);
  Array<double> targets = like<double>(rewards);
  double* const advantage_data = advantages.mutable_data();
  double* const target_data = targets.mutable_data();
  {
    const py::gil_scoped_release unlocked;
    gae(shape, rewards.data(), values.data(), next_values.data(), terminated.data(), ended.data(),
        gamma, gae_lambda, advantage_data, target_data);
  }
  require_finite("advantages", advantage_data, advantages.size());
  require_finite("targets", target_data, targets.size());
  return py::make_tuple(advantages, targets);
}

Array<double> bound_returns(const Array<double>& rewards, const Array<double>& next_values,
                            const Array<bool>& terminated, const Array<bool>& ended, double gamma) {
  const TimeByLane shape = checked_shape(rewards, next_values, terminated, ended, gamma);
  Array<double> returns = like<double>(rewards);
  double* const data = returns.mutable_data();
  {
    const py::gil_scoped_release unlocked;
    discounted_returns(shape, rewards.data(), next_values.data(), terminated.data(), ended.data(),
                       gamma, data);
  }
  require_finite("returns", data, returns.size());
  return returns;
}

}  // namespace

void bind_estimators(py::module_& m) {
  m.def("gae", &bound_gae, py::arg("rewards").noconvert(), py::arg("values").noconvert(),
        py::arg("next_values").noconvert(), py::arg("terminated").noconvert(),
        py::arg("ended").noconvert(), py::arg("gamma"), py::arg("gae_lambda"),
        "(advantages, value targets) of (T, N) arrays.");
  m.def("discounted_returns", &bound_returns, py::arg("rewards").noconvert(),
        py::arg("next_values").noconvert(), py::arg("terminated").noconvert(),
        py::arg("ended").noconvert(), py::arg("gamma"), "Returns to go of (T, N) arrays.");
}

}  // namespace fastpg
