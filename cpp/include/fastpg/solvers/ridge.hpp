// Ridge regression with an unpenalised intercept, on standardised columns: the penalty then means
// the same for every feature, and the normal equations are as well conditioned as they can be.
#pragma once

#include <cmath>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/factorization.hpp"
#include "fastpg/core/types.hpp"
#include "fastpg/features/value_features.hpp"
#include "fastpg/solvers/comoments.hpp"

namespace fastpg {

// Adds value features (the constant left out) and targets to their co-moments, as Comoments::add.
template <class Step>
bool add_targets(Comoments& moments, const ValueSamples<Step>& samples, const double* targets,
                 double memory, int threads) {
  const Index last = moments.size() - 1;
  return moments.add(samples.count, memory, threads,
                     [&](Index first, Index count, Index stride, double* columns) {
                       const double* const given = targets + first;
                       std::copy(given, given + count, columns + last * stride);
                       return samples.block(first, count, stride, columns);
                     });
}

// Feature 0 is the constant 1. Columns that do not vary get weight 0.
class RidgeRegression {
 public:
  explicit RidgeRegression(Index feature_count) : moments(feature_count) {}

  Comoments moments;  // of (features without the constant, target)

  Index feature_count() const { return moments.size(); }

  // False, and nothing is changed, where a number is not finite or the moments would overflow.
  template <class Step>
  bool add(const ValueSamples<Step>& samples, const double* targets, double memory, int threads) {
    return add_targets(moments, samples, targets, memory, threads);
  }

  // Weights (feature_count). `ridge` > 0 is relative to the mean squared deviation of a column.
  Vector solve(double ridge) const {
    const Vector& mean = moments.mean;
    const Matrix& comoment = moments.comoment;
    const double weight = moments.weight;
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
    const InterruptibleLlt factor(normal);
    require(factor.info() == Eigen::Success, "comoment: expected a positive semi-definite matrix");
    weights.tail(last) = scale.asDiagonal() * factor.solve(rhs);
    require(weights.tail(last).allFinite(), "targets: expected values that can be fitted");
    weights[0] = mean[last] - mean.head(last).dot(weights.tail(last));
    return weights;
  }
};

}  // namespace fastpg
