// Mean and summed squared deviations of all observations seen, batch by batch (Chan, Golub &
// LeVeque 1983): what a running normalisation is made of.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/interruption.hpp"

namespace fastpg {

struct RunningMoments {
  static constexpr double smallest_std = 1e-8;  // below it a number counts as constant

  explicit RunningMoments(std::ptrdiff_t size)
      : mean(static_cast<std::size_t>(size), 0.0), squares(static_cast<std::size_t>(size), 0.0) {}

  std::vector<double> mean;
  std::vector<double> squares;
  std::int64_t count = 0;

  std::ptrdiff_t size() const { return static_cast<std::ptrdiff_t>(mean.size()); }

  // observations: row-major (rows, size), rows >= 1.
  void update(const float* observations, std::ptrdiff_t rows) {
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

  // 1 / standard deviation; 1 where nothing has varied.
  std::vector<double> inverse_std() const {
    std::vector<double> out(mean.size(), 1.0);
    for (std::size_t k = 0; k < out.size() && count > 0; ++k) {
      const double std = std::sqrt(squares[k] / static_cast<double>(count));
      if (std > smallest_std) out[k] = 1.0 / std;
    }
    return out;
  }
};

}  // namespace fastpg
