#include "fastpg/solvers/conjugate_gradient.hpp"

#include <algorithm>
#include <cmath>

#include "fastpg/core/interruption.hpp"

namespace fastpg {
namespace {

// Of p^T A p / p^T p, relative to the largest: what rounding leaves of the null space's 0. Beyond
// it steps of any length along the null space would follow.
constexpr double least_curvature = 1e-14;

}  // namespace

CgResult conjugate_gradient(LinearOperator& op, const Vector& b, const CgSettings& settings,
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
  double steepest = 0.0;
  CgResult result{CgStatus::max_steps, 0, 1.0};
  Pace pace(static_cast<double>(op.size()) * static_cast<double>(op.size()));
  for (; result.iterations < settings.max_steps; ++result.iterations, pace.turn()) {
    if (std::sqrt(rho) <= tolerance) break;
    op.apply(work.direction, work.product);
    work.product += settings.damping * work.direction;
    const double curvature = work.direction.dot(work.product);
    const double quotient = curvature / work.direction.squaredNorm();
    steepest = std::max(steepest, quotient);
    if (!std::isfinite(curvature) || quotient <= least_curvature * steepest) {
      result.status = std::isfinite(curvature) ? CgStatus::bad_curvature : CgStatus::not_finite;
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

}  // namespace fastpg
