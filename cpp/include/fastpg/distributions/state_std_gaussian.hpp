// Diagonal Gaussian whose standard deviation depends on the state: of 2 m outputs of a network the
// first m are the means, the others, clipped to [lowest_log_std, highest_log_std], ln sigma. It has
// no parameters of its own.
//
// The derivative of ln sigma by its output is 1 within the bounds, and 0 at them and beyond. A
// distribution array has ln sigma as it was clipped: where it is a bound, scores, gradients and
// Fisher matrices are zero.
#pragma once

#include <cmath>

#include "fastpg/distributions/gaussian.hpp"

namespace fastpg {

class StateStdGaussian final : public Gaussian {
 public:
  explicit StateStdGaussian(Index dimensions) : Gaussian(dimensions, 2) {}

  // ln sigma of an output; one that is not finite stays so.
  static double clipped(double output) {
    const double raised = output < lowest_log_std ? lowest_log_std : output;
    const double within = raised > highest_log_std ? highest_log_std : raised;
    return std::isfinite(output) ? within : output;
  }

  Index own_parameters() const override { return 0; }
  void project(MutableVector) const override {}
  // 1: sigma is another in every state.
  Vector output_units(const ConstVector&) const override { return Vector::Ones(size()); }

  void normalize(double* columns, const double* own, const std::uint8_t* mask, Index rows,
                 Index stride) const override;
  // With fast_exp, as in rollouts.
  void sample(const ConstMatrix& dist, const ConstMatrix& uniforms,
              WritableActions actions) const override;
  void score(const double* columns, const Actions& actions, Index rows, Index stride,
             double* out) const override;
  void entropy_score(const double* columns, Index stride, double* scratch,
                     double* out) const override;
  void kl_score(const double* old_columns, const double* new_columns, Index stride,
                double* out) const override;
  void fisher_data(const double* columns, Index stride, double* data, double* trace) const override;
  double own_fisher() const override { return 0.0; }

 private:
  void clear_at_bounds(const double* columns, Index stride, double* scores) const;
};

}  // namespace fastpg
