// Statistics of a batch between the estimates and the step.
#pragma once

#include <cstddef>

namespace fastpg {

// Mean 0 and standard deviation 1: (x - mean) / (std + 1e-8); a constant, and one number alone,
// becomes zero. out may be values.
void standardize(const double* values, std::ptrdiff_t count, double* out);

struct PredictionError {
  double explained_variance;  // 1 - Var(targets - values) / Var(targets); 0 of constant targets
  double mean_square;
};

// scratch: (count,).
PredictionError prediction_error(const double* values, const double* targets, std::ptrdiff_t count,
                                 double* scratch);

}  // namespace fastpg
