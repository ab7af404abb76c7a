// The transpose of float32 rows.
#pragma once

#include "fastpg/core/types.hpp"

namespace fastpg {

// to (columns, to_stride) = from^T, with zeros beyond its rows. Columns are read, and rows of `to`
// written, in fours.
void transpose(const float* from, Index from_stride, Index rows, Index columns, float* to,
               Index to_stride);

}  // namespace fastpg
