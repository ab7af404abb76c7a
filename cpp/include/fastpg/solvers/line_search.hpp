// Backtracking along a step until the measured KL is within its bound and the objective improved
// (TRPO, Schulman et al. 2015, appendix C). Nothing is accepted on trust.
#pragma once

#include "fastpg/core/types.hpp"

namespace fastpg {

struct LineSearchSettings {
  double target_kl = 0.01;
  double shrinking_factor = 0.8;
  Index max_iter = 10;
};

enum class LineSearchStatus { accepted, no_improvement, kl_exceeded, not_finite };

struct LineSearchPoint {
  double objective;
  double kl;
};

struct LineSearchResult {
  LineSearchStatus status;  // if not accepted: what was wrong with the last point tried
  Index backtracks;         // points rejected
  double fraction;          // of the full step; 0 when nothing was accepted
  LineSearchPoint before;
  LineSearchPoint after;  // `before` when nothing was accepted
};

class SearchObjective {
 public:
  virtual ~SearchObjective() = default;
  virtual LineSearchPoint evaluate(const Vector& theta) = 0;
  virtual void project(Vector& theta) const = 0;  // keeps a point within its bounds
};

// theta receives the accepted point and is untouched otherwise.
LineSearchResult line_search(SearchObjective& objective, const Vector& step,
                             const LineSearchSettings& settings, Vector& theta);

}  // namespace fastpg
