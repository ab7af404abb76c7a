// The natural direction x = (F + damping I)^-1 g and the curvature x^T F x (undamped) that turns it
// into a step of known KL: eta = sqrt(2 target_kl / x^T F x).
#pragma once

#include <Eigen/Cholesky>

#include "fastpg/solvers/conjugate_gradient.hpp"

namespace fastpg {

struct NaturalGradientResult {
  CgResult cg;
  double damping;    // absolute: the relative one times the mean diagonal of F
  double curvature;  // x^T F x
};

template <class Operator>
double absolute_damping(const Operator& fisher, double relative) {
  return relative * fisher.trace() / static_cast<double>(fisher.size());
}

// settings.damping is relative to the mean of F's diagonal. Operator: a Fisher with trace().
template <class Operator>
NaturalGradientResult natural_gradient(Operator& fisher, const Vector& gradient,
                                       CgSettings settings, CgWorkspace& work, Vector& x) {
  settings.damping = absolute_damping(fisher, settings.damping);
  const CgResult cg = conjugate_gradient(fisher, gradient, settings, work, x);
  fisher.apply(x, work.product);
  return {cg, settings.damping, x.dot(work.product)};
}

// The same by a dense factorisation, for few parameters. F + damping I must be positive definite:
// where it is not, the status is bad_curvature and x is 0.
template <class Operator>
NaturalGradientResult dense_natural_gradient(Operator& fisher, const Vector& gradient,
                                             double relative_damping, Vector& x) {
  const double damping = absolute_damping(fisher, relative_damping);
  x.setZero(gradient.size());
  const double norm = gradient.stableNorm();
  if (!std::isfinite(norm)) return {{CgStatus::not_finite, 0, norm}, damping, 0.0};
  if (norm == 0.0) return {{CgStatus::zero_rhs, 0, 0.0}, damping, 0.0};
  const Eigen::MatrixXd dense = fisher.dense();
  Eigen::MatrixXd damped = dense;
  damped.diagonal().array() += damping;
  const Eigen::LLT<Eigen::MatrixXd> factor(damped);
  if (factor.info() != Eigen::Success) return {{CgStatus::bad_curvature, 0, 1.0}, damping, 0.0};
  const Vector solution = factor.solve(gradient);
  const double residual = (damped * solution - gradient).stableNorm() / norm;
  if (!solution.allFinite()) return {{CgStatus::not_finite, 0, residual}, damping, 0.0};
  x = solution;
  return {{CgStatus::converged, 0, residual}, damping, x.dot(dense * x)};
}

}  // namespace fastpg
