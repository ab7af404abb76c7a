// The coordinates of an optimizer that does not depend on the units of the features: theta = W t,
// W = S^-1 K, so that the features that t multiplies, phi W, are of unit scale and uncorrelated.
#pragma once

#include "fastpg/core/types.hpp"

namespace fastpg {

struct Whitening {
  Vector scale;     // (d,): the diagonal of S^-1
  Matrix rotation;  // K, (d, d) and symmetric; (0, 0): the identity

  Index size() const { return scale.size(); }

  // W x. x: (d, k).
  Matrix to_parameters(const ConstMatrix& x) const;

  // W^T x, as gradients change their coordinates. x: (d, k).
  Matrix from_gradient(const ConstMatrix& x) const;
};

// A whitening of every output's parameters, an output's own unit (sigma of a Gaussian mean) on top:
// B = W (x) diag(units). Parameters beyond the d x k of the outputs stay as they are.
class OutputWhitening {
 public:
  OutputWhitening(const Whitening& whitening, Vector units)
      : whitening_(whitening), units_(std::move(units)) {}

  // B^T g, in place.
  void from_gradient(Vector& gradient) const;

  // B t, in place.
  void to_parameters(Vector& step) const;

 private:
  Eigen::Map<Matrix> view(Vector& flat) const {
    return {flat.data(), whitening_.size(), units_.size()};
  }

  const Whitening& whitening_;
  Vector units_;
};

}  // namespace fastpg
