// The Eigen types that every kernel shares. Matrices are row-major, like NumPy's.
#pragma once

#include <Eigen/Core>
#include <cstdint>

namespace fastpg {

using Index = Eigen::Index;
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;
using ConstMatrix = Eigen::Ref<const Matrix>;
using ConstVector = Eigen::Ref<const Vector>;
using MutableMatrix = Eigen::Ref<Matrix>;
using MutableVector = Eigen::Ref<Vector>;

}  // namespace fastpg
