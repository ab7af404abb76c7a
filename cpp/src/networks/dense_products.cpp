// Compiled with contraction: a product and a sum are one fused operation where the instruction set
// has it. All is in an unnamed namespace, so that no other unit gets code of this one.
#include "fastpg/networks/dense_products.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "fastpg/core/lanes.hpp"

namespace fastpg::dense_products {
namespace {

// Where a tile begins and where it goes: to floats, …
struct Floats {
  const float* start;
  Index start_stride;
  float* out;
  Index stride;
};

// … or added to doubles.
struct Sums {
  double* sums;
  Index stride;
};

// Rows of a tile of two vectors each: as many as leave registers for the operands.
template <class Registers>
constexpr int tile_rows = Registers::bytes == 64             ? 8
                          : Registers::bytes == 32           ? 6
                          : Registers::most_accumulators > 8 ? 8
                                                             : 4;

template <class Registers>
constexpr int lanes_of = Registers::bytes / static_cast<int>(sizeof(float));

// The value in all lanes; by way of an array, which the compiler makes one load of.
template <int width>
void spread(const float& value, Lanes<float, width>& to) {
  float all[width];
  for (int i = 0; i < width; ++i) all[i] = value;
  std::memcpy(&to, all, sizeof to);
}

template <int width>
void add_to(const Lanes<float, width>& v, double* to) {
  // The compiler widens a whole vector of AVX-512, and halves of others, in one operation.
  constexpr int piece = width == 16 ? width : width / 2;
  float values[width];
  std::memcpy(values, &v, sizeof v);
  for (int begin = 0; begin < width; begin += piece) {
    Lanes<double, piece> sum, more;
    lanes::load<double, piece>(to + begin, sum);
    lanes::load<double, piece>(values + begin, more);
    sum += more;
    std::memcpy(to + begin, &sum, sizeof sum);
  }
}

template <int width>
void start(const Floats& at, Index row, Index column, Lanes<float, width>& sum) {
  lanes::load<float, width>(at.start + row * at.start_stride + column, sum);
}

template <int width>
void finish(const Lanes<float, width>& sum, const Floats& at, Index row, Index column) {
  std::memcpy(at.out + row * at.stride + column, &sum, sizeof sum);
}

template <int width>
void finish(const Lanes<float, width>& sum, const Sums& at, Index row, Index column) {
  add_to<width>(sum, at.sums + row * at.stride + column);
}

// Of `rows` rows from i on and `vectors` vectors of columns from j on; n counts both.
template <class Registers, int rows, int vectors, class Target, int... n>
void tile(const Factors& f, const Target target, Index i, Index j,
          std::integer_sequence<int, n...>) {
  constexpr int width = lanes_of<Registers>;
  using V = Lanes<float, width>;
  V sums[rows * vectors] = {};
  if constexpr (std::is_same_v<Target, Floats>) {
    if (target.start != nullptr) {
      (start<width>(target, i + n / vectors, j + n % vectors * width, sums[n]), ...);
    }
  }
  const Index a_row = f.a_row, a_depth = f.a_depth, b_stride = f.b_stride;
  const float* a = f.a + i * a_row;
  const float* b = f.b + j;
  for (Index k = f.depth; k > 0; --k, a += a_depth, b += b_stride) {
    V right[vectors];
    for (int v = 0; v < vectors; ++v) {
      lanes::load<float, width>(b + v * width, right[v]);
      lanes::keep_in_register(right[v]);
    }
    for (int r = 0; r < rows; ++r) {
      V left;
      spread<width>(a[r * a_row], left);
      for (int v = 0; v < vectors; ++v) sums[r * vectors + v] += left * right[v];
    }
  }
  (finish<width>(sums[n], target, i + n / vectors, j + n % vectors * width), ...);
}

template <class Registers, int vectors, class Target, int rows = tile_rows<Registers>>
void tile_of(Index height, const Factors& f, const Target& target, Index i, Index j) {
  if (height == rows) {
    return tile<Registers, rows, vectors>(f, target, i, j,
                                          std::make_integer_sequence<int, rows * vectors>{});
  }
  if constexpr (rows > 1) {
    tile_of<Registers, vectors, Target, rows - 1>(height, f, target, i, j);
  }
}

// The tiles of `height` rows from i on, of the columns from `begin` to `end`.
template <class Registers, class Target>
void tiles(Index height, const Factors& f, const Target& target, Index i, Index begin, Index end) {
  constexpr Index width = lanes_of<Registers>;
  Index j = begin;
  for (; j + width < end; j += 2 * width) tile_of<Registers, 2>(height, f, target, i, j);
  if (j < end) tile_of<Registers, 1>(height, f, target, i, j);
}

// As many columns at a time as leave their part of b in the first cache, and the rows in tiles of
// equal height, or one less: a low tile would wait for its own sums.
template <class Registers, class Target>
void multiply(const Factors& f, const Target& target) {
  constexpr Index most = tile_rows<Registers>, panel = 2 * lanes_of<Registers>;
  constexpr Index cached = 32768 / (panel * static_cast<Index>(sizeof(float)));
  const Index some = std::max<Index>(cached / f.depth, 1) * panel;
  const Index count = (f.rows + most - 1) / most;
  for (Index begin = 0; begin < f.columns; begin += some) {
    const Index end = std::min(begin + some, f.columns);
    for (Index t = 0, i = 0; t < count; ++t) {
      const Index height = f.rows / count + (t < f.rows % count ? 1 : 0);
      tiles<Registers>(height, f, target, i, begin, end);
      i += height;
    }
  }
}

template <class Target>
void run(const Factors& factors, const Target& target) {
  dispatch_lanes([&](auto registers) { multiply<decltype(registers)>(factors, target); });
}

// Of up to four rows and a column: products are summed in lanes, and then those, in the same order
// for any number of rows.
template <class Registers>
void dots(const Factors& f, const float* column, Index i, float start, float* out) {
  constexpr int width = lanes_of<Registers>;
  using V = Lanes<float, width>;
  const Index rows = std::min<Index>(4, f.rows - i);
  V sums[4] = {};
  for (Index k = 0; k < f.depth; k += width) {
    V left, right;
    lanes::load<float, width>(column + k, right);
    for (Index r = 0; r < 4; ++r) {
      lanes::load<float, width>(f.a + (i + std::min(r, rows - 1)) * f.a_row + k, left);
      sums[r] += left * right;
    }
  }
  float found[4];
  lanes::sum_four<float, width>(sums, found);
  for (Index r = 0; r < rows; ++r) out[i + r] = start + found[r];
}

template <class Registers>
void add_rows(const float* b, Index stride, Index rows, Index columns, double* sums) {
  constexpr int width = lanes_of<Registers>;
  for (Index j = 0; j < columns; j += width) {
    Lanes<float, width> part[4] = {};
    for (Index i = 0; i < rows; i += 4) {
      for (int r = 0; r < 4; ++r) {
        Lanes<float, width> row;
        lanes::load<float, width>(b + (i + r) * stride + j, row);
        part[r] += row;
      }
    }
    part[0] += part[1];
    part[2] += part[3];
    part[0] += part[2];
    add_to<width>(part[0], sums + j);
  }
}

// In doubles: the square of a float may be beyond the range of floats.
template <class Registers>
void squared_norms(const float* b, Index stride, Index rows, Index columns, double* out) {
  constexpr int width = Registers::bytes / static_cast<int>(sizeof(double));
  for (Index i = 0; i < rows; i += 4) {
    Lanes<double, width> parts[4] = {};
    for (Index j = 0; j < columns; j += width) {
      for (int r = 0; r < 4; ++r) {
        Lanes<double, width> row;
        lanes::load<double, width>(b + (i + r) * stride + j, row);
        parts[r] += row * row;
      }
    }
    lanes::sum_four<double, width>(parts, out + i);
  }
}

}  // namespace

Index padded(Index columns) {
  Index width = 1;
  dispatch_lanes([&](auto registers) { width = lanes_of<decltype(registers)>; });
  return (columns + width - 1) / width * width;
}

void multiply(const Factors& factors, const float* start, Index start_stride, float* out,
              Index out_stride) {
  run(factors, Floats{start, start_stride, out, out_stride});
}

void add_product(const Factors& factors, double* sums, Index sums_stride) {
  run(factors, Sums{sums, sums_stride});
}

void multiply_few(const Factors& factors, const float* start, float* out, Index out_stride) {
  dispatch_lanes([&](auto registers) {
    for (Index j = 0; j < factors.columns; ++j) {
      const float first = start == nullptr ? 0.0f : start[j];
      for (Index i = 0; i < factors.rows; i += 4) {
        dots<decltype(registers)>(factors, factors.b + j * factors.b_stride, i, first,
                                  out + j * out_stride);
      }
    }
  });
}

void add_rows(const float* b, Index b_stride, Index rows, Index columns, double* sums) {
  dispatch_lanes(
      [&](auto registers) { add_rows<decltype(registers)>(b, b_stride, rows, columns, sums); });
}

void add_rows_by_columns(const float* b, Index b_stride, Index rows, Index columns, double* sums) {
  dispatch([=] {
    for (Index j = 0; j < columns; ++j) {
      float parts[8] = {};
      for (Index i = 0; i < rows; i += 8) {
        for (Index r = 0; r < 8; ++r) parts[r] += b[j * b_stride + i + r];
      }
      for (Index half = 4; half > 0; half /= 2) {
        for (Index r = 0; r < half; ++r) parts[r] += parts[r + half];
      }
      sums[j] += static_cast<double>(parts[0]);
    }
  });
}

void squared_norms(const float* b, Index b_stride, Index rows, Index columns, double* out) {
  dispatch_lanes(
      [&](auto registers) { squared_norms<decltype(registers)>(b, b_stride, rows, columns, out); });
}

}  // namespace fastpg::dense_products
