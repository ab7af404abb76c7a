// A batch in blocks of float32 rows, copied from the caller's doubles and padded with zeros, as the
// products of a perceptron take them.
#pragma once

#include <algorithm>

#include "fastpg/core/memory.hpp"
#include "fastpg/networks/blocks.hpp"

namespace fastpg {

class FloatBlocks {
 public:
  static constexpr Index most_rows = 128;

  explicit FloatBlocks(const Features& features);
  // Of at most `most` rows of the features, which choose() copies.
  FloatBlocks(const Features& features, Index most);

  // The rows samples[0 … count - 1] of the features, of blocks with room for them.
  void choose(const Index* samples, Index count);

  Index size() const { return size_; }      // rows of a block, a multiple of 8
  Index stride() const { return stride_; }  // of rows
  Index count() const { return (samples_ + size_ - 1) / size_; }
  Index samples() const { return samples_; }
  const Features& features() const { return features_; }

  // All size() rows; those beyond the end of the batch are zeros.
  const float* operator[](Index block) const { return rows_.data() + block * size_ * stride_; }
  // The largest absolute value.
  float largest() const;

 private:
  void clear_rows(Index from, Index to);

  Features features_;
  Index samples_;
  Index size_;
  Index stride_;
  Buffer<float> rows_;
};

}  // namespace fastpg
