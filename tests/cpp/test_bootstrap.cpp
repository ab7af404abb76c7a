// Draws that no bootstrap makes in practice: whole resamples of one score, and 2^26 runs and more.
#include <vector>

#include "check.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/estimators/quarters.hpp"
#include "fastpg/estimators/resampling.hpp"

using namespace fastpg;

namespace {

constexpr std::ptrdiff_t tasks = 2, runs = 2000, count = tasks * runs;

// Scores of a task 0, 2, 4 …, of the other 1, 3, 5 ….
std::vector<double> scores() {
  std::vector<double> values(count);
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    values[i] = static_cast<double>(2 * (i % runs) + i / runs);
  }
  return values;
}

// Of each task all draws are of the run at a place.
std::vector<std::int32_t> drawn(std::ptrdiff_t first, std::ptrdiff_t second) {
  std::vector<std::int32_t> counts(count);
  counts[first] = counts[runs + second] = static_cast<std::int32_t>(runs);
  return counts;
}

}  // namespace

CASE(improbable_resamples) {
  const std::vector<double> values = scores();
  const Quarters likely(values.data(), tasks, runs, false), all(values.data(), tasks, runs, true);
  for (const std::ptrdiff_t one : {0, 400, 500, 1000, 1500, 1999}) {
    for (const std::ptrdiff_t other : {0, 499, 1499, 1999}) {
      const std::vector<std::int32_t> counts = drawn(one, other);
      double found = -1.0;
      CHECK(all.mean(counts.data(), found));
      CHECK(found == (values[one] + values[runs + other]) / 2.0);
      double again = found;
      if (likely.mean(counts.data(), again)) CHECK(again == found);
    }
  }
  double found = -1.0;
  CHECK(!likely.mean(drawn(0, 0).data(), found));
  CHECK(!likely.mean(drawn(1999, 1999).data(), found));
  CHECK(!likely.mean(drawn(1000, 1000).data(), found));
  CHECK(found == -1.0);
  const std::vector<std::int32_t> once(count, 1);
  CHECK(likely.mean(once.data(), found));
  CHECK(found == (count - 1) / 2.0);
}

CASE(more_runs_than_two_of_a_word) {
  const std::ptrdiff_t many = (std::ptrdiff_t{1} << 26) + 1;
  double sum = 0.0;
  std::ptrdiff_t number = 0;
  bool within = true;
  const RunDraws draws(3, many);
  dispatch([&] {
    draws.each(0, 0, [&](const std::uint64_t* found, std::ptrdiff_t some) {
      for (std::ptrdiff_t k = 0; k < some; ++k) {
        within = within && found[k] < static_cast<std::uint64_t>(many);
        sum += static_cast<double>(found[k]);
      }
      number += some;
    });
  });
  const double mean = sum / static_cast<double>(many) / static_cast<double>(many);
  CHECK(within);
  CHECK(number == many);
  CHECK(mean > 0.5 - 2e-4 && mean < 0.5 + 2e-4);  // five standard deviations: 1.8e-4
}
