#include <optional>

#include "eigen_views.hpp"
#include "fastpg/solvers/clipped_surrogate.hpp"

namespace fastpg {
namespace {

double or_infinity(const char* name, std::optional<double> value) {
  if (!value) return std::numeric_limits<double>::infinity();
  require(*value > 0.0,
          std::string(name) + ": expected None or a number above 0, got " + std::to_string(*value));
  return *value;
}

py::dict clipped_surrogate(const Array<double>& features, const Array<std::int32_t>& actions,
                           const Array<double>& advantages, const Array<double>& theta, Adam& adam,
                           std::uint64_t seed, std::uint64_t epoch_count, double clip_range,
                           double learning_rate, double ent_coef,
                           std::optional<double> max_grad_norm, std::optional<double> target_kl,
                           py::ssize_t n_epochs, py::ssize_t batch_size, bool normalize_advantage) {
  const MatrixView phi = matrix_view("features", features);
  const MatrixView parameters = matrix_view("theta", theta);
  require(phi.rows() >= 1, "features: expected at least one row, got none");
  require_size("theta (rows)", parameters.rows(), phi.cols());
  require_size("adam", adam.mean.size(), theta.size());
  const ActionView a = action_view(actions, phi.rows(), parameters.cols());
  const VectorView weights = vector_view("advantages", advantages);
  require_size("advantages", weights.size(), phi.rows());
  require(n_epochs >= 1, "n_epochs: expected at least 1, got " + std::to_string(n_epochs));
  require(batch_size >= 1, "batch_size: expected at least 1, got " + std::to_string(batch_size));

  ClippedSurrogateSettings settings;
  settings.clip_range = clip_range;
  settings.learning_rate = learning_rate;
  settings.ent_coef = ent_coef;
  settings.max_grad_norm = or_infinity("max_grad_norm", max_grad_norm);
  settings.target_kl = or_infinity("target_kl", target_kl);
  settings.n_epochs = n_epochs;
  settings.batch_size = batch_size;
  settings.normalize_advantage = normalize_advantage;

  Vector flat = VectorView(theta.data(), theta.size());
  Adam moments = adam;
  ClippedSurrogateResult result;
  {
    const py::gil_scoped_release unlocked;
    result = clipped_surrogate_epochs(phi, a, weights, settings, LaneStream(seed, Purpose::shuffle),
                                      epoch_count, moments, flat);
  }
  if (result.finite) {
    adam = moments;
  } else {
    flat = VectorView(theta.data(), theta.size());
  }
  Array<double> updated = like<double>(theta);
  Eigen::Map<Vector>(updated.mutable_data(), flat.size()) = flat;
  py::dict out;
  out["theta"] = updated;
  out["finite"] = result.finite;
  out["policy_loss"] = result.policy_loss;
  out["entropy"] = result.entropy;
  out["clip_fraction"] = result.clip_fraction;
  out["approx_kl"] = result.approx_kl;
  out["grad_norm"] = result.grad_norm;
  out["kl"] = result.kl;
  out["n_updates"] = result.n_updates;
  out["n_epochs"] = result.n_epochs;
  return out;
}

}  // namespace

void bind_ppo(py::module_& m) {
  m.def("softmax_clipped_surrogate", &clipped_surrogate, py::arg("features").noconvert(),
        py::arg("actions").noconvert(), py::arg("advantages").noconvert(),
        py::arg("theta").noconvert(), py::arg("adam"), py::arg("seed"), py::arg("epoch_count"),
        py::arg("clip_range"), py::arg("learning_rate"), py::arg("ent_coef"),
        py::arg("max_grad_norm"), py::arg("target_kl"), py::arg("n_epochs"), py::arg("batch_size"),
        py::arg("normalize_advantage"),
        "Epochs of minibatch Adam on the clipped surrogate: new theta and statistics.");
}

}  // namespace fastpg
