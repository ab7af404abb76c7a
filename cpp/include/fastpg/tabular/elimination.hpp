// States of a Markov chain eliminated one by one, without subtraction (Grassmann, Taksar & Heyman
// 1985): rates keep their relative accuracy, however rarely the parts of the chain communicate.
#pragma once

#include <numeric>
#include <utility>
#include <vector>

#include "fastpg/core/interruption.hpp"
#include "fastpg/core/types.hpp"

namespace fastpg {

class Elimination {
 public:
  // moves: P(s'|s), (n, n). Probabilities of staying are not read.
  explicit Elimination(Matrix moves)
      : rates_(std::move(moves)), leaves_(Vector::Zero(rates_.rows())), state_(rates_.rows()) {
    std::iota(state_.begin(), state_.end(), Index{0});
    for (Index last = rates_.rows() - 1; last > 0; --last) {
      if (!bring_transient_to(last)) {
        irreducible_ = false;
        return;
      }
      Pace pace(static_cast<double>(last));
      for (Index i = 0; i < last; ++i, pace.turn()) {
        if (rates_(i, last) == 0.0) continue;
        rates_.row(i).head(last) += rates_(i, last) / leaves_[last] * rates_.row(last).head(last);
      }
      checkpoint_after(static_cast<double>(last) * static_cast<double>(last));
    }
  }

  // Whether there is one recurrent class; states outside of it may be there too.
  bool irreducible() const { return irreducible_; }

  // The distribution that stays as it is.
  Vector stationary() const {
    Vector weights(leaves_.size());
    weights[0] = 1.0;
    Pace pace(8.0 * static_cast<double>(weights.size()));
    for (Index k = 1; k < weights.size(); ++k, pace.turn()) {
      weights[k] = weights.head(k).dot(rates_.col(k).head(k)) / leaves_[k];
      weights.head(k + 1) /= weights.head(k + 1).sum();
    }
    return in_order(weights);
  }

  // V up to a constant with V = gains + P V; the mean of the gains is 0.
  Vector differences(const Vector& gains) const {
    const Index n = leaves_.size();
    Vector owed(n), values = Vector::Zero(n);
    for (Index k = 0; k < n; ++k) owed[k] = gains[state_[static_cast<std::size_t>(k)]];
    Pace pace(8.0 * static_cast<double>(n));
    for (Index k = n - 1; k > 0; --k, pace.turn()) {
      owed.head(k) += owed[k] / leaves_[k] * rates_.col(k).head(k);
    }
    for (Index k = 1; k < n; ++k) {
      values[k] = (owed[k] + rates_.row(k).head(k).dot(values.head(k))) / leaves_[k];
    }
    return in_order(values);
  }

 private:
  // A state that leaves for others of the first last + 1 is put last; false where none does.
  bool bring_transient_to(Index last) {
    for (Index k = last; k >= 0; --k) {
      const double out = rates_.row(k).head(k).sum() + rates_.row(k).segment(k + 1, last - k).sum();
      if (out == 0.0) continue;
      rates_.row(k).swap(rates_.row(last));
      rates_.col(k).swap(rates_.col(last));
      std::swap(state_[static_cast<std::size_t>(k)], state_[static_cast<std::size_t>(last)]);
      leaves_[last] = out;
      return true;
    }
    return false;
  }

  Vector in_order(const Vector& values) const {
    Vector out(values.size());
    for (Index k = 0; k < values.size(); ++k) out[state_[static_cast<std::size_t>(k)]] = values[k];
    return out;
  }

  Matrix rates_;  // what is left of P when a state goes, states in the order of `state_`
  Vector leaves_;
  std::vector<Index> state_;
  bool irreducible_ = true;
};

}  // namespace fastpg
