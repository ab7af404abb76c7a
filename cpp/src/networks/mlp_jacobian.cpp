// Products of a perceptron with its Jacobian: forward mode, and reverse mode summed over samples.
#include "fastpg/core/isa.hpp"
#include "fastpg/networks/mlp.hpp"

namespace fastpg {

// x (rows, stride of layer l), of samples from `begin` on, times the slopes of its activation.
void MlpNetwork::scale_by_slopes(Index l, const float* kept, Index begin, Index rows,
                                 float* x) const {
  const Index stride = layer(l).stride;
  const float* const values = kept + layer(l).kept + begin * stride;
  activations::scale_by_slopes(shape_.activation, values,
                               values + (needs_slopes() ? block_size() * stride : 0), x,
                               rows * stride);
}

void MlpNetwork::along(Index block, double* u) const {
  Buffer<float> scratch;
  const Buffer<double> tangents = output_tangents(block, activations_of(block, scratch));
  for (Index c = 0; c < logits_.count(); ++c, u += block_size()) {
    const double* const output = tangents.data() + logits_.output(c) * block_size();
    std::copy_n(output, rows(block), u);
    if (logits_.reference(c) >= 0) {
      const double* const reference = tangents.data() + logits_.reference(c) * block_size();
      for (Index i = 0; i < rows(block); ++i) u[i] -= reference[i];
    }
    std::fill(u + rows(block), u + block_size(), 0.0);
  }
}

// Forward mode: a layer's tangents are (tangents of its inputs) W + inputs V + the bias's.
Buffer<double> MlpNetwork::output_tangents(Index block, const float* kept) const {
  const Index rows = block_size(), numbers = outputs() * rows;
  Buffer<float> scratch(static_cast<std::size_t>(rows * layers_.back().stride));
  Buffer<double> out(static_cast<std::size_t>(2 * numbers));
  direction_.outputs(inputs_of(last(), block, kept), rows, true, scratch.data(), out.data(), rows);
  if (last() == 0) return out;
  const Buffer<float> tangents = hidden_tangents(block, kept);
  double* const more = out.data() + numbers;
  weights_.outputs({tangents.data(), layers_.back().in_stride}, rows, false, scratch.data(), more,
                   rows);
  for (Index k = 0; k < numbers; ++k) out[static_cast<std::size_t>(k)] += more[k];
  return out;
}

// Of the last hidden layer.
Buffer<float> MlpNetwork::hidden_tangents(Index block, const float* kept) const {
  const auto size = static_cast<std::size_t>(block_size() * widest_);
  Buffer<float> tangents(size), next(size);
  for (Index l = 0; l < last(); ++l) {
    const Layer& to = layer(l);
    direction_.apply(to, inputs_of(l, block, kept), block_size(), next.data());
    if (l > 0) {
      weights_.add_product(to, {tangents.data(), to.in_stride}, block_size(), next.data());
    }
    scale_by_slopes(l, kept, 0, block_size(), next.data());
    std::swap(tangents, next);
  }
  return tangents;
}

void MlpNetwork::pass_back(Index block, const double* w, const Visit& visit) const {
  Buffer<float> scratch;
  pass_back(block, w, activations_of(block, scratch), visit);
}

void MlpNetwork::pass_back(Index block, const double* w, const float* kept,
                           const Visit& visit) const {
  const Index size = block_size() * widest_;
  Buffer<float> both(static_cast<std::size_t>(2 * size));
  float* now = both.data();
  float* next = now + size;
  Rows delta = load_outputs(w, rows(block), now);
  for (Index l = last();; --l) {
    const Layer& of = layer(l);
    visit(of, inputs_of(l, block, kept), delta);
    if (l == 0) return;
    for_pieces(block_size(), widest_, [&](Index begin, Index rows) {
      float* const out = next + begin * of.in_stride;
      pull_back(of, delta.from(begin), rows, out);
      scale_by_slopes(l - 1, kept, begin, rows, out);
    });
    std::swap(now, next);
    delta = {now, of.in_stride};
  }
}

// out (rows, in_stride) = delta W^T.
void MlpNetwork::pull_back(const Layer& of, const Rows& delta, Index rows, float* out) const {
  dense_products::multiply({delta.data, delta.stride, delta.step, transposed_weights(of),
                            of.in_stride, rows, of.fan_out, of.fan_in},
                           nullptr, 0, out, of.in_stride);
}

// Derivatives by free logits become those by outputs; zeros beyond `count` samples, for the bias.
MlpNetwork::Rows MlpNetwork::load_outputs(const double* w, Index count, float* columns) const {
  const Index stride = block_size();
  std::fill_n(columns, outputs() * stride, 0.0f);
  for (Index c = 0; c < logits_.count(); ++c, w += stride) {
    const Index output = logits_.output(c), reference = logits_.reference(c);
    for (Index i = 0; i < count; ++i) {
      const auto value = static_cast<float>(w[i]);
      columns[output * stride + i] += value;
      if (reference >= 0) columns[reference * stride + i] -= value;
    }
  }
  return {columns, 1, stride};
}

void MlpNetwork::add_back(Index block, const double* w, double* sums) const {
  pass_back(block, w, [&](const Layer& of, const Rows& x, const Rows& delta) {
    add_layer(of, x, delta, sums);
  });
}

void MlpNetwork::add_back_from(const float* memory, Index block, const double* w,
                               double* sums) const {
  pass_back(block, w, memory, [&](const Layer& of, const Rows& x, const Rows& delta) {
    add_layer(of, x, delta, sums);
  });
}

void MlpNetwork::add_layer(const Layer& to, const Rows& x, const Rows& delta, double* sums) const {
  const Index rows = block_size();
  if (to.turned) {
    dense_products::add_product(
        {delta.data, delta.step, delta.stride, x.data, x.stride, to.fan_out, rows, to.fan_in},
        sums + to.sums, to.in_stride);
  } else {
    dense_products::add_product(
        {x.data, 1, x.stride, delta.data, delta.stride, to.fan_in, rows, to.fan_out},
        sums + to.sums, to.stride);
  }
  double* const bias = sums + to.bias_sums();
  if (is_last(to)) {
    dense_products::add_rows_by_columns(delta.data, delta.step, rows, to.fan_out, bias);
  } else {
    dense_products::add_rows(delta.data, delta.stride, rows, to.fan_out, bias);
  }
}

void MlpNetwork::store(const double* sums, double factor, double* out) const {
  dispatch([&] {
    for (const Layer& each : layers_) store(each, sums, factor, out + each.begin);
  });
}

// Run it in dispatch().
void MlpNetwork::store(const Layer& from, const double* sums, double factor,
                       double* __restrict out) {
  const double* const w = sums + from.sums;
  if (from.turned) {
    for (Index j = 0; j < from.fan_out; ++j) {
      const double* const row = w + j * from.in_stride;
      for (Index k = 0; k < from.fan_in; ++k) out[k * from.fan_out + j] = factor * row[k];
    }
  } else {
    for (Index k = 0; k < from.fan_in; ++k) {
      const double* const row = w + k * from.stride;
      for (Index j = 0; j < from.fan_out; ++j) out[k * from.fan_out + j] = factor * row[j];
    }
  }
  const double* const bias = sums + from.bias_sums();
  double* const to = out + from.fan_in * from.fan_out;
  for (Index j = 0; j < from.fan_out; ++j) to[j] = factor * bias[j];
}

}  // namespace fastpg
