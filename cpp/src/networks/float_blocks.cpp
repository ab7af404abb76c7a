#include "fastpg/networks/float_blocks.hpp"

#include <bit>
#include <cmath>

#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/layout.hpp"
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
  for (Index i = 0; i < samples_; ++i, pace.turn()) {
    const double* const row = features.data + i * features.cols;
    float* const out = rows_.data() + i * stride_;
    for (Index k = 0; k < features.cols; ++k) out[k] = static_cast<float>(row[k]);
  }
}

FloatBlocks::FloatBlocks(const Features& features, Index most)
    : features_(features),
      samples_(0),
      size_(rows_of_a_float_block(most)),
      stride_(dense_products::padded(features.cols)),
      rows_(static_cast<std::size_t>((most + size_ - 1) / size_ * size_ * stride_), 0.0f) {}

void FloatBlocks::choose(const Index* samples, Index count) {
  samples_ = count;
  const Index piece = std::max<Index>(65536 / stride_, 1);
  Pace pace(static_cast<double>(2 * piece * stride_));
  for (Index begin = 0; begin < count; begin += piece, pace.turn()) {
    gather_rows(features_.data, samples + begin, std::min(piece, count - begin), features_.cols,
                rows_.data() + begin * stride_, stride_);
  }
  clear_rows(count, this->count() * size_);
}

float FloatBlocks::largest() const {
  const Index numbers = count() * size_ * stride_;
  const float* const x = rows_.data();
  // Of numbers without a sign, bits have the same order.
  return std::bit_cast<float>(dispatch([=] {
    std::int32_t found = 0;
    for (Index k = 0; k < numbers; ++k) {
      found = std::max(found, std::bit_cast<std::int32_t>(std::abs(x[k])));
    }
    return found;
  }));
}

void FloatBlocks::clear_rows(Index from, Index to) {
  std::fill(rows_.data() + from * stride_, rows_.data() + to * stride_, 0.0f);
}

}  // namespace fastpg
