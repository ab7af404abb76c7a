// The two products that every batch kernel of a linear policy is made of, over a block of rows of
// the features that stays in cache: u = x V, and G += x^T w. Vectorised along the features; four
// rows and a few columns at a time are held in registers.
#pragma once

#include <algorithm>

#include "fastpg/core/lanes.hpp"
#include "fastpg/core/types.hpp"

namespace fastpg::row_products {

inline constexpr Index most_lanes = 16;

// Columns of V and G are padded with zeros to a multiple of it, so that no row has a remainder.
constexpr Index padded(Index features) {
  return (features + most_lanes - 1) / most_lanes * most_lanes;
}

// Rows of features that may be read up to padded(features) numbers from each row's beginning; what
// lies beyond a row (the next one) is multiplied by zeros or left unused. Rows come in fours.
template <class T>
struct Rows {
  const T* data;
  Index stride;
  Index count;
  Index features;
};

namespace detail {

// The next multiple of the lanes: less than padded() where registers are narrower.
template <class T, class Registers>
constexpr Index read_length(Index features) {
  constexpr Index width = Registers::bytes / static_cast<Index>(sizeof(T));
  return (features + width - 1) / width * width;
}

template <class T, class Registers, int columns, class Source>
void dots(const Rows<Source>& x, const T* v, Index v_stride, T* u, Index u_stride) {
  constexpr int width = Registers::bytes / static_cast<int>(sizeof(T));
  using V = Lanes<T, width>;
  const Index length = read_length<T, Registers>(x.features);
  for (Index i = 0; i < x.count; i += 4) {
    const Source* const row = x.data + i * x.stride;
    V sums[columns][4] = {};
    for (Index k = 0; k < length; k += width) {
      V weights[columns];
      for (int c = 0; c < columns; ++c) lanes::load<T, width>(v + c * v_stride + k, weights[c]);
      for (int r = 0; r < 4; ++r) {
        V feature;
        lanes::load<T, width>(row + r * x.stride + k, feature);
        lanes::keep_in_register(feature);
        for (int c = 0; c < columns; ++c) sums[c][r] += feature * weights[c];
      }
    }
    for (int c = 0; c < columns; ++c) lanes::sum_four<T, width>(sums[c], u + c * u_stride + i);
  }
}

template <class T, class Registers>
void squared_norms(const Rows<T>& x, T* out) {
  constexpr int width = Registers::bytes / static_cast<int>(sizeof(T));
  const Index whole = x.features / width * width;
  T own[width];  // 1 where a row's last vector is its own
  for (int j = 0; j < width; ++j) own[j] = whole + j < x.features ? T(1) : T(0);
  Lanes<T, width> mask;
  lanes::load<T, width>(own, mask);
  for (Index i = 0; i < x.count; i += 4) {
    Lanes<T, width> sums[4] = {};
    for (int r = 0; r < 4; ++r) {
      const T* const row = x.data + (i + r) * x.stride;
      Lanes<T, width> feature;
      for (Index k = 0; k < whole; k += width) {
        lanes::load<T, width>(row + k, feature);
        sums[r] += feature * feature;
      }
      if (whole == x.features) continue;
      lanes::load<T, width>(row + whole, feature);
      feature = feature * mask;
      sums[r] += feature * feature;
    }
    lanes::sum_four<T, width>(sums, out + i);
  }
}

template <class T, class Registers>
void scale_rows(const Rows<T>& x, const double* factors, T* out, Index out_stride) {
  constexpr int width = Registers::bytes / static_cast<int>(sizeof(T));
  for (Index i = 0; i < x.count; ++i) {
    Lanes<T, width> factor, feature;
    lanes::broadcast<T, width>(static_cast<T>(factors[i]), factor);
    for (Index k = 0; k < x.features; k += width) {
      lanes::load<T, width>(x.data + i * x.stride + k, feature);
      feature = feature * factor;
      std::memcpy(out + i * out_stride + k, &feature, sizeof feature);
    }
  }
}

// to[i] += v[i], in double.
template <class T, int width>
void add_to(const Lanes<T, width>& v, double* to) {
  constexpr int half = sizeof(T) == 4 ? width / 2 : width;
  T parts[width];
  std::memcpy(parts, &v, sizeof v);
  for (int h = 0; h < width; h += half) {
    Lanes<double, half> more, sum;
    lanes::load<double, half>(parts + h, more);
    lanes::load<double, half>(to + h, sum);
    sum += more;
    std::memcpy(to + h, &sum, sizeof sum);
  }
}

// `slabs` vectors of features and `columns` of w at a time; `unrolled` rows have sums of their own,
// where one sum would wait for the addition before it.
template <class T, class Registers, int columns, int slabs>
void outer_slab(const Rows<T>& x, Index k, const T* w, Index w_stride, Index w_row, double* g,
                Index g_stride) {
  constexpr int width = Registers::bytes / static_cast<int>(sizeof(T));
  constexpr int unrolled = columns * slabs >= 8 ? 1 : columns * slabs >= 4 ? 2 : 4;
  using V = Lanes<T, width>;
  V sums[unrolled][columns][slabs] = {};
  for (Index i = 0; i < x.count; i += unrolled) {
    for (int r = 0; r < unrolled; ++r) {
      const T* const row = x.data + (i + r) * x.stride + k;
      V feature[slabs];
      for (int s = 0; s < slabs; ++s) {
        lanes::load<T, width>(row + s * width, feature[s]);
        lanes::keep_in_register(feature[s]);
      }
      for (int c = 0; c < columns; ++c) {
        V weight;
        lanes::broadcast<T, width>(w[c * w_stride + (i + r) * w_row], weight);
        lanes::keep_in_register(weight);
        for (int s = 0; s < slabs; ++s) sums[r][c][s] += feature[s] * weight;
      }
    }
  }
  for (int c = 0; c < columns; ++c) {
    for (int s = 0; s < slabs; ++s) {
      V total = sums[0][c][s];
      for (int r = 1; r < unrolled; ++r) total += sums[r][c][s];
      add_to<T, width>(total, g + c * g_stride + k + s * width);
    }
  }
}

// sums[r] += (factor x) times x turned by r places, for one row that fits in a vector.
template <class T, int width, int features, int... r>
void add_turned(const Lanes<T, width>& x, const Lanes<T, width>& scaled, Lanes<T, width>* sums,
                std::integer_sequence<int, r...>) {
  const auto add = [&](auto pick, Lanes<T, width>& sum) {
    Lanes<T, width> turned;
    lanes::shuffle<T, width>(x, x, turned, pick, std::make_integer_sequence<int, width>{});
    sum += scaled * turned;
  };
  (add([](int i) constexpr { return i < features ? (i + r) % features : i; }, sums[r]), ...);
}

// Turning by 0 … features / 2 places meets every pair of features.
template <class T, class Registers, int features>
void gram(const Rows<T>& x, const double* factors, double* g, Index g_stride) {
  constexpr int width = Registers::bytes / static_cast<int>(sizeof(T));
  constexpr int turns = features / 2 + 1;
  constexpr int unrolled = turns < 4 ? 4 : 1;
  Lanes<T, width> sums[unrolled][turns] = {};
  for (Index i = 0; i < x.count; i += unrolled) {
    for (int r = 0; r < unrolled; ++r) {
      Lanes<T, width> row, scaled;
      lanes::load<T, width>(x.data + (i + r) * x.stride, row);
      lanes::broadcast<T, width>(static_cast<T>(factors[i + r]), scaled);
      scaled = scaled * row;
      add_turned<T, width, features>(row, scaled, sums[r],
                                     std::make_integer_sequence<int, turns>{});
    }
  }
  for (int turn = 0; turn < turns; ++turn) {
    Lanes<T, width> total = sums[0][turn];
    for (int r = 1; r < unrolled; ++r) total += sums[r][turn];
    double sum[width] = {};
    add_to<T, width>(total, sum);
    const int distinct = 2 * turn == features ? turn : features;
    for (int p = 0; p < distinct; ++p) {
      const int q = (p + turn) % features;
      g[std::min(p, q) * g_stride + std::max(p, q)] += sum[p];
    }
  }
}

// gram() for the number of features there is, where a row fits in a vector.
template <class T, class Registers, int features = 1>
bool gram_of_few(const Rows<T>& x, const double* factors, double* g, Index g_stride) {
  constexpr int width = Registers::bytes / static_cast<int>(sizeof(T));
  if constexpr (features > std::min(width, 8)) {
    return false;
  } else {
    if (x.features != features) {
      return gram_of_few<T, Registers, features + 1>(x, factors, g, g_stride);
    }
    gram<T, Registers, features>(x, factors, g, g_stride);
    return true;
  }
}

template <class T, class Registers, int columns>
void outer(const Rows<T>& x, Index first, const T* w, Index w_stride, Index w_row, double* g,
           Index g_stride) {
  constexpr int width = Registers::bytes / static_cast<int>(sizeof(T));
  constexpr int slabs = std::min(4, Registers::most_accumulators / columns);
  const Index length = read_length<T, Registers>(x.features);
  Index k = first / width * width;
  for (; k + slabs * width <= length; k += slabs * width) {
    outer_slab<T, Registers, columns, slabs>(x, k, w, w_stride, w_row, g, g_stride);
  }
  for (; k < length; k += width) {
    outer_slab<T, Registers, columns, 1>(x, k, w, w_stride, w_row, g, g_stride);
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

}  // namespace detail

// u (columns, u_stride), samples innermost: x v. v: (columns, padded).
template <class T, class Source>
void dots(const Rows<Source>& x, const T* v, Index columns, T* u, Index u_stride) {
  const Index v_stride = padded(x.features);
  dispatch_lanes([&](auto registers) {
    using Registers = decltype(registers);
    detail::by_columns<Registers::most_accumulators / 4>(columns, [&](Index c, auto some) {
      detail::dots<T, Registers, some.value>(x, v + c * v_stride, v_stride, u + c * u_stride,
                                             u_stride);
    });
  });
}

// |x_i|^2 of every row.
template <class T>
void squared_norms(const Rows<T>& x, T* out) {
  dispatch_lanes([&](auto registers) { detail::squared_norms<T, decltype(registers)>(x, out); });
}

// out (count, padded) = factor_i x_i, and anything beyond a row's end.
template <class T>
void scale_rows(const Rows<T>& x, const double* factors, T* out) {
  dispatch_lanes([&](auto registers) {
    detail::scale_rows<T, decltype(registers)>(x, factors, out, padded(x.features));
  });
}

// g (columns, padded) += x^T w for the features from `first` on, or a few before it. w: its entry
// for column c of row i is w[c * w_stride + i * w_row].
template <class T>
void add_outer(const Rows<T>& x, Index first, const T* w, Index w_stride, Index w_row,
               Index columns, double* g) {
  const Index g_stride = padded(x.features);
  dispatch_lanes([&](auto registers) {
    using Registers = decltype(registers);
    detail::by_columns<4>(columns, [&](Index c, auto some) {
      detail::outer<T, Registers, some.value>(x, first, w + c * w_stride, w_stride, w_row,
                                              g + c * g_stride, g_stride);
    });
  });
}

// g (features, padded) += sum_i factor_i x_i x_i^T, from the diagonal on. scratch: (count + 1,
// padded).
template <class T>
void add_gram(const Rows<T>& x, const double* factors, T* scratch, double* g) {
  constexpr Index group = 4;
  const Index stride = padded(x.features);
  bool done = false;
  dispatch_lanes([&](auto registers) {
    done = detail::gram_of_few<T, decltype(registers)>(x, factors, g, stride);
  });
  if (done) return;
  scale_rows(x, factors, scratch);
  for (Index p = 0; p < x.features; p += group) {
    add_outer<T>(x, p, scratch + p, 1, stride, std::min(group, x.features - p), g + p * stride);
  }
}

}  // namespace fastpg::row_products
