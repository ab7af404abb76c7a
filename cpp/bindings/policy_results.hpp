// Results of the policies' kernels as Python gets them.
#pragma once

#include <optional>

#include "fastpg/policies/update_statistics.hpp"
#include "fastpg/solvers/conjugate_gradient.hpp"
#include "fastpg/solvers/line_search.hpp"
#include "fastpg/solvers/natural_gradient.hpp"
#include "fastpg/solvers/ppo.hpp"
#include "pybind.hpp"

namespace fastpg {

const char* name(CgStatus status);
void require_iterations(const char* what, py::ssize_t count, py::ssize_t most);
// A bound; None: there is none.
double positive_or_infinity(const char* what, std::optional<double> value);
CgSettings cg_settings(py::ssize_t max_steps, double tolerance, double damping);

py::object named(const UpdateStatistics& found);
py::object named(const CgResult& found, Array<double> x);
py::object named(const NaturalGradient& found, Array<double> direction);
py::object named(const LineSearchResult& found, Array<double> theta);
py::object named(const ValueFit& found, Array<double> theta);
// value_theta: an array, or None without a value network.
py::object named(const PpoResult& found, Array<double> theta, const UpdateStatistics& statistics,
                 py::object value_theta);
// advantages, dist, gradient, a NaturalGradient.
py::object named_step(Array<double> advantages, Array<double> dist, Array<double> gradient,
                      py::object natural);

}  // namespace fastpg
