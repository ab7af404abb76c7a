// P(s'|s, a) of a finite MDP: the positive entries of each row, rows in the order of (s, a).
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "fastpg/core/interruption.hpp"
#include "fastpg/core/types.hpp"

namespace fastpg {

class Transitions {
 public:
  static constexpr double tolerance = 1e-9;  // of a row's sum

  // dense: (states * actions, states), rows non-negative and summing to one.
  Transitions(const ConstMatrix& dense, Index actions);

  Index states() const { return states_; }
  Index actions() const { return actions_; }
  Index rows() const { return states_ * actions_; }
  // Of a sum over the next states of all actions, at most: see Pace.
  double operations_a_state() const {
    return static_cast<double>(actions_) * static_cast<double>(states_ + 8);
  }

  // out(row, k) = sum over s' of P(s'|row) values(s', k): every column in one pass.
  void expect(const ConstMatrix& values, MutableMatrix out) const {
    out.setZero();
    Pace pace(static_cast<double>(states_) * static_cast<double>(values.cols()));
    for (Index row = 0; row < rows(); ++row, pace.turn()) {
      for (Index e = begin_[row]; e < begin_[row + 1]; ++e) {
        out.row(row) += probability_[e] * values.row(next_[e]);
      }
    }
  }

  // sum over s' of P(s'|row) values(s').
  double expect(Index row, const double* values) const {
    const Index begin = begin_[row], end = begin_[row + 1];
    if (end - begin == states_) {  // a full row needs no indices
      return Eigen::Map<const Vector>(&probability_[begin], states_)
          .dot(Eigen::Map<const Vector>(values, states_));
    }
    double sum = 0.0;
    for (Index e = begin; e < end; ++e) sum += probability_[e] * values[next_[e]];
    return sum;
  }

  // to(s') += weight P(s'|row).
  void push(Index row, double weight, double* to) const {
    if (begin_[row + 1] - begin_[row] == states_) {
      Eigen::Map<Vector>(to, states_) +=
          weight * Eigen::Map<const Vector>(&probability_[begin_[row]], states_);
      return;
    }
    for (Index e = begin_[row]; e < begin_[row + 1]; ++e) to[next_[e]] += weight * probability_[e];
  }

  // The next state for a uniform number in [0, 1).
  std::int32_t draw(Index row, double uniform) const {
    const auto first = cumulative_.begin() + begin_[row];
    const auto last = cumulative_.begin() + begin_[row + 1];
    const auto at = std::upper_bound(first, last - 1, uniform);
    return next_[static_cast<std::size_t>(at - cumulative_.begin())];
  }

  // P_pi(s'|s), dense; pi: (states, actions).
  Matrix under(const ConstMatrix& pi) const {
    Matrix out = Matrix::Zero(states_, states_);
    Pace pace(operations_a_state());
    for (Index s = 0; s < states_; ++s, pace.turn()) {
      for (Index a = 0; a < actions_; ++a) push(s * actions_ + a, pi(s, a), out.row(s).data());
    }
    return out;
  }

 private:
  void add_row(const ConstMatrix& dense, Index row);
  [[noreturn]] void refuse_row(Index row, const char* expected, double got) const;

  Index states_;
  Index actions_;
  std::vector<Index> begin_;
  std::vector<std::int32_t> next_;
  std::vector<double> probability_;
  std::vector<double> cumulative_;
};

}  // namespace fastpg
