#include "fastpg/networks/mlp_weights.hpp"

#include <algorithm>

#include "fastpg/core/isa.hpp"

namespace fastpg {
namespace {

void narrow(const double* __restrict from, Index count, float* __restrict to) {
  for (Index i = 0; i < count; ++i) to[i] = static_cast<float>(from[i]);
}

}  // namespace

MlpWeights::MlpWeights(const MlpShape& shape) : activation_(shape.activation) {
  for (const MlpLayer& of : shape.layers()) {
    Layer next{of};
    next.stride = dense_products::padded(of.fan_out);
    next.in_stride = dense_products::padded(of.fan_in);
    next.weights = size_;
    size_ = next.bias() + next.stride;
    layers_.push_back(next);
  }
}

void MlpWeights::set(const double* flat) {
  numbers_.resize(static_cast<std::size_t>(size_));
  dispatch([&] {
    for (const Layer& each : layers_) {
      const double* from = flat + each.begin;
      float* row = numbers_.data() + each.weights;
      for (Index k = 0; k <= each.fan_in; ++k, row += each.stride, from += each.fan_out) {
        narrow(from, each.fan_out, row);
        std::fill(row + each.fan_out, row + each.stride, 0.0f);
      }
    }
  });
}

void MlpWeights::add_product(const Layer& to, const Rows& x, Index rows, float* out) const {
  dense_products::multiply(factors(to, x, rows), out, to.stride, out, to.stride);
}

void MlpWeights::apply(const Layer& to, const Rows& x, Index rows, float* out) const {
  dense_products::multiply(factors(to, x, rows), numbers_.data() + to.bias(), 0, out, to.stride);
}

void MlpWeights::activate(const Layer& to, const Rows& x, Index rows, float* out,
                          float* slopes) const {
  apply(to, x, rows, out);
  activations::apply(activation_, out, slopes, rows * to.stride);
}

void MlpWeights::outputs(const Rows& x, Index rows, float* scratch, double* columns,
                         Index columns_stride) const {
  const Layer& last = layers_.back();
  apply(last, x, rows, scratch);
  for (Index a = 0; a < last.fan_out; ++a, columns += columns_stride) {
    const float* const from = scratch + a;
    for (Index i = 0; i < rows; ++i) columns[i] = static_cast<double>(from[i * last.stride]);
  }
}

MlpForward::MlpForward(const MlpShape& shape, const double* parameters) : weights_(shape) {
  weights_.set(parameters);
  for (const auto& each : weights_.layers()) widest_ = std::max(widest_, each.stride);
}

double MlpForward::operations() const {
  return 16.0 * static_cast<double>(widest_) + static_cast<double>(weights_.layers().back().end());
}

// Inputs stay by columns: a product reads them either way round.
void MlpForward::run(const double* inputs, Index rows, Index stride, float* scratch,
                     double* columns) const {
  float* out = scratch;
  float* other = out + rows * widest_;
  float* const columns_of_inputs = other + rows * widest_;
  const Index width = this->inputs();
  dispatch([=] {
    for (Index k = 0; k < width; ++k) {
      narrow(inputs + k * stride, rows, columns_of_inputs + k * rows);
    }
  });
  MlpWeights::Rows x{columns_of_inputs, 1, rows};
  for (std::size_t l = 0; l + 1 < weights_.layers().size(); ++l) {
    const MlpWeights::Layer& to = weights_.layers()[l];
    weights_.activate(to, x, rows, out, nullptr);
    x = {out, to.stride};
    std::swap(out, other);
  }
  weights_.outputs(x, rows, out, columns, stride);
}

}  // namespace fastpg
