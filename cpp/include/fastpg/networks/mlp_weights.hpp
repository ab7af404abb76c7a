// Parameters of a perceptron as its products take them: float32, in padded rows. Read-only once
// they are set, so that threads share them.
#pragma once

#include "fastpg/core/memory.hpp"
#include "fastpg/networks/dense_products.hpp"
#include "fastpg/networks/forward_pass.hpp"
#include "fastpg/networks/mlp_shape.hpp"

namespace fastpg {

class MlpWeights {
 public:
  struct Layer : MlpLayer {
    Index stride = 0;     // of rows of fan_out numbers, padded
    Index in_stride = 0;  // of rows of fan_in numbers, padded
    Index weights = 0;    // W (fan_in, stride), then the bias (stride)

    Index bias() const { return weights + fan_in * stride; }
  };

  // Numbers of samples: number k of row i at data[i * stride + k * step].
  struct Rows {
    const float* data;
    Index stride;
    Index step = 1;
  };

  explicit MlpWeights(const MlpShape& shape);

  const std::vector<Layer>& layers() const { return layers_; }
  bool given() const { return !numbers_.empty(); }
  const float* of(const Layer& layer) const { return numbers_.data() + layer.weights; }

  void set(const double* flat);

  // out (rows, stride) += x W.
  void add_product(const Layer& to, const Rows& x, Index rows, float* out) const;
  // out = x W + the bias.
  void apply(const Layer& to, const Rows& x, Index rows, float* out) const;
  // Of a hidden layer: out = f(x W + the bias). slopes: where they are needed and wanted.
  void activate(const Layer& to, const Rows& x, Index rows, float* out, float* slopes) const;
  // Of the last layer, to columns[a * columns_stride + i]. scratch: (rows, stride).
  void outputs(const Rows& x, Index rows, float* scratch, double* columns,
               Index columns_stride) const;

 private:
  dense_products::Factors factors(const Layer& to, const Rows& x, Index rows) const {
    return {x.data, x.stride, x.step, of(to), to.stride, rows, to.fan_in, to.fan_out};
  }

  Activation activation_;
  Index size_ = 0;
  std::vector<Layer> layers_;
  Buffer<float> numbers_;
};

// From inputs to outputs, without what a backward pass keeps.
class MlpForward final : public ForwardPass {
 public:
  MlpForward(const MlpShape& shape, const double* parameters);

  Index inputs() const override { return weights_.layers().front().fan_in; }
  Index outputs() const override { return weights_.layers().back().fan_out; }
  double operations() const override;
  Index scratch_size() const override { return inputs() + 2 * widest_; }
  Index block_size(Index) const override { return most_rows; }
  void run(const double* inputs, Index rows, Index stride, float* scratch,
           double* columns) const override;

 private:
  // Enough for weights beyond the second cache to be read rarely.
  static constexpr Index most_rows = 128;

  MlpWeights weights_;
  Index widest_ = 0;
};

}  // namespace fastpg
