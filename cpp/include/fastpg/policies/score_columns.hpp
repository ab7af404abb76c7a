// Scores of a softmax sum to zero over its actions, so kernels keep all but the last: a head's
// columns(). Column c belongs to output column_output(c); opposite(c), where there is one, is the
// output that is minus the sum of all columns opposite to it.
#pragma once

#include <algorithm>
#include <array>

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

// Two columns whose products make a block of the Fisher matrix, b <= a.
struct Pair {
  Index a, b;
};

namespace detail {

// A column stands for its output and for minus the output opposite to it.
struct Share {
  Index output;
  double sign;
};
template <class Head>
std::array<Share, 2> shares(const Head& head, Index column) {
  const Index opposite = head.opposite(column);
  return {{{head.column_output(column), 1.0}, {opposite, opposite < 0 ? 0.0 : -1.0}}};
}

}  // namespace detail

// All entries of F, out (features x outputs, twice), that a pair decides. gram: mean of phi_p phi_q
// times the pair's metric, at [p * stride + q] for q >= p, times `factor`.
template <class Head>
void spread_gram(const Head& head, Pair pair, const double* gram, Index stride, Index features,
                 double factor, Matrix& out) {
  const Index outputs = head.outputs();
  const auto add = [&](Index i, Index j, double sign) {
    for (Index p = 0; p < features; ++p) {
      for (Index q = 0; q < features; ++q) {
        const double value = gram[std::min(p, q) * stride + std::max(p, q)];
        out(p * outputs + i, q * outputs + j) += sign * factor * value;
      }
    }
  };
  for (const detail::Share i : detail::shares(head, pair.a)) {
    for (const detail::Share j : detail::shares(head, pair.b)) {
      if (i.sign == 0.0 || j.sign == 0.0) continue;
      add(i.output, j.output, i.sign * j.sign);
      if (pair.a != pair.b) add(j.output, i.output, i.sign * j.sign);
    }
  }
}

// Adds parts 1 … count - 1, each of `size` numbers, to the first, in order.
inline void add_up(double* parts, Index count, Index size) {
  for (Index part = 1; part < count; ++part) {
    for (Index j = 0; j < size; ++j) parts[j] += parts[part * size + j];
  }
}

}  // namespace fastpg::score_columns
