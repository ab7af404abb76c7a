// The Fisher matrix itself, by symmetric rank updates: for each pair of logits (a, b <= a) once.
#include <algorithm>

#include "fastpg/core/interruption.hpp"
#include "fastpg/policies/fisher.hpp"

namespace fastpg {

// Entry (a, b) of the blocks B of a block of samples; false where it is zero throughout.
bool Fisher::entry(Index block, Index a, Index b, double* out) const {
  if (!sampled_) return distribution().fisher_entry(data(block), a, b, stride(), out);
  const double* const p = data(block) + a * stride();
  const double* const q = data(block) + b * stride();
  for (Index i = 0; i < stride(); ++i) out[i] = p[i] * q[i];
  return true;
}

std::vector<Fisher::Pair> Fisher::pairs() const {
  std::vector<Pair> out;
  Buffer<double> unused(length(stride()));
  for (Index a = 0; a < logits_; ++a) {
    for (Index b = 0; b <= a; ++b) {
      if (entry(0, a, b, unused.data())) out.push_back({a, b});
    }
  }
  return out;
}

// sums (pair, gram_size) += phi^T (B_ab phi) over a block of samples.
void Fisher::add_gram(Index block, const std::vector<Pair>& pairs, double* entries, double* scratch,
                      double* sum) const {
  for (const Pair& pair : pairs) {
    entry(block, pair.a, pair.b, entries);
    if (network().one_gram() && pair.a == pair.b) {
      for (Index i = 0; i < stride(); ++i) entries[i] *= 0.5;
    }
    network().add_gram(block, pair.a, pair.b, entries, scratch, sum);
    if (!network().one_gram()) sum += network().gram_size();
    checkpoint_after(static_cast<double>(network().gram_size()) * static_cast<double>(stride()));
  }
}

Matrix Fisher::dense() const {
  const std::vector<Pair> all = pairs();
  const Index gram = network().gram_size();
  const std::size_t sets = network().one_gram() ? 1 : all.size();
  const Index partial = static_cast<Index>(sets) * gram;
  const Chunks chunks = policy_.chunks(partial);
  Buffer<double> sums(length(chunks.count * partial));
  const double sample_cost = dense_cost() + 100.0;
  const double operations = samples() * (dense_cost() + 100.0 * static_cast<double>(all.size()));
  chunks.run(threads_, operations, [&](Index chunk) {
    double* const sum = sums.data() + chunk * partial;
    std::fill(sum, sum + partial, 0.0);
    Buffer<double> entries(length(stride()));
    Buffer<double> scratch(length(network().gram_scratch()), 0.0);
    chunks.for_blocks(chunk, static_cast<double>(stride()) * sample_cost,
                      [&](Index b) { add_gram(b, all, entries.data(), scratch.data(), sum); });
  });
  add_up(sums.data(), chunks.count, partial);
  Matrix out = Matrix::Zero(size(), size());
  for (std::size_t i = 0; i < sets; ++i) {
    // One for all pairs becomes its sum with its transpose, as that of a pair of two logits does.
    const Pair pair = network().one_gram() ? Pair{1, 0} : all[i];
    network().store_gram(pair.a, pair.b, sums.data() + static_cast<Index>(i) * gram,
                         1.0 / samples(), out);
    checkpoint_after(4.0 * static_cast<double>(gram));
  }
  fill_own(out);
  return out;
}

// Rows and columns of the distribution's own parameters.
void Fisher::fill_own(Matrix& out) const {
  if (own() == 0) return;
  if (!sampled_) {
    out.bottomRightCorner(own(), own()).diagonal().setConstant(distribution().own_fisher());
    return;
  }
  for (Index j = 0; j < own(); ++j) fill_own_row(j, out);
}

// Of the actions taken: mean_i s_ij (J_i^T s_i, s_il for l <= j).
void Fisher::fill_own_row(Index j, Matrix& out) const {
  Buffer<double> cross(length(network().sum_size()), 0.0);
  Buffer<double> weights(length(logits_ * stride()));
  Vector others = Vector::Zero(j + 1);
  Pace pace(block_operations(logits_));
  for (Index b = 0; b < network().block_count(); ++b, pace.turn()) {
    const double* const s = data(b) + (logits_ + j) * stride();
    for (Index c = 0; c < logits_; ++c) {
      const double* const score = data(b) + c * stride();
      for (Index i = 0; i < stride(); ++i) weights[length(c * stride() + i)] = s[i] * score[i];
    }
    network().add_back(b, weights.data(), cross.data());
    for (Index l = 0; l <= j; ++l) {
      const double* const other = data(b) + (logits_ + l) * stride();
      for (Index i = 0; i < stride(); ++i) others[l] += s[i] * other[i];
    }
  }
  Vector row(own_begin() + j + 1);
  network().store(cross.data(), 1.0, row.data());
  row.tail(j + 1) = others;
  row /= samples();
  const Index at = own_begin() + j;
  out.row(at).head(row.size()) = row;
  out.col(at).head(row.size()) = row;
}

}  // namespace fastpg
