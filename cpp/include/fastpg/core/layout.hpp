// Between rows, number k of entry i at rows[i * size + k], and components, at
// components[k * stride + i], along which loops run in SIMD.
#pragma once

#include <cstddef>

namespace fastpg {

// A stride of at least `count` for a few rows that one loop works on. In rows a multiple of 4 KiB
// apart, equal columns share a set of the first cache, and a load waits for the store to another
// row. Here each row begins 7 cache lines further in its 4 KiB than the one before.
template <class T>
constexpr std::ptrdiff_t spread_stride(std::ptrdiff_t count) {
  constexpr std::ptrdiff_t page = 4096 / sizeof(T);
  constexpr std::ptrdiff_t shift = 7 * 64 / sizeof(T);
  if (count <= shift) return (count + 7) / 8 * 8;
  return (count - shift + page - 1) / page * page + shift;
}

namespace detail {

// The common sizes as constants, which the compiler turns into shuffles.
template <class Visit>
void with_constant_size(std::ptrdiff_t size, Visit&& visit) {
  switch (size) {
    case 1:
      return visit([] { return std::ptrdiff_t{1}; });
    case 2:
      return visit([] { return std::ptrdiff_t{2}; });
    case 3:
      return visit([] { return std::ptrdiff_t{3}; });
    case 4:
      return visit([] { return std::ptrdiff_t{4}; });
    case 5:
      return visit([] { return std::ptrdiff_t{5}; });
    case 6:
      return visit([] { return std::ptrdiff_t{6}; });
    default:
      return visit([size] { return size; });
  }
}

}  // namespace detail

// to (count, to_stride): the rows order[0 … count - 1] of `from` (…, size).
template <class From, class To>
void gather_rows(const From* __restrict from, const std::ptrdiff_t* order, std::ptrdiff_t count,
                 std::ptrdiff_t size, To* __restrict to, std::ptrdiff_t to_stride) {
  detail::with_constant_size(size, [&](auto constant) {
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      const From* const row = from + order[i] * constant();
      for (std::ptrdiff_t k = 0; k < constant(); ++k) {
        to[i * to_stride + k] = static_cast<To>(row[k]);
      }
    }
  });
}

template <class From, class To>
void to_rows(const From* __restrict components, std::ptrdiff_t stride, std::ptrdiff_t count,
             std::ptrdiff_t size, To* __restrict rows) {
  detail::with_constant_size(size, [&](auto constant) {
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      for (std::ptrdiff_t k = 0; k < constant(); ++k) {
        rows[i * constant() + k] = static_cast<To>(components[k * stride + i]);
      }
    }
  });
}

template <class From, class To>
void to_components(const From* __restrict rows, std::ptrdiff_t count, std::ptrdiff_t size,
                   std::ptrdiff_t stride, To* __restrict components) {
  detail::with_constant_size(size, [&](auto constant) {
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      for (std::ptrdiff_t k = 0; k < constant(); ++k) {
        components[k * stride + i] = static_cast<To>(rows[i * constant() + k]);
      }
    }
  });
}

}  // namespace fastpg
