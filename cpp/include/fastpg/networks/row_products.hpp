// The products that every batch kernel of a linear network is made of, over a block of rows of the
// features that stays in cache: u = x V, and G += x^T w. Vectorised along the features; four rows
// and a few columns at a time are held in registers.
#pragma once

#include "fastpg/core/types.hpp"

namespace fastpg::row_products {

inline constexpr Index most_lanes = 16;

// Columns of V and G are padded with zeros to a multiple of it, so that no row has a remainder.
constexpr Index padded(Index features) {
  return (features + most_lanes - 1) / most_lanes * most_lanes;
}

// Rows of features that may be read up to padded(features) numbers from each row's beginning; what
// lies beyond a row (the next one) is multiplied by zeros or left unused. Rows come in fours.
struct Rows {
  const double* data;
  Index stride;
  Index count;
  Index features;
  // From this block to the next one, in numbers, where the caches do not hold it and it is fetched
  // in time; 0: it is not.
  Index ahead = 0;
};

// u (columns, u_stride), samples innermost: x v. v: (columns, padded).
void dots(const Rows& x, const double* v, Index columns, double* u, Index u_stride);

// |x_i|^2 of every row.
void squared_norms(const Rows& x, double* out);

// g (columns, padded) += x^T w for the features from `first` on, or a few before it. w: its entry
// for column c of row i is w[c * w_stride + i * w_row].
void add_outer(const Rows& x, Index first, const double* w, Index w_stride, Index w_row,
               Index columns, double* g);

// g (features, padded) += sum_i factor_i x_i x_i^T, from the diagonal on. scratch: (count + 1,
// padded).
void add_gram(const Rows& x, const double* factors, double* scratch, double* g);

}  // namespace fastpg::row_products
