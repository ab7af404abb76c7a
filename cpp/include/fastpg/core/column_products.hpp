// Sums over samples of the products of columns, samples innermost: out (rows, columns) += a b^T. A
// tile of them is held in registers, so that each number loaded serves several products.
#pragma once

#include <cstddef>
#include <type_traits>

#include "fastpg/core/lanes.hpp"

namespace fastpg::column_products {

using Index = std::ptrdiff_t;

inline constexpr Index most_lanes = 8;  // the count of samples is a multiple of it

constexpr Index padded(Index samples) {
  return (samples + most_lanes - 1) / most_lanes * most_lanes;
}

namespace detail {

template <class Registers, int rows, int columns>
void tile(const double* a, const double* b, Index stride, Index count, double* out,
          Index out_stride) {
  constexpr int width = Registers::bytes / static_cast<int>(sizeof(double));
  using V = Lanes<double, width>;
  V sums[rows][4] = {};
  for (Index s = 0; s < count; s += width) {
    V left[rows];
    for (int r = 0; r < rows; ++r) {
      lanes::load<double, width>(a + r * stride + s, left[r]);
      lanes::keep_in_register(left[r]);
    }
    for (int c = 0; c < columns; ++c) {
      V right;
      lanes::load<double, width>(b + c * stride + s, right);
      lanes::keep_in_register(right);
      for (int r = 0; r < rows; ++r) sums[r][c] += left[r] * right;
    }
  }
  for (int r = 0; r < rows; ++r) {
    double folded[4];
    lanes::sum_four<double, width>(sums[r], folded);
    for (int c = 0; c < columns; ++c) out[r * out_stride + c] += folded[c];
  }
}

// run(first, integral_constant of how many) over groups of at most `most`.
template <int most, class Run>
void in_groups(Index count, Run&& run) {
  Index first = 0;
  for (; first + most <= count; first += most) run(first, std::integral_constant<int, most>{});
  if constexpr (most > 1) {
    if (first < count) {
      in_groups<most / 2>(count - first, [&](Index i, auto some) { run(first + i, some); });
    }
  }
}

template <bool upper>
void add(const double* a, Index rows, const double* b, Index columns, Index stride, Index count,
         double* out, Index out_stride) {
  dispatch_lanes([=](auto registers) {
    using Registers = decltype(registers);
    in_groups<4>(rows, [=](Index i, auto r) {
      in_groups<Registers::most_accumulators / 4>(columns, [=](Index j, auto c) {
        if (upper && j + c.value <= i) return;
        tile<Registers, r.value, c.value>(a + i * stride, b + j * stride, stride, count,
                                          out + i * out_stride + j, out_stride);
      });
    });
  });
}

}  // namespace detail

// a: (rows, stride), b: (columns, stride), of which `count` samples, zeros where there are fewer.
inline void add(const double* a, Index rows, const double* b, Index columns, Index stride,
                Index count, double* out, Index out_stride) {
  detail::add<false>(a, rows, b, columns, stride, count, out, out_stride);
}

// The same of (size, size), of which the upper triangle is wanted; below it, some are summed too.
inline void add_upper(const double* a, const double* b, Index size, Index stride, Index count,
                      double* out) {
  detail::add<true>(a, size, b, size, stride, count, out, size);
}

}  // namespace fastpg::column_products
