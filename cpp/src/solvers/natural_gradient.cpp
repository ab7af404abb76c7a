#include "fastpg/solvers/natural_gradient.hpp"

#include <algorithm>
#include <cmath>

#include "fastpg/core/factorization.hpp"

namespace fastpg {
namespace {

double absolute_damping(LinearOperator& fisher, double relative) {
  return relative * fisher.trace() / static_cast<double>(fisher.size());
}

// F + damping I. The first product also finds F's trace, so the damping is taken after it.
class Damped final : public LinearOperator {
 public:
  Damped(LinearOperator& fisher, double relative) : fisher_(fisher), relative_(relative) {}

  Index size() const override { return fisher_.size(); }
  double trace() override { return fisher_.trace() + damping() * static_cast<double>(size()); }
  double damping() { return absolute_damping(fisher_, relative_); }

  void apply(const Vector& v, Vector& out) override {
    fisher_.apply(v, out);
    out += damping() * v;
  }

 private:
  LinearOperator& fisher_;
  double relative_;
};

// x^T F x from F x = g - r - damping x, r the residual of the recurrence; by a product more where
// that difference would leave few digits.
double curvature_of(LinearOperator& fisher, const Vector& gradient, double damping,
                    CgWorkspace& work, const Vector& x) {
  const double damped = x.dot(gradient) - gradient.stableNorm() * x.dot(work.residual);
  const double curvature = damped - damping * x.squaredNorm();
  if (std::isfinite(curvature) && curvature > 1e-2 * damped) return curvature;
  fisher.apply(x, work.product);
  return x.dot(work.product);
}

NaturalGradient by_products(LinearOperator& fisher, const Vector& gradient, CgSettings settings) {
  CgWorkspace work(gradient.size());
  Damped damped(fisher, settings.damping);
  settings.damping = 0.0;
  NaturalGradient found{Vector(gradient.size()), {}, 0.0, 0.0};
  found.cg = conjugate_gradient(damped, gradient, settings, work, found.direction);
  found.damping = damped.damping();
  if (found.cg.iterations > 0) {
    found.curvature = curvature_of(fisher, gradient, found.damping, work, found.direction);
  }
  return found;
}

NaturalGradient by_factorisation(const Matrix& dense, const Vector& gradient, const Vector& noise,
                                 double relative_damping) {
  DenseOperator fisher(dense);
  const double damping = absolute_damping(fisher, relative_damping);
  const double norm = gradient.stableNorm();
  NaturalGradient found{
      Vector::Zero(gradient.size()), {CgStatus::not_finite, 0, norm}, 0.0, damping};
  if (!std::isfinite(norm)) return found;
  found.cg = {CgStatus::zero_rhs, 0, 0.0};
  if (norm == 0.0) return found;
  Matrix damped = dense;
  damped.diagonal().array() += damping;
  const InterruptibleLlt factor(damped);
  found.cg = {CgStatus::bad_curvature, 0, 1.0};
  if (factor.info() != Eigen::Success) return found;
  const Vector solution = factor.solve(gradient);
  found.cg = {CgStatus::not_finite, 0, (damped * solution - gradient).stableNorm() / norm};
  if (!solution.allFinite()) return found;
  found.cg.status = CgStatus::converged;
  found.direction = solution;
  found.curvature = solution.dot(dense * solution);
  if (noise.size() != 0) found.noise = noise.dot(factor.solve(noise));
  return found;
}

// Whether to form F before iterating on it: few parameters, and cheaper than the products.
bool dense_is_cheaper(const Fisher& fisher, Index products) {
  constexpr Index most_parameters = 128;
  return fisher.size() <= most_parameters &&
         fisher.dense_cost() < static_cast<double>(products) * fisher.product_cost();
}

NaturalGradient solved(Fisher& fisher, const Vector& gradient, const Vector& noise, bool factorise,
                       const CgSettings& settings) {
  if (factorise) return by_factorisation(fisher.dense(), gradient, noise, settings.damping);
  if (dense_is_cheaper(fisher, settings.max_steps)) {
    const Matrix dense = fisher.dense();
    DenseOperator formed(dense);
    return by_products(formed, gradient, settings);
  }
  fisher.find_trace_in_next_product();
  return by_products(fisher, gradient, settings);
}

}  // namespace

NaturalGradient natural_gradient(Fisher& fisher, const Vector& gradient, const Vector& noise,
                                 bool factorise, const CgSettings& settings) {
  NaturalGradient found = solved(fisher, gradient, noise, factorise, settings);
  found.slope = gradient.dot(found.direction);
  // NaN stays NaN in this order.
  if (found.slope > 0.0) found.signal_share = std::max(1.0 - found.noise / found.slope, 0.0);
  found.gradient_norm = gradient.stableNorm();
  found.norm = found.direction.stableNorm();
  return found;
}

}  // namespace fastpg
