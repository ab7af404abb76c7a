// Mean and summed squared deviations of all observations seen, batch by batch (Chan, Golub &
// LeVeque 1983): what a running normalisation is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

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
  void update(const float* observations, std::ptrdiff_t rows);

  // 1 / standard deviation; 1 where nothing has varied.
  std::vector<double> inverse_std() const;
};

}  // namespace fastpg
