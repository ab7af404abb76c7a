#include "fastpg/networks/mlp.hpp"

#include "fastpg/core/checks.hpp"

namespace fastpg {

MlpNetwork::MlpNetwork(const FreeLogits& logits, const MlpShape& shape, FloatBlocks inputs)
    : logits_(logits),
      shape_(shape),
      inputs_(std::move(inputs)),
      weights_(shape),
      direction_(shape) {
  require_size("inputs", inputs_.features().cols, shape.inputs);
  require_size("outputs", shape.outputs, logits.outputs());
  place_layers();
}

// Where the numbers of each layer lie.
void MlpNetwork::place_layers() {
  for (const MlpWeights::Layer& of : weights_.layers()) {
    Layer next{of};
    next.transposed = transposed_size_;
    next.kept = kept_size_;
    next.sums = sum_size_;
    next.turned = of.fan_out * next.in_stride < of.fan_in * next.stride;
    transposed_size_ += next.fan_out * next.in_stride;
    kept_size_ += (needs_slopes() ? 2 : 1) * block_size() * next.stride;
    sum_size_ = next.bias_sums() + next.stride;
    widest_ = std::max(widest_, next.stride);
    layers_.push_back(next);
  }
  kept_size_ = layers_.back().kept;  // outputs are not kept
}

std::unique_ptr<Network> MlpNetwork::subset(Index most) const {
  return std::unique_ptr<Network>(
      new MlpNetwork(logits_, shape_, FloatBlocks(inputs_.features(), most)));
}

void MlpNetwork::choose(const Index* samples, Index count) {
  inputs_.choose(samples, count);
  forget();
}

void MlpNetwork::set_parameters(const double* theta) {
  weights_.set(theta);
  is_transposed_.store(false, std::memory_order_relaxed);
  forget();
}

void MlpNetwork::set_direction(const double* v) { direction_.set(v); }

const float* MlpNetwork::transposed_weights() const {
  if (!is_transposed_.load(std::memory_order_acquire)) {
    const std::lock_guard lock(transposing_);
    if (!is_transposed_.load(std::memory_order_relaxed)) transpose_weights();
    is_transposed_.store(true, std::memory_order_release);
  }
  return transposed_.data();
}

void MlpNetwork::transpose_weights() const {
  transposed_.resize(static_cast<std::size_t>(transposed_size_));
  for (const Layer& each : layers_) {
    const float* const from = weights_.of(each);
    float* row = transposed_.data() + each.transposed;
    for (Index j = 0; j < each.fan_out; ++j, row += each.in_stride) {
      for (Index k = 0; k < each.fan_in; ++k) row[k] = from[k * each.stride + j];
      std::fill(row + each.fan_in, row + each.in_stride, 0.0f);
    }
  }
}

void MlpNetwork::forget() {
  found_.assign(static_cast<std::size_t>(block_count()), 0);
  const Index all = block_count() * kept_size_;
  kept_.resize(static_cast<std::size_t>(all <= most_kept ? all : 0));
}

// Those kept, or in scratch.
const float* MlpNetwork::activations_of(Index block, Buffer<float>& scratch) const {
  if (!weights_.given()) throw std::logic_error("parameters: expected them to be set, got none");
  if (kept_size_ == 0) return nullptr;
  if (kept_.empty()) {
    scratch.resize(static_cast<std::size_t>(kept_size_));
    find_activations(block, scratch.data());
    return scratch.data();
  }
  float* const kept = kept_.data() + block * kept_size_;
  std::uint8_t& found = found_[static_cast<std::size_t>(block)];
  if (found == 0) find_activations(block, kept);
  found = 1;
  return kept;
}

void MlpNetwork::find_activations(Index block, float* kept) const {
  for (Index l = 0; l < last(); ++l) {
    const Layer& to = layer(l);
    float* const out = kept + to.kept;
    const Index size = block_size() * to.stride;
    weights_.activate(to, inputs_of(l, block, kept), block_size(), out,
                      needs_slopes() ? out + size : nullptr);
  }
}

MlpNetwork::Rows MlpNetwork::inputs_of(Index l, Index block, const float* kept) const {
  if (l == 0) return {inputs_[block], inputs_.stride()};
  return {kept + layer(l - 1).kept, layer(l - 1).stride};
}

// x (block_size, stride of layer l) times the slopes of its activation.
void MlpNetwork::scale_by_slopes(Index l, const float* kept, float* x) const {
  const Index size = block_size() * layer(l).stride;
  const float* const values = kept + layer(l).kept;
  activations::scale_by_slopes(shape_.activation, values, values + (needs_slopes() ? size : 0), x,
                               size);
}

void MlpNetwork::forward(Index block, double* columns) const {
  Buffer<float> scratch;
  const Rows x = inputs_of(last(), block, activations_of(block, scratch));
  Buffer<float> out(static_cast<std::size_t>(block_size() * layers_.back().stride));
  weights_.outputs(x, block_size(), out.data(), columns, block_size());
}

void MlpNetwork::along(Index block, double* u) const {
  Buffer<float> scratch;
  const Buffer<float> tangents = output_tangents(block, activations_of(block, scratch));
  const Index stride = layers_.back().stride;
  for (Index c = 0; c < logits_.count(); ++c, u += block_size()) {
    const float* const output = tangents.data() + logits_.output(c);
    const Index reference = logits_.reference(c);
    for (Index i = 0; i < rows(block); ++i) {
      u[i] = static_cast<double>(output[i * stride]);
      if (reference >= 0) u[i] -= static_cast<double>(tangents[i * stride + reference]);
    }
    std::fill(u + rows(block), u + block_size(), 0.0);
  }
}

// Forward mode: a layer's tangents are (tangents of its inputs) W + inputs V + the bias's.
Buffer<float> MlpNetwork::output_tangents(Index block, const float* kept) const {
  const auto size = static_cast<std::size_t>(block_size() * widest_);
  Buffer<float> tangents(size), next(size);
  for (Index l = 0; l <= last(); ++l) {
    const Layer& to = layer(l);
    float* const out = next.data();
    direction_.apply(to, inputs_of(l, block, kept), block_size(), out);
    if (l > 0) weights_.add_product(to, {tangents.data(), to.in_stride}, block_size(), out);
    if (l < last()) scale_by_slopes(l, kept, out);
    std::swap(tangents, next);
  }
  return tangents;
}

void MlpNetwork::pass_back(Index block, const double* w, const Visit& visit) const {
  Buffer<float> scratch;
  const float* const kept = activations_of(block, scratch);
  const auto size = static_cast<std::size_t>(block_size() * widest_);
  Buffer<float> deltas(size), next(size);
  load_outputs(w, rows(block), deltas.data());
  for (Index l = last();; --l) {
    const Layer& of = layer(l);
    visit(of, inputs_of(l, block, kept), Rows{deltas.data(), of.stride});
    if (l == 0) return;
    dense_products::multiply({deltas.data(), of.stride, 1, transposed_weights() + of.transposed,
                              of.in_stride, block_size(), of.fan_out, of.fan_in},
                             nullptr, 0, next.data(), of.in_stride);
    scale_by_slopes(l - 1, kept, next.data());
    std::swap(deltas, next);
  }
}

// Derivatives by free logits become those by outputs; zeros beyond `count` samples, for the bias.
void MlpNetwork::load_outputs(const double* w, Index count, float* rows) const {
  const Index stride = layers_.back().stride;
  std::fill_n(rows, block_size() * stride, 0.0f);
  for (Index c = 0; c < logits_.count(); ++c, w += block_size()) {
    const Index output = logits_.output(c), reference = logits_.reference(c);
    for (Index i = 0; i < count; ++i) {
      const auto value = static_cast<float>(w[i]);
      rows[i * stride + output] += value;
      if (reference >= 0) rows[i * stride + reference] -= value;
    }
  }
}

void MlpNetwork::add_back(Index block, const double* w, double* sums) const {
  pass_back(block, w, [&](const Layer& of, const Rows& x, const Rows& delta) {
    add_layer(of, x, delta, sums);
  });
}

void MlpNetwork::add_layer(const Layer& to, const Rows& x, const Rows& delta, double* sums) const {
  const Index rows = block_size();
  if (to.turned) {
    dense_products::add_product(
        {delta.data, 1, delta.stride, x.data, x.stride, to.fan_out, rows, to.fan_in},
        sums + to.sums, to.in_stride);
  } else {
    dense_products::add_product(
        {x.data, 1, x.stride, delta.data, delta.stride, to.fan_in, rows, to.fan_out},
        sums + to.sums, to.stride);
  }
  dense_products::add_rows(delta.data, delta.stride, rows, to.fan_out, sums + to.bias_sums());
}

void MlpNetwork::store(const double* sums, double factor, double* out) const {
  for (const Layer& from : layers_) {
    double* to = out + from.begin;
    const double* const w = sums + from.sums;
    for (Index k = 0; k < from.fan_in; ++k) {
      for (Index j = 0; j < from.fan_out; ++j) {
        *to++ += factor * (from.turned ? w[j * from.in_stride + k] : w[k * from.stride + j]);
      }
    }
    const double* const bias = sums + from.bias_sums();
    for (Index j = 0; j < from.fan_out; ++j) *to++ += factor * bias[j];
  }
}

}  // namespace fastpg
