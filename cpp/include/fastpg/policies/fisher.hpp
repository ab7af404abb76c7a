// Products with the Fisher matrix of a policy over a batch: F = mean_i J_i^T B_i J_i with the
// action summed out, B_i the distribution's Fisher block, which is the Gauss-Newton matrix of the
// KL; or F = mean_i score score^T at the actions taken (lecture L7).
//
// A product reads each sample's inputs from memory once: a block stays in cache for u = J v,
// w = B u and the sum of J^T w.
#pragma once

#include <vector>

#include "fastpg/core/linear_operator.hpp"
#include "fastpg/policies/policy.hpp"

namespace fastpg {

class Fisher final : public LinearOperator {
 public:
  // actions: those taken, or none given. What the arrays of dist and actions hold is read here, the
  // network's inputs in each product.
  Fisher(const BatchPolicy& policy, const double* dist, const Actions& actions, int threads);

  Index size() const override { return policy_.parameters(); }

  // While a block is in cache anyway: then trace() after the product costs nothing.
  void find_trace_in_next_product() { tracing_ = true; }

  // out = F v, both flat.
  void apply(const Vector& v, Vector& out) override;

  double trace() override;

  // F itself, (size, size): for few parameters.
  Matrix dense() const;

  // Multiplications of dense(), and of a product, for one sample.
  double dense_cost() const;
  double product_cost() const { return 2.0 * static_cast<double>(logits_) * column_cost(); }

 private:
  // Two logits whose products make a block of F, b <= a.
  struct Pair {
    Index a, b;
  };

  const Network& network() const { return policy_.network(); }
  const Distribution& distribution() const { return policy_.distribution(); }
  Index stride() const { return network().block_size(); }
  Index own() const { return distribution().own_parameters(); }
  Index own_begin() const { return network().parameters(); }
  double column_cost() const { return network().column_cost(); }
  // u and w, and room to read a vector from the last number of w.
  Index scratch_size() const { return 2 * logits_ * stride() + 16; }
  double samples() const { return static_cast<double>(network().samples()); }
  double operations(Index columns) const {
    return samples() * static_cast<double>(columns) * column_cost();
  }
  double block_operations(Index columns) const {
    return static_cast<double>(stride() * columns) * (column_cost() + 16.0);
  }
  const double* data(Index block) const { return data_.data() + block * data_size_ * stride(); }

  void prepare(const double* dist, const Actions& actions);
  void squared_score_norms(const double* scores, double* rest, double* out) const;
  void add_chunk(Index chunk, const double* own_vector);
  void project_on_scores(const double* s, const double* u, const double* own_vector,
                         double* projection, double* w, double* own_sums) const;
  void add_trace(Index chunk, Index block);
  void network_traces(Index chunk, Index block, double* out);
  double summed_trace() const;
  void store_sums(Vector& out);
  bool entry(Index block, Index a, Index b, double* out) const;
  std::vector<Pair> pairs() const;
  void add_gram(Index block, const std::vector<Pair>& pairs, double* entries, double* scratch,
                double* sum) const;
  void fill_own(Matrix& out) const;
  void fill_own_row(Index j, Matrix& out) const;

  BatchPolicy policy_;
  int threads_;
  bool sampled_;
  Index logits_;
  Index data_size_;  // columns of data_
  Index partial_;    // of a chunk: the network's sums, the distribution's own; then the trace
  Chunks chunks_;
  Buffer<double> data_;  // (block, column, sample): fisher_data; sampled: scores
  Buffer<double> traces_;
  Buffer<double> sums_;
  Buffer<double> scratch_;
  Buffer<double> products_;
  bool tracing_ = false;
  double trace_ = -1.0;  // not yet known
};

}  // namespace fastpg
