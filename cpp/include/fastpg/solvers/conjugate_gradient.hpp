// Conjugate gradient for (F + damping I) x = b with F symmetric positive semi-definite, given only
// through products. From x = 0 the iterates stay in the range of F when b is in it.
#pragma once

#include "fastpg/core/linear_operator.hpp"

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
  bad_curvature,  // p^T A p is not above rounding: x is the iterate before
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

// x is overwritten. The right-hand side is scaled to norm 1 and x back again, so that a small
// gradient cannot underflow.
CgResult conjugate_gradient(LinearOperator& op, const Vector& b, const CgSettings& settings,
                            CgWorkspace& work, Vector& x);

}  // namespace fastpg
