// The interquartile mean of scores by how often each was drawn, without sorting them again.
//
// Nearly always the ends of the outer quarters of a resample lie near those of the scores
// themselves. Only there, in two bands, is the order of all scores looked at: what is below the
// lower band is left out, and what is between the two is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fastpg/core/memory.hpp"

namespace fastpg {

// sum_i counts[i] values[i], in the order of sum_of.
double weighted_sum(const double* values, const std::int32_t* counts, std::ptrdiff_t count);

class Quarters {
 public:
  Quarters() = default;

  // values: of each task, ascending, (tasks, runs); they outlive this. all: the bands hold all.
  Quarters(const double* values, std::ptrdiff_t tasks, std::ptrdiff_t runs, bool all);

  // False if an end of the outer quarters is beyond its band; never where the bands hold all.
  bool mean(const std::int32_t* counts, double& found) const;

 private:
  using Places = Buffer<std::int64_t>;

  // Of the scores of a task, those below the lower band and those between the bands are these.
  struct Task {
    std::ptrdiff_t below, between, upper;
  };
  struct Kept {
    std::ptrdiff_t passed;  // scores up to here
    double sum;             // of those between the outer quarters
  };
  void pass(const Places& band, const std::int32_t* counts, Kept& kept) const;
  void find_tasks(const Places& order, std::ptrdiff_t low, std::ptrdiff_t middle,
                  std::ptrdiff_t high);

  const double* values_ = nullptr;
  std::ptrdiff_t runs_ = 0;
  std::ptrdiff_t count_ = 0;
  std::ptrdiff_t cut_ = 0;
  std::vector<Task> tasks_;
  Places lower_, upper_;  // ascending by score
};

}  // namespace fastpg
