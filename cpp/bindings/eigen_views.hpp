// NumPy arrays as Eigen maps and back. Only for bindings whose kernels use Eigen.
#pragma once

#include "fastpg/core/checks.hpp"
#include "fastpg/core/types.hpp"
#include "unlocked.hpp"

namespace fastpg {

using MatrixView = Eigen::Map<const Matrix>;
using VectorView = Eigen::Map<const Vector>;

inline MatrixView matrix_view(const char* name, const Array<double>& array) {
  require_ndim(name, array, 2);
  require_finite(name, array);
  return {array.data(), array.shape(0), array.shape(1)};
}

inline VectorView vector_view(const char* name, const Array<double>& array) {
  require_ndim(name, array, 1);
  require_finite(name, array);
  return {array.data(), array.shape(0)};
}

inline Array<double> to_array(const Matrix& matrix) {
  Array<double> out({matrix.rows(), matrix.cols()});
  Eigen::Map<Matrix>(out.mutable_data(), matrix.rows(), matrix.cols()) = matrix;
  return out;
}

// The numbers of a vector in the shape of an array.
inline Array<double> shaped_like(const Array<double>& array, const Vector& flat) {
  Array<double> out = like<double>(array);
  Eigen::Map<Vector>(out.mutable_data(), out.size()) = flat;
  return out;
}

inline Array<double> to_array(const Vector& vector) {
  return Array<double>(vector.size(), vector.data());
}

}  // namespace fastpg
