#include "fastpg/solvers/line_search.hpp"

#include <cmath>

#include "fastpg/core/interruption.hpp"

namespace fastpg {
namespace {

LineSearchStatus status_of(const LineSearchPoint& point, const LineSearchPoint& before,
                           double target_kl) {
  if (!std::isfinite(point.objective) || !std::isfinite(point.kl)) {
    return LineSearchStatus::not_finite;
  }
  if (point.kl > target_kl) return LineSearchStatus::kl_exceeded;
  if (!(point.objective > before.objective)) return LineSearchStatus::no_improvement;
  return LineSearchStatus::accepted;
}

}  // namespace

LineSearchResult line_search(SearchObjective& objective, const Vector& step,
                             const LineSearchSettings& settings, Vector& theta) {
  const LineSearchPoint before = objective.evaluate(theta);
  LineSearchStatus status = LineSearchStatus::no_improvement;
  double fraction = 1.0;
  Pace pace(Pace::between / 64.0);
  for (Index k = 0; k < settings.max_iter; ++k, pace.turn()) {
    Vector candidate = theta + fraction * step;
    objective.project(candidate);
    const LineSearchPoint point = objective.evaluate(candidate);
    status = status_of(point, before, settings.target_kl);
    if (status == LineSearchStatus::accepted) {
      theta = candidate;
      return {status, k, fraction, before, point};
    }
    fraction *= settings.shrinking_factor;
  }
  return {status, settings.max_iter, 0.0, before, before};
}

}  // namespace fastpg
