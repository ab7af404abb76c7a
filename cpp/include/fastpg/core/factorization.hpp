// Eigen's factorisations of dense matrices, in Eigen's own order of operations, with checkpoints
// between its blocks: they take the cube of a size that callers choose.
#pragma once

#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <algorithm>

#include "fastpg/core/interruption.hpp"
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

// P A = L U by partial pivoting.
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

// A = L L^T of a symmetric matrix; info() tells whether it is positive definite.
class InterruptibleLlt : public Eigen::LLT<Eigen::MatrixXd> {
 public:
  explicit InterruptibleLlt(const Eigen::MatrixXd& matrix, double at_once = detail::half_a_second)
      : at_once_(at_once) {
    m_matrix = matrix;
    m_l1_norm = 0.0;
    m_isInitialized = true;
    m_info = factor() ? Eigen::Success : Eigen::NumericalIssue;
  }

 private:
  using Blocked = Eigen::internal::llt_inplace<double, Eigen::Lower>;

  // Eigen's llt_inplace::blocked.
  bool factor() {
    const Index size = m_matrix.rows();
    if (size < 32) return Blocked::unblocked(m_matrix) < 0;
    const Index block = detail::factor_block(size, 128);
    for (Index k = 0; k < size; k += block) {
      const Index width = std::min(block, size - k), rest = size - k - width;
      Eigen::Block<Eigen::MatrixXd> corner(m_matrix, k, k, width, width);
      if (Blocked::unblocked(corner) >= 0) return false;
      if (rest > 0) update(k, width, rest);
      checkpoint();
    }
    return true;
  }

  void update(Index k, Index width, Index rest) {
    const auto corner = m_matrix.block(k, k, width, width);
    auto below = m_matrix.block(k + width, k, rest, width);
    corner.adjoint().triangularView<Eigen::Upper>().solveInPlace<Eigen::OnTheRight>(below);
    const Index step = detail::update_columns(rest, rest, width / 2 + 1, at_once_);
    for (Index first = 0; first < rest; first += step) {
      const Index count = std::min(step, rest - first), under = rest - first - count;
      const Index at = k + width + first;
      const auto rows = below.middleRows(first, count);
      m_matrix.block(at, at, count, count).selfadjointView<Eigen::Lower>().rankUpdate(rows, -1.0);
      if (under > 0) {
        m_matrix.block(at + count, at, under, count).noalias() -=
            below.bottomRows(under) * rows.transpose();
      }
      checkpoint();
    }
  }

  double at_once_;
};

}  // namespace fastpg
