#include "bind_policy.hpp"
#include "fastpg/policies/categorical_head.hpp"

namespace fastpg {

void bind_categorical(py::module_& m) {
  py::native_enum<PpoObjective>(m, "PpoObjective", "enum.Enum", "What PPO's epochs ascend.")
      .value("clip", PpoObjective::clip)
      .value("kl_penalty_exact", PpoObjective::kl_penalty_exact)
      .value("kl_penalty_sampled", PpoObjective::kl_penalty_sampled)
      .finalize();

  bind_policy_head<CategoricalHead>(m, "CategoricalHead",
                                    "One or more independent categorical choices.")
      .def(py::init<std::vector<Index>>(), py::arg("choices"))
      .def_property_readonly("choices", &CategoricalHead::choices);
}

}  // namespace fastpg
