// One pass over an array, in SIMD: is everything finite, is everything at most a bound.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "fastpg/core/isa.hpp"

namespace fastpg {

template <class T>
bool all_finite(const T* values, std::ptrdiff_t count) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits exponent = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
  return dispatch([=] {
    Bits bad = 0;
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      bad |= (std::bit_cast<Bits>(values[i]) & exponent) == exponent ? Bits{1} : Bits{0};
    }
    return bad == 0;
  });
}

// False where one is NaN, too.
inline bool all_at_most(const double* values, std::ptrdiff_t count, double bound) {
  return dispatch([=] {
    std::uint64_t bad = 0;
    for (std::ptrdiff_t i = 0; i < count; ++i) bad |= values[i] <= bound ? 0u : 1u;
    return bad == 0;
  });
}

// values: (rows, columns); columns 0 for a vector.
template <class T>
void require_all_finite(const char* name, const T* values, std::ptrdiff_t rows,
                        std::ptrdiff_t columns) {
  const std::ptrdiff_t count = rows * (columns == 0 ? 1 : columns);
  if (all_finite(values, count)) return;
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    if (std::isfinite(values[i])) continue;
    const std::string at =
        columns == 0 ? std::to_string(i) + ",)"
                     : std::to_string(i / columns) + ", " + std::to_string(i % columns) + ")";
    throw std::invalid_argument(std::string(name) + ": expected finite values, got " +
                                std::to_string(values[i]) + " at index (" + at);
  }
}

}  // namespace fastpg
