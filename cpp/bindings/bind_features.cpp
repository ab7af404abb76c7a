#include "fastpg/core/checks.hpp"
#include "fastpg/features/running_moments.hpp"
#include "feature_arrays.hpp"

namespace fastpg {
namespace {

RunningMoments updated_moments(const RunningMoments& moments, const Array<float>& observations) {
  require_ndim("observations", observations, 2);
  require_size("observations (columns)", observations.shape(1), moments.size());
  require(observations.shape(0) >= 1, "observations: expected at least one row, got none");
  require_finite("observations", observations);
  RunningMoments updated = moments;
  const float* const from = observations.data();
  const py::ssize_t rows = observations.shape(0);
  unlocked([&] { updated.update(from, rows); });
  return updated;
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
  require(count >= 0, {"count: expected at least 0, got ", count});
  moments.mean = std::move(mean);
  moments.squares = std::move(squares);
  moments.count = count;
}

}  // namespace

void bind_features(py::module_& m) {
  m.attr("OBSERVATION_CLIP") = FeatureMap::clip;  // of normalised observations
  py::class_<FeatureMap, std::shared_ptr<FeatureMap>> map(m, "FeatureMap",
                                                          "phi(s, h): the features of a policy.");
  construct_in_new(map);
  map.def_static("inputs", &FeatureMap::inputs, py::arg("observation_size"), py::arg("time"))
      .def_static("identity", &FeatureMap::identity, py::arg("observation_size"), py::arg("time"))
      .def_static("polynomial", &FeatureMap::polynomial, py::arg("observation_size"),
                  py::arg("time"), py::arg("degree"))
      .def_static("fourier", &FeatureMap::fourier, py::arg("observation_size"), py::arg("time"),
                  py::arg("projection"), py::arg("phases"))
      .def("normalized", &normalized, py::arg("mean"), py::arg("inverse_std"),
           "The map with x = clip((s - mean) inverse_std, -10, 10); without, by empty lists.")
      .def("features", &mapped, py::arg("observations").noconvert(),
           py::arg("step_index").noconvert(), py::arg("num_threads") = 1, "(n, size) features.")
      .def_property_readonly("observation_size", by_reference(&FeatureMap::observation_size))
      .def_property_readonly("size", by_reference(&FeatureMap::size))
      .def_property_readonly("time", by_reference(&FeatureMap::time));
  py::class_<RunningMoments> moments(m, "RunningMoments", "Mean and variance, batch by batch.");
  construct_in_new(moments);
  moments
      .def(constructor_by([](py::ssize_t size) {
             require(size >= 1 && size <= FeatureMap::most_features,
                     {"size: expected an integer in [1, 1048576], got ", size});
             return RunningMoments(size);
           }),
           py::arg("size"))
      .def("updated", &updated_moments, py::arg("observations").noconvert(),
           "Those of observations (n, size) too.")
      .def("restore", &restore_moments, py::arg("mean"), py::arg("squares"), py::arg("count"),
           "Sets the moments.")
      .def("inverse_std", by_reference(&RunningMoments::inverse_std),
           "1 / standard deviation, (size,).")
      .def_readonly("mean", &RunningMoments::mean)
      .def_readonly("squares", &RunningMoments::squares)
      .def_readonly("count", &RunningMoments::count);
}

}  // namespace fastpg
