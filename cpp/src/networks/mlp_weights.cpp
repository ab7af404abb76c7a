#include "fastpg/networks/mlp_weights.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "fastpg/core/isa.hpp"

namespace fastpg {
namespace {

// to (padded,): every `step`th number, `count` of them, then zeros.
void set_row(const double* __restrict from, Index step, Index count, float* __restrict to,
             Index padded) {
  if (step == 1) {
    for (Index i = 0; i < count; ++i) to[i] = static_cast<float>(from[i]);
  } else {
    for (Index i = 0; i < count; ++i) to[i] = static_cast<float>(from[i * step]);
  }
  std::fill(to + count, to + padded, 0.0f);
}

}  // namespace

MlpWeights::MlpWeights(const MlpShape& shape) : activation_(shape.activation) {
  const std::vector<MlpLayer> shapes = shape.layers();
  for (const MlpLayer& of : shapes) {
    Layer next{of};
    next.stride = dense_products::padded(of.fan_out);
    next.in_stride = dense_products::padded(of.fan_in);
    next.weights = size_;
    next.few = &of == &shapes.back() && of.fan_out <= most_few;
    size_ = next.bias() + next.stride;
    widest_ = std::max(widest_, next.stride);
    layers_.push_back(next);
  }
}

void MlpWeights::set(const double* flat) {
  numbers_.resize(static_cast<std::size_t>(size_));
  dispatch([&] {
    for (const Layer& each : layers_) set(each, flat + each.begin);
  });
}

// Run it in dispatch().
void MlpWeights::set(const Layer& layer, const double* from) {
  float* row = numbers_.data() + layer.weights;
  if (layer.few) {
    for (Index j = 0; j < layer.fan_out; ++j, row += layer.in_stride) {
      set_row(from + j, layer.fan_out, layer.fan_in, row, layer.in_stride);
    }
  } else {
    for (Index k = 0; k < layer.fan_in; ++k, row += layer.stride) {
      set_row(from + k * layer.fan_out, 1, layer.fan_out, row, layer.stride);
    }
  }
  set_row(from + layer.fan_in * layer.fan_out, 1, layer.fan_out, numbers_.data() + layer.bias(),
          layer.stride);
}

bool MlpWeights::bounded(float largest_input) const {
  constexpr double most = std::numeric_limits<float>::max() / 8.0;
  auto inputs = static_cast<double>(largest_input);
  for (const Layer& each : layers_) {
    double largest = 0.0;
    for (const double sum : largest_sums(each, inputs)) {
      if (!(sum <= most)) return false;
      largest = std::max(largest, sum);
    }
    inputs = activations::largest(activation_, largest);
  }
  return true;
}

// Of each unit |the bias| + sum |weight| times the largest input.
Buffer<double> MlpWeights::largest_sums(const Layer& of, double largest_input) const {
  Buffer<double> sums(static_cast<std::size_t>(of.fan_out));
  const float* const bias = numbers_.data() + of.bias();
  dispatch([&] {
    double* const to = sums.data();
    for (Index j = 0; j < of.fan_out; ++j) to[j] = std::abs(static_cast<double>(bias[j]));
    const float* const weights = this->of(of);
    const Index by_input = of.few ? 1 : of.stride, by_unit = of.few ? of.in_stride : 1;
    for (Index k = 0; k < of.fan_in; ++k) {
      for (Index j = 0; j < of.fan_out; ++j) {
        to[j] += std::abs(static_cast<double>(weights[k * by_input + j * by_unit])) * largest_input;
      }
    }
  });
  return sums;
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

void MlpWeights::outputs(const Rows& x, Index rows, bool biased, float* scratch, double* columns,
                         Index columns_stride) const {
  const Layer& last = layers_.back();
  const float* const start = biased ? numbers_.data() + last.bias() : nullptr;
  Index by_output = rows, by_row = 1;
  if (last.few) {
    dense_products::multiply_few(
        {x.data, x.stride, x.step, of(last), last.in_stride, rows, last.fan_in, last.fan_out},
        start, scratch, rows);
  } else {
    dense_products::multiply(factors(last, x, rows), start, 0, scratch, last.stride);
    by_output = 1, by_row = last.stride;
  }
  for (Index a = 0; a < last.fan_out; ++a, columns += columns_stride) {
    const float* const from = scratch + a * by_output;
    for (Index i = 0; i < rows; ++i) columns[i] = static_cast<double>(from[i * by_row]);
  }
}

Index MlpWeights::scratch_size(Index rows) const { return 2 * rows * widest_; }

void MlpWeights::run(const Rows& x, Index rows, float* scratch, double* columns,
                     Index columns_stride) const {
  for_pieces(rows, widest_, [&](Index begin, Index count) {
    run_piece(x.from(begin), count, scratch, columns + begin, columns_stride);
  });
}

void MlpWeights::run_piece(Rows x, Index rows, float* scratch, double* columns,
                           Index columns_stride) const {
  float* out = scratch;
  float* other = out + rows * widest_;
  for (std::size_t l = 0; l + 1 < layers_.size(); ++l) {
    activate(layers_[l], x, rows, out, nullptr);
    x = {out, layers_[l].stride};
    std::swap(out, other);
  }
  outputs(x, rows, true, out, columns, columns_stride);
}

MlpForward::MlpForward(const MlpShape& shape, const double* parameters) : weights_(shape) {
  weights_.set(parameters);
}

double MlpForward::operations() const {
  return 8.0 * static_cast<double>(weights_.scratch_size(1)) +
         static_cast<double>(weights_.layers().back().end());
}

void MlpForward::run(const double* inputs, Index rows, Index stride, float* scratch,
                     double* columns) const {
  float* const x = scratch + weights_.scratch_size(rows);
  const Index width = this->inputs(), x_stride = weights_.layers().front().in_stride;
  for (Index i = 0; i < rows; ++i) {
    set_row(inputs + i, stride, width, x + i * x_stride, x_stride);
  }
  weights_.run({x, x_stride}, rows, scratch, columns, stride);
}

}  // namespace fastpg
