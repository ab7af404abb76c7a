#include "fastpg/estimators/quarters.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/sums.hpp"

namespace fastpg {
namespace {

std::int64_t total(const std::int32_t* counts, std::ptrdiff_t count) {
  return dispatch([=] {
    std::int64_t sum = 0;
    for (std::ptrdiff_t i = 0; i < count; ++i) sum += counts[i];
    return sum;
  });
}

}  // namespace

double weighted_sum(const double* values, const std::int32_t* counts, std::ptrdiff_t count) {
  return dispatch(
      [=] { return sum_of(count, [=](std::ptrdiff_t i) { return counts[i] * values[i]; }); });
}

Quarters::Quarters(const double* values, std::ptrdiff_t tasks, std::ptrdiff_t runs, bool all)
    : values_(values),
      runs_(runs),
      count_(tasks * runs),
      cut_(count_ / 4),
      tasks_(static_cast<std::size_t>(tasks)) {
  // Equal scores keep their order, so that the scores of a task are in it by their places.
  Places order(static_cast<std::size_t>(count_));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [values](std::int64_t a, std::int64_t b) { return values[a] < values[b]; });
  checkpoint();
  // The end of a quarter of n resampled scores has a standard deviation of at most 0.44 n^(1/2).
  const auto width =
      all ? count_ : static_cast<std::ptrdiff_t>(3.0 * std::sqrt(static_cast<double>(count_))) + 1;
  const std::ptrdiff_t half = count_ / 2;
  const std::ptrdiff_t low = std::max<std::ptrdiff_t>(cut_ - width, 0);
  const std::ptrdiff_t middle = std::min(cut_ + width, half);
  const std::ptrdiff_t high = std::max(count_ - cut_ - width, half);
  lower_.assign(order.begin() + low, order.begin() + middle);
  upper_.assign(order.begin() + high, order.begin() + std::min(count_ - cut_ + width, count_));
  find_tasks(order, low, middle, high);
}

void Quarters::find_tasks(const Places& order, std::ptrdiff_t low, std::ptrdiff_t middle,
                          std::ptrdiff_t high) {
  for (std::ptrdiff_t rank = 0; rank < high; ++rank) {
    Task& task = tasks_[static_cast<std::size_t>(order[rank] / runs_)];
    task.below += rank < low;
    task.between += rank < middle;
    ++task.upper;
  }
}

void Quarters::pass(const Places& band, const std::int32_t* counts, Kept& kept) const {
  for (const std::int64_t at : band) {
    const std::ptrdiff_t end = kept.passed + counts[at];
    const std::ptrdiff_t inside = std::min(end, count_ - cut_) - std::max(kept.passed, cut_);
    if (inside > 0) kept.sum += static_cast<double>(inside) * values_[at];
    kept.passed = end;
  }
}

bool Quarters::mean(const std::int32_t* counts, double& found) const {
  std::int64_t between = 0;
  Kept kept{0, 0.0};
  for (std::size_t k = 0; k < tasks_.size(); ++k) {
    const Task task = tasks_[k];
    const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(k) * runs_;
    const std::ptrdiff_t at = first + task.between, size = task.upper - task.between;
    kept.passed += total(counts + first, task.below);
    between += total(counts + at, size);
    kept.sum += weighted_sum(values_ + at, counts + at, size);
    checkpoint_after(static_cast<double>(runs_));
  }
  if (kept.passed > cut_) return false;
  pass(lower_, counts, kept);
  const bool inside = kept.passed >= cut_ && kept.passed + between <= count_ - cut_;
  if (between > 0 && !inside) return false;
  kept.passed += between;
  pass(upper_, counts, kept);
  if (kept.passed < count_ - cut_) return false;
  found = kept.sum / static_cast<double>(count_ - 2 * cut_);
  return true;
}

}  // namespace fastpg
