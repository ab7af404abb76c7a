// Compiled with contraction: a product and a sum are one fused operation where the instruction set
// has it. All is in an unnamed namespace, so that no other unit gets code of this one.
#include "fastpg/networks/dense_products.hpp"

#include <cstring>
#include <utility>

#include "fastpg/core/lanes.hpp"

namespace fastpg::dense_products {
namespace {

// Where a tile begins, and where it goes: to floats, or added to doubles.
struct Target {
  const float* start;
  Index start_stride;
  float* out;
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
  constexpr int half = width / 2;
  float values[width];
  std::memcpy(values, &v, sizeof v);
  for (int h = 0; h < width; h += half) {
    Lanes<double, half> sum, more;
    lanes::load<double, half>(to + h, sum);
    lanes::load<double, half>(values + h, more);
    sum += more;
    std::memcpy(to + h, &sum, sizeof sum);
  }
}

template <int width>
void put(const Lanes<float, width>& v, const Target& to, Index at) {
  if (to.sums == nullptr) {
    std::memcpy(to.out + at, &v, sizeof v);
  } else {
    add_to<width>(v, to.sums + at);
  }
}

// Of `rows` rows from i on and `vectors` vectors of columns from j on; n counts both.
template <class Registers, int rows, int vectors, int... n>
void tile(const Factors& f, const Target& to, Index i, Index j, std::integer_sequence<int, n...>) {
  constexpr int width = lanes_of<Registers>;
  using V = Lanes<float, width>;
  V sums[rows * vectors] = {};
  if (to.start != nullptr) {
    const float* const from = to.start + i * to.start_stride + j;
    (lanes::load<float, width>(from + n / vectors * to.start_stride + n % vectors * width, sums[n]),
     ...);
  }
  const float* a = f.a + i * f.a_row;
  const float* b = f.b + j;
  for (Index k = 0; k < f.depth; ++k, a += f.a_depth, b += f.b_stride) {
    V right[vectors];
    for (int v = 0; v < vectors; ++v) {
      lanes::load<float, width>(b + v * width, right[v]);
      lanes::keep_in_register(right[v]);
    }
    for (int r = 0; r < rows; ++r) {
      V left;
      spread<width>(a[r * f.a_row], left);
      for (int v = 0; v < vectors; ++v) sums[r * vectors + v] += left * right[v];
    }
  }
  const Index at = i * to.stride + j;
  (put<width>(sums[n], to, at + n / vectors * to.stride + n % vectors * width), ...);
}

template <class Registers, int vectors, int rows = tile_rows<Registers>>
void tile_of(Index height, const Factors& f, const Target& to, Index i, Index j) {
  if (height == rows) {
    return tile<Registers, rows, vectors>(f, to, i, j,
                                          std::make_integer_sequence<int, rows * vectors>{});
  }
  if constexpr (rows > 1) tile_of<Registers, vectors, rows - 1>(height, f, to, i, j);
}

// The rows in tiles of equal height, or one less: a low tile would wait for its own sums.
template <class Registers, int vectors>
void panel(const Factors& f, const Target& to, Index j) {
  constexpr Index most = tile_rows<Registers>;
  const Index tiles = (f.rows + most - 1) / most;
  for (Index t = 0, i = 0; t < tiles; ++t) {
    const Index height = f.rows / tiles + (t < f.rows % tiles ? 1 : 0);
    tile_of<Registers, vectors>(height, f, to, i, j);
    i += height;
  }
}

void run(const Factors& f, const Target& to) {
  dispatch_lanes([&](auto registers) {
    using Registers = decltype(registers);
    constexpr Index width = lanes_of<Registers>;
    Index j = 0;
    for (; j + width < f.columns; j += 2 * width) panel<Registers, 2>(f, to, j);
    if (j < f.columns) panel<Registers, 1>(f, to, j);
  });
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
  run(factors, {start, start_stride, out, nullptr, out_stride});
}

void add_product(const Factors& factors, double* sums, Index sums_stride) {
  run(factors, {nullptr, 0, nullptr, sums, sums_stride});
}

void add_rows(const float* b, Index b_stride, Index rows, Index columns, double* sums) {
  dispatch_lanes(
      [&](auto registers) { add_rows<decltype(registers)>(b, b_stride, rows, columns, sums); });
}

void squared_norms(const float* b, Index b_stride, Index rows, Index columns, double* out) {
  dispatch_lanes(
      [&](auto registers) { squared_norms<decltype(registers)>(b, b_stride, rows, columns, out); });
}

}  // namespace fastpg::dense_products
