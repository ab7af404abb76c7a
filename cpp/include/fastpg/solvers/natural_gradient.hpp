// The natural direction x = (F + damping I)^-1 g and the curvature x^T F x (undamped) that turns it
// into a step of known KL: eta = sqrt(2 target_kl / x^T F x).
#pragma once

#include <limits>

#include "fastpg/core/factorization.hpp"
#include "fastpg/solvers/conjugate_gradient.hpp"

namespace fastpg {

struct NaturalGradientResult {
  CgResult cg;
  double damping;    // absolute: the relative one times the mean diagonal of F
  double curvature;  // x^T F x
  // e^T (F + damping I)^-1 e of the noise e given; NaN where there is none, or no factorisation.
  double noise = std::numeric_limits<double>::quiet_NaN();
};

template <class Operator>
double absolute_damping(Operator& fisher, double relative) {
  return relative * fisher.trace() / static_cast<double>(fisher.size());
}

// F + damping I. The first product also finds F's trace, so the damping is taken after it.
template <class Operator>
class Damped {
 public:
  Damped(Operator& fisher, double relative) : fisher_(fisher), relative_(relative) {}

  Index size() const { return fisher_.size(); }
  double damping() { return absolute_damping(fisher_, relative_); }

  void apply(const Vector& v, Vector& out) {
    fisher_.apply(v, out);
    out += damping() * v;
  }

 private:
  Operator& fisher_;
  double relative_;
};

// A dense F that has a trace.
class DenseFisher {
 public:
  explicit DenseFisher(const Matrix& matrix) : matrix_(matrix), trace_(matrix.trace()) {}

  Index size() const { return matrix_.rows(); }
  double trace() const { return trace_; }
  void apply(const Vector& v, Vector& out) const { out.noalias() = matrix_ * v; }

 private:
  const Matrix& matrix_;
  double trace_;
};

// x^T F x from F x = g - r - damping x, r the residual of the recurrence; by a product more where
// that difference would leave few digits.
template <class Operator>
double curvature_of(Operator& fisher, const Vector& gradient, double damping, CgWorkspace& work,
                    double scale, const Vector& x) {
  const double damped = x.dot(gradient) - scale * x.dot(work.residual);
  const double curvature = damped - damping * x.squaredNorm();
  if (std::isfinite(curvature) && curvature > 1e-2 * damped) return curvature;
  fisher.apply(x, work.product);
  return x.dot(work.product);
}

// settings.damping is relative to the mean of F's diagonal. Operator: a Fisher with trace().
template <class Operator>
NaturalGradientResult natural_gradient(Operator& fisher, const Vector& gradient,
                                       CgSettings settings, CgWorkspace& work, Vector& x) {
  Damped<Operator> damped(fisher, settings.damping);
  settings.damping = 0.0;
  const CgResult cg = conjugate_gradient(damped, gradient, settings, work, x);
  const double damping = damped.damping();
  if (cg.iterations == 0) return {cg, damping, 0.0};
  return {cg, damping, curvature_of(fisher, gradient, damping, work, gradient.stableNorm(), x)};
}

// Whether to form F before iterating on it: few parameters, and cheaper than the products.
template <class Operator>
bool dense_is_cheaper(const Operator& fisher, Index products) {
  constexpr Index most_parameters = 128;
  return fisher.size() <= most_parameters &&
         fisher.dense_cost() < static_cast<double>(products) * fisher.product_cost();
}

// The same by a dense factorisation, for few parameters. F + damping I must be positive definite:
// where it is not, the status is bad_curvature and x is 0. noise: e, or empty.
inline NaturalGradientResult dense_natural_gradient(const Matrix& dense, const Vector& gradient,
                                                    const Vector& noise, double relative_damping,
                                                    Vector& x) {
  const DenseFisher fisher(dense);
  const double damping = absolute_damping(fisher, relative_damping);
  x.setZero(gradient.size());
  const double norm = gradient.stableNorm();
  if (!std::isfinite(norm)) return {{CgStatus::not_finite, 0, norm}, damping, 0.0};
  if (norm == 0.0) return {{CgStatus::zero_rhs, 0, 0.0}, damping, 0.0};
  Matrix damped = dense;
  damped.diagonal().array() += damping;
  const InterruptibleLlt factor(damped);
  if (factor.info() != Eigen::Success) return {{CgStatus::bad_curvature, 0, 1.0}, damping, 0.0};
  const Vector solution = factor.solve(gradient);
  const double residual = (damped * solution - gradient).stableNorm() / norm;
  if (!solution.allFinite()) return {{CgStatus::not_finite, 0, residual}, damping, 0.0};
  x = solution;
  NaturalGradientResult result{{CgStatus::converged, 0, residual}, damping, x.dot(dense * x)};
  if (noise.size() != 0) result.noise = noise.dot(factor.solve(noise));
  return result;
}

}  // namespace fastpg
