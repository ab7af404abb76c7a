#include "fastpg/networks/float_blocks.hpp"

#include "fastpg/core/interruption.hpp"
#include "fastpg/networks/dense_products.hpp"

namespace fastpg {
namespace {

// Blocks of equal size: a last one of few rows would cost as much as the others.
Index rows_of_a_float_block(Index samples) {
  const Index blocks = (samples + FloatBlocks::most_rows - 1) / FloatBlocks::most_rows;
  return (samples + 8 * blocks - 1) / (8 * blocks) * 8;
}

}  // namespace

FloatBlocks::FloatBlocks(const Features& features) : FloatBlocks(features, features.rows) {
  samples_ = features.rows;
  Pace pace(static_cast<double>(2 * stride_));
  for (Index i = 0; i < samples_; ++i, pace.turn()) copy_row(i, i);
  clear_rows(samples_, count() * size_);
}

FloatBlocks::FloatBlocks(const Features& features, Index most)
    : features_(features),
      samples_(0),
      size_(rows_of_a_float_block(most)),
      stride_(dense_products::padded(features.cols)),
      rows_(static_cast<std::size_t>((most + size_ - 1) / size_ * size_ * stride_)) {}

void FloatBlocks::choose(const Index* samples, Index count) {
  samples_ = count;
  Pace pace(static_cast<double>(2 * stride_));
  for (Index i = 0; i < count; ++i, pace.turn()) copy_row(samples[i], i);
  clear_rows(count, this->count() * size_);
}

void FloatBlocks::copy_row(Index from, Index to) {
  const double* const row = features_.data + from * features_.cols;
  float* const out = rows_.data() + to * stride_;
  for (Index k = 0; k < features_.cols; ++k) out[k] = static_cast<float>(row[k]);
  std::fill(out + features_.cols, out + stride_, 0.0f);
}

void FloatBlocks::clear_rows(Index from, Index to) {
  std::fill(rows_.data() + from * stride_, rows_.data() + to * stride_, 0.0f);
}

}  // namespace fastpg
