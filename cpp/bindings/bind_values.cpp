// Value functions: the features of the linear baseline, and its ridge regression.
#include "eigen_views.hpp"
#include "fastpg/core/thread_pool.hpp"
#include "fastpg/values/ridge.hpp"
#include "named_result.hpp"
#include "value_samples.hpp"

namespace fastpg {
namespace {

Array<double> bound_value_features(const Array<float>& observations,
                                   const Array<std::int64_t>& step_index, bool time) {
  const auto samples = value_samples(observations, step_index, time);
  Array<double> out({samples.count, samples.features()});
  double* const features = out.mutable_data();
  if (!unlocked([&] { return value_features(samples, features); })) {
    require_finite("observations", observations);
  }
  return out;
}

Array<double> bound_value_predict(const Array<float>& observations,
                                  const Array<std::int64_t>& step_index, bool time,
                                  const Array<double>& weights, int num_threads) {
  const int threads = checked_threads(num_threads);
  const auto samples = value_samples(observations, step_index, time);
  require_ndim("weights", weights, 1);
  require_size("weights", weights.size(), samples.features());
  Array<double> out(samples.count);
  double* const values = out.mutable_data();
  const double* const w = weights.data();
  if (!unlocked([&] { return value_predict(samples, w, threads, values); })) {
    require_finite("observations", observations);
  }
  return out;
}

void require_ridge(double ridge) {
  require(ridge > 0.0 && std::isfinite(ridge),
          {"ridge: expected a finite number above 0, got ", ridge});
}

// What a fit gives: a new regression, so that nothing is changed where it fails, nor while another
// thread reads the old one.
const NamedResult* ridge_fit = nullptr;

py::object fitted(const RidgeRegression& regression, const Array<float>& observations,
                  const Array<std::int64_t>& step_index, bool time, const Array<double>& targets,
                  double memory, double ridge, int num_threads) {
  const int threads = checked_threads(num_threads);
  const auto samples = value_samples(observations, step_index, time);
  require_size("observations (features)", samples.features(), regression.feature_count());
  require_ndim("targets", targets, 1);
  require_size("targets", targets.size(), samples.count);
  require_unit_interval("memory", memory);
  require_ridge(ridge);
  const double* const wanted = targets.data();
  RidgeRegression moved(regression.moments.decayed(memory));
  Vector weights;
  const bool added = unlocked([&] {
    if (!moved.add(samples, wanted, threads)) return false;
    weights = moved.solve(ridge, threads);
    return true;
  });
  if (!added) {
    require_finite("observations", observations);
    require_finite("targets", targets);
    refuse("observations, targets: expected values whose squares can be summed");
  }
  return (*ridge_fit)(std::move(moved), to_array(weights));
}

Array<double> ridge_solve(const RidgeRegression& regression, double ridge) {
  require_ridge(ridge);
  require(regression.moments.weight > 0.0, "expected samples before solve(), got none");
  const RidgeRegression now = regression;  // another thread may fit meanwhile
  return to_array(unlocked([&] { return now.solve(ridge, 1); }));
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
          {"weight: expected a finite number of at least 0, got ", weight});
  regression.moments.mean = m;
  regression.moments.comoment = c;
  regression.moments.weight = weight;
}

}  // namespace

void bind_values(py::module_& m) {
  m.def("value_features", &bound_value_features, py::arg("observations").noconvert(),
        py::arg("step_index").noconvert(), py::arg("time"),
        "(n, k): bias, observation, its products, and with `time` three powers of h / 100.");
  m.def("value_predict", &bound_value_predict, py::arg("observations").noconvert(),
        py::arg("step_index").noconvert(), py::arg("time"), py::arg("weights").noconvert(),
        py::arg("num_threads") = 1, "value_features @ weights, (n,).");

  ridge_fit =
      new NamedResult(m, "RidgeFit", "fastpg._core.RidgeFit", "What a fit gives.",
                      {{"regression", "a RidgeRegression with the moments of the samples too"},
                       {"weights", "of the value features, (k,)"}});
  py::class_<RidgeRegression> ridge(m, "RidgeRegression",
                                    "Ridge regression on data that arrive in batches and fade.");
  construct_in_new(ridge);
  ridge
      .def(constructor_by([](py::ssize_t feature_count) {
             require(feature_count >= 1,
                     {"feature_count: expected at least 1, got ", feature_count});
             return RidgeRegression(feature_count);
           }),
           py::arg("feature_count"))
      .def("fitted", &fitted, py::arg("observations").noconvert(),
           py::arg("step_index").noconvert(), py::arg("time"), py::arg("targets").noconvert(),
           py::arg("memory"), py::arg("ridge"), py::arg("num_threads") = 1,
           "A RidgeFit to the value_features of a batch and its targets (n,), too.")
      .def("solve", &ridge_solve, py::arg("ridge"), "Weights (feature_count,).")
      .def("restore", &ridge_restore, py::arg("mean").noconvert(), py::arg("comoment").noconvert(),
           py::arg("weight"), "Sets the moments.")
      .def_property_readonly("mean",
                             [](const RidgeRegression& r) { return to_array(r.moments.mean); })
      .def_property_readonly("comoment",
                             [](const RidgeRegression& r) {
                               Array<double> out({r.feature_count(), r.feature_count()});
                               r.moments.mirrored(out.mutable_data());
                               return out;
                             })
      .def_property_readonly("weight", [](const RidgeRegression& r) { return r.moments.weight; });
}

}  // namespace fastpg
