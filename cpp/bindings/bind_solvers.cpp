// Conjugate gradient, first-order optimizers, and the coordinates that they ascend in.
#include "eigen_views.hpp"
#include "fastpg/solvers/feature_moments.hpp"
#include "fastpg/solvers/optimizer.hpp"
#include "policy_results.hpp"

namespace fastpg {
namespace {

py::object bound_cg(const Array<double>& matrix, const Array<double>& b, py::ssize_t max_steps,
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
  return named(result, to_array(x));
}

// theta of any shape after one step. Raises, and leaves the optimizer as it was, where the result
// would not be finite.
Array<double> ascend(Optimizer& optimizer, const Array<double>& theta,
                     const Array<double>& gradient, double learning_rate) {
  require_same_shape("gradient", gradient, theta);
  require_size("theta", theta.size(), optimizer.size());
  require_finite("theta", theta);
  require_finite("gradient", gradient);
  Vector parameters = VectorView(theta.data(), theta.size());
  Vector step = VectorView(gradient.data(), gradient.size());
  const std::unique_ptr<Optimizer> moved = optimizer.copy();
  moved->step(step, learning_rate);
  parameters += step;
  require(parameters.allFinite() && moved->finite(),
          "gradient, learning_rate: the step is not finite");
  optimizer.assign(*moved);
  return shaped_like(theta, parameters);
}

void require_optimizer_size(py::ssize_t size) {
  require(size >= 1, {"size: expected at least 1, got ", size});
}

void adam_restore(Adam& adam, const Array<double>& mean, const Array<double>& square,
                  std::int64_t count) {
  const VectorView m = vector_view("mean", mean);
  const VectorView v = vector_view("square", square);
  require_size("mean", m.size(), adam.mean.size());
  require_size("square", v.size(), adam.square.size());
  require(v.minCoeff() >= 0.0, "square: expected values of at least 0");
  require(count >= 0, {"count: expected at least 0, got ", count});
  adam.mean = m;
  adam.square = v;
  adam.count = count;
}

void rmsprop_restore(RmsProp& rmsprop, const Array<double>& square, std::int64_t count) {
  const VectorView v = vector_view("square", square);
  require_size("square", v.size(), rmsprop.square.size());
  require(v.minCoeff() >= 0.0, "square: expected values of at least 0");
  require(count >= 0, {"count: expected at least 0, got ", count});
  rmsprop.square = v;
  rmsprop.count = count;
}

void bind_optimizers(py::module_& m) {
  py::class_<Optimizer> base(m, "Optimizer", "First-order ascent.");
  construct_in_new(base);
  base.def("ascend", &ascend, py::arg("theta").noconvert(), py::arg("gradient").noconvert(),
           py::arg("learning_rate"), "theta after one step.")
      .def_property_readonly("size", by_reference(&Optimizer::size))
      .def_readonly("count", &Optimizer::count);

  py::class_<Sgd, Optimizer> sgd(m, "Sgd", "theta + learning_rate g.");
  construct_in_new(sgd);
  sgd.def(constructor_by([](py::ssize_t size) {
            require_optimizer_size(size);
            return Sgd(size);
          }),
          py::arg("size"))
      .def(
          "restore",
          [](Sgd& s, std::int64_t count) {
            require(count >= 0, {"count: expected at least 0, got ", count});
            s.count = count;
          },
          py::arg("count"), "Sets the number of steps taken.")
      .def("__copy__", [](const Sgd& s) { return Sgd(s); });

  py::class_<Adam, Optimizer> adam(m, "Adam", "Ascent with Adam's moments.");
  construct_in_new(adam);
  adam.def(constructor_by([](py::ssize_t size) {
             require_optimizer_size(size);
             return Adam(size);
           }),
           py::arg("size"))
      .def("restore", &adam_restore, py::arg("mean").noconvert(), py::arg("square").noconvert(),
           py::arg("count"), "Sets the moments.")
      .def("__copy__", [](const Adam& a) { return Adam(a); })
      .def_property_readonly("mean", [](const Adam& a) { return to_array(a.mean); })
      .def_property_readonly("square", [](const Adam& a) { return to_array(a.square); });

  py::class_<RmsProp, Optimizer> rmsprop(m, "RMSprop", "Ascent with RMSprop's mean square.");
  construct_in_new(rmsprop);
  rmsprop
      .def(constructor_by([](py::ssize_t size) {
             require_optimizer_size(size);
             return RmsProp(size);
           }),
           py::arg("size"))
      .def("restore", &rmsprop_restore, py::arg("square").noconvert(), py::arg("count"),
           "Sets the mean square.")
      .def("__copy__", [](const RmsProp& r) { return RmsProp(r); })
      .def_property_readonly("square", [](const RmsProp& r) { return to_array(r.square); });
}

// Works on a copy: another thread may read the moments meanwhile.
bool moments_add(FeatureMoments& moments, const Array<double>& phi) {
  FeatureMoments added = moments;
  require_ndim("phi", phi, 2);
  require_size("phi (columns)", phi.shape(1), added.size());
  const Features features(phi.data(), phi.shape(0), phi.shape(1));
  const bool good = unlocked([&] { return added.add(features); });
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
      .def(constructor_by([](py::ssize_t size) {
             require(size >= 1, {"size: expected at least 1, got ", size});
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
        "A ConjugateGradient: of (A + damping I) x = b.");
  bind_optimizers(m);
  bind_whitening(m);
}

}  // namespace fastpg
