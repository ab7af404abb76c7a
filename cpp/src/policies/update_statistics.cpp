#include "fastpg/policies/update_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "fastpg/core/exp_gap.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/sums.hpp"

namespace fastpg {
namespace {

// Sums over some rows; those of the ratios are over the largest of them, so that their squares do
// not overflow.
struct ComparedRows {
  double kl = 0.0, approx_kl = 0.0, entropy = 0.0, objective_before = 0.0, objective = 0.0;
  double log_largest = -std::numeric_limits<double>::infinity();
  double ratios = 0.0, squares = 0.0;

  // One exponential for each ratio: that of the difference to the largest. ratio: scratch (rows,).
  void add_ratios(const double* log_ratio, const double* advantages, Index rows, double* ratio) {
    log_largest = *std::max_element(log_ratio, log_ratio + rows);
    const double shift = std::isfinite(log_largest) ? log_largest : 0.0;
    const double scale = fast_exp(shift);
    for (Index i = 0; i < rows; ++i) ratio[i] = fast_exp(log_ratio[i] - shift);
    approx_kl = sum_of(rows, [=](Index i) {
      const double whole = ratio[i] * scale;  // 0 times an infinite scale is no number
      return exp_gap(-log_ratio[i], ratio[i] == 0.0 ? 0.0 : whole);
    });
    objective_before = sum_of(rows, [=](Index i) { return advantages[i]; });
    objective = scale * sum_of(rows, [=](Index i) { return ratio[i] * advantages[i]; });
    ratios = sum_of(rows, [=](Index i) { return ratio[i]; });
    squares = sum_of(rows, [=](Index i) { return ratio[i] * ratio[i]; });
  }

  void add(const ComparedRows& other) {
    kl += other.kl;
    approx_kl += other.approx_kl;
    entropy += other.entropy;
    objective_before += other.objective_before;
    objective += other.objective;
    const double largest = std::max(log_largest, other.log_largest);
    if (largest == -std::numeric_limits<double>::infinity()) return;
    const double own = fast_exp(log_largest - largest);
    const double others = fast_exp(other.log_largest - largest);
    ratios = ratios * own + other.ratios * others;
    squares = squares * (own * own) + other.squares * (others * others);
    log_largest = largest;
  }
};

ComparedRows compare_rows(const Distribution& distribution, const double* old_dist,
                          const double* new_dist, const Actions& actions, const double* advantages,
                          Index rows) {
  constexpr Index piece = Distribution::most_samples;
  const Index size = distribution.size();
  ComparedRows sums;
  Buffer<double> old_columns(length(size * piece));
  Buffer<double> log_ratio(length(rows)), ratio(length(rows));
  double old_log[piece], terms[piece];
  by_columns(distribution, new_dist, rows,
             [&](Index begin, Index count, Index stride, const double* columns) {
               distribution.load(old_dist + begin * size, count, stride, old_columns.data());
               const Actions taken = actions.from(begin);
               distribution.log_prob(old_columns.data(), taken, count, stride, old_log);
               distribution.log_prob(columns, taken, count, stride, terms);
               double* const to = log_ratio.data() + begin;
               for (Index i = 0; i < count; ++i) to[i] = terms[i] - old_log[i];
               distribution.kl(old_columns.data(), columns, stride, terms);
               sums.kl += sum_of(terms, count);
               distribution.entropy(columns, stride, terms);
               sums.entropy += sum_of(terms, count);
             });
  dispatch([&] { sums.add_ratios(log_ratio.data(), advantages, rows, ratio.data()); });
  return sums;
}

}  // namespace

UpdateStatistics update_statistics(const Distribution& distribution, const double* old_dist,
                                   const double* new_dist, const Actions& actions,
                                   const double* advantages, Index rows, int threads) {
  constexpr Index piece = Distribution::most_samples;
  const Index size = distribution.size();
  const Chunks chunks = Chunks::of((rows - 1) / piece + 1, piece, 0);
  std::vector<ComparedRows> parts(length(chunks.count));
  const double operations = static_cast<double>(rows) * static_cast<double>(300 + 300 * size);
  chunks.run(threads, operations, [&](Index chunk) {
    const Index begin = chunks.begin(chunk) * piece;
    const Index count = std::min(rows, chunks.end(chunk) * piece) - begin;
    parts[length(chunk)] =
        compare_rows(distribution, old_dist + begin * size, new_dist + begin * size,
                     actions.from(begin), advantages + begin, count);
  });
  ComparedRows all = parts.front();
  for (std::size_t chunk = 1; chunk < parts.size(); ++chunk) all.add(parts[chunk]);
  const double n = static_cast<double>(rows);
  return {all.kl / n,      all.approx_kl / n,        all.ratios * all.ratios / all.squares,
          all.entropy / n, all.objective_before / n, all.objective / n};
}

}  // namespace fastpg
