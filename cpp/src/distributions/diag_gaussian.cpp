#include "fastpg/distributions/diag_gaussian.hpp"

#include <algorithm>

namespace fastpg {

void DiagGaussian::project(MutableVector log_std) const {
  log_std = log_std.cwiseMax(lowest_log_std).cwiseMin(highest_log_std);
}

// sigma, in which a mean counts.
Vector DiagGaussian::output_units(const ConstVector& log_std) const {
  return log_std.array().exp();
}

// The first half of the columns holds the means.
void DiagGaussian::normalize(double* columns, const double* log_std, const std::uint8_t*, Index,
                             Index stride) const {
  for (Index j = 0; j < dimensions(); ++j) {
    std::fill_n(columns + (dimensions() + j) * stride, stride, log_std[j]);
  }
}

void DiagGaussian::fisher_data(const double* columns, Index stride, double* data,
                               double* trace) const {
  precisions(columns, stride, data, trace);
}

}  // namespace fastpg
