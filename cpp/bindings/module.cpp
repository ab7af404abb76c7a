#include "pybind.hpp"

namespace fastpg {

// No subclass and no assignment to __class__: a method would read another class's memory.
inline void seal_classes(const py::module_& m) {
  for (const auto& [name, value] : m.attr("__dict__").cast<py::dict>()) {
    if (!PyType_Check(value.ptr())) continue;
    auto* const type = reinterpret_cast<PyTypeObject*>(value.ptr());
    if (type->tp_new != &new_and_init) continue;
    type->tp_flags &= ~static_cast<unsigned long>(Py_TPFLAGS_BASETYPE);
    type->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
    PyType_Modified(type);
  }
}

void bind_build(py::module_& m);
void bind_interrupts(py::module_& m);
void bind_random(py::module_& m);
void bind_math(py::module_& m);
void bind_envs(py::module_& m);
void bind_estimators(py::module_& m);
void bind_estimates(py::module_& m);
void bind_bootstrap(py::module_& m);
void bind_features(py::module_& m);
void bind_values(py::module_& m);
void bind_solvers(py::module_& m);
void bind_tabular(py::module_& m);
void bind_policy_results(py::module_& m);
void bind_distributions(py::module_& m);
void bind_networks(py::module_& m);
void bind_value_networks(py::module_& m);
void bind_ppo(py::module_& m);
void bind_policy(py::module_& m);

}  // namespace fastpg

PYBIND11_MODULE(_core, m) {
  m.doc() = "Kernels of fastpg. Arrays are C-contiguous; the public functions convert and explain.";
  m.attr("__version__") = FASTPG_VERSION;
  fastpg::bind_build(m);
  fastpg::bind_interrupts(m);
  fastpg::bind_random(m);
  fastpg::bind_math(m);
  fastpg::bind_tabular(m);
  fastpg::bind_envs(m);
  fastpg::bind_estimators(m);
  fastpg::bind_estimates(m);
  fastpg::bind_bootstrap(m);
  fastpg::bind_features(m);
  fastpg::bind_values(m);
  fastpg::bind_policy_results(m);
  fastpg::bind_solvers(m);
  fastpg::bind_distributions(m);
  fastpg::bind_networks(m);
  fastpg::bind_value_networks(m);
  fastpg::bind_ppo(m);
  fastpg::bind_policy(m);
  fastpg::seal_classes(m);
  fastpg::guard_types_of_pybind11();
}
