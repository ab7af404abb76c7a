#include "fastpg/networks/blocks.hpp"

#include <cstring>

#include "fastpg/core/interruption.hpp"

namespace fastpg {
namespace {

// As many as half the first cache holds.
Index rows_of_a_block(const Features& features) {
  constexpr Index bytes = 32768;
  const Index fitting = bytes / (features.cols * static_cast<Index>(sizeof(double))) / 8 * 8;
  const Index needed = (features.rows + 7) / 8 * 8;
  return std::min(std::clamp<Index>(fitting, 8, Blocks::most_rows), needed);
}

// Features that the second cache holds need not be asked for.
Index distance_ahead(const Features& features, Index block_rows) {
  constexpr Index held = Index{1} << 17;
  return features.rows * features.cols > held ? block_rows * features.cols : 0;
}

}  // namespace

Blocks::Blocks(const Features& features)
    : features_(features),
      samples_(features.rows),
      size_(rows_of_a_block(features)),
      count_((features.rows - 1) / size_ + 1),
      first_copied_(count_ - 1),
      ahead_(distance_ahead(features, size_)) {
  // What is read beyond the last row of a block must be the caller's: the last block is copied,
  // and the one before where the last holds less than that.
  const Index last_rows = features.rows - first_copied_ * size_;
  if (last_rows * features.cols < row_products::most_lanes && first_copied_ > 0) --first_copied_;
  const Index stride = row_products::padded(features.cols);
  const Index begin = first_copied_ * size_;
  copied_.assign(static_cast<std::size_t>((count_ - first_copied_) * size_ * stride), 0.0);
  for (Index i = begin; i < features.rows; ++i) {
    std::memcpy(copied_.data() + (i - begin) * stride, features.data + i * features.cols,
                static_cast<std::size_t>(features.cols) * sizeof(double));
  }
}

Blocks::Blocks(const Features& features, Index most)
    : features_(features),
      samples_(0),
      size_(std::min<Index>(most_rows, (most + 7) / 8 * 8)),
      count_(0),
      first_copied_(0),
      copied_(static_cast<std::size_t>((most + size_ - 1) / size_ * size_ *
                                       row_products::padded(features.cols))) {}

void Blocks::choose(const Index* samples, Index count) {
  samples_ = count;
  count_ = (count - 1) / size_ + 1;
  const Index stride = row_products::padded(features_.cols);
  Pace pace(static_cast<double>(4 * stride));
  double* row = copied_.data();
  for (Index i = 0; i < count; ++i, row += stride, pace.turn()) {
    const double* const from = features_.data + samples[i] * features_.cols;
    std::copy_n(from, features_.cols, row);
    std::fill(row + features_.cols, row + stride, 0.0);
  }
  std::fill(row, copied_.data() + count_ * size_ * stride, 0.0);
}

row_products::Rows Blocks::operator[](Index block) const {
  if (block < first_copied_) {
    return {features_.data + begin(block) * features_.cols, features_.cols, size_, features_.cols,
            ahead_};
  }
  const Index stride = row_products::padded(features_.cols);
  return {copied_.data() + (block - first_copied_) * size_ * stride, stride, size_, features_.cols};
}

}  // namespace fastpg
