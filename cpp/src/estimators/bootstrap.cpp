#include "fastpg/estimators/bootstrap.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include "fastpg/core/interruption.hpp"
#include "fastpg/core/memory.hpp"
#include "fastpg/core/sums.hpp"
#include "fastpg/core/thread_pool.hpp"
#include "fastpg/estimators/quarters.hpp"
#include "fastpg/estimators/resampling.hpp"

namespace fastpg {
namespace {

// Scores of each task in ascending order, and the place of each run there.
struct SortedScores {
  explicit SortedScores(const Scores& scores)
      : values(static_cast<std::size_t>(scores.count())), places(values.size()) {
    const std::ptrdiff_t runs = scores.runs;
    std::vector<std::int32_t> order(static_cast<std::size_t>(runs));
    for (std::ptrdiff_t task = 0; task < scores.tasks; ++task) {
      const double* const x = scores.values + task * runs;
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(),
                       [x](std::int32_t a, std::int32_t b) { return x[a] < x[b]; });
      for (std::ptrdiff_t j = 0; j < runs; ++j) {
        values[task * runs + j] = x[order[j]];
        places[task * runs + order[j]] = static_cast<std::int32_t>(j);
      }
      checkpoint_after(32.0 * static_cast<double>(runs));
    }
  }

  Buffer<double> values;
  Buffer<std::int32_t> places;
};

double median_of(double* values, std::ptrdiff_t count) {
  double* const upper = values + count / 2;
  std::nth_element(values, upper, values + count);
  if (count % 2 == 1) return *upper;
  return (*std::max_element(values, upper) + *upper) / 2.0;
}

// Score number `rank` of a resample of one task.
double ranked(const double* x, const std::int32_t* counts, std::ptrdiff_t rank) {
  while (rank >= *counts) {
    rank -= *counts++;
    ++x;
  }
  return *x;
}

// Of resamples, one after the other.
class Bootstrap {
 public:
  Bootstrap(const Scores& scores, ScoreStatistic statistic, std::uint64_t seed)
      : scores_(scores),
        draws_(seed, scores.runs),
        by_means_(statistic == ScoreStatistic::mean ||
                  (statistic == ScoreStatistic::median && scores.tasks > 1)),
        statistic_(statistic) {
    if (by_means_) return;
    sorted_.emplace(scores);
    if (statistic == ScoreStatistic::iqm) {
      likely_ = Quarters(sorted_->values.data(), scores.tasks, scores.runs, false);
    }
  }

  void run(std::ptrdiff_t first, std::ptrdiff_t end, double* found) const {
    Buffer<std::int32_t> counts(static_cast<std::size_t>(by_means_ ? 0 : scores_.count()));
    std::vector<double> means(static_cast<std::size_t>(scores_.tasks));
    for (std::ptrdiff_t resample = first; resample < end; ++resample) {
      const auto number = static_cast<std::uint64_t>(resample);
      found[resample] =
          by_means_ ? of_means(number, means.data()) : of_counts(number, counts.data());
    }
  }

 private:
  double of_means(std::uint64_t resample, double* means) const {
    for (std::ptrdiff_t task = 0; task < scores_.tasks; ++task) {
      means[task] = mean(resample, task);
      checkpoint_after(static_cast<double>(scores_.runs));
    }
    if (statistic_ == ScoreStatistic::median) return median_of(means, scores_.tasks);
    return sum_of(means, scores_.tasks) / static_cast<double>(scores_.tasks);
  }

  double mean(std::uint64_t resample, std::ptrdiff_t task) const {
    const double* const x = scores_.values + task * scores_.runs;
    double sum = 0.0;
    draws_.each(resample, static_cast<std::uint32_t>(task),
                [x, &sum](const std::uint64_t* drawn, std::ptrdiff_t count) {
                  double some = 0.0;
                  for (std::ptrdiff_t k = 0; k < count; ++k) some += x[drawn[k]];
                  sum += some;
                });
    return sum / static_cast<double>(scores_.runs);
  }

  double of_counts(std::uint64_t resample, std::int32_t* counts) const {
    for (std::ptrdiff_t task = 0; task < scores_.tasks; ++task) {
      count(resample, task, counts + task * scores_.runs);
      checkpoint_after(static_cast<double>(scores_.runs));
    }
    if (statistic_ == ScoreStatistic::iqm) return iqm(counts);
    const double* const x = sorted_->values.data();
    const std::ptrdiff_t runs = scores_.runs;
    return (ranked(x, counts, (runs - 1) / 2) + ranked(x, counts, runs / 2)) / 2.0;
  }

  void count(std::uint64_t resample, std::ptrdiff_t task, std::int32_t* counts) const {
    const std::int32_t* const places = sorted_->places.data() + task * scores_.runs;
    std::fill_n(counts, scores_.runs, 0);
    draws_.each(resample, static_cast<std::uint32_t>(task),
                [=](const std::uint64_t* drawn, std::ptrdiff_t count) {
                  for (std::ptrdiff_t k = 0; k < count; ++k) ++counts[places[drawn[k]]];
                });
  }

  double iqm(const std::int32_t* counts) const {
    double found = 0.0;
    if (likely_.mean(counts, found)) return found;
    Quarters(sorted_->values.data(), scores_.tasks, scores_.runs, true).mean(counts, found);
    return found;
  }

  Scores scores_;
  RunDraws draws_;
  bool by_means_;  // of the tasks: the order of the scores does not matter
  ScoreStatistic statistic_;
  std::optional<SortedScores> sorted_;
  Quarters likely_;
};

// About a million draws each: work for a thread.
std::ptrdiff_t resamples_at_once(std::ptrdiff_t scores) {
  return std::max<std::ptrdiff_t>(1, (std::ptrdiff_t{1} << 20) / scores);
}

// task(first, end) for all resamples.
template <class Task>
void over_resamples(std::ptrdiff_t resamples, std::ptrdiff_t scores, int threads, Task&& task) {
  const std::ptrdiff_t some = resamples_at_once(scores);
  parallel_for(threads, (resamples + some - 1) / some, [&](std::ptrdiff_t part) {
    task(part * some, std::min(resamples, (part + 1) * some));
  });
}

}  // namespace

void bootstrap(const Scores& scores, ScoreStatistic statistic, std::uint64_t seed,
               std::ptrdiff_t resamples, int threads, double* found) {
  const Bootstrap work(scores, statistic, seed);
  over_resamples(resamples, scores.count(), threads,
                 [&](std::ptrdiff_t first, std::ptrdiff_t end) { work.run(first, end, found); });
}

void resample_counts(std::ptrdiff_t tasks, std::ptrdiff_t runs, std::uint64_t seed,
                     std::uint64_t first, std::ptrdiff_t resamples, int threads,
                     std::int32_t* counts) {
  const RunDraws draws(seed, runs);
  std::fill_n(counts, resamples * tasks * runs, 0);
  over_resamples(resamples, tasks * runs, threads, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    Pace pace(static_cast<double>(runs));
    for (std::ptrdiff_t row = begin * tasks; row < end * tasks; ++row, pace.turn()) {
      std::int32_t* const own = counts + row * runs;
      draws.each(first + static_cast<std::uint64_t>(row / tasks),
                 static_cast<std::uint32_t>(row % tasks),
                 [=](const std::uint64_t* drawn, std::ptrdiff_t count) {
                   for (std::ptrdiff_t k = 0; k < count; ++k) ++own[drawn[k]];
                 });
    }
  });
}

}  // namespace fastpg
