// Ridge regression with an unpenalised intercept, on standardised columns: the penalty then means
// the same for every feature, and the normal equations are as well conditioned as they can be.
#pragma once

#include <utility>

#include "fastpg/core/types.hpp"
#include "fastpg/values/value_features.hpp"

namespace fastpg {

// Means and co-moments (deviations from the mean, summed) of samples that arrive in batches, the
// weight of old ones decaying: without the cancellation of raw sums of squares.
struct Comoments {
  explicit Comoments(Index variables)
      : Comoments(Vector::Zero(variables), Matrix::Zero(variables, variables)) {}
  Comoments(Vector means, Matrix comoments)
      : mean(std::move(means)), comoment(std::move(comoments)) {}

  Vector mean;
  Matrix comoment;      // the upper triangle; numbers below it have no meaning
  double weight = 0.0;  // samples seen, old ones decayed

  Index size() const { return mean.size(); }

  // A copy in which the weight of everything seen is multiplied.
  Comoments decayed(double factor) const;
  // The samples of `other` as well; false where a moment is not finite, and none has a meaning
  // then.
  bool merge(const Comoments& other);
  bool finite() const;
  // Both triangles, (size, size).
  void mirrored(double* out) const;
};

// Feature 0 is the constant 1. Columns that do not vary get weight 0.
class RidgeRegression {
 public:
  explicit RidgeRegression(Index feature_count) : moments(feature_count) {}
  explicit RidgeRegression(Comoments known) : moments(std::move(known)) {}

  Comoments moments;  // of (features without the constant, target)

  Index feature_count() const { return moments.size(); }

  // False where a number is not finite or the moments overflow; they have no meaning then.
  bool add(const ValueSamples& samples, const double* targets, int threads);

  // Weights (feature_count). `ridge` > 0 is relative to the mean squared deviation of a column.
  Vector solve(double ridge, int threads) const;
};

}  // namespace fastpg
