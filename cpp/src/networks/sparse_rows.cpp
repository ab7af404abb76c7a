#include "fastpg/networks/sparse_rows.hpp"

#include <algorithm>
#include <bit>

#include "fastpg/core/interruption.hpp"
#include "fastpg/core/lanes.hpp"

namespace fastpg {

std::optional<SparseRows> SparseRows::of(const double* data, Index rows, Index columns) {
  if (columns < least_columns || columns > INT32_MAX) return std::nullopt;
  SparseRows found;
  found.starts_.reserve(static_cast<std::size_t>(rows + 1));
  found.starts_.push_back(0);
  // Each row has the room that earlier ones left; a few rows of more are no reason to stop.
  const auto most = static_cast<std::size_t>(rows * columns / zeros_to_one);
  Pace pace(static_cast<double>(columns));
  bool sparse = true;
  for (Index i = 0; i < rows && sparse; ++i, pace.turn()) {
    sparse = found.add(data + i * columns, columns, most);
  }
  if (!sparse) return std::nullopt;
  return found;
}

// False once there are more than `most`.
bool SparseRows::add(const double* row, Index columns, std::size_t most) {
  constexpr Index piece = 16;
  dispatch([&] {
    for (Index begin = 0; begin < columns; begin += piece) {
      const Index end = std::min(begin + piece, columns);
      std::uint64_t any = 0;  // of all bits but the signs
      for (Index k = begin; k < end; ++k) any |= std::bit_cast<std::uint64_t>(row[k]) << 1;
      if (any == 0) continue;
      for (Index k = begin; k < end; ++k) {
        if (row[k] == 0.0) continue;
        columns_.push_back(static_cast<std::int32_t>(k));
        values_.push_back(row[k]);
      }
    }
  });
  starts_.push_back(static_cast<Index>(values_.size()));
  return values_.size() <= most;
}

namespace sparse_products {
namespace {

// Two terms have the same sum in any order.
void dot_of_two(const SparseRows::Row& x, const double* v, Index v_stride, double* sum) {
  std::fill_n(sum, tile, 0.0);
  for (Index e = 0; e < x.count; ++e) {
    const double* const row = v + x.columns[e] * v_stride;
    const double value = x.values[e];
    for (Index c = 0; c < tile; ++c) sum[c] += value * row[c];
  }
}

// Sums of their own for features a register's width apart, added in the order of lanes::sum_four.
template <int width>
void dot_of_many(const SparseRows::Row& x, const double* v, Index v_stride, double* out) {
  double sums[width][tile] = {};
  for (Index e = 0; e < x.count; ++e) {
    const double* const row = v + x.columns[e] * v_stride;
    double* const sum = sums[x.columns[e] % width];
    const double value = x.values[e];
    for (Index c = 0; c < tile; ++c) sum[c] += value * row[c];
  }
  for (int left = width / 2; left > 0; left /= 2) {
    for (int l = 0; l < left; ++l) {
      for (Index c = 0; c < tile; ++c) sums[l][c] = sums[2 * l][c] + sums[2 * l + 1][c];
    }
  }
  std::copy_n(sums[0], tile, out);
}

}  // namespace

void dots(const SparseRows::Row* x, Index count, const double* v, Index columns, double* u,
          Index stride) {
  const Index v_stride = padded_columns(columns);
  dispatch_lanes([&](auto registers) {
    constexpr int width = decltype(registers)::bytes / static_cast<int>(sizeof(double));
    for (Index begin = 0; begin < columns; begin += tile) {
      const Index some = std::min(tile, columns - begin);
      for (Index i = 0; i < count; ++i) {
        double found[tile];
        if (x[i].count <= 2) {
          dot_of_two(x[i], v + begin, v_stride, found);
        } else {
          dot_of_many<width>(x[i], v + begin, v_stride, found);
        }
        for (Index c = 0; c < some; ++c) u[(begin + c) * stride + i] = found[c];
      }
    }
  });
}

void add_outer(const SparseRows::Row* x, Index count, const double* w, Index stride, Index columns,
               double* sums) {
  const Index sums_stride = padded_columns(columns);
  dispatch([&] {
    for (Index begin = 0; begin < columns; begin += tile) {
      const Index some = std::min(tile, columns - begin);
      for (Index i = 0; i < count; ++i) {
        double own[tile] = {};
        for (Index c = 0; c < some; ++c) own[c] = w[(begin + c) * stride + i];
        for (Index e = 0; e < x[i].count; ++e) {
          double* const sum = sums + x[i].columns[e] * sums_stride + begin;
          const double value = x[i].values[e];
          for (Index c = 0; c < tile; ++c) sum[c] += value * own[c];
        }
      }
    }
  });
}

}  // namespace sparse_products
}  // namespace fastpg
