// The natural direction x = (F + damping I)^-1 g and the curvature x^T F x (undamped) that turns it
// into a step of known KL: eta = sqrt(2 target_kl / x^T F x).
#pragma once

#include <limits>

#include "fastpg/policies/fisher.hpp"
#include "fastpg/solvers/conjugate_gradient.hpp"

namespace fastpg {

struct NaturalGradient {
  Vector direction;
  CgResult cg;
  double curvature;  // x^T F x
  double damping;    // absolute: the relative one times the mean diagonal of F
  // e^T (F + damping I)^-1 e of the noise e given; NaN where there is none, or no factorisation.
  double noise = std::numeric_limits<double>::quiet_NaN();
  double slope = 0.0;  // g^T x: what the surrogate gains per unit of eta, to first order
  // The part of the slope that is not noise, at least 0; NaN where it is not known. If g is pure
  // noise, g^T F^-1 g has the mean tr(F^-1 Cov g). Let e be the difference between the gradients of
  // two halves of the environments, scaled to the variance of g: then e^T F^-1 e has this mean even
  // if g is not noise.
  double signal_share = std::numeric_limits<double>::quiet_NaN();
  double gradient_norm = 0.0, norm = 0.0;  // |g|, |x|
};

// settings.damping is relative to the mean of F's diagonal. factorise: by a dense factorisation,
// for few parameters, where F + damping I must be positive definite: where it is not, the status is
// bad_curvature and x is 0. Else by conjugate gradient, on F itself where forming it costs less.
// noise: e, or empty.
NaturalGradient natural_gradient(Fisher& fisher, const Vector& gradient, const Vector& noise,
                                 bool factorise, const CgSettings& settings);

}  // namespace fastpg
