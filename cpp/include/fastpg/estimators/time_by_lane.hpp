// The shape of the row-major (T, N) arrays of estimators, and their flags.
//
// `terminated`: the episode ended by itself, nothing follows, no bootstrap.
// `ended`: the episode ended, by termination or truncation; the recursion is cut here.
// next_values[t, n] is V of the state that really followed, never of the one after a reset.
#pragma once

#include <cstddef>

namespace fastpg {

struct TimeByLane {
  std::ptrdiff_t steps;
  std::ptrdiff_t lanes;

  std::ptrdiff_t size() const { return steps * lanes; }
};

// Any byte that is not zero counts as true.
using Flag = unsigned char;

}  // namespace fastpg
