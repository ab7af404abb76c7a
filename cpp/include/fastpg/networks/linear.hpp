// The linear network: outputs phi(s)^T theta, theta (n_features, outputs) in C order.
#pragma once

#include <algorithm>

#include "fastpg/distributions/free_logits.hpp"
#include "fastpg/networks/architecture.hpp"

namespace fastpg {

class LinearNetwork final : public Network {
 public:
  LinearNetwork(const FreeLogits& logits, const Features& features)
      : logits_(logits), blocks_(features) {}

  Index outputs() const override { return logits_.outputs(); }
  Index parameters() const override { return features() * outputs(); }
  Index samples() const override { return blocks_.samples(); }
  Index block_count() const override { return blocks_.count(); }
  Index block_size() const override { return blocks_.size(); }

  std::unique_ptr<Network> subset(Index most) const override;
  void choose(const Index* samples, Index count) override { blocks_.choose(samples, count); }

  void set_parameters(const double* theta) override;
  void forward(Index block, double* columns) const override;
  void set_direction(const double* v) override;
  void along(Index block, double* u) const override;
  Index sum_size() const override { return logits_.count() * padded(); }
  void add_back(Index block, const double* w, double* sums) const override;
  void store(const double* sums, double factor, double* out) const override;
  bool squared_norms(Index block, double* out) const override;
  void gradient_norms(Index block, const double* w, double* out) const override;

  Index gram_size() const override { return features() * padded(); }
  Index gram_scratch() const override { return (block_size() + 1) * padded(); }
  void add_gram(Index block, Index a, Index b, const double* factors, double* scratch,
                double* sums) const override;
  void store_gram(Index a, Index b, const double* sums, double factor, Matrix& out) const override;

  double column_cost() const override { return static_cast<double>(padded()); }
  double gram_cost() const override {
    return static_cast<double>(features()) * static_cast<double>(padded()) / 2.0;
  }

 private:
  LinearNetwork(const FreeLogits& logits, Blocks blocks)
      : logits_(logits), blocks_(std::move(blocks)) {}

  Index features() const { return blocks_.features().cols; }
  Index padded() const { return row_products::padded(features()); }

  const FreeLogits& logits_;
  Blocks blocks_;
  Buffer<double> weights_;    // (outputs, padded)
  Buffer<double> direction_;  // (logits, padded)
};

class LinearForward final : public ForwardPass {
 public:
  LinearForward(Index inputs, Index outputs, const double* theta)
      : inputs_(inputs), outputs_(outputs), weights_(theta, theta + inputs * outputs) {}

  Index inputs() const override { return inputs_; }
  Index outputs() const override { return outputs_; }
  double operations() const override {
    return static_cast<double>(inputs_) * static_cast<double>(outputs_);
  }
  Index scratch_size() const override { return 0; }
  // What a row takes stays in the second cache, and most of it in the first.
  Index block_size(Index bytes) const override { return std::max(Index{8}, 65536 / bytes / 8 * 8); }
  void run(const double* inputs, Index rows, Index stride, float*, double* columns) const override;

 private:
  void sum(const double* inputs, Index rows, Index stride, const double* weights,
           double* __restrict column) const;

  Index inputs_;
  Index outputs_;
  Buffer<double> weights_;
};

class LinearArchitecture final : public Architecture {
 public:
  LinearArchitecture(Index inputs, Index outputs) : inputs_(inputs), outputs_(outputs) {}

  Index inputs() const override { return inputs_; }
  Index outputs() const override { return outputs_; }
  Index parameters() const override { return inputs_ * outputs_; }
  bool linear() const override { return true; }
  std::unique_ptr<Network> at(const FreeLogits& logits, const Features& inputs) const override;
  std::unique_ptr<ForwardPass> forward_pass(const double* theta) const override {
    return std::make_unique<LinearForward>(inputs_, outputs_, theta);
  }

 private:
  Index inputs_;
  Index outputs_;
};

}  // namespace fastpg
