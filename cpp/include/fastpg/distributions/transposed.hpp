// Rows of a few numbers into columns of samples, and back.
#pragma once

#include "fastpg/core/isa.hpp"
#include "fastpg/core/types.hpp"

namespace fastpg::transposed {

// columns (width, stride): entry (a, i) of rows[i * width + a]; `padding` beyond `count` rows.
inline void load(const double* rows, Index count, Index width, Index stride, double padding,
                 double* columns) {
  if (width == 2) {
    dispatch([=] {
      for (Index i = 0; i < count; ++i) {
        columns[i] = rows[2 * i];
        columns[stride + i] = rows[2 * i + 1];
      }
    });
  } else {
    for (Index i = 0; i < count; ++i) {
      for (Index a = 0; a < width; ++a) columns[a * stride + i] = rows[i * width + a];
    }
  }
  for (Index a = 0; a < width; ++a) {
    for (Index i = count; i < stride; ++i) columns[a * stride + i] = padding;
  }
}

inline void store(const double* columns, Index count, Index width, Index stride, double* rows) {
  if (width == 2) {
    dispatch([=] {
      for (Index i = 0; i < count; ++i) {
        rows[2 * i] = columns[i];
        rows[2 * i + 1] = columns[stride + i];
      }
    });
  } else {
    for (Index i = 0; i < count; ++i) {
      for (Index a = 0; a < width; ++a) rows[i * width + a] = columns[a * stride + i];
    }
  }
}

}  // namespace fastpg::transposed
