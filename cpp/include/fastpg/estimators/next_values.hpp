// V of the state that really followed each step of a rollout.
#pragma once

#include <algorithm>
#include <cstdint>

#include "fastpg/estimators/time_by_lane.hpp"

namespace fastpg {

// Where episodes ended, (count,) each, and V of their last observations.
struct EndValues {
  std::ptrdiff_t count;
  const std::int64_t* row;
  const std::int64_t* column;
  const double* values;
};

// Puts the values of the ends at their places in out (T, N); false where one is not in the rollout.
inline bool put_end_values(TimeByLane shape, const EndValues& ends, double* out) {
  for (std::ptrdiff_t k = 0; k < ends.count; ++k) {
    const std::int64_t row = ends.row[k], column = ends.column[k];
    if (row < 0 || row >= shape.steps || column < 0 || column >= shape.lanes) return false;
    out[row * shape.lanes + column] = ends.values[k];
  }
  return true;
}

// values (T, N) one row on, then last_values (N,); where an episode ended, the value of its end.
// False where an end is not in the rollout.
inline bool next_values(TimeByLane shape, const double* values, const double* last_values,
                        const EndValues& ends, double* out) {
  std::copy(values + shape.lanes, values + shape.size(), out);
  std::copy_n(last_values, shape.lanes, out + (shape.steps - 1) * shape.lanes);
  return put_end_values(shape, ends, out);
}

}  // namespace fastpg
