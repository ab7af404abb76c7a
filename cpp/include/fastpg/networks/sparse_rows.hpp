// Rows of which most numbers are 0, such as one-hot codes: the others and where they stand, so that
// a product gathers rows of a table instead of multiplying zeros.
#pragma once

#include <cstdint>
#include <optional>

#include "fastpg/core/memory.hpp"
#include "fastpg/core/types.hpp"

namespace fastpg {

class SparseRows {
 public:
  static constexpr Index least_columns = 64;  // of fewer, zeros are multiplied sooner than found
  static constexpr Index zeros_to_one = 8;    // numbers of a row to each that is not 0, at least

  // Of row-major (rows, columns); none where too many numbers are not 0. What a product gets from a
  // row is the same bits with and without.
  static std::optional<SparseRows> of(const double* data, Index rows, Index columns);

  struct Row {
    const std::int32_t* columns;
    const double* values;
    Index count;
  };

  Row operator[](Index i) const {
    const Index begin = starts_[static_cast<std::size_t>(i)];
    return {columns_.data() + begin, values_.data() + begin,
            starts_[static_cast<std::size_t>(i + 1)] - begin};
  }
  Index rows() const { return static_cast<Index>(starts_.size()) - 1; }
  double mean_count() const {
    return static_cast<double>(values_.size()) / static_cast<double>(rows());
  }

 private:
  bool add(const double* row, Index columns, std::size_t most);

  Buffer<Index> starts_;
  Buffer<std::int32_t> columns_;
  Buffer<double> values_;
};

// Products with tables v (features, padded_columns(columns)) and sums of the same layout.
namespace sparse_products {

inline constexpr Index tile = 8;  // columns at a time

constexpr Index padded_columns(Index columns) { return (columns + tile - 1) / tile * tile; }

// u (columns, stride), samples innermost: x v for `count` rows, in the order of row_products::dots.
void dots(const SparseRows::Row* x, Index count, const double* v, Index columns, double* u,
          Index stride);

// sums += x^T w. w: its entry for column c of row i is w[c * stride + i].
void add_outer(const SparseRows::Row* x, Index count, const double* w, Index stride, Index columns,
               double* sums);

}  // namespace sparse_products
}  // namespace fastpg
