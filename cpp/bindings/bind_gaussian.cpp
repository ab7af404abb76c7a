#include "bind_policy.hpp"
#include "fastpg/policies/gaussian_head.hpp"

namespace fastpg {

void bind_gaussian(py::module_& m) {
  bind_policy_head<GaussianHead>(m, "GaussianHead",
                                 "Diagonal Gaussian; its own parameters are ln sigma.")
      .def(py::init<Index>(), py::arg("dimensions"));
}

}  // namespace fastpg
