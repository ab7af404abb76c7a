// Statistics of scores that are resampled with replacement, independently in each task (Agarwal et
// al. 2021).
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastpg {

// Of each task the scores of its runs, one task after the other; finite.
struct Scores {
  const double* values;
  std::ptrdiff_t tasks;
  std::ptrdiff_t runs;

  std::ptrdiff_t count() const { return tasks * runs; }
};

// Of all scores of a resample: the mean without the lowest and the highest quarter (of n scores,
// the largest whole number within n / 4), their mean, or the median of the tasks' means, of one
// task that of its runs.
enum class ScoreStatistic : std::uint32_t { iqm, mean, median };

// found: (resamples,).
void bootstrap(const Scores& scores, ScoreStatistic statistic, std::uint64_t seed,
               std::ptrdiff_t resamples, int threads, double* found);

// How often each run is drawn in the resamples first … first + resamples - 1, the same draws as
// above: counts (resamples, tasks, runs).
void resample_counts(std::ptrdiff_t tasks, std::ptrdiff_t runs, std::uint64_t seed,
                     std::uint64_t first, std::ptrdiff_t resamples, int threads,
                     std::int32_t* counts);

}  // namespace fastpg
