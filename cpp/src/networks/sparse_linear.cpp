#include "fastpg/networks/sparse_linear.hpp"

#include "fastpg/networks/linear_derivatives.hpp"

namespace fastpg {

std::unique_ptr<Network> SparseLinearNetwork::subset(Index most) const {
  auto some = std::make_unique<SparseLinearNetwork>(logits_, rows_, features_);
  some->samples_ = 0;
  some->set_block_size(most);
  return some;
}

void SparseLinearNetwork::choose(const Index* samples, Index count) {
  samples_ = count;
  chosen_.assign(samples, samples + count);
}

void SparseLinearNetwork::set_parameters(const double* theta) {
  const Index n = outputs(), stride = sparse_products::padded_columns(n);
  weights_.resize(static_cast<std::size_t>(features_ * stride));
  double* to = weights_.data();
  for (Index k = 0; k < features_; ++k, theta += n, to += stride) {
    for (Index a = 0; a < n; ++a) to[a] = theta[a];  // too few for a call to copy them
    for (Index a = n; a < stride; ++a) to[a] = 0.0;
  }
}

// The rows of a block, and their number.
Index SparseLinearNetwork::load(Index block, SparseRows::Row* x) const {
  const Index first = begin(block), count = rows(block);
  for (Index i = 0; i < count; ++i) {
    x[i] = rows_[chosen_.empty() ? first + i : chosen_[static_cast<std::size_t>(first + i)]];
  }
  return count;
}

void SparseLinearNetwork::dots(Index block, const Buffer<double>& table, Index columns,
                               double* out) const {
  SparseRows::Row x[Blocks::most_rows];
  const Index count = load(block, x);
  sparse_products::dots(x, count, table.data(), columns, out, block_size_);
  for (Index c = 0; c < columns; ++c) {
    std::fill(out + c * block_size_ + count, out + (c + 1) * block_size_, 0.0);
  }
}

void SparseLinearNetwork::forward(Index block, double* columns) const {
  dots(block, weights_, outputs(), columns);
}

void SparseLinearNetwork::set_direction(const double* v) {
  const Index stride = padded_logits(), count = logits_.count(), n = outputs();
  direction_.assign(static_cast<std::size_t>(features_ * stride), 0.0);
  double* to = direction_.data();
  for (Index k = 0; k < features_; ++k, v += n, to += stride) {
    for (Index c = 0; c < count; ++c) {
      const Index reference = logits_.reference(c);
      to[c] = v[logits_.output(c)] - (reference < 0 ? 0.0 : v[reference]);
    }
  }
}

void SparseLinearNetwork::along(Index block, double* u) const {
  dots(block, direction_, logits_.count(), u);
}

void SparseLinearNetwork::add_back(Index block, const double* w, double* sums) const {
  SparseRows::Row x[Blocks::most_rows];
  const Index count = load(block, x);
  sparse_products::add_outer(x, count, w, block_size_, logits_.count(), sums);
}

void SparseLinearNetwork::store(const double* sums, double factor, double* out) const {
  const Index stride = padded_logits(), count = logits_.count(), n = outputs();
  std::fill_n(out, parameters(), 0.0);
  for (Index k = 0; k < features_; ++k, sums += stride, out += n) {
    if (std::all_of(sums, sums + count, [](double sum) { return sum == 0.0; })) continue;
    for (Index c = 0; c < count; ++c) {
      const Index reference = logits_.reference(c);
      const double value = factor * sums[c];
      out[logits_.output(c)] += value;
      if (reference >= 0) out[reference] -= value;
    }
  }
}

bool SparseLinearNetwork::squared_norms(Index block, double* out) const {
  SparseRows::Row x[Blocks::most_rows];
  const Index count = load(block, x);
  std::fill_n(out, block_size_, 0.0);
  for (Index i = 0; i < count; ++i) {
    for (Index e = 0; e < x[i].count; ++e) out[i] += x[i].values[e] * x[i].values[e];
  }
  return true;
}

void SparseLinearNetwork::gradient_norms(Index block, const double* w, double* out) const {
  squared_norms(block, out);
  linear_derivatives::weigh_norms(logits_, w, block_size_, out);
}

// The same for every pair.
void SparseLinearNetwork::add_gram(Index block, Index, Index, const double* factors, double*,
                                   double* sums) const {
  SparseRows::Row rows[Blocks::most_rows];
  const Index count = load(block, rows);
  for (Index i = 0; i < count; ++i) {
    const SparseRows::Row& x = rows[i];
    for (Index p = 0; p < x.count; ++p) {
      double* const sum = sums + x.columns[p] * features_;
      const double scaled = factors[i] * x.values[p];
      for (Index q = p; q < x.count; ++q) sum[x.columns[q]] += scaled * x.values[q];
    }
  }
}

void SparseLinearNetwork::store_gram(Index a, Index b, const double* sums, double factor,
                                     Matrix& out) const {
  linear_derivatives::store_gram(logits_, features_, features_, a, b, sums, factor, out);
}

}  // namespace fastpg
