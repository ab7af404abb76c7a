// A batch in blocks of rows that stay in cache, and the blocks in chunks that threads share out.
// Both depend on the sizes of the batch alone: results are the same bits for any number of threads.
#pragma once

#include <algorithm>
#include <cstring>

#include "fastpg/core/memory.hpp"
#include "fastpg/core/thread_pool.hpp"
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

// Chunks of whole blocks, each with a partial sum of `partial` doubles of its own.
struct Chunks {
  Index blocks;     // in all
  Index per_chunk;  // blocks
  Index count;

  // At least 1,024 rows a chunk, at most 32 chunks and 64 MiB of partial sums.
  static Chunks of(Index blocks, Index block_rows, Index partial) {
    constexpr Index rows = 1024, most = 32, bytes = Index{1} << 26;
    const Index fitting = std::clamp<Index>(bytes / 8 / std::max<Index>(partial, 1), 1, most);
    const Index wanted = std::max((rows + block_rows - 1) / block_rows, (blocks - 1) / fitting + 1);
    return {blocks, wanted, (blocks - 1) / wanted + 1};
  }

  Index begin(Index chunk) const { return chunk * per_chunk; }
  Index end(Index chunk) const { return std::min(blocks, (chunk + 1) * per_chunk); }

  // task(chunk) for each; on one thread where there is too little work, of which 10^5 operations
  // take about a microsecond, to share it out.
  template <class Task>
  void run(int threads, double operations, Task&& task) const {
    constexpr double worth_a_thread = 8e5;
    parallel_for(operations < worth_a_thread ? 1 : threads, count, task);
  }
};

}  // namespace fastpg
