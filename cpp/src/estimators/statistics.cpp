#include "fastpg/estimators/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/sums.hpp"

namespace fastpg {
namespace {

struct Spread {
  double std;
  double largest;  // magnitude

  // Nothing but rounding errors of a constant.
  bool is_constant() const { return std <= 1e-12 * largest; }
};

// out = values less their mean; out may be values.
Spread centre(const double* values, std::ptrdiff_t count, double* out) {
  const auto n = static_cast<double>(count);
  double largest = 0.0;
  for (std::ptrdiff_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(values[i]));
  const double mean = sum_of(count, [=](std::ptrdiff_t i) { return values[i]; }) / n;
  checkpoint_after(static_cast<double>(count));
  for (std::ptrdiff_t i = 0; i < count; ++i) out[i] = values[i] - mean;
  checkpoint_after(static_cast<double>(count));
  const double rest = sum_of(count, [=](std::ptrdiff_t i) { return out[i]; }) / n;
  for (std::ptrdiff_t i = 0; i < count; ++i) out[i] -= rest;
  checkpoint_after(static_cast<double>(count));
  return {std::sqrt(sum_of(count, [=](std::ptrdiff_t i) { return out[i] * out[i]; }) / n), largest};
}

}  // namespace

void standardize(const double* values, std::ptrdiff_t count, double* out) {
  dispatch([&] {
    Spread spread = centre(values, count, out);
    if (!std::isfinite(spread.std) && std::isfinite(spread.largest)) {  // the squares overflow
      for (std::ptrdiff_t i = 0; i < count; ++i) out[i] = values[i] / spread.largest;
      spread = centre(out, count, out);
    }
    const double scale = spread.is_constant() ? 0.0 : 1.0 / (spread.std + 1e-8);
    for (std::ptrdiff_t i = 0; i < count; ++i) out[i] *= scale;
  });
}

PredictionError prediction_error(const double* values, const double* targets, std::ptrdiff_t count,
                                 double* scratch) {
  return dispatch([&]() -> PredictionError {
    const Spread spread = centre(targets, count, scratch);
    for (std::ptrdiff_t i = 0; i < count; ++i) scratch[i] = targets[i] - values[i];
    const double* const error = scratch;
    const double square = sum_of(count, [=](std::ptrdiff_t i) { return error[i] * error[i]; }) /
                          static_cast<double>(count);
    if (spread.is_constant()) return {0.0, square};
    const double ratio = centre(scratch, count, scratch).std / spread.std;
    return {1.0 - ratio * ratio, square};
  });
}

}  // namespace fastpg
