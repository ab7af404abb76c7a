// The natural direction x = (F + damping I)^-1 g and the curvature x^T F x (undamped) that turns it
// into a step of known KL: eta = sqrt(2 target_kl / x^T F x).
#pragma once

#include "fastpg/solvers/conjugate_gradient.hpp"

namespace fastpg {

struct NaturalGradientResult {
  CgResult cg;
  double damping;    // absolute: the relative one times the mean diagonal of F
  double curvature;  // x^T F x
};

// settings.damping is relative to the mean of F's diagonal. Operator: a Fisher with trace().
template <class Operator>
NaturalGradientResult natural_gradient(Operator& fisher, const Vector& gradient,
                                       CgSettings settings, CgWorkspace& work, Vector& x) {
  settings.damping *= fisher.trace() / static_cast<double>(fisher.size());
  const CgResult cg = conjugate_gradient(fisher, gradient, settings, work, x);
  fisher.apply(x, work.product);
  return {cg, settings.damping, x.dot(work.product)};
}

}  // namespace fastpg
