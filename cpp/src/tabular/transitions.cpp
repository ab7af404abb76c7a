#include "fastpg/tabular/transitions.hpp"

#include <cmath>

#include "fastpg/core/checks.hpp"

namespace fastpg {

Transitions::Transitions(const ConstMatrix& dense, Index actions)
    : states_(dense.cols()), actions_(actions), begin_{0} {
  require(states_ >= 1 && actions_ >= 1, "P: expected at least one state and one action");
  if (dense.rows() % states_ != 0 || dense.rows() / states_ != actions_) {
    refuse(
        {"P (rows): expected ", actions_, " for each of ", states_, " states, got ", dense.rows()});
  }
  Pace pace(4.0 * static_cast<double>(states_));
  for (Index row = 0; row < dense.rows(); ++row, pace.turn()) add_row(dense, row);
}

void Transitions::add_row(const ConstMatrix& dense, Index row) {
  double sum = 0.0;
  for (Index s = 0; s < states_; ++s) {
    const double p = dense(row, s);
    if (!(p >= 0.0 && std::isfinite(p))) refuse_row(row, "probabilities", p);
    if (p == 0.0) continue;
    sum += p;
    next_.push_back(static_cast<std::int32_t>(s));
    probability_.push_back(p);
    cumulative_.push_back(sum);
  }
  if (!(std::abs(sum - 1.0) <= tolerance)) refuse_row(row, "a sum of 1", sum);
  begin_.push_back(static_cast<Index>(next_.size()));
}

void Transitions::refuse_row(Index row, const char* expected, double got) const {
  refuse({"P[", row / actions_, ", ", row % actions_, "]: expected ", expected, ", got ", got});
}

}  // namespace fastpg
