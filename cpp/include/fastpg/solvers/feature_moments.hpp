// What a whitening is made of: second moments of the features, and their fourth.
#pragma once

#include "fastpg/networks/blocks.hpp"
#include "fastpg/solvers/whitening.hpp"

namespace fastpg {

struct FeatureMoments {
  // Beyond it a batch's products of features cost more than its epochs, and only scales are kept.
  static constexpr Index most_rotated = 128;
  // Added to eigenvalues whose mean is 1: directions that hardly occur are not blown up.
  static constexpr double epsilon = 0.01;

  explicit FeatureMoments(Index size)
      : square(Vector::Zero(size)),
        fourth(Vector::Zero(size)),
        products(Matrix::Zero(rotated(size), rotated(size))) {}

  Vector square;    // (d,): sums of phi_k^2
  Vector fourth;    // (d,): sums of phi_k^4
  Matrix products;  // (d, d): sums of phi_k phi_l; (0, 0) for more than most_rotated

  static Index rotated(Index size) { return size <= most_rotated ? size : 0; }

  Index size() const { return square.size(); }

  bool finite() const { return square.allFinite() && fourth.allFinite() && products.allFinite(); }

  // False, and nothing is changed, where a sum is not finite.
  bool add(const Features& phi);

  // K = (C + epsilon I)^(-1/2), C = S^-1 (E phi phi^T) S^-1 over the mean of its diagonal: along
  // every direction that occurs phi W is of one size, whatever S. S says what is rare: it holds
  // sqrt(E phi^4 / E phi^2), a feature's size where it counts, and 1 for every one-hot feature.
  Whitening whitening() const;
};

}  // namespace fastpg
