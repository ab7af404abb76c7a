#include "fastpg/core/checks.hpp"
#include "fastpg/features/identity.hpp"
#include "fastpg/features/value_features.hpp"
#include "pybind.hpp"

namespace fastpg {
namespace {

Array<double> identity_features(const Array<float>& observations) {
  require_ndim("observations", observations, 2);
  require_finite("observations", observations.data(), observations.size());
  const auto rows = observations.shape(0);
  const auto size = observations.shape(1);
  const auto columns = IdentityFeatures::size(size);
  Array<double> out({rows, columns});
  for (py::ssize_t i = 0; i < rows; ++i) {
    IdentityFeatures::row(observations.data() + i * size, size, out.mutable_data() + i * columns);
  }
  return out;
}

Array<double> value_features(const Array<float>& observations,
                             const Array<std::int64_t>& step_index, bool time) {
  require_ndim("observations", observations, 2);
  require_ndim("step_index", step_index, 1);
  require_size("step_index", step_index.size(), observations.shape(0));
  require_finite("observations", observations.data(), observations.size());
  const auto rows = observations.shape(0);
  const auto size = observations.shape(1);
  const auto columns = ValueFeatures::size(size, time);
  Array<double> out({rows, columns});
  for (py::ssize_t i = 0; i < rows; ++i) {
    ValueFeatures::row(observations.data() + i * size, size, time, step_index.data()[i],
                       out.mutable_data() + i * columns);
  }
  return out;
}

}  // namespace

void bind_features(py::module_& m) {
  m.def("identity_features", &identity_features, py::arg("observations").noconvert(),
        "(n, d + 1): the observation and a bias.");
  m.def("value_features", &value_features, py::arg("observations").noconvert(),
        py::arg("step_index").noconvert(), py::arg("time"),
        "(n, k): bias, observation, its products, and with `time` three powers of h / 100.");
}

}  // namespace fastpg
