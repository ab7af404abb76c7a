// Checks that throw: std::invalid_argument reaches Python as ValueError.
#pragma once

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>

namespace fastpg {

inline void require(bool condition, const std::string& message) {
  if (!condition) throw std::invalid_argument(message);
}

inline void require_size(const char* name, std::ptrdiff_t got, std::ptrdiff_t expected) {
  if (got != expected) {
    throw std::invalid_argument(std::string(name) + ": expected size " + std::to_string(expected) +
                                ", got " + std::to_string(got));
  }
}

template <class T>
void require_finite(const char* name, const T* values, std::ptrdiff_t count) {
  // Sums of 0 decide: they are NaN where a value is NaN or infinite. Several, for one addition
  // would wait for the one before.
  constexpr std::ptrdiff_t several = 16;
  T sums[several] = {};
  std::ptrdiff_t at = 0;
  for (; at + several <= count; at += several) {
    for (std::ptrdiff_t j = 0; j < several; ++j) sums[j] += values[at + j] * T(0);
  }
  for (; at < count; ++at) sums[0] += values[at] * T(0);
  T sum = 0;
  for (const T one : sums) sum += one;
  if (sum == T(0)) return;
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) {
      throw std::invalid_argument(std::string(name) + ": expected finite values, got " +
                                  std::to_string(values[i]) + " at flat index " +
                                  std::to_string(i));
    }
  }
}

inline void require_unit_interval(const char* name, double value) {
  if (!(value >= 0.0 && value <= 1.0)) {
    throw std::invalid_argument(std::string(name) + ": expected a number in [0, 1], got " +
                                std::to_string(value));
  }
}

}  // namespace fastpg
