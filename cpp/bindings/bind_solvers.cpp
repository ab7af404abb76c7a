#include <optional>

#include "eigen_views.hpp"
#include "fastpg/policies/surrogate.hpp"
#include "fastpg/solvers/adam.hpp"
#include "fastpg/solvers/line_search.hpp"
#include "fastpg/solvers/natural_gradient.hpp"
#include "fastpg/solvers/ridge.hpp"

namespace fastpg {
namespace {

using Fisher = linear_softmax::Fisher;
using Actions = std::optional<Array<std::int32_t>>;

const char* name(CgStatus status) {
  switch (status) {
    case CgStatus::converged:
      return "converged";
    case CgStatus::max_steps:
      return "max_steps";
    case CgStatus::zero_rhs:
      return "zero_rhs";
    case CgStatus::bad_curvature:
      return "bad_curvature";
    case CgStatus::not_finite:
      return "not_finite";
  }
  return "unknown";
}

const char* name(LineSearchStatus status) {
  switch (status) {
    case LineSearchStatus::accepted:
      return "accepted";
    case LineSearchStatus::no_improvement:
      return "no_improvement";
    case LineSearchStatus::kl_exceeded:
      return "kl_exceeded";
    case LineSearchStatus::not_finite:
      return "not_finite";
  }
  return "unknown";
}

CgSettings cg_settings(py::ssize_t max_steps, double tolerance, double damping) {
  require(max_steps >= 1, "max_steps: expected at least 1, got " + std::to_string(max_steps));
  require(tolerance >= 0.0, "tolerance: expected at least 0, got " + std::to_string(tolerance));
  require(damping >= 0.0 && std::isfinite(damping),
          "damping: expected a finite number of at least 0, got " + std::to_string(damping));
  return {max_steps, tolerance, damping};
}

py::tuple bound_cg(const Array<double>& matrix, const Array<double>& b, py::ssize_t max_steps,
                   double tolerance, double damping) {
  const MatrixView a = matrix_view("matrix", matrix);
  require_size("matrix (columns)", a.cols(), a.rows());
  const Vector rhs = vector_view("b", b);
  require_size("b", rhs.size(), a.rows());
  const CgSettings settings = cg_settings(max_steps, tolerance, damping);
  Vector x(rhs.size());
  CgResult result{};
  {
    const py::gil_scoped_release unlocked;
    DenseOperator op(a);
    CgWorkspace work(rhs.size());
    result = conjugate_gradient(op, rhs, settings, work, x);
  }
  return py::make_tuple(to_array(x), name(result.status), result.iterations, result.residual);
}

Fisher make_fisher(const Array<double>& features, const Array<double>& log_pi,
                   const Actions& actions) {
  const MatrixView phi = matrix_view("features", features);
  const MatrixView log_p = matrix_view("log_pi", log_pi);
  require(phi.rows() >= 1, "features: expected at least one row, got none");
  require_size("log_pi (rows)", log_p.rows(), phi.rows());
  if (!actions) return Fisher(phi, log_p);
  return Fisher(phi, log_p, action_view(*actions, phi.rows(), log_p.cols()));
}

Vector flat_direction(const char* what, const Array<double>& array, const Array<double>& features,
                      const Array<double>& log_pi) {
  const MatrixView direction = matrix_view(what, array);
  require_size((std::string(what) + " (rows)").c_str(), direction.rows(), features.shape(1));
  require_size((std::string(what) + " (columns)").c_str(), direction.cols(), log_pi.shape(1));
  return VectorView(array.data(), array.size());
}

Array<double> shaped_like(const Array<double>& array, const Vector& flat) {
  Array<double> out = like<double>(array);
  Eigen::Map<Vector>(out.mutable_data(), out.size()) = flat;
  return out;
}

Array<double> fisher_vector_product(const Array<double>& features, const Array<double>& log_pi,
                                    const Array<double>& vector, const Actions& actions) {
  Fisher fisher = make_fisher(features, log_pi, actions);
  const Vector v = flat_direction("vector", vector, features, log_pi);
  Vector out(v.size());
  {
    const py::gil_scoped_release unlocked;
    fisher.apply(v, out);
  }
  return shaped_like(vector, out);
}

Array<double> dense_fisher(const Array<double>& features, const Array<double>& log_pi,
                           const Actions& actions) {
  Fisher fisher = make_fisher(features, log_pi, actions);
  return to_array(linear_softmax::dense_fisher(fisher));
}

py::tuple bound_natural_gradient(const Array<double>& features, const Array<double>& log_pi,
                                 const Array<double>& gradient, const Actions& actions,
                                 py::ssize_t max_steps, double tolerance, double damping) {
  Fisher fisher = make_fisher(features, log_pi, actions);
  const Vector g = flat_direction("gradient", gradient, features, log_pi);
  const CgSettings settings = cg_settings(max_steps, tolerance, damping);
  Vector x(g.size());
  NaturalGradientResult result{};
  {
    const py::gil_scoped_release unlocked;
    CgWorkspace work(g.size());
    result = natural_gradient(fisher, g, settings, work, x);
  }
  return py::make_tuple(shaped_like(gradient, x), name(result.cg.status), result.cg.iterations,
                        result.cg.residual, result.curvature, result.damping);
}

py::tuple bound_line_search(const Array<double>& features, const Array<std::int32_t>& actions,
                            const Array<double>& advantages, const Array<double>& old_log_pi,
                            const Array<double>& theta, const Array<double>& step, double ent_coef,
                            double target_kl, double shrinking_factor, py::ssize_t max_iter) {
  const MatrixView phi = matrix_view("features", features);
  const MatrixView log_p = matrix_view("old_log_pi", old_log_pi);
  require(phi.rows() >= 1, "features: expected at least one row, got none");
  require_size("old_log_pi (rows)", log_p.rows(), phi.rows());
  const ActionView a = action_view(actions, phi.rows(), log_p.cols());
  const VectorView weights = vector_view("advantages", advantages);
  require_size("advantages", weights.size(), phi.rows());
  Vector parameters = flat_direction("theta", theta, features, old_log_pi);
  const Vector full_step = flat_direction("step", step, features, old_log_pi);
  LineSearchResult result{};
  {
    const py::gil_scoped_release unlocked;
    linear_softmax::Surrogate surrogate(phi, a, weights, log_p, ent_coef);
    result = line_search(surrogate, full_step, {target_kl, shrinking_factor, max_iter}, parameters);
  }
  return py::make_tuple(shaped_like(theta, parameters), name(result.status), result.backtracks,
                        result.fraction, result.before.objective, result.after.objective,
                        result.after.kl);
}

void ridge_add(RidgeRegression& regression, const Array<double>& features,
               const Array<double>& targets, double memory) {
  const MatrixView phi = matrix_view("features", features);
  const VectorView y = vector_view("targets", targets);
  require(phi.rows() >= 1, "features: expected at least one row, got none");
  require_size("features (columns)", phi.cols(), regression.feature_count());
  require_size("targets", y.size(), phi.rows());
  require_unit_interval("memory", memory);
  const py::gil_scoped_release unlocked;
  regression.add(phi, y, memory);
}

Array<double> ridge_solve(const RidgeRegression& regression, double ridge) {
  require(ridge > 0.0 && std::isfinite(ridge),
          "ridge: expected a finite number above 0, got " + std::to_string(ridge));
  require(regression.weight > 0.0, "expected samples before solve(), got none");
  return to_array(regression.solve(ridge));
}

void ridge_restore(RidgeRegression& regression, const Array<double>& mean,
                   const Array<double>& comoment, double weight) {
  const VectorView m = vector_view("mean", mean);
  const MatrixView c = matrix_view("comoment", comoment);
  const Index size = regression.feature_count();
  require_size("mean", m.size(), size);
  require_size("comoment (rows)", c.rows(), size);
  require_size("comoment (columns)", c.cols(), size);
  require(c.diagonal().minCoeff() >= 0.0, "comoment: expected a diagonal of at least 0");
  require(weight >= 0.0 && std::isfinite(weight),
          "weight: expected a finite number of at least 0, got " + std::to_string(weight));
  regression.mean = m;
  regression.comoment = c;
  regression.weight = weight;
}

Array<double> adam_ascend(Adam& adam, const Array<double>& theta, const Array<double>& gradient,
                          double learning_rate) {
  require_same_shape("gradient", gradient, theta);
  require_size("theta", theta.size(), adam.mean.size());
  require_finite("theta", theta.data(), theta.size());
  require_finite("gradient", gradient.data(), gradient.size());
  Vector parameters = VectorView(theta.data(), theta.size());
  adam.ascend(parameters, VectorView(gradient.data(), gradient.size()), learning_rate);
  return shaped_like(theta, parameters);
}

void adam_restore(Adam& adam, const Array<double>& mean, const Array<double>& square,
                  std::int64_t count) {
  const VectorView m = vector_view("mean", mean);
  const VectorView v = vector_view("square", square);
  require_size("mean", m.size(), adam.mean.size());
  require_size("square", v.size(), adam.square.size());
  require(v.minCoeff() >= 0.0, "square: expected values of at least 0");
  require(count >= 0, "count: expected at least 0, got " + std::to_string(count));
  adam.mean = m;
  adam.square = v;
  adam.count = count;
}

}  // namespace

void bind_solvers(py::module_& m) {
  m.def("conjugate_gradient", &bound_cg, py::arg("matrix").noconvert(), py::arg("b").noconvert(),
        py::arg("max_steps"), py::arg("tolerance"), py::arg("damping"),
        "(x, status, iterations, relative residual) of (A + damping I) x = b.");
  m.def("softmax_fisher_vector_product", &fisher_vector_product, py::arg("features").noconvert(),
        py::arg("log_pi").noconvert(), py::arg("vector").noconvert(),
        py::arg("actions") = py::none(),
        "F v; the action summed out, or with `actions` at the actions taken.");
  m.def("softmax_fisher", &dense_fisher, py::arg("features").noconvert(),
        py::arg("log_pi").noconvert(), py::arg("actions") = py::none(),
        "F, (n_features n_actions) squared.");
  m.def("softmax_natural_gradient", &bound_natural_gradient, py::arg("features").noconvert(),
        py::arg("log_pi").noconvert(), py::arg("gradient").noconvert(), py::arg("actions"),
        py::arg("max_steps"), py::arg("tolerance"), py::arg("damping"),
        "(direction, status, iterations, relative residual, curvature, absolute damping).");
  m.def("softmax_line_search", &bound_line_search, py::arg("features").noconvert(),
        py::arg("actions").noconvert(), py::arg("advantages").noconvert(),
        py::arg("old_log_pi").noconvert(), py::arg("theta").noconvert(),
        py::arg("step").noconvert(), py::arg("ent_coef"), py::arg("target_kl"),
        py::arg("shrinking_factor"), py::arg("max_iter"),
        "(theta, status, backtracks, fraction, objective before, objective after, kl).");

  py::class_<Adam>(m, "Adam", "First-order ascent with Adam's moments.")
      .def(py::init([](py::ssize_t size) {
             require(size >= 1, "size: expected at least 1, got " + std::to_string(size));
             return Adam(size);
           }),
           py::arg("size"))
      .def("ascend", &adam_ascend, py::arg("theta").noconvert(), py::arg("gradient").noconvert(),
           py::arg("learning_rate"), "theta after one step.")
      .def("restore", &adam_restore, py::arg("mean").noconvert(), py::arg("square").noconvert(),
           py::arg("count"), "Sets the moments.")
      .def_property_readonly("mean", [](const Adam& adam) { return to_array(adam.mean); })
      .def_property_readonly("square", [](const Adam& adam) { return to_array(adam.square); })
      .def_readonly("count", &Adam::count);

  py::class_<RidgeRegression>(m, "RidgeRegression",
                              "Ridge regression on data that arrive in batches and fade.")
      .def(py::init([](py::ssize_t feature_count) {
             require(feature_count >= 1,
                     "feature_count: expected at least 1, got " + std::to_string(feature_count));
             return RidgeRegression(feature_count);
           }),
           py::arg("feature_count"))
      .def("add", &ridge_add, py::arg("features").noconvert(), py::arg("targets").noconvert(),
           py::arg("memory"), "Adds a batch; column 0 of features is the constant 1.")
      .def("solve", &ridge_solve, py::arg("ridge"), "Weights (feature_count,).")
      .def("restore", &ridge_restore, py::arg("mean").noconvert(), py::arg("comoment").noconvert(),
           py::arg("weight"), "Sets the moments.")
      .def_property_readonly("mean", [](const RidgeRegression& r) { return to_array(r.mean); })
      .def_property_readonly("comoment",
                             [](const RidgeRegression& r) { return to_array(r.comoment); })
      .def_readonly("weight", &RidgeRegression::weight);
}

}  // namespace fastpg
