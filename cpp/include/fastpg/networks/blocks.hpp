// A batch in blocks of rows that stay in cache; chunks of them are what threads share out.
#pragma once

#include <algorithm>

#include "fastpg/core/memory.hpp"
#include "fastpg/networks/row_products.hpp"
#include "fastpg/networks/sparse_rows.hpp"

namespace fastpg {

// Row-major features in the caller's memory. sparse: the same rows where most numbers are 0, or
// nullptr; linear networks use them.
struct Features {
  Features(const double* values, Index row_count, Index column_count,
           const SparseRows* sparse_rows = nullptr)
      : data(values), rows(row_count), cols(column_count), sparse(sparse_rows) {}
  // From an Eigen matrix of the same layout.
  Features(const Matrix& matrix) : Features(matrix.data(), matrix.rows(), matrix.cols()) {}

  const double* data;
  Index rows;
  Index cols;
  const SparseRows* sparse = nullptr;
};

class Blocks {
 public:
  static constexpr Index most_rows = 128;

  explicit Blocks(const Features& features);
  // Of at most `most` rows of the features, which choose() copies.
  Blocks(const Features& features, Index most);

  // The rows samples[0 … count - 1] of the features, of blocks with room for them.
  void choose(const Index* samples, Index count);

  Index size() const { return size_; }  // rows of a block, a multiple of 8
  Index count() const { return count_; }
  Index samples() const { return samples_; }
  Index begin(Index block) const { return block * size_; }
  Index rows(Index block) const { return std::min(size_, samples_ - begin(block)); }
  const Features& features() const { return features_; }

  // All size() rows; those beyond the end of the batch are zeros.
  row_products::Rows operator[](Index block) const;

 private:
  Features features_;
  Index samples_;
  Index size_;
  Index count_;
  Index first_copied_;
  Index ahead_ = 0;  // as of Rows
  Buffer<double> copied_;
};

}  // namespace fastpg
