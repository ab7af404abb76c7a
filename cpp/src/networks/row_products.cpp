#include "fastpg/networks/row_products.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "fastpg/core/lanes.hpp"

namespace fastpg::row_products {
namespace {

// The next multiple of the lanes: less than padded() where registers are narrower.
template <class Registers>
constexpr Index read_length(Index features) {
  constexpr Index width = Registers::bytes / static_cast<Index>(sizeof(double));
  return (features + width - 1) / width * width;
}

// The line of x.data[at], of the rows that come next, on its way into the second cache.
void fetch_ahead(const Rows& x, Index at) {
#if defined(__GNUC__)
  __builtin_prefetch(x.data + at + x.ahead, 0, 2);
#endif
}

constexpr Index line = 64 / sizeof(double);  // of a cache

template <class Registers, int columns>
void dots(const Rows& x, const double* v, Index v_stride, double* u, Index u_stride) {
  constexpr int width = Registers::bytes / static_cast<int>(sizeof(double));
  using V = Lanes<double, width>;
  const Index length = read_length<Registers>(x.features);
  for (Index i = 0; i < x.count; i += 4) {
    const double* const row = x.data + i * x.stride;
    V sums[columns][4] = {};
    for (Index k = 0; k < length; k += width) {
      if (x.ahead != 0 && k % line == 0) {
        for (int r = 0; r < 4; ++r) fetch_ahead(x, (i + r) * x.stride + k);
      }
      V weights[columns];
      for (int c = 0; c < columns; ++c)
        lanes::load<double, width>(v + c * v_stride + k, weights[c]);
      for (int r = 0; r < 4; ++r) {
        V feature;
        lanes::load<double, width>(row + r * x.stride + k, feature);
        lanes::keep_in_register(feature);
        for (int c = 0; c < columns; ++c) sums[c][r] += feature * weights[c];
      }
    }
    for (int c = 0; c < columns; ++c) lanes::sum_four<double, width>(sums[c], u + c * u_stride + i);
  }
}

template <class Registers>
void squared_norms(const Rows& x, double* out) {
  constexpr int width = Registers::bytes / static_cast<int>(sizeof(double));
  const Index whole = x.features / width * width;
  double own[width];  // 1 where a row's last vector is its own
  for (int j = 0; j < width; ++j) own[j] = whole + j < x.features ? 1.0 : 0.0;
  Lanes<double, width> mask;
  lanes::load<double, width>(own, mask);
  for (Index i = 0; i < x.count; i += 4) {
    Lanes<double, width> sums[4] = {};
    for (int r = 0; r < 4; ++r) {
      const double* const row = x.data + (i + r) * x.stride;
      Lanes<double, width> feature;
      for (Index k = 0; k < whole; k += width) {
        lanes::load<double, width>(row + k, feature);
        sums[r] += feature * feature;
      }
      if (whole == x.features) continue;
      lanes::load<double, width>(row + whole, feature);
      feature = feature * mask;
      sums[r] += feature * feature;
    }
    lanes::sum_four<double, width>(sums, out + i);
  }
}

template <class Registers>
void scale_rows(const Rows& x, const double* factors, double* out, Index out_stride) {
  constexpr int width = Registers::bytes / static_cast<int>(sizeof(double));
  for (Index i = 0; i < x.count; ++i) {
    Lanes<double, width> factor, feature;
    lanes::broadcast<double, width>((factors[i]), factor);
    for (Index k = 0; k < x.features; k += width) {
      lanes::load<double, width>(x.data + i * x.stride + k, feature);
      feature = feature * factor;
      std::memcpy(out + i * out_stride + k, &feature, sizeof feature);
    }
  }
}

// to[i] += v[i].
template <int width>
void add_to(const Lanes<double, width>& v, double* to) {
  Lanes<double, width> sum;
  lanes::load<double, width>(to, sum);
  sum += v;
  std::memcpy(to, &sum, sizeof sum);
}

// `slabs` vectors of features and `columns` of w at a time; `unrolled` rows have sums of their own,
// where one sum would wait for the addition before it.
template <class Registers, int columns, int slabs>
void outer_slab(const Rows& x, Index k, const double* w, Index w_stride, Index w_row, double* g,
                Index g_stride) {
  constexpr int width = Registers::bytes / static_cast<int>(sizeof(double));
  constexpr int unrolled = columns * slabs >= 8 ? 1 : columns * slabs >= 4 ? 2 : 4;
  using V = Lanes<double, width>;
  V sums[unrolled][columns][slabs] = {};
  for (Index i = 0; i < x.count; i += unrolled) {
    for (int r = 0; r < unrolled; ++r) {
      const double* const row = x.data + (i + r) * x.stride + k;
      if (x.ahead != 0) {
        for (Index s = 0; s < slabs * width; s += line) fetch_ahead(x, (i + r) * x.stride + k + s);
      }
      V feature[slabs];
      for (int s = 0; s < slabs; ++s) {
        lanes::load<double, width>(row + s * width, feature[s]);
        lanes::keep_in_register(feature[s]);
      }
      for (int c = 0; c < columns; ++c) {
        V weight;
        lanes::broadcast<double, width>(w[c * w_stride + (i + r) * w_row], weight);
        lanes::keep_in_register(weight);
        for (int s = 0; s < slabs; ++s) sums[r][c][s] += feature[s] * weight;
      }
    }
  }
  for (int c = 0; c < columns; ++c) {
    for (int s = 0; s < slabs; ++s) {
      V total = sums[0][c][s];
      for (int r = 1; r < unrolled; ++r) total += sums[r][c][s];
      add_to<width>(total, g + c * g_stride + k + s * width);
    }
  }
}

// sums[r] += (factor x) times x turned by r places, for one row that fits in a vector.
template <int width, int features, int... r>
void add_turned(const Lanes<double, width>& x, const Lanes<double, width>& scaled,
                Lanes<double, width>* sums, std::integer_sequence<int, r...>) {
  const auto add = [&](auto pick, Lanes<double, width>& sum) {
    Lanes<double, width> turned;
    lanes::shuffle<double, width>(x, x, turned, pick, std::make_integer_sequence<int, width>{});
    sum += scaled * turned;
  };
  (add([](int i) constexpr { return i < features ? (i + r) % features : i; }, sums[r]), ...);
}

// Turning by 0 … features / 2 places meets every pair of features.
template <class Registers, int features>
void gram(const Rows& x, const double* factors, double* g, Index g_stride) {
  constexpr int width = Registers::bytes / static_cast<int>(sizeof(double));
  constexpr int turns = features / 2 + 1;
  constexpr int unrolled = turns < 4 ? 4 : 1;
  Lanes<double, width> sums[unrolled][turns] = {};
  for (Index i = 0; i < x.count; i += unrolled) {
    for (int r = 0; r < unrolled; ++r) {
      Lanes<double, width> row, scaled;
      lanes::load<double, width>(x.data + (i + r) * x.stride, row);
      lanes::broadcast<double, width>((factors[i + r]), scaled);
      scaled = scaled * row;
      add_turned<width, features>(row, scaled, sums[r], std::make_integer_sequence<int, turns>{});
    }
  }
  for (int turn = 0; turn < turns; ++turn) {
    Lanes<double, width> total = sums[0][turn];
    for (int r = 1; r < unrolled; ++r) total += sums[r][turn];
    double sum[width] = {};
    add_to<width>(total, sum);
    const int distinct = 2 * turn == features ? turn : features;
    for (int p = 0; p < distinct; ++p) {
      const int q = (p + turn) % features;
      g[std::min(p, q) * g_stride + std::max(p, q)] += sum[p];
    }
  }
}

// gram() for the number of features there is, where a row fits in a vector.
template <class Registers, int features = 1>
bool gram_of_few(const Rows& x, const double* factors, double* g, Index g_stride) {
  constexpr int width = Registers::bytes / static_cast<int>(sizeof(double));
  if constexpr (features > std::min(width, 8)) {
    return false;
  } else {
    if (x.features != features) {
      return gram_of_few<Registers, features + 1>(x, factors, g, g_stride);
    }
    gram<Registers, features>(x, factors, g, g_stride);
    return true;
  }
}

template <class Registers, int columns>
void outer(const Rows& x, Index first, const double* w, Index w_stride, Index w_row, double* g,
           Index g_stride) {
  constexpr int width = Registers::bytes / static_cast<int>(sizeof(double));
  constexpr int slabs = std::min(4, Registers::most_accumulators / columns);
  const Index length = read_length<Registers>(x.features);
  Index k = first / width * width;
  for (; k + slabs * width <= length; k += slabs * width) {
    outer_slab<Registers, columns, slabs>(x, k, w, w_stride, w_row, g, g_stride);
  }
  for (; k < length; k += width) {
    outer_slab<Registers, columns, 1>(x, k, w, w_stride, w_row, g, g_stride);
  }
}

// run(c, integral_constant of how many columns from c on), over all columns.
template <int most, class Run>
void by_columns(Index columns, Run&& run) {
  Index c = 0;
  for (; c + most <= columns; c += most) run(c, std::integral_constant<int, most>{});
  const Index left = columns - c;
  if constexpr (most > 3) {
    if (left == 3) return run(c, std::integral_constant<int, 3>{});
  }
  if constexpr (most > 2) {
    if (left == 2) return run(c, std::integral_constant<int, 2>{});
  }
  if (left == 1) run(c, std::integral_constant<int, 1>{});
}

// out (count, padded) = factor_i x_i, and anything beyond a row's end.
void scale_all_rows(const Rows& x, const double* factors, double* out) {
  dispatch_lanes([&](auto registers) {
    scale_rows<decltype(registers)>(x, factors, out, padded(x.features));
  });
}

}  // namespace

void dots(const Rows& x, const double* v, Index columns, double* u, Index u_stride) {
  const Index v_stride = padded(x.features);
  dispatch_lanes([&](auto registers) {
    using Registers = decltype(registers);
    by_columns<Registers::most_accumulators / 4>(columns, [&](Index c, auto some) {
      dots<Registers, some.value>(x, v + c * v_stride, v_stride, u + c * u_stride, u_stride);
    });
  });
}

void squared_norms(const Rows& x, double* out) {
  dispatch_lanes([&](auto registers) { squared_norms<decltype(registers)>(x, out); });
}

void add_outer(const Rows& x, Index first, const double* w, Index w_stride, Index w_row,
               Index columns, double* g) {
  const Index g_stride = padded(x.features);
  dispatch_lanes([&](auto registers) {
    using Registers = decltype(registers);
    by_columns<4>(columns, [&](Index c, auto some) {
      outer<Registers, some.value>(x, first, w + c * w_stride, w_stride, w_row, g + c * g_stride,
                                   g_stride);
    });
  });
}

void add_gram(const Rows& x, const double* factors, double* scratch, double* g) {
  constexpr Index group = 4;
  const Index stride = padded(x.features);
  bool done = false;
  dispatch_lanes(
      [&](auto registers) { done = gram_of_few<decltype(registers)>(x, factors, g, stride); });
  if (done) return;
  scale_all_rows(x, factors, scratch);
  for (Index p = 0; p < x.features; p += group) {
    add_outer(x, p, scratch + p, 1, stride, std::min(group, x.features - p), g + p * stride);
  }
}

}  // namespace fastpg::row_products
