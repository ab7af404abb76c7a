#include "fastpg/networks/mlp.hpp"

#include "fastpg/core/checks.hpp"

namespace fastpg {

MlpNetwork::MlpNetwork(const FreeLogits& logits, const MlpShape& shape, FloatBlocks inputs)
    : logits_(logits), shape_(shape), inputs_(std::move(inputs)) {
  require_size("inputs", inputs_.features().cols, shape.inputs);
  require_size("outputs", shape.outputs, logits.outputs());
  place_layers();
}

// Where the numbers of each layer lie.
void MlpNetwork::place_layers() {
  using dense_products::padded;
  for (const MlpLayer& of : shape_.layers()) {
    Layer next{{of}};
    next.stride = padded(of.fan_out);
    next.in_stride = padded(of.fan_in);
    next.weights = direct_size_;
    next.kept = kept_size_;
    next.sums = sum_size_;
    next.turned = of.fan_out * next.in_stride < of.fan_in * next.stride;
    direct_size_ = next.bias() + next.stride;
    kept_size_ += (needs_slopes() ? 2 : 1) * block_size() * next.stride;
    sum_size_ = next.bias_sums() + next.stride;
    widest_ = std::max(widest_, next.stride);
    layers_.push_back(next);
  }
  kept_size_ = layers_.back().kept;  // outputs are not kept
  weights_size_ = direct_size_;
  for (Layer& each : layers_) {
    each.transposed = weights_size_;
    weights_size_ += each.fan_out * each.in_stride;
  }
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
  weights_.resize(static_cast<std::size_t>(weights_size_));
  convert(theta, weights_.data());
  transpose_weights();
  forget();
}

void MlpNetwork::set_direction(const double* v) {
  direction_.resize(static_cast<std::size_t>(direct_size_));
  convert(v, direction_.data());
}

// Flat parameters into padded rows.
void MlpNetwork::convert(const double* flat, float* to) const {
  for (const Layer& each : layers_) {
    const double* from = flat + each.begin;
    float* row = to + each.weights;
    for (Index k = 0; k <= each.fan_in; ++k, row += each.stride, from += each.fan_out) {
      for (Index j = 0; j < each.fan_out; ++j) row[j] = static_cast<float>(from[j]);
      std::fill(row + each.fan_out, row + each.stride, 0.0f);
    }
  }
}

void MlpNetwork::transpose_weights() {
  for (const Layer& each : layers_) {
    const float* const from = weights_.data() + each.weights;
    float* row = weights_.data() + each.transposed;
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
  if (weights_.empty()) throw std::logic_error("parameters: expected them to be set, got none");
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
    dense_products::multiply(factors(inputs_of(l, block, kept), to, weights_), bias(to, weights_),
                             0, out, to.stride);
    activations::apply(shape_.activation, out, needs_slopes() ? out + size : nullptr, size);
  }
}

// x times the layer's W in float32 parameters.
dense_products::Factors MlpNetwork::factors(const Rows& x, const Layer& to,
                                            const Buffer<float>& parameters) const {
  const float* const w = parameters.data() + to.weights;
  return {x.data, x.stride, 1, w, to.stride, block_size(), to.fan_in, to.fan_out};
}

const float* MlpNetwork::bias(const Layer& of, const Buffer<float>& parameters) const {
  return parameters.data() + of.bias();
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
  const Layer& to = layers_.back();
  Buffer<float> out(static_cast<std::size_t>(block_size() * to.stride));
  dense_products::multiply(factors(x, to, weights_), bias(to, weights_), 0, out.data(), to.stride);
  for (Index a = 0; a < outputs(); ++a, columns += block_size()) {
    const float* const from = out.data() + a;
    for (Index i = 0; i < block_size(); ++i) columns[i] = static_cast<double>(from[i * to.stride]);
  }
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
    dense_products::multiply(factors(inputs_of(l, block, kept), to, direction_),
                             bias(to, direction_), 0, out, to.stride);
    if (l > 0) {
      dense_products::multiply(factors({tangents.data(), to.in_stride}, to, weights_), out,
                               to.stride, out, to.stride);
    }
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
  load_outputs(w, deltas.data());
  for (Index l = last();; --l) {
    const Layer& of = layer(l);
    visit(of, inputs_of(l, block, kept), Rows{deltas.data(), of.stride});
    if (l == 0) return;
    dense_products::multiply({deltas.data(), of.stride, 1, weights_.data() + of.transposed,
                              of.in_stride, block_size(), of.fan_out, of.fan_in},
                             nullptr, 0, next.data(), of.in_stride);
    scale_by_slopes(l - 1, kept, next.data());
    std::swap(deltas, next);
  }
}

// Derivatives by free logits become those by outputs.
void MlpNetwork::load_outputs(const double* w, float* rows) const {
  const Index stride = layers_.back().stride;
  std::fill_n(rows, block_size() * stride, 0.0f);
  for (Index c = 0; c < logits_.count(); ++c, w += block_size()) {
    const Index output = logits_.output(c), reference = logits_.reference(c);
    for (Index i = 0; i < block_size(); ++i) {
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
