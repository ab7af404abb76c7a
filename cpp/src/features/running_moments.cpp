#include "fastpg/features/running_moments.hpp"

#include <cmath>

#include "fastpg/core/interruption.hpp"

namespace fastpg {

void RunningMoments::update(const float* observations, std::ptrdiff_t rows) {
  const auto old_count = static_cast<double>(count);
  const auto n = static_cast<double>(rows);
  count += rows;
  Pace pace(16.0);
  for (std::ptrdiff_t k = 0; k < size(); ++k) {
    double sum = 0.0;
    for (std::ptrdiff_t i = 0; i < rows; ++i, pace.turn()) sum += observations[i * size() + k];
    const double batch_mean = sum / n;
    double deviations = 0.0;
    for (std::ptrdiff_t i = 0; i < rows; ++i, pace.turn()) {
      const double d = observations[i * size() + k] - batch_mean;
      deviations += d * d;
    }
    const double shift = batch_mean - mean[k];
    squares[k] += deviations + shift * shift * old_count * n / (old_count + n);
    mean[k] += shift * n / (old_count + n);
  }
}

std::vector<double> RunningMoments::inverse_std() const {
  std::vector<double> out(mean.size(), 1.0);
  for (std::size_t k = 0; k < out.size() && count > 0; ++k) {
    const double std = std::sqrt(squares[k] / static_cast<double>(count));
    if (std > smallest_std) out[k] = 1.0 / std;
  }
  return out;
}

}  // namespace fastpg
