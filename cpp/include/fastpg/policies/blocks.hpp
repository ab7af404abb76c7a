// A batch in blocks of rows that stay in cache; chunks of them are what threads share out.
#pragma once

#include <algorithm>
#include <cstring>

#include "fastpg/core/chunks.hpp"
#include "fastpg/core/memory.hpp"
#include "fastpg/policies/row_products.hpp"

namespace fastpg {

// Row-major features in the caller's memory, float or double.
template <class T>
struct Features {
  using Scalar = T;

  Features(const T* values, Index row_count, Index column_count)
      : data(values), rows(row_count), cols(column_count) {}
  // From an Eigen matrix of the same layout.
  template <class Derived>
  Features(const Derived& matrix)
    requires std::is_same_v<typename Derived::Scalar, T>
      : Features(matrix.data(), matrix.rows(), matrix.cols()) {}

  const T* data;
  Index rows;
  Index cols;
};

template <class T>
class Blocks {
 public:
  static constexpr Index most_rows = 128;

  explicit Blocks(const Features<T>& features)
      : features_(features),
        size_(rows_of_a_block(features)),
        count_((features.rows - 1) / size_ + 1),
        first_copied_(count_ - 1) {
    // What is read beyond the last row of a block must be the caller's: the last block is copied,
    // and the one before where the last holds less than that.
    const Index last_rows = features.rows - first_copied_ * size_;
    if (last_rows * features.cols < row_products::most_lanes && first_copied_ > 0) --first_copied_;
    const Index stride = row_products::padded(features.cols);
    const Index begin = first_copied_ * size_;
    copied_.assign(static_cast<std::size_t>((count_ - first_copied_) * size_ * stride), T(0));
    for (Index i = begin; i < features.rows; ++i) {
      std::memcpy(copied_.data() + (i - begin) * stride, features.data + i * features.cols,
                  static_cast<std::size_t>(features.cols) * sizeof(T));
    }
  }

  Index size() const { return size_; }  // rows of a block, a multiple of 8
  Index count() const { return count_; }
  Index begin(Index block) const { return block * size_; }
  Index rows(Index block) const { return std::min(size_, features_.rows - begin(block)); }
  const Features<T>& features() const { return features_; }

  // All size() rows; those beyond the end of the batch are zeros.
  row_products::Rows<T> operator[](Index block) const {
    if (block < first_copied_) {
      return {features_.data + begin(block) * features_.cols, features_.cols, size_,
              features_.cols};
    }
    const Index stride = row_products::padded(features_.cols);
    return {copied_.data() + (block - first_copied_) * size_ * stride, stride, size_,
            features_.cols};
  }

 private:
  // As many as half the first cache holds.
  static Index rows_of_a_block(const Features<T>& features) {
    constexpr Index bytes = 32768;
    const Index fitting = bytes / (features.cols * static_cast<Index>(sizeof(T))) / 8 * 8;
    const Index needed = (features.rows + 7) / 8 * 8;
    return std::min(std::clamp<Index>(fitting, 8, most_rows), needed);
  }

  Features<T> features_;
  Index size_;
  Index count_;
  Index first_copied_;
  Buffer<T> copied_;
};

}  // namespace fastpg
