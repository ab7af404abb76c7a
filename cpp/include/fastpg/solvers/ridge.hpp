// Ridge regression with an unpenalised intercept, on standardised columns: the penalty then means
// the same for every feature, and the normal equations are as well conditioned as they can be.
#pragma once

#include <Eigen/Cholesky>
#include <cmath>

#include "fastpg/core/types.hpp"

namespace fastpg {

// Weights w with features * w ~ targets. Column 0 of features is the constant 1. Columns that do
// not vary get weight 0. `ridge` > 0 is relative to the number of rows.
inline Vector ridge_fit(const ConstMatrix& features, const ConstVector& targets, double ridge) {
  const Index columns = features.cols();
  const double rows = static_cast<double>(features.rows());
  const Vector mean = features.colwise().mean().transpose();
  const double target_mean = targets.mean();

  Matrix centred = features.rowwise() - mean.transpose();
  Vector scale = (centred.array().square().colwise().sum() / rows).sqrt().transpose();
  for (Index j = 0; j < columns; ++j) {
    const bool constant = scale[j] <= 1e-12 * (1.0 + std::abs(mean[j]));
    scale[j] = constant ? 0.0 : 1.0 / scale[j];
  }
  centred.array().rowwise() *= scale.transpose().array();

  Eigen::MatrixXd normal = Eigen::MatrixXd::Zero(columns, columns);
  normal.selfadjointView<Eigen::Lower>().rankUpdate(centred.transpose(), 1.0 / rows);
  normal.diagonal().array() += ridge;
  const Vector rhs =
      centred.transpose() * (targets.array() - target_mean).matrix() / rows;
  Vector weights = normal.selfadjointView<Eigen::Lower>().llt().solve(rhs);

  weights.array() *= scale.array();
  weights[0] = target_mean - mean.tail(columns - 1).dot(weights.tail(columns - 1));
  return weights;
}

}  // namespace fastpg
