// What a whitening is made of: second moments of the features, and their fourth.
#pragma once

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "fastpg/core/interruption.hpp"
#include "fastpg/policies/blocks.hpp"
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
  template <class T>
  bool add(const Features<T>& phi) {
    FeatureMoments moved(*this);
    const Index block = std::clamp<Index>(8192 / size(), 1, 128);
    Matrix rows(block, size());
    Pace pace(static_cast<double>(block * size()) * static_cast<double>(products.rows() + 4));
    for (Index first = 0; first < phi.rows; first += block, pace.turn()) {
      const Index count = std::min(block, phi.rows - first);
      const T* const source = phi.data + first * size();
      std::transform(source, source + count * size(), rows.data(),
                     [](T value) { return static_cast<double>(value); });
      moved.add_block(rows.topRows(count));
    }
    if (!moved.finite()) return false;
    *this = std::move(moved);
    return true;
  }

  // K = (C + epsilon I)^(-1/2), C = S^-1 (E phi phi^T) S^-1 over the mean of its diagonal: along
  // every direction that occurs phi W is of one size, whatever S. S says what is rare: it holds
  // sqrt(E phi^4 / E phi^2), a feature's size where it counts, and 1 for every one-hot feature.
  Whitening whitening() const {
    const Vector scale = (square.array() > 0.0 && fourth.array() > 0.0)
                             .select((square.array() / fourth.array()).sqrt(), 1.0);
    if (products.size() == 0) return {scale, Matrix(0, 0)};
    Eigen::MatrixXd c = scale.asDiagonal() * products * scale.asDiagonal();
    const double size = c.diagonal().mean();
    if (size > 0.0) c /= size;
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(c);
    const Vector lengthened = (solver.eigenvalues().array().max(0.0) + epsilon).rsqrt();
    const Eigen::MatrixXd& v = solver.eigenvectors();
    return {scale, v * lengthened.asDiagonal() * v.transpose()};
  }

 private:
  template <class Rows>
  void add_block(const Rows& rows) {
    const auto squares = rows.array().square();
    square += squares.colwise().sum().matrix().transpose();
    fourth += squares.square().colwise().sum().matrix().transpose();
    if (products.size() != 0) products.noalias() += rows.transpose() * rows;
  }
};

}  // namespace fastpg
