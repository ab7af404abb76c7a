#include "eigen_views.hpp"
#include "fastpg/policies/linear_softmax.hpp"

namespace fastpg {
namespace {

namespace softmax = linear_softmax;

void require_inner(const MatrixView& features, const MatrixView& theta) {
  require(features.rows() >= 1, "features: expected at least one row, got none");
  require_size("theta (rows)", theta.rows(), features.cols());
  require(theta.cols() >= 1, "theta: expected at least one column (action), got none");
}

// Log-probabilities may be -inf (a probability of zero), never NaN.
MatrixView log_prob_view(const char* name, const Array<double>& array) {
  require_ndim(name, array, 2);
  const double* const values = array.data();
  for (py::ssize_t i = 0; i < array.size(); ++i) {
    if (values[i] <= 1e-9) continue;
    throw py::value_error(std::string(name) + ": expected logarithms of probabilities, got " +
                          std::to_string(values[i]));
  }
  return {array.data(), array.shape(0), array.shape(1)};
}

Array<double> log_probs(const Array<double>& features, const Array<double>& theta) {
  const MatrixView phi = matrix_view("features", features);
  const MatrixView parameters = matrix_view("theta", theta);
  require_inner(phi, parameters);
  return to_array(softmax::log_probs(phi, parameters));
}

Array<std::int32_t> sample(const Array<double>& features, const Array<double>& theta,
                           const Array<double>& uniforms) {
  const MatrixView phi = matrix_view("features", features);
  const MatrixView parameters = matrix_view("theta", theta);
  require_inner(phi, parameters);
  const VectorView u = vector_view("uniforms", uniforms);
  require_size("uniforms", u.size(), phi.rows());
  Array<std::int32_t> actions(phi.rows());
  softmax::sample(phi, parameters, u.data(), actions.mutable_data());
  return actions;
}

Array<std::int32_t> mode(const Array<double>& features, const Array<double>& theta) {
  const MatrixView phi = matrix_view("features", features);
  const MatrixView parameters = matrix_view("theta", theta);
  require_inner(phi, parameters);
  Array<std::int32_t> actions(phi.rows());
  softmax::mode(phi, parameters, actions.mutable_data());
  return actions;
}

Array<double> score_gradient(const Array<double>& features, const Array<double>& log_pi,
                             const Array<std::int32_t>& actions, const Array<double>& weights) {
  const MatrixView phi = matrix_view("features", features);
  const MatrixView log_p = log_prob_view("log_pi", log_pi);
  require_size("log_pi (rows)", log_p.rows(), phi.rows());
  const ActionView a = action_view(actions, phi.rows(), log_p.cols());
  const VectorView w = vector_view("weights", weights);
  require_size("weights", w.size(), phi.rows());
  return to_array(softmax::score_gradient(phi, log_p, a, w));
}

Array<double> entropy(const Array<double>& log_pi) {
  return to_array(softmax::entropy(log_prob_view("log_pi", log_pi)));
}

Array<double> entropy_gradient(const Array<double>& features, const Array<double>& log_pi) {
  const MatrixView phi = matrix_view("features", features);
  const MatrixView log_p = log_prob_view("log_pi", log_pi);
  require_size("log_pi (rows)", log_p.rows(), phi.rows());
  return to_array(softmax::entropy_gradient(phi, log_p));
}

Array<double> kl(const Array<double>& old_log_pi, const Array<double>& new_log_pi) {
  const MatrixView old_log_p = log_prob_view("old_log_pi", old_log_pi);
  require_same_shape("new_log_pi", new_log_pi, old_log_pi);
  return to_array(softmax::kl(old_log_p, log_prob_view("new_log_pi", new_log_pi)));
}

}  // namespace

void bind_linear_softmax(py::module_& m) {
  m.def("softmax_log_probs", &log_probs, py::arg("features").noconvert(),
        py::arg("theta").noconvert(), "(n, n_actions) of ln pi(a|s).");
  m.def("softmax_sample", &sample, py::arg("features").noconvert(), py::arg("theta").noconvert(),
        py::arg("uniforms").noconvert(), "(n,) actions by inverse CDF from uniforms in (0, 1).");
  m.def("softmax_mode", &mode, py::arg("features").noconvert(), py::arg("theta").noconvert(),
        "(n,) most probable actions.");
  m.def("softmax_score_gradient", &score_gradient, py::arg("features").noconvert(),
        py::arg("log_pi").noconvert(), py::arg("actions").noconvert(),
        py::arg("weights").noconvert(), "(n_features, n_actions): mean of w grad ln pi(a|s).");
  m.def("softmax_entropy", &entropy, py::arg("log_pi").noconvert(), "(n,) entropies in nats.");
  m.def("softmax_entropy_gradient", &entropy_gradient, py::arg("features").noconvert(),
        py::arg("log_pi").noconvert(), "(n_features, n_actions): gradient of the mean entropy.");
  m.def("softmax_kl", &kl, py::arg("old_log_pi").noconvert(), py::arg("new_log_pi").noconvert(),
        "(n,) of KL(old | new).");
}

}  // namespace fastpg
