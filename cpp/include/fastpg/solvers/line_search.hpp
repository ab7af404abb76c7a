// Backtracking along a step until the measured KL is within its bound and the objective improved
// (TRPO, Schulman et al. 2015, appendix C). Nothing is accepted on trust.
#pragma once

#include <cmath>

#include "fastpg/core/interruption.hpp"
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

// evaluate(theta) -> LineSearchPoint; evaluate.project(theta) keeps a point within its bounds.
// theta receives the accepted point and is untouched otherwise.
template <class Evaluate>
LineSearchResult line_search(Evaluate&& evaluate, const Vector& step,
                             const LineSearchSettings& settings, Vector& theta) {
  const LineSearchPoint before = evaluate(theta);
  LineSearchStatus status = LineSearchStatus::no_improvement;
  double fraction = 1.0;
  Pace pace(Pace::between / 64.0);
  for (Index k = 0; k < settings.max_iter; ++k, pace.turn()) {
    Vector candidate = theta + fraction * step;
    evaluate.project(candidate);
    const LineSearchPoint point = evaluate(candidate);
    if (!std::isfinite(point.objective) || !std::isfinite(point.kl)) {
      status = LineSearchStatus::not_finite;
    } else if (point.kl > settings.target_kl) {
      status = LineSearchStatus::kl_exceeded;
    } else if (!(point.objective > before.objective)) {
      status = LineSearchStatus::no_improvement;
    } else {
      theta = candidate;
      return {LineSearchStatus::accepted, k, fraction, before, point};
    }
    fraction *= settings.shrinking_factor;
  }
  return {status, settings.max_iter, 0.0, before, before};
}

}  // namespace fastpg
