// Parameters of a perceptron as its products take them: float32, in padded rows. Read-only once
// they are set, so that threads share them.
#pragma once

#include <algorithm>

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
    bool few = false;     // the last layer, of few outputs: W lies by columns, (fan_out, in_stride)

    Index bias() const { return weights + (few ? fan_out * in_stride : fan_in * stride); }
  };

  // Numbers of samples: number k of row i at data[i * stride + k * step].
  struct Rows {
    const float* data;
    Index stride;
    Index step = 1;

    Rows from(Index row) const { return {data + row * stride, stride, step}; }
  };

  explicit MlpWeights(const MlpShape& shape);

  const std::vector<Layer>& layers() const { return layers_; }
  bool given() const { return !numbers_.empty(); }
  const float* of(const Layer& layer) const { return numbers_.data() + layer.weights; }

  void set(const double* flat);

  // Whether no sum of any layer comes near the largest float32 where inputs are at most so large.
  bool bounded(float largest_input) const;

  // out (rows, stride) += x W.
  void add_product(const Layer& to, const Rows& x, Index rows, float* out) const;
  // out = x W + the bias.
  void apply(const Layer& to, const Rows& x, Index rows, float* out) const;
  // Of a hidden layer: out = f(x W + the bias). slopes: where they are needed and wanted.
  void activate(const Layer& to, const Rows& x, Index rows, float* out, float* slopes) const;
  // From inputs to outputs, piece by piece, to columns[a * columns_stride + i].
  void run(const Rows& x, Index rows, float* scratch, double* columns, Index columns_stride) const;
  // Floats of it.
  Index scratch_size(Index rows) const;
  // Of the last layer, to columns[a * columns_stride + i]; biased: the bias is added. scratch:
  // (rows, stride).
  void outputs(const Rows& x, Index rows, bool biased, float* scratch, double* columns,
               Index columns_stride) const;

 private:
  // Up to so many, a dot product for each is less work than rows of padded vectors.
  static constexpr Index most_few = 6;

  void run_piece(Rows x, Index rows, float* scratch, double* columns, Index columns_stride) const;
  void set(const Layer& layer, const double* from);
  Buffer<double> largest_sums(const Layer& of, double largest_input) const;

  dense_products::Factors factors(const Layer& to, const Rows& x, Index rows) const {
    return {x.data, x.stride, x.step, of(to), to.stride, rows, to.fan_in, to.fan_out};
  }

  Activation activation_;
  Index size_ = 0;
  Index widest_ = 0;  // stride
  std::vector<Layer> layers_;
  Buffer<float> numbers_;
};

// run(begin, rows) for pieces of rows that pass through all layers together, so that what a layer
// leaves in the first cache is there for the next: with the weights of two layers of 64 units, 28
// KiB. Wider weights are not there anyway, and are read once a piece. Both numbers are multiples of
// the heights of tiles (see dense_products.cpp).
template <class Run>
void for_pieces(Index rows, Index widest_layer, Run&& run) {
  const Index most = widest_layer <= 64 ? 24 : 48;
  for (Index begin = 0; begin < rows; begin += most) run(begin, std::min(most, rows - begin));
}

// From inputs to outputs, without what a backward pass keeps.
class MlpForward final : public ForwardPass {
 public:
  MlpForward(const MlpShape& shape, const double* parameters);

  Index inputs() const override { return weights_.layers().front().fan_in; }
  Index outputs() const override { return weights_.layers().back().fan_out; }
  double operations() const override;
  Index scratch_size() const override {
    return weights_.layers().front().in_stride + weights_.scratch_size(1);
  }
  Index block_size(Index) const override { return most_rows; }
  void run(const double* inputs, Index rows, Index stride, float* scratch,
           double* columns) const override;

 private:
  // Enough for weights beyond the second cache to be read rarely.
  static constexpr Index most_rows = 128;

  MlpWeights weights_;
};

}  // namespace fastpg
