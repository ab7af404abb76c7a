// Scores of a softmax sum to zero over its actions, so kernels keep all but the last: a head's
// columns(). Column c belongs to output column_output(c); opposite(c), where there is one, is the
// output that is minus the sum of all columns opposite to it.
#pragma once

#include <algorithm>

#include "fastpg/core/types.hpp"

namespace fastpg::score_columns {

// out (features, outputs) += factor sums, where column c of feature k is sums[c * stride + k].
template <class Head>
void spread(const Head& head, const double* sums, Index stride, Index features, double factor,
            double* out) {
  const Index outputs = head.outputs();
  for (Index c = 0; c < head.columns(); ++c) {
    const Index own = head.column_output(c), opposite = head.opposite(c);
    for (Index k = 0; k < features; ++k) {
      const double value = factor * sums[c * stride + k];
      out[k * outputs + own] += value;
      if (opposite >= 0) out[k * outputs + opposite] -= value;
    }
  }
}

// |s_i|^2 over all outputs, from the columns (columns, stride). rest: room for `stride` numbers.
template <class Head>
void squared_norms(const Head& head, const double* scores, Index stride, double* rest,
                   double* out) {
  std::fill_n(out, stride, 0.0);
  std::fill_n(rest, stride, 0.0);
  for (Index c = 0; c < head.columns(); ++c) {
    const double* const s = scores + c * stride;
    for (Index i = 0; i < stride; ++i) {
      out[i] += s[i] * s[i];
      rest[i] += s[i];
    }
    const bool last = c + 1 == head.columns() || head.opposite(c + 1) != head.opposite(c);
    if (head.opposite(c) < 0 || !last) continue;
    for (Index i = 0; i < stride; ++i) out[i] += rest[i] * rest[i];
    std::fill_n(rest, stride, 0.0);
  }
}

// Adds parts 1 … count - 1, each of `size` numbers, to the first, in order.
inline void add_up(double* parts, Index count, Index size) {
  for (Index part = 1; part < count; ++part) {
    for (Index j = 0; j < size; ++j) parts[j] += parts[part * size + j];
  }
}

}  // namespace fastpg::score_columns
