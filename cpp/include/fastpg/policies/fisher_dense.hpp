// The Fisher matrix itself, by symmetric rank updates: for each pair of columns (a, b <= a) and of
// features (p, q >= p) once.
#pragma once

#include "fastpg/policies/fisher.hpp"

namespace fastpg {

template <class Head, class T>
std::vector<score_columns::Pair> Fisher<Head, T>::pairs() const {
  std::vector<score_columns::Pair> out;
  Buffer<double> unused(length(stride()));
  for (Index a = 0; a < head_.columns(); ++a) {
    for (Index b = 0; b <= a; ++b) {
      if (entry(0, a, b, unused.data())) out.push_back({a, b});
    }
  }
  return out;
}

// sum (pair, features, padded) += phi^T (B_ab phi) over a block of samples.
template <class Head, class T>
void Fisher<Head, T>::add_gram(Index block, const std::vector<score_columns::Pair>& pairs,
                               double* entries, T* scaled, double* sum) const {
  const auto x = blocks_[block];
  for (const score_columns::Pair& pair : pairs) {
    entry(block, pair.a, pair.b, entries);
    row_products::add_gram(x, entries, scaled, sum);
    sum += x.features * padded();
    checkpoint_after(static_cast<double>(x.features * padded()) * static_cast<double>(stride()));
  }
}

template <class Head, class T>
Matrix Fisher<Head, T>::dense() const {
  const std::vector<score_columns::Pair> all = pairs();
  const Index gram = features().cols * padded();
  const Index partial = static_cast<Index>(all.size()) * gram;
  const Chunks chunks = Chunks::of(blocks_.count(), stride(), partial);
  Buffer<double> sums(length(chunks.count * partial));
  const double operations = samples() * (dense_cost() + 100.0 * static_cast<double>(all.size()));
  chunks.run(threads_, operations, [&](Index chunk) {
    double* const sum = sums.data() + chunk * partial;
    std::fill(sum, sum + partial, 0.0);
    Buffer<double> entries(length(stride()));
    Buffer<T> scaled(length((stride() + 1) * padded()), T(0));
    const double cost = static_cast<double>(stride()) * (dense_cost() + 100.0);
    chunks.for_blocks(chunk, cost,
                      [&](Index b) { add_gram(b, all, entries.data(), scaled.data(), sum); });
  });
  score_columns::add_up(sums.data(), chunks.count, partial);
  Matrix out = Matrix::Zero(size(), size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    score_columns::spread_gram(head_, all[i], sums.data() + static_cast<Index>(i) * gram, padded(),
                               features().cols, 1.0 / samples(), out);
    checkpoint_after(4.0 * static_cast<double>(gram));
  }
  fill_extra(out);
  return out;
}

// Rows and columns of the head's own parameters.
template <class Head, class T>
void Fisher<Head, T>::fill_extra(Matrix& out) const {
  const Index own = head_.extra(), first = size() - own, columns = head_.columns();
  if (own == 0) return;
  if (!sampled_) {
    out.bottomRightCorner(own, own).diagonal().setConstant(head_.extra_metric());
    return;
  }
  const auto set = [&](Index i, Index j, double value) {
    out(i, j) = out(j, i) = value / samples();
  };
  Buffer<double> cross(length(columns * padded()));
  Buffer<T> weights(length(columns * stride()));
  for (Index j = 0; j < own; ++j) {
    std::fill(cross.begin(), cross.end(), 0.0);
    Vector others = Vector::Zero(j + 1);
    Pace pace(block_operations(columns));
    for (Index b = 0; b < blocks_.count(); ++b, pace.turn()) {
      const double* const s = data(b) + (columns + j) * stride();
      for (Index c = 0; c < columns; ++c) {
        const double* const score = data(b) + c * stride();
        T* const to = weights.data() + c * stride();
        for (Index i = 0; i < stride(); ++i) to[i] = static_cast<T>(s[i] * score[i]);
      }
      row_products::add_outer<T>(blocks_[b], 0, weights.data(), stride(), 1, columns, cross.data());
      for (Index l = 0; l <= j; ++l) {
        const double* const other = data(b) + (columns + l) * stride();
        for (Index i = 0; i < stride(); ++i) others[l] += s[i] * other[i];
      }
    }
    for (Index c = 0; c < columns; ++c) {
      for (Index k = 0; k < features().cols; ++k) {
        set(first + j, k * head_.outputs() + head_.column_output(c),
            cross[length(c * padded() + k)]);
      }
    }
    for (Index l = 0; l <= j; ++l) set(first + j, first + l, others[l]);
  }
}

}  // namespace fastpg
