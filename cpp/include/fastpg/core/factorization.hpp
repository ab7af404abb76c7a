// Factorisations of dense matrices with checkpoints between their blocks: they take the cube of a
// size that callers choose.
#pragma once

#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <algorithm>

#include "fastpg/core/column_products.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/memory.hpp"
#include "fastpg/core/types.hpp"

namespace fastpg {

namespace detail {

// The size of a block of Eigen's blocked algorithms.
inline Index factor_block(Index size, Index most) {
  return std::min(std::max<Index>(size / 8 / 16 * 16, 8), most);
}

inline constexpr double half_a_second = 2e9;  // of multiplications, roughly

// Columns of an update that together take a fifth of the operations that may be done at once; all
// of them where they take no more than those, and then the bits are those of one product.
inline Index update_columns(Index rows, Index columns, Index depth, double at_once) {
  const double a_column = static_cast<double>(rows) * static_cast<double>(depth);
  if (a_column * static_cast<double>(columns) <= at_once) return columns;
  return std::max<Index>(static_cast<Index>(at_once / 5.0 / a_column) / 4 * 4, 4);
}

}  // namespace detail

// P A = L U by partial pivoting, in Eigen's own order of operations.
class InterruptibleLu : public Eigen::PartialPivLU<Matrix> {
 public:
  explicit InterruptibleLu(const Matrix& matrix, double at_once = detail::half_a_second)
      : at_once_(at_once) {
    m_lu = matrix;
    const Index size = m_lu.rows();
    m_l1_norm = size > 0 ? m_lu.cwiseAbs().colwise().sum().maxCoeff() : 0.0;
    m_rowsTranspositions.resize(size);
    const int swaps = size <= smallest_blocked ? factor_at_once() : factor_blocks();
    m_det_p = swaps % 2 != 0 ? -1 : 1;
    m_p = m_rowsTranspositions;
    m_isInitialized = true;
  }

 private:
  static constexpr Index smallest_blocked = 16;
  using Panel = Eigen::internal::partial_lu_impl<double, Eigen::RowMajor, int, Eigen::Dynamic>;

  int factor_at_once() {
    int swaps = 0;
    Eigen::internal::partial_lu_inplace(m_lu, m_rowsTranspositions, swaps);
    return swaps;
  }

  // Eigen's partial_lu_impl::blocked_lu for a square matrix.
  int factor_blocks() {
    const Index size = m_lu.rows(), block = detail::factor_block(size, 256);
    int* const pivots = m_rowsTranspositions.indices().data();
    int swaps = 0;
    for (Index k = 0; k < size; k += block) {
      const Index width = std::min(size - k, block), rest = size - k - width;
      int swapped = 0;
      Panel::blocked_lu(rest + width, width, &m_lu(k, k), m_lu.outerStride(), pivots + k, swapped,
                        16);
      swaps += swapped;
      for (Index i = k; i < k + width; ++i) {
        pivots[i] += static_cast<int>(k);
        m_lu.row(i).head(k).swap(m_lu.row(pivots[i]).head(k));
        m_lu.row(i).tail(rest).swap(m_lu.row(pivots[i]).tail(rest));
      }
      if (rest > 0) update(k, width, rest);
      checkpoint();
    }
    return swaps;
  }

  void update(Index k, Index width, Index rest) {
    auto right = m_lu.block(k, k + width, width, rest);
    m_lu.block(k, k, width, width).triangularView<Eigen::UnitLower>().solveInPlace(right);
    const auto below = m_lu.block(k + width, k, rest, width);
    auto corner = m_lu.bottomRightCorner(rest, rest);
    const Index step = detail::update_columns(rest, rest, width, at_once_);
    for (Index first = 0; first < rest; first += step) {
      const Index count = std::min(step, rest - first);
      corner.middleCols(first, count).noalias() -= below * right.middleCols(first, count);
      checkpoint();
    }
  }

  double at_once_;
};

// A = L L^T of a symmetric matrix; info() tells whether it is positive definite. Small ones are in
// Eigen's order of operations; products of large ones are those of every instruction set.
class InterruptibleLlt : public Eigen::LLT<Eigen::MatrixXd> {
 public:
  explicit InterruptibleLlt(Eigen::MatrixXd matrix, int threads = 1) : threads_(threads) {
    m_matrix.swap(matrix);
    m_l1_norm = 0.0;
    m_isInitialized = true;
    m_info = factor() ? Eigen::Success : Eigen::NumericalIssue;
  }

 private:
  using Blocked = Eigen::internal::llt_inplace<double, Eigen::Lower>;

  static constexpr Index most_small = 127;
  static constexpr Index most_width = 128;  // of a block of columns
  static constexpr Index piece = 256;       // rows that are solved for at a time

  bool factor() {
    const Index size = m_matrix.rows();
    if (size <= most_small) return Blocked::blocked(m_matrix) < 0;
    rows_.resize(static_cast<std::size_t>(size * most_width));
    minus_.resize(rows_.size());
    for (Index k = 0; k < size; k += most_width) {
      const Index width = std::min(most_width, size - k), rest = size - k - width;
      Eigen::Block<Eigen::MatrixXd> corner(m_matrix, k, k, width, width);
      if (Blocked::blocked(corner) >= 0) return false;
      if (rest > 0) update(k, width, rest);
      checkpoint();
    }
    return true;
  }

  void update(Index k, Index width, Index rest) {
    const auto corner = m_matrix.block(k, k, width, width);
    auto below = m_matrix.block(k + width, k, rest, width);
    for (Index first = 0; first < rest; first += piece) {
      auto some = below.middleRows(first, std::min(piece, rest - first));
      corner.adjoint().triangularView<Eigen::Upper>().solveInPlace<Eigen::OnTheRight>(some);
      checkpoint();
    }
    const Index stride = column_products::padded(width);
    Eigen::Map<Matrix> rows(rows_.data(), rest, stride);
    rows.leftCols(width) = below;
    rows.rightCols(stride - width).setZero();
    Eigen::Map<Matrix>(minus_.data(), rest, stride) = -rows;
    // The lower triangle by columns is the upper one by rows.
    const Index at = k + width, out_stride = m_matrix.rows();
    column_products::add_upper(minus_.data(), rows_.data(), rest, stride, stride,
                               m_matrix.data() + at * out_stride + at, out_stride, threads_);
  }

  int threads_;
  Buffer<double> rows_, minus_;  // of a block of columns
};

}  // namespace fastpg
