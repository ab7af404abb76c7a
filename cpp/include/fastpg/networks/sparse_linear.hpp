// The linear network at rows of which most features are 0. Outputs and J v have the bits of
// LinearNetwork; sums over samples are in the order of the samples.
#pragma once

#include <algorithm>
#include <vector>

#include "fastpg/distributions/free_logits.hpp"
#include "fastpg/networks/blocks.hpp"
#include "fastpg/networks/network.hpp"
#include "fastpg/networks/sparse_rows.hpp"

namespace fastpg {

class SparseLinearNetwork final : public Network {
 public:
  // rows: in the caller's memory, of `features` columns.
  SparseLinearNetwork(const FreeLogits& logits, const SparseRows& rows, Index features)
      : logits_(logits), rows_(rows), features_(features), samples_(rows.rows()) {
    set_block_size(samples_);
  }

  Index outputs() const override { return logits_.outputs(); }
  Index parameters() const override { return features_ * outputs(); }
  Index samples() const override { return samples_; }
  Index block_count() const override { return (samples_ - 1) / block_size_ + 1; }
  Index block_size() const override { return block_size_; }

  std::unique_ptr<Network> subset(Index most) const override;
  void choose(const Index* samples, Index count) override;

  void set_parameters(const double* theta) override;
  void forward(Index block, double* columns) const override;
  void set_direction(const double* v) override;
  void along(Index block, double* u) const override;
  Index sum_size() const override { return features_ * padded_logits(); }
  void add_back(Index block, const double* w, double* sums) const override;
  void store(const double* sums, double factor, double* out) const override;
  bool squared_norms(Index block, double* out) const override;
  void gradient_norms(Index block, const double* w, double* out) const override;

  Index gram_size() const override { return features_ * features_; }
  Index gram_scratch() const override { return 0; }
  void add_gram(Index block, Index a, Index b, const double* factors, double* scratch,
                double* sums) const override;
  void store_gram(Index a, Index b, const double* sums, double factor, Matrix& out) const override;

  double column_cost() const override { return rows_.mean_count(); }
  double gram_cost() const override { return rows_.mean_count() * rows_.mean_count() / 2.0; }

 private:
  void set_block_size(Index most) { block_size_ = std::min(Blocks::most_rows, (most + 7) / 8 * 8); }
  Index padded_logits() const { return sparse_products::padded_columns(logits_.count()); }
  Index load(Index block, SparseRows::Row* x) const;
  void dots(Index block, const Buffer<double>& table, Index columns, double* out) const;

  const FreeLogits& logits_;
  const SparseRows& rows_;
  Index features_;
  Index samples_;
  Index block_size_ = 0;
  std::vector<Index> chosen_;  // rows; empty: all
  Buffer<double> weights_;     // (features, padded outputs)
  Buffer<double> direction_;   // (features, padded logits)
};

}  // namespace fastpg
