// NumPy arrays as Eigen maps and back. Only for bindings whose kernels use Eigen.
#pragma once

#include "fastpg/core/checks.hpp"
#include "fastpg/core/types.hpp"
#include "pybind.hpp"

namespace fastpg {

using MatrixView = Eigen::Map<const Matrix>;
using VectorView = Eigen::Map<const Vector>;
using ActionView = Eigen::Map<const Eigen::Matrix<std::int32_t, Eigen::Dynamic, 1>>;

inline MatrixView matrix_view(const char* name, const Array<double>& array) {
  require_ndim(name, array, 2);
  require_finite(name, array.data(), array.size());
  return {array.data(), array.shape(0), array.shape(1)};
}

inline VectorView vector_view(const char* name, const Array<double>& array) {
  require_ndim(name, array, 1);
  require_finite(name, array.data(), array.size());
  return {array.data(), array.shape(0)};
}

inline ActionView action_view(const Array<std::int32_t>& array, Index rows, Index n_actions) {
  require_ndim("actions", array, 1);
  require_size("actions", array.size(), rows);
  const std::int32_t* const values = array.data();
  for (py::ssize_t i = 0; i < array.size(); ++i) {
    if (values[i] >= 0 && values[i] < n_actions) continue;
    throw py::value_error("actions: expected values in [0, " + std::to_string(n_actions) +
                          "), got " + std::to_string(values[i]) + " at index " + std::to_string(i));
  }
  return {array.data(), array.shape(0)};
}

inline Array<double> to_array(const Matrix& matrix) {
  Array<double> out({matrix.rows(), matrix.cols()});
  Eigen::Map<Matrix>(out.mutable_data(), matrix.rows(), matrix.cols()) = matrix;
  return out;
}

inline Array<double> to_array(const Vector& vector) {
  return Array<double>(vector.size(), vector.data());
}

}  // namespace fastpg
