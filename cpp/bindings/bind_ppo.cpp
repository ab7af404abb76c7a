// Settings of PPO's epochs.
#include <optional>

#include "policy_results.hpp"

namespace fastpg {
namespace {

PpoSettings ppo_settings(PpoObjective objective, double clip_range, double kl_coef,
                         double learning_rate, double ent_coef, std::optional<double> max_grad_norm,
                         std::optional<double> target_kl, py::ssize_t n_epochs,
                         py::ssize_t batch_size, bool normalize_advantage, double vf_coef,
                         std::optional<double> clip_range_vf) {
  require_iterations("n_epochs", n_epochs, 1'000'000);
  require(batch_size >= 1, {"batch_size: expected at least 1, got ", batch_size});
  require(vf_coef >= 0.0 && std::isfinite(vf_coef),
          {"vf_coef: expected a finite number of at least 0, got ", vf_coef});
  return {objective,
          clip_range,
          kl_coef,
          learning_rate,
          ent_coef,
          positive_or_infinity("max_grad_norm", max_grad_norm),
          positive_or_infinity("target_kl", target_kl),
          n_epochs,
          batch_size,
          normalize_advantage,
          vf_coef,
          positive_or_infinity("clip_range_vf", clip_range_vf)};
}

}  // namespace

void bind_ppo(py::module_& m) {
  py::native_enum<PpoObjective>(m, "PpoObjective", "enum.Enum", "What PPO's epochs ascend.")
      .value("clip", PpoObjective::clip)
      .value("kl_penalty_exact", PpoObjective::kl_penalty_exact)
      .value("kl_penalty_sampled", PpoObjective::kl_penalty_sampled)
      .finalize();
  py::class_<PpoSettings> settings(m, "PpoSettings", "Of PPO's epochs.");
  construct_in_new(settings);
  settings.def(constructor_by(&ppo_settings), py::kw_only(), py::arg("objective"),
               py::arg("clip_range"), py::arg("kl_coef"), py::arg("learning_rate"),
               py::arg("ent_coef"), py::arg("max_grad_norm"), py::arg("target_kl"),
               py::arg("n_epochs"), py::arg("batch_size"), py::arg("normalize_advantage"),
               py::arg("vf_coef"), py::arg("clip_range_vf"));
}

}  // namespace fastpg
