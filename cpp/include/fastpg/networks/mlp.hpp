// The multilayer perceptron: affine layers with an activation between them. Parameters are doubles,
// as for every network, and so is what crosses the interface; in between all is float32, and sums
// over samples are float32 within a block, double beyond it.
//
// forward() keeps the activations of its block, and along() and add_back() use them: a Fisher
// product does not compute them again. They are kept for all blocks where 64 MiB hold them;
// otherwise, or where forward() was not called, a call computes those of its block itself.
// forward_into() leaves them in memory of the caller, evaluate() nowhere. Blocks are independent,
// so distinct ones may be worked on at the same time.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>

#include "fastpg/distributions/free_logits.hpp"
#include "fastpg/networks/architecture.hpp"
#include "fastpg/networks/float_blocks.hpp"
#include "fastpg/networks/mlp_weights.hpp"

namespace fastpg {

class MlpNetwork final : public Network {
 public:
  static constexpr Index most_kept = Index{1} << 24;  // floats

  // logits: in the caller's memory. Features are copied.
  MlpNetwork(const FreeLogits& logits, const MlpShape& shape, const Features& features)
      : MlpNetwork(logits, shape, FloatBlocks(features)) {}

  Index outputs() const override { return shape_.outputs; }
  Index parameters() const override { return layers_.back().end(); }
  Index samples() const override { return inputs_.samples(); }
  Index block_count() const override { return inputs_.count(); }
  Index block_size() const override { return inputs_.size(); }

  std::unique_ptr<Network> subset(Index most) const override;
  void choose(const Index* samples, Index count) override;

  void set_parameters(const double* theta) override;
  void forward(Index block, double* columns) const override;
  Index memory_size() const override { return kept_size_; }
  void forward_into(Index block, double* columns, float* memory) const override;
  void add_back_from(const float* memory, Index block, const double* w,
                     double* sums) const override;
  void evaluate(Index block, double* columns) const override;
  bool surely_finite() const override { return weights_.bounded(inputs_.largest()); }
  void set_direction(const double* v) override;
  void along(Index block, double* u) const override;
  Index sum_size() const override { return sum_size_; }
  void add_back(Index block, const double* w, double* sums) const override;
  void store(const double* sums, double factor, double* out) const override;
  bool squared_norms(Index, double*) const override { return false; }
  void gradient_norms(Index block, const double* w, double* out) const override;

  bool one_gram() const override { return true; }
  Index gram_size() const override { return parameters() * parameters(); }
  Index gram_scratch() const override {
    return (2 * parameters() + logits_.count()) * block_size();
  }
  void add_gram(Index block, Index a, Index b, const double* factors, double* scratch,
                double* sums) const override;
  void store_gram(Index a, Index b, const double* sums, double factor, Matrix& out) const override;

  double column_cost() const override {
    return static_cast<double>(parameters()) / static_cast<double>(outputs());
  }
  double gram_cost() const override {
    return static_cast<double>(parameters()) * static_cast<double>(parameters());
  }

 private:
  struct Layer : MlpWeights::Layer {
    Index transposed = 0;  // W^T (stride, in_stride), unless it is the first, or W^T is there
    Index kept = 0;        // of a block: values (size, stride), then slopes where they are needed
    Index sums = 0;        // of W as it is turned, then of the bias (stride)
    bool turned = false;   // sums are those of W^T: where that is less work, and of the last layer

    Index bias_sums() const { return sums + (turned ? fan_out * in_stride : fan_in * stride); }
  };

  using Rows = MlpWeights::Rows;

  MlpNetwork(const FreeLogits& logits, const MlpShape& shape, FloatBlocks inputs);

  Index last() const { return static_cast<Index>(layers_.size()) - 1; }
  const Layer& layer(Index l) const { return layers_[static_cast<std::size_t>(l)]; }
  bool needs_slopes() const { return activations::needs_slopes(shape_.activation); }

  void place_layers();
  const float* transposed_weights(const Layer& of) const;
  void transpose_weights() const;
  bool is_last(const Layer& of) const { return &of == &layers_.back(); }
  void forget();
  void require_parameters() const;

  void last_outputs(Index block, const float* kept, double* columns) const;
  const float* activations_of(Index block, Buffer<float>& scratch) const;
  void find_activations(Index block, float* kept) const;
  bool has_activations(Index block) const;
  Buffer<double> output_tangents(Index block, const float* kept) const;
  Buffer<float> hidden_tangents(Index block, const float* kept) const;
  Rows inputs_of(Index l, Index block, const float* kept) const;
  void scale_by_slopes(Index l, const float* kept, Index begin, Index rows, float* x) const;
  void pull_back(const Layer& of, const Rows& delta, Index rows, float* out) const;
  Rows load_outputs(const double* w, Index count, float* columns) const;
  static void store(const Layer& from, const double* sums, double factor, double* out);
  void add_layer(const Layer& to, const Rows& x, const Rows& delta, double* sums) const;
  void add_norms(const Layer& of, const Rows& x, const Rows& delta, double* out) const;
  void jacobian(Index block, Index logit, double* weights, double* out) const;

  // Of each layer, from the last to the first: its inputs, and the derivatives by its outputs
  // before the activation, which lie by columns for the last layer. w: (logits, block_size).
  using Visit = std::function<void(const Layer& layer, const Rows& x, const Rows& delta)>;
  void pass_back(Index block, const double* w, const Visit& visit) const;
  void pass_back(Index block, const double* w, const float* kept, const Visit& visit) const;

  const FreeLogits& logits_;
  MlpShape shape_;
  FloatBlocks inputs_;
  std::vector<Layer> layers_;
  Index widest_ = 0;  // stride
  Index transposed_size_ = 0;
  Index kept_size_ = 0;  // of a block
  Index sum_size_ = 0;
  MlpWeights weights_;
  MlpWeights direction_;
  // All W^T: the first backward pass at new parameters makes them.
  mutable Buffer<float> transposed_;
  mutable std::atomic<bool> is_transposed_{false};
  mutable std::mutex transposing_;
  // Each block's part is written by whoever works on the block.
  mutable Buffer<float> kept_;
  mutable Buffer<std::uint8_t> found_;
};

class MlpArchitecture final : public Architecture {
 public:
  explicit MlpArchitecture(MlpShape shape)
      : shape_(std::move(shape)), parameters_(shape_.parameters()) {}

  const MlpShape& shape() const { return shape_; }
  Index inputs() const override { return shape_.inputs; }
  Index outputs() const override { return shape_.outputs; }
  Index parameters() const override { return parameters_; }
  bool linear() const override { return false; }
  std::unique_ptr<Network> at(const FreeLogits& logits, const Features& inputs) const override {
    return std::make_unique<MlpNetwork>(logits, shape_, inputs);
  }
  std::unique_ptr<ForwardPass> forward_pass(const double* theta) const override {
    return std::make_unique<MlpForward>(shape_, theta);
  }

 private:
  MlpShape shape_;
  Index parameters_;
};

}  // namespace fastpg
