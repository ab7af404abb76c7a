// Ridge regression with an unpenalised intercept, on standardised columns: the penalty then means
// the same for every feature, and the normal equations are as well conditioned as they can be.
//
// The data enter through their mean and co-moments (deviations from the mean, summed), so batches
// can be added one by one, old ones fading, without the cancellation of raw sums of squares.
#pragma once

#include <Eigen/Cholesky>
#include <cmath>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/types.hpp"

namespace fastpg {

// Column 0 of features is the constant 1. Columns that do not vary get weight 0.
class RidgeRegression {
 public:
  explicit RidgeRegression(Index feature_count)
      : mean(Vector::Zero(feature_count)), comoment(Matrix::Zero(feature_count, feature_count)) {}

  // Of z = (features without the constant, target).
  Vector mean;
  Matrix comoment;
  double weight = 0.0;  // samples seen, old ones faded

  Index feature_count() const { return mean.size(); }

  // `memory` in [0, 1] multiplies the weight of everything seen before (Chan, Golub & LeVeque
  // 1983, pairwise update).
  // Throws, and changes nothing, where the moments would overflow.
  void add(const ConstMatrix& features, const ConstVector& targets, double memory) {
    const Index last = feature_count() - 1;
    Matrix z(features.rows(), feature_count());
    z.leftCols(last) = features.rightCols(last);
    z.col(last) = targets;
    const Vector batch_mean = z.colwise().mean().transpose();
    z.rowwise() -= batch_mean.transpose();

    const double old_weight = memory * weight;
    const double batch_weight = static_cast<double>(features.rows());
    const Vector shift = batch_mean - mean;
    const double total = old_weight + batch_weight;
    Matrix moved = memory * comoment;
    moved.noalias() += z.transpose() * z;
    moved += (old_weight * batch_weight / total) * shift * shift.transpose();
    require(moved.allFinite() && shift.allFinite(),
            "features, targets: expected values whose squares can be summed");
    weight = total;
    comoment = moved;
    mean += (batch_weight / total) * shift;
  }

  // Weights (feature_count). `ridge` > 0 is relative to the mean squared deviation of a column.
  Vector solve(double ridge) const {
    const Index last = feature_count() - 1;
    Vector scale(last);
    for (Index j = 0; j < last; ++j) {
      const double deviation = std::sqrt(comoment(j, j) / weight);
      const bool constant = deviation <= 1e-12 * (1.0 + std::abs(mean[j]));
      scale[j] = constant ? 0.0 : 1.0 / deviation;
    }
    Eigen::MatrixXd normal =
        scale.asDiagonal() * (comoment.topLeftCorner(last, last) / weight) * scale.asDiagonal();
    normal.diagonal().array() += ridge;
    const Vector rhs = scale.asDiagonal() * (comoment.col(last).head(last) / weight);

    Vector weights(feature_count());
    const Eigen::LLT<Eigen::MatrixXd> factor(normal);
    require(factor.info() == Eigen::Success, "comoment: expected a positive semi-definite matrix");
    weights.tail(last) = scale.asDiagonal() * factor.solve(rhs);
    require(weights.tail(last).allFinite(), "targets: expected values that can be fitted");
    weights[0] = mean[last] - mean.head(last).dot(weights.tail(last));
    return weights;
  }
};

}  // namespace fastpg
