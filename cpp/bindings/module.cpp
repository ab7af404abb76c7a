#include "pybind.hpp"

namespace fastpg {

void bind_random(py::module_& m);
void bind_math(py::module_& m);
void bind_envs(py::module_& m);
void bind_estimators(py::module_& m);
void bind_features(py::module_& m);
void bind_solvers(py::module_& m);
void bind_categorical(py::module_& m);
void bind_gaussian(py::module_& m);

}  // namespace fastpg

PYBIND11_MODULE(_core, m) {
  m.doc() = "Kernels of fastpg. Arrays are C-contiguous; the public functions convert and explain.";
  m.attr("__version__") = FASTPG_VERSION;
  fastpg::bind_random(m);
  fastpg::bind_math(m);
  fastpg::bind_envs(m);
  fastpg::bind_estimators(m);
  fastpg::bind_features(m);
  fastpg::bind_solvers(m);
  fastpg::bind_categorical(m);
  fastpg::bind_gaussian(m);
}
