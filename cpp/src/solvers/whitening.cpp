#include "fastpg/solvers/whitening.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>

#include "fastpg/core/interruption.hpp"
#include "fastpg/solvers/feature_moments.hpp"

namespace fastpg {

namespace {

// K x; one type of product for both directions, since each that Eigen forms is compiled anew.
Matrix rotated(const Matrix& rotation, const ConstMatrix& x) {
  if (rotation.size() == 0) return x;
  Matrix out(x.rows(), x.cols());
  out.noalias() = rotation * x;
  return out;
}

}  // namespace

Matrix Whitening::to_parameters(const ConstMatrix& x) const {
  return scale.asDiagonal() * rotated(rotation, x);
}

Matrix Whitening::from_gradient(const ConstMatrix& x) const {
  return rotated(rotation, scale.asDiagonal() * x);
}

void OutputWhitening::from_gradient(Vector& gradient) const {
  auto outputs = view(gradient);
  outputs = whitening_.from_gradient(outputs) * units_.asDiagonal();
}

void OutputWhitening::to_parameters(Vector& step) const {
  auto outputs = view(step);
  outputs = whitening_.to_parameters(outputs) * units_.asDiagonal();
}

namespace {

void add_block(FeatureMoments& moments, const ConstMatrix& rows) {
  const auto squares = rows.array().square();
  moments.square += squares.colwise().sum().matrix().transpose();
  moments.fourth += squares.square().colwise().sum().matrix().transpose();
  if (moments.products.size() != 0) moments.products.noalias() += rows.transpose() * rows;
}

}  // namespace

bool FeatureMoments::add(const Features& phi) {
  FeatureMoments moved(*this);
  const Index block = std::clamp<Index>(8192 / size(), 1, 128);
  Pace pace(static_cast<double>(block * size()) * static_cast<double>(products.rows() + 4));
  for (Index first = 0; first < phi.rows; first += block, pace.turn()) {
    const Index count = std::min(block, phi.rows - first);
    add_block(moved, Eigen::Map<const Matrix>(phi.data + first * size(), count, size()));
  }
  if (!moved.finite()) return false;
  *this = std::move(moved);
  return true;
}

Whitening FeatureMoments::whitening() const {
  const Vector scale = (square.array() > 0.0 && fourth.array() > 0.0)
                           .select((square.array() / fourth.array()).sqrt(), 1.0);
  if (products.size() == 0) return {scale, Matrix(0, 0)};
  Eigen::MatrixXd c = scale.asDiagonal() * products * scale.asDiagonal();
  double trace = 0.0;
  for (Index k = 0; k < c.rows(); ++k) trace += c(k, k);
  const double mean = trace / static_cast<double>(c.rows());
  if (mean > 0.0) c /= mean;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(c);
  const Vector lengthened = (solver.eigenvalues().array().max(0.0) + epsilon).rsqrt();
  const Eigen::MatrixXd& v = solver.eigenvectors();
  return {scale, v * lengthened.asDiagonal() * v.transpose()};
}

}  // namespace fastpg
