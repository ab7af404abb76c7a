#include "fastpg/networks/mlp.hpp"

#include "fastpg/core/checks.hpp"
#include "fastpg/networks/transpose.hpp"

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
    next.turned =
        &of == &weights_.layers().back() || of.fan_out * next.in_stride < of.fan_in * next.stride;
    if (next.begin > 0 && !next.few) transposed_size_ += next.stride * next.in_stride;
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

const float* MlpNetwork::transposed_weights(const Layer& of) const {
  if (of.few) return weights_.of(of);
  if (!is_transposed_.load(std::memory_order_acquire)) {
    const std::lock_guard lock(transposing_);
    if (!is_transposed_.load(std::memory_order_relaxed)) transpose_weights();
    is_transposed_.store(true, std::memory_order_release);
  }
  return transposed_.data() + of.transposed;
}

void MlpNetwork::transpose_weights() const {
  transposed_.resize(static_cast<std::size_t>(transposed_size_));
  for (const Layer& each : layers_) {
    if (each.begin == 0 || each.few) continue;
    transpose(weights_.of(each), each.stride, each.fan_in, each.fan_out,
              transposed_.data() + each.transposed, each.in_stride);
  }
}

void MlpNetwork::forget() {
  found_.assign(static_cast<std::size_t>(block_count()), 0);
  const Index all = block_count() * kept_size_;
  kept_.resize(static_cast<std::size_t>(all <= most_kept ? all : 0));
}

void MlpNetwork::require_parameters() const {
  if (!weights_.given()) throw std::logic_error("parameters: expected them to be set, got none");
}

// Those kept, or in scratch.
const float* MlpNetwork::activations_of(Index block, Buffer<float>& scratch) const {
  require_parameters();
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

bool MlpNetwork::has_activations(Index block) const {
  return !kept_.empty() && found_[static_cast<std::size_t>(block)] != 0;
}

void MlpNetwork::find_activations(Index block, float* kept) const {
  for_pieces(block_size(), widest_, [&](Index begin, Index rows) {
    for (Index l = 0; l < last(); ++l) {
      const Layer& to = layer(l);
      float* const out = kept + to.kept + begin * to.stride;
      weights_.activate(to, inputs_of(l, block, kept).from(begin), rows, out,
                        needs_slopes() ? out + block_size() * to.stride : nullptr);
    }
  });
}

MlpNetwork::Rows MlpNetwork::inputs_of(Index l, Index block, const float* kept) const {
  if (l == 0) return {inputs_[block], inputs_.stride()};
  return {kept + layer(l - 1).kept, layer(l - 1).stride};
}

void MlpNetwork::forward(Index block, double* columns) const {
  Buffer<float> scratch;
  last_outputs(block, activations_of(block, scratch), columns);
}

void MlpNetwork::forward_into(Index block, double* columns, float* memory) const {
  require_parameters();
  find_activations(block, memory);
  last_outputs(block, memory, columns);
}

void MlpNetwork::last_outputs(Index block, const float* kept, double* columns) const {
  Buffer<float> out(static_cast<std::size_t>(block_size() * layers_.back().stride));
  weights_.outputs(inputs_of(last(), block, kept), block_size(), true, out.data(), columns,
                   block_size());
}

void MlpNetwork::evaluate(Index block, double* columns) const {
  if (has_activations(block)) return forward(block, columns);
  require_parameters();
  Buffer<float> scratch(static_cast<std::size_t>(weights_.scratch_size(block_size())));
  weights_.run(inputs_of(0, block, nullptr), block_size(), scratch.data(), columns, block_size());
}

}  // namespace fastpg
