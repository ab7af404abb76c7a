#include "fastpg/core/checks.hpp"
#include "fastpg/features/feature_map.hpp"
#include "fastpg/features/running_moments.hpp"
#include "refusals.hpp"
#include "value_samples.hpp"

namespace fastpg {
namespace {

Array<double> mapped(const FeatureMap& map, const Array<float>& observations,
                     const Array<std::int64_t>& step_index, int num_threads) {
  const int threads = checked_threads(num_threads);
  require_ndim("observations", observations, 2);
  require_ndim("step_index", step_index, 1);
  require_size("observations (columns)", observations.shape(1), map.observation_size());
  require_size("step_index", step_index.size(), observations.shape(0));
  require_finite("observations", observations.data(), observations.size());
  Array<double> out({observations.shape(0), map.size()});
  double* const features = out.mutable_data();
  const float* const from = observations.data();
  const std::int64_t* const steps = step_index.data();
  const py::ssize_t rows = out.shape(0);
  unlocked([&] { map.rows(from, steps, rows, threads, features); });
  return out;
}

void update_moments(RunningMoments& moments, const Array<float>& observations) {
  require_ndim("observations", observations, 2);
  require_size("observations (columns)", observations.shape(1), moments.size());
  require(observations.shape(0) >= 1, "observations: expected at least one row, got none");
  require_finite("observations", observations.data(), observations.size());
  RunningMoments updated = moments;  // another thread may read them meanwhile
  const float* const from = observations.data();
  const py::ssize_t rows = observations.shape(0);
  unlocked([&] { updated.update(from, rows); });
  moments = std::move(updated);
}

// A map of its own: another thread may be computing features by the old one.
FeatureMap normalized(const FeatureMap& map, std::vector<double> mean,
                      std::vector<double> inverse_std) {
  FeatureMap out = map;
  out.set_normalizer(std::move(mean), std::move(inverse_std));
  return out;
}

void restore_moments(RunningMoments& moments, std::vector<double> mean, std::vector<double> squares,
                     std::int64_t count) {
  require_size("mean", static_cast<std::ptrdiff_t>(mean.size()), moments.size());
  require_size("squares", static_cast<std::ptrdiff_t>(squares.size()), moments.size());
  require_finite("mean", mean.data(), moments.size());
  require_finite("squares", squares.data(), moments.size());
  for (const double value : squares) require(value >= 0.0, "squares: expected at least 0");
  require(count >= 0, "count: expected at least 0, got " + std::to_string(count));
  moments.mean = std::move(mean);
  moments.squares = std::move(squares);
  moments.count = count;
}

Array<double> bound_value_features(const Array<float>& observations,
                                   const Array<std::int64_t>& step_index, bool time) {
  const auto samples = value_samples(observations, step_index, time);
  Array<double> out({samples.count, samples.features()});
  double* const features = out.mutable_data();
  if (!unlocked([&] { return value_features(samples, features); })) {
    refuse_not_finite("observations", observations);
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
    refuse_not_finite("observations", observations);
  }
  return out;
}

}  // namespace

void bind_features(py::module_& m) {
  py::class_<FeatureMap> map(m, "FeatureMap", "phi(s, h): the features of a policy.");
  construct_in_new(map);
  map.def_static("identity", &FeatureMap::identity, py::arg("observation_size"), py::arg("time"))
      .def_static("polynomial", &FeatureMap::polynomial, py::arg("observation_size"),
                  py::arg("time"), py::arg("degree"))
      .def_static("fourier", &FeatureMap::fourier, py::arg("observation_size"), py::arg("time"),
                  py::arg("projection"), py::arg("phases"))
      .def("normalized", &normalized, py::arg("mean"), py::arg("inverse_std"),
           "The map with x = clip((s - mean) inverse_std, -10, 10); without, by empty lists.")
      .def("features", &mapped, py::arg("observations").noconvert(),
           py::arg("step_index").noconvert(), py::arg("num_threads") = 1, "(n, size) features.")
      .def_property_readonly("observation_size", &FeatureMap::observation_size)
      .def_property_readonly("inputs", &FeatureMap::inputs)
      .def_property_readonly("size", &FeatureMap::size)
      .def_property_readonly("time", &FeatureMap::time);
  py::class_<RunningMoments> moments(m, "RunningMoments", "Mean and variance, batch by batch.");
  construct_in_new(moments);
  moments
      .def(py::init([](py::ssize_t size) {
             require(size >= 1 && size <= FeatureMap::most_features,
                     "size: expected an integer in [1, 1048576], got " + std::to_string(size));
             return RunningMoments(size);
           }),
           py::arg("size"))
      .def("update", &update_moments, py::arg("observations").noconvert(), "Takes in (n, size).")
      .def("restore", &restore_moments, py::arg("mean"), py::arg("squares"), py::arg("count"),
           "Sets the moments.")
      .def("__copy__", [](const RunningMoments& now) { return RunningMoments(now); })
      .def("inverse_std", &RunningMoments::inverse_std, "1 / standard deviation, (size,).")
      .def_readonly("mean", &RunningMoments::mean)
      .def_readonly("squares", &RunningMoments::squares)
      .def_readonly("count", &RunningMoments::count);
  m.def("value_features", &bound_value_features, py::arg("observations").noconvert(),
        py::arg("step_index").noconvert(), py::arg("time"),
        "(n, k): bias, observation, its products, and with `time` three powers of h / 100.");
  m.def("value_predict", &bound_value_predict, py::arg("observations").noconvert(),
        py::arg("step_index").noconvert(), py::arg("time"), py::arg("weights").noconvert(),
        py::arg("num_threads") = 1, "value_features @ weights, (n,).");
}

}  // namespace fastpg
