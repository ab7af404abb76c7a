// What solvers take and return, as Python sees it.
#pragma once

#include "fastpg/solvers/conjugate_gradient.hpp"
#include "fastpg/solvers/line_search.hpp"
#include "pybind.hpp"

namespace fastpg {

const char* name(CgStatus status);
const char* name(LineSearchStatus status);
void require_iterations(const char* what, py::ssize_t count, py::ssize_t most);
CgSettings cg_settings(py::ssize_t max_steps, double tolerance, double damping);

}  // namespace fastpg
