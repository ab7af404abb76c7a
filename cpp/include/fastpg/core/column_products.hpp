// Sums over samples of the products of columns, samples innermost: out (rows, columns) += a b^T. A
// tile of them is held in registers, so that each number loaded serves several products.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "fastpg/core/lanes.hpp"
#include "fastpg/core/thread_pool.hpp"

namespace fastpg::column_products {

using Index = std::ptrdiff_t;

inline constexpr Index most_lanes = 8;  // the count of samples is a multiple of it

constexpr Index padded(Index samples) {
  return (samples + most_lanes - 1) / most_lanes * most_lanes;
}

namespace detail {

// run(0), run(1), … as constants: left to itself the compiler may keep a loop, and its operands in
// memory.
template <int count, class Run>
void unrolled(Run&& run) {
  [&]<int... i>(std::integer_sequence<int, i...>) {
    (run(std::integral_constant<int, i>{}), ...);
  }(std::make_integer_sequence<int, count>{});
}

template <class Registers, int rows, int columns>
FASTPG_FLATTEN void tile(const double* a, const double* b, Index stride, Index count, double* out,
                         Index out_stride) {
  constexpr int width = Registers::bytes / static_cast<int>(sizeof(double));
  using V = Lanes<double, width>;
  V sums[rows][columns];
  unrolled<rows>([&](auto r) { unrolled<columns>([&](auto c) { sums[r][c] = V{}; }); });
  for (Index s = 0; s < count; s += width) {
    V left[rows];
    unrolled<rows>([&](auto r) {
      lanes::load<double, width>(a + r * stride + s, left[r]);
      lanes::keep_in_register(left[r]);
    });
    unrolled<columns>([&](auto c) {
      V right;
      lanes::load<double, width>(b + c * stride + s, right);
      lanes::keep_in_register(right);
      unrolled<rows>([&](auto r) { sums[r][c] += left[r] * right; });
    });
  }
  unrolled<rows>([&](auto r) {
    V four[4] = {};
    double folded[4];
    unrolled<columns>([&](auto c) { four[c] = sums[r][c]; });
    lanes::sum_four<double, width>(four, folded);
    for (int c = 0; c < columns; ++c) out[r * out_stride + c] += folded[c];
  });
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
// In pieces of columns, which stay in a cache, on several threads; a checkpoint follows each.
inline void add_upper(const double* a, const double* b, Index size, Index stride, Index count,
                      double* out, Index out_stride, int threads) {
  constexpr Index piece = 256;
  constexpr double worth_a_thread = 8e5;
  const double products = static_cast<double>(size * size) / 2.0 * static_cast<double>(count);
  const Index pieces = (size + piece - 1) / piece;
  parallel_for(products < worth_a_thread ? 1 : threads, pieces, [=](Index k) {
    const Index j = (pieces - 1 - k) * piece, columns = std::min(piece, size - j);  // longest first
    const double* const right = b + j * stride;
    detail::add<false>(a, j, right, columns, stride, count, out + j, out_stride);
    detail::add<true>(a + j * stride, columns, right, columns, stride, count,
                      out + j * out_stride + j, out_stride);
  });
}

}  // namespace fastpg::column_products
