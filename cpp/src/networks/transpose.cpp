#include "fastpg/networks/transpose.hpp"

#include <cstring>
#include <utility>

#include "fastpg/core/lanes.hpp"

namespace fastpg {
namespace {

using Four = Lanes<float, 4>;

template <class Pick>
void pick(const Four& a, const Four& b, Four& out, Pick lanes) {
  lanes::shuffle<float, 4>(a, b, out, lanes, std::make_integer_sequence<int, 4>{});
}

// Of four rows and columns.
void transpose_four(const float* from, Index from_stride, float* to, Index to_stride) {
  const auto low = [](int i) constexpr { return i / 2 + i % 2 * 4; };
  const auto high = [](int i) constexpr { return 2 + i / 2 + i % 2 * 4; };
  const auto first = [](int i) constexpr { return i % 2 + i / 2 * 4; };
  const auto second = [](int i) constexpr { return 2 + i % 2 + i / 2 * 4; };
  Four rows[4], pairs[4], columns[4];
  for (int r = 0; r < 4; ++r) lanes::load<float, 4>(from + r * from_stride, rows[r]);
  pick(rows[0], rows[1], pairs[0], low);
  pick(rows[2], rows[3], pairs[1], low);
  pick(rows[0], rows[1], pairs[2], high);
  pick(rows[2], rows[3], pairs[3], high);
  pick(pairs[0], pairs[1], columns[0], first);
  pick(pairs[0], pairs[1], columns[1], second);
  pick(pairs[2], pairs[3], columns[2], first);
  pick(pairs[2], pairs[3], columns[3], second);
  for (int c = 0; c < 4; ++c) std::memcpy(to + c * to_stride, &columns[c], sizeof columns[c]);
}

}  // namespace

void transpose(const float* from, Index from_stride, Index rows, Index columns, float* to,
               Index to_stride) {
  const Index whole = rows / 4 * 4;
  dispatch([=] {
    for (Index j = 0; j < columns; j += 4) {
      for (Index i = 0; i < whole; i += 4) {
        transpose_four(from + i * from_stride + j, from_stride, to + j * to_stride + i, to_stride);
      }
    }
    for (Index j = 0; j < columns; ++j) {
      float* const row = to + j * to_stride;
      for (Index i = whole; i < rows; ++i) row[i] = from[i * from_stride + j];
      for (Index i = rows; i < to_stride; ++i) row[i] = 0.0f;
    }
  });
}

}  // namespace fastpg
