#include <optional>
#include <variant>

#include "eigen_views.hpp"
#include "fastpg/solvers/adam.hpp"
#include "fastpg/solvers/feature_moments.hpp"
#include "fastpg/solvers/line_search.hpp"
#include "fastpg/solvers/natural_gradient.hpp"
#include "fastpg/solvers/ridge.hpp"
#include "refusals.hpp"
#include "solver_names.hpp"
#include "value_samples.hpp"

namespace fastpg {

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

void require_iterations(const char* what, py::ssize_t count, py::ssize_t most) {
  require(count >= 1 && count <= most, std::string(what) + ": expected an integer in [1, " +
                                           std::to_string(most) + "], got " +
                                           std::to_string(count));
}

CgSettings cg_settings(py::ssize_t max_steps, double tolerance, double damping) {
  require_iterations("max_steps", max_steps, 1'000'000);
  require(tolerance >= 0.0, "tolerance: expected at least 0, got " + std::to_string(tolerance));
  require(damping >= 0.0 && std::isfinite(damping),
          "damping: expected a finite number of at least 0, got " + std::to_string(damping));
  return {max_steps, tolerance, damping};
}

namespace {

py::tuple bound_cg(const Array<double>& matrix, const Array<double>& b, py::ssize_t max_steps,
                   double tolerance, double damping) {
  const MatrixView a = matrix_view("matrix", matrix);
  require_size("matrix (columns)", a.cols(), a.rows());
  const Vector rhs = vector_view("b", b);
  require_size("b", rhs.size(), a.rows());
  const CgSettings settings = cg_settings(max_steps, tolerance, damping);
  Vector x(rhs.size());
  const CgResult result = unlocked([&] {
    DenseOperator op(a);
    CgWorkspace work(rhs.size());
    return conjugate_gradient(op, rhs, settings, work, x);
  });
  return py::make_tuple(to_array(x), name(result.status), result.iterations, result.residual);
}

Array<double> shaped_like(const Array<double>& array, const Vector& flat) {
  Array<double> out = like<double>(array);
  Eigen::Map<Vector>(out.mutable_data(), out.size()) = flat;
  return out;
}

void require_ridge(double ridge) {
  require(ridge > 0.0 && std::isfinite(ridge),
          "ridge: expected a finite number above 0, got " + std::to_string(ridge));
}

// Works on a copy: nothing is changed where the fit fails, nor under the eyes of another thread.
Array<double> ridge_fit(RidgeRegression& regression, const Array<float>& observations,
                        const Array<std::int64_t>& step_index, bool time,
                        const Array<double>& targets, double memory, double ridge,
                        int num_threads) {
  const int threads = checked_threads(num_threads);
  const auto samples = value_samples(observations, step_index, time);
  require_size("observations (features)", samples.features(), regression.feature_count());
  require_ndim("targets", targets, 1);
  require_size("targets", targets.size(), samples.count);
  require_unit_interval("memory", memory);
  require_ridge(ridge);
  RidgeRegression fitted = regression;
  const double* const wanted = targets.data();
  Vector weights;
  const bool added = unlocked([&] {
    if (!fitted.add(samples, wanted, memory, threads)) return false;
    weights = fitted.solve(ridge);
    return true;
  });
  if (!added) {
    refuse_not_finite("observations", observations);
    refuse_not_finite("targets", targets);
    throw py::value_error("observations, targets: expected values whose squares can be summed");
  }
  regression = std::move(fitted);
  return to_array(weights);
}

Array<double> ridge_solve(const RidgeRegression& regression, double ridge) {
  require_ridge(ridge);
  require(regression.moments.weight > 0.0, "expected samples before solve(), got none");
  const RidgeRegression now = regression;  // another thread may fit meanwhile
  return to_array(unlocked([&] { return now.solve(ridge); }));
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
  regression.moments.mean = m;
  regression.moments.comoment = c;
  regression.moments.weight = weight;
}

// Raises, and leaves the moments as they were, where the result would not be finite.
Array<double> adam_ascend(Adam& adam, const Array<double>& theta, const Array<double>& gradient,
                          double learning_rate) {
  require_same_shape("gradient", gradient, theta);
  require_size("theta", theta.size(), adam.mean.size());
  require_finite("theta", theta.data(), theta.size());
  require_finite("gradient", gradient.data(), gradient.size());
  Vector parameters = VectorView(theta.data(), theta.size());
  Adam moved = adam;
  moved.ascend(parameters, VectorView(gradient.data(), gradient.size()), learning_rate);
  require(parameters.allFinite() && moved.square.allFinite(),
          "gradient, learning_rate: the step is not finite");
  adam = moved;
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

// Works on a copy, as ridge_fit does.
bool moments_add(FeatureMoments& moments,
                 const std::variant<Array<float>, Array<double>>& features) {
  FeatureMoments added = moments;
  const bool good = std::visit(
      [&](const auto& phi) {
        require_ndim("phi", phi, 2);
        require_size("phi (columns)", phi.shape(1), added.size());
        return unlocked(
            [&] { return added.add(Features(phi.data(), phi.shape(0), phi.shape(1))); });
      },
      features);
  if (good) moments = std::move(added);
  return good;
}

void moments_restore(FeatureMoments& moments, const Array<double>& square,
                     const Array<double>& fourth, const Array<double>& products) {
  FeatureMoments restored(moments.size());
  restored.square = vector_view("square", square);
  restored.fourth = vector_view("fourth", fourth);
  require_ndim("products", products, 2);
  require_size("square", restored.square.size(), moments.size());
  require_size("fourth", restored.fourth.size(), moments.size());
  require_size("products (rows)", products.shape(0), moments.products.rows());
  require_size("products (columns)", products.shape(1), moments.products.cols());
  restored.products = MatrixView(products.data(), products.shape(0), products.shape(1));
  require(restored.finite(), "square, fourth, products: expected finite numbers");
  require(restored.square.minCoeff() >= 0.0 && restored.fourth.minCoeff() >= 0.0,
          "square, fourth: expected numbers of at least 0");
  moments = std::move(restored);
}

Matrix whitening_matrix(const Whitening& whitening) {
  return whitening.to_parameters(Matrix::Identity(whitening.size(), whitening.size()));
}

void bind_whitening(py::module_& m) {
  py::class_<Whitening> whitening(m, "Whitening", "Coordinates of an optimizer: theta = W t.");
  construct_in_new(whitening);
  whitening.def_property_readonly(
      "matrix", [](const Whitening& w) { return to_array(whitening_matrix(w)); }, "W, (d, d).");

  py::class_<FeatureMoments> moments(m, "FeatureMoments", "Second and fourth moments of features.");
  construct_in_new(moments);
  moments
      .def(py::init([](py::ssize_t size) {
             require(size >= 1, "size: expected at least 1, got " + std::to_string(size));
             return FeatureMoments(size);
           }),
           py::arg("size"))
      .def("add", &moments_add, py::arg("phi").noconvert(),
           "Whether features (n, d) were added: not where a sum would not be finite.")
      .def("whitening",
           [](const FeatureMoments& f) {
             const FeatureMoments now = f;  // another thread may add meanwhile
             return unlocked([&] { return now.whitening(); });
           })
      .def("restore", &moments_restore, py::arg("square").noconvert(),
           py::arg("fourth").noconvert(), py::arg("products").noconvert(), "Sets the moments.")
      .def("__copy__", [](const FeatureMoments& f) { return FeatureMoments(f); })
      .def_property_readonly("square", [](const FeatureMoments& f) { return to_array(f.square); })
      .def_property_readonly("fourth", [](const FeatureMoments& f) { return to_array(f.fourth); })
      .def_property_readonly("products",
                             [](const FeatureMoments& f) { return to_array(f.products); });
}

}  // namespace

void bind_solvers(py::module_& m) {
  m.def("conjugate_gradient", &bound_cg, py::arg("matrix").noconvert(), py::arg("b").noconvert(),
        py::arg("max_steps"), py::arg("tolerance"), py::arg("damping"),
        "(x, status, iterations, relative residual) of (A + damping I) x = b.");

  py::class_<Adam> adam(m, "Adam", "First-order ascent with Adam's moments.");
  construct_in_new(adam);
  adam.def(py::init([](py::ssize_t size) {
             require(size >= 1, "size: expected at least 1, got " + std::to_string(size));
             return Adam(size);
           }),
           py::arg("size"))
      .def("ascend", &adam_ascend, py::arg("theta").noconvert(), py::arg("gradient").noconvert(),
           py::arg("learning_rate"), "theta after one step.")
      .def("restore", &adam_restore, py::arg("mean").noconvert(), py::arg("square").noconvert(),
           py::arg("count"), "Sets the moments.")
      .def("__copy__", [](const Adam& a) { return Adam(a); })
      .def_property_readonly("mean", [](const Adam& a) { return to_array(a.mean); })
      .def_property_readonly("square", [](const Adam& a) { return to_array(a.square); })
      .def_readonly("count", &Adam::count);

  bind_whitening(m);

  py::class_<RidgeRegression> ridge(m, "RidgeRegression",
                                    "Ridge regression on data that arrive in batches and fade.");
  construct_in_new(ridge);
  ridge
      .def(py::init([](py::ssize_t feature_count) {
             require(feature_count >= 1,
                     "feature_count: expected at least 1, got " + std::to_string(feature_count));
             return RidgeRegression(feature_count);
           }),
           py::arg("feature_count"))
      .def("fit", &ridge_fit, py::arg("observations").noconvert(),
           py::arg("step_index").noconvert(), py::arg("time"), py::arg("targets").noconvert(),
           py::arg("memory"), py::arg("ridge"), py::arg("num_threads") = 1,
           "Adds the value_features of a batch and its targets (n,); the weights then.")
      .def("solve", &ridge_solve, py::arg("ridge"), "Weights (feature_count,).")
      .def("restore", &ridge_restore, py::arg("mean").noconvert(), py::arg("comoment").noconvert(),
           py::arg("weight"), "Sets the moments.")
      .def("__copy__", [](const RidgeRegression& r) { return RidgeRegression(r); })
      .def_property_readonly("mean",
                             [](const RidgeRegression& r) { return to_array(r.moments.mean); })
      .def_property_readonly("comoment",
                             [](const RidgeRegression& r) { return to_array(r.moments.comoment); })
      .def_property_readonly("weight", [](const RidgeRegression& r) { return r.moments.weight; });
}

}  // namespace fastpg
