// The products that a multilayer perceptron is made of, in float32: a b for row-major b, where a
// may lie in memory either way round. Forward and backward passes have samples as rows; a gradient
// by weights has them as depth. Vectorised along the columns of b; a tile of the product is held in
// registers while the depth runs.
#pragma once

#include <cstddef>

namespace fastpg::dense_products {

using Index = std::ptrdiff_t;

// How many numbers of a row are read or written: whole vectors of the chosen instruction set.
// Beyond its columns a row holds zeros.
Index padded(Index columns);

struct Factors {
  const float* a;  // entry (i, k) at [i * a_row + k * a_depth]
  Index a_row, a_depth;
  const float* b;  // entry (k, j) at [k * b_stride + j]
  Index b_stride;
  Index rows, depth, columns;
};

// out = start + a b. start: (rows, columns), or one row for all with stride 0, or nullptr for
// zeros; may be out.
void multiply(const Factors& factors, const float* start, Index start_stride, float* out,
              Index out_stride);

// out (columns, out_stride), samples innermost: out_ji = start_j + a_i b_j, for few columns. b by
// columns: entry (k, j) at [j * b_stride + k]; a_depth is 1. Rows of a and columns of b are read as
// whole vectors. start: (columns,), or nullptr for zeros.
void multiply_few(const Factors& factors, const float* start, float* out, Index out_stride);

// sums += a b: a b is rounded to float32.
void add_product(const Factors& factors, double* sums, Index sums_stride);

// sums (columns,) += the sum of the rows of b. rows: a multiple of 4.
void add_rows(const float* b, Index b_stride, Index rows, Index columns, double* sums);

// The same of rows that lie by columns, entry (i, j) at [j * b_stride + i]. rows: a multiple of 8.
void add_rows_by_columns(const float* b, Index b_stride, Index rows, Index columns, double* sums);

// |b_i|^2 of every row. rows: a multiple of 4.
void squared_norms(const float* b, Index b_stride, Index rows, Index columns, double* out);

}  // namespace fastpg::dense_products
