// Conjugate gradient for (F + damping I) x = b with F symmetric positive semi-definite, given only
// through products. From x = 0 the iterates stay in the range of F when b is in it.
#pragma once

#include <algorithm>
#include <cmath>

#include "fastpg/core/interruption.hpp"
#include "fastpg/core/types.hpp"

namespace fastpg {

struct CgSettings {
  Index max_steps = 10;
  double tolerance = 1e-10;  // relative: stop when |b - A x| <= tolerance |b|
  double damping = 0.0;
};

enum class CgStatus {
  converged,
  max_steps,      // stopped at max_steps: x is the best of its Krylov space
  zero_rhs,       // b = 0, x = 0
  bad_curvature,  // p^T A p <= 0: A is not positive along p; x is the iterate before
  not_finite      // a product or b is NaN or infinite; x is the iterate before
};

struct CgResult {
  CgStatus status;
  Index iterations;
  double residual;  // |b - A x| / |b|
};

struct CgWorkspace {
  explicit CgWorkspace(Index size) : residual(size), direction(size), product(size) {}

  Vector residual;
  Vector direction;
  Vector product;
};

// Operator: size(), apply(const Vector& v, Vector& out). x is overwritten. The right-hand side is
// scaled to norm 1 and x back again, so that a small gradient cannot underflow.
template <class Operator>
CgResult conjugate_gradient(Operator& op, const Vector& b, const CgSettings& settings,
                            CgWorkspace& work, Vector& x) {
  x.setZero();
  const double scale = b.stableNorm();
  if (!std::isfinite(scale)) return {CgStatus::not_finite, 0, scale};
  if (scale == 0.0) return {CgStatus::zero_rhs, 0, 0.0};

  work.residual = b / scale;
  work.direction = work.residual;
  double rho = work.residual.squaredNorm();
  // Below the rounding error of the recurrence more steps only add noise, along the null space too.
  const double tolerance = std::max(settings.tolerance, 1e-14);
  CgResult result{CgStatus::max_steps, 0, 1.0};
  Pace pace(static_cast<double>(op.size()) * static_cast<double>(op.size()));
  for (; result.iterations < settings.max_steps; ++result.iterations, pace.turn()) {
    if (std::sqrt(rho) <= tolerance) break;
    op.apply(work.direction, work.product);
    work.product += settings.damping * work.direction;
    const double curvature = work.direction.dot(work.product);
    if (!std::isfinite(curvature) || curvature <= 0.0) {
      result.status = curvature <= 0.0 ? CgStatus::bad_curvature : CgStatus::not_finite;
      break;
    }
    const double alpha = rho / curvature;
    if (!std::isfinite(alpha * scale)) {
      result.status = CgStatus::not_finite;
      break;
    }
    x += alpha * work.direction;
    work.residual -= alpha * work.product;
    const double next_rho = work.residual.squaredNorm();
    work.direction = work.residual + (next_rho / rho) * work.direction;
    rho = next_rho;
  }
  x *= scale;
  result.residual = std::sqrt(rho);
  if (!x.allFinite()) {
    x.setZero();
    return {CgStatus::not_finite, result.iterations, 1.0};
  }
  if (result.residual <= tolerance) result.status = CgStatus::converged;
  return result;
}

// A dense symmetric matrix as an operator.
class DenseOperator {
 public:
  explicit DenseOperator(const ConstMatrix& matrix) : matrix_(matrix) {}
  Index size() const { return matrix_.rows(); }
  void apply(const Vector& v, Vector& out) const { out.noalias() = matrix_ * v; }

 private:
  ConstMatrix matrix_;
};

}  // namespace fastpg
