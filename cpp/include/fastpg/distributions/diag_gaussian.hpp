// Diagonal Gaussian with a standard deviation that does not depend on the state: a network gives
// the means, ln sigma are parameters of its own.
#pragma once

#include "fastpg/distributions/gaussian.hpp"

namespace fastpg {

class DiagGaussian final : public Gaussian {
 public:
  explicit DiagGaussian(Index dimensions) : Gaussian(dimensions, 1) {}

  Index own_parameters() const override { return dimensions(); }

  void project(MutableVector log_std) const override;
  Vector output_units(const ConstVector& log_std) const override;
  void normalize(double* columns, const double* log_std, const std::uint8_t* mask, Index rows,
                 Index stride) const override;
  void fisher_data(const double* columns, Index stride, double* data, double* trace) const override;
  double own_fisher() const override { return 2.0; }
};

}  // namespace fastpg
