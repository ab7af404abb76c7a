// Vectors as wide as the instruction set's registers, by the compiler's own vector types: the same
// source for SSE, AVX2, AVX-512 and NEON. A compiler without them gets arrays of the same meaning.
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include "fastpg/core/isa.hpp"

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector) && __has_builtin(__builtin_convertvector)
#define FASTPG_VECTOR_TYPES 1
#endif
#endif
#ifndef FASTPG_VECTOR_TYPES
#define FASTPG_VECTOR_TYPES 0
#endif

namespace fastpg {

#if FASTPG_VECTOR_TYPES

template <class T, int width>
struct LanesType {
  typedef T type __attribute__((vector_size(width * sizeof(T))));
};
template <class T, int width>
using Lanes = typename LanesType<T, width>::type;

#else

template <class T, int width>
struct Lanes {
  T at[width];
  T& operator[](int i) { return at[i]; }
  const T& operator[](int i) const { return at[i]; }
  Lanes& operator+=(const Lanes& other) {
    for (int i = 0; i < width; ++i) at[i] += other.at[i];
    return *this;
  }
  friend Lanes operator+(Lanes a, const Lanes& b) { return a += b; }
  friend Lanes operator*(Lanes a, const Lanes& b) {
    for (int i = 0; i < width; ++i) a.at[i] *= b.at[i];
    return a;
  }
  friend Lanes operator*(Lanes a, T b) {
    for (int i = 0; i < width; ++i) a.at[i] *= b;
    return a;
  }
};

#endif

// By reference throughout: passing a vector by value would depend on the instruction set.
namespace lanes {

// Of T or of what converts to it; no alignment needed.
template <class T, int width, class Source>
void load(const Source* from, Lanes<T, width>& to) {
  if constexpr (std::is_same_v<T, Source>) {
    std::memcpy(&to, from, sizeof to);
  } else {
#if FASTPG_VECTOR_TYPES
    Lanes<Source, width> raw;
    std::memcpy(&raw, from, sizeof raw);
    to = __builtin_convertvector(raw, Lanes<T, width>);
#else
    for (int i = 0; i < width; ++i) to[i] = static_cast<T>(from[i]);
#endif
  }
}

// Keeps the compiler from reading a vector again from memory at each use: several uses of one load
// would take as many loads. Without optimisation nothing is inlined into code for wider registers,
// and there is nothing to keep. Clang checks the width of registers before it inlines: it refuses
// those that the function itself may not use.
template <class V>
void keep_in_register(V& v) {
#if FASTPG_VECTOR_TYPES && defined(__OPTIMIZE__) && defined(__x86_64__) && defined(__clang__)
  if constexpr (sizeof(V) <= 16) asm("" : "+x"(v));
#elif FASTPG_VECTOR_TYPES && defined(__OPTIMIZE__) && defined(__x86_64__)
  asm("" : "+v"(v));
#elif FASTPG_VECTOR_TYPES && defined(__OPTIMIZE__) && defined(__aarch64__)
  asm("" : "+w"(v));
#else
  static_cast<void>(v);
#endif
}

// (a, b)[pick(0)], (a, b)[pick(1)], …
template <class T, int width, class Out, class Pick, int... i>
void shuffle(const Lanes<T, width>& a, const Lanes<T, width>& b, Out& out, Pick,
             std::integer_sequence<int, i...>) {
#if FASTPG_VECTOR_TYPES
  out = __builtin_shufflevector(a, b, Pick{}(i)...);
#else
  ((out[i] = Pick{}(i) < width ? a[Pick{}(i) % width] : b[Pick{}(i) % width]), ...);
#endif
}

// The value in all lanes. By way of an array: vector expressions with a scalar are built lane by
// lane where the instruction set of the caller is not that of the file.
template <class T, int width>
void broadcast(T value, Lanes<T, width>& to) {
  keep_in_register(value);
  T all[width];
  for (int i = 0; i < width; ++i) all[i] = value;
  std::memcpy(&to, all, sizeof to);
}

// out[i] = a[lo(i)] + b…: the sum of two shuffles of (a, b).
template <class T, int width, int kept, class Low, class High>
void add_shuffled(const Lanes<T, width>& a, const Lanes<T, width>& b, Low low, High high,
                  Lanes<T, kept>& out) {
  Lanes<T, kept> one, other;
  shuffle<T, width>(a, b, one, low, std::make_integer_sequence<int, kept>{});
  shuffle<T, width>(a, b, other, high, std::make_integer_sequence<int, kept>{});
  out = one + other;
}

// Lanes i and i + width / 2 added, until four are left: to[0 … 3].
template <class T, int width>
void fold_to_four(const Lanes<T, width>& v, T* to) {
  if constexpr (width == 4) {
    std::memcpy(to, &v, sizeof v);
  } else {
    Lanes<T, width / 2> half;
    add_shuffled<T, width, width / 2>(
        v, v, [](int i) constexpr { return i; }, [](int i) constexpr { return i + width / 2; },
        half);
    fold_to_four<T, width / 2>(half, to);
  }
}

// The sums of four vectors, to[0 … 3].
template <class T, int width>
void sum_four(const Lanes<T, width>* v, T* to) {
  if constexpr (width == 2) {
    for (int r = 0; r < 4; ++r) to[r] = v[r][0] + v[r][1];
  } else {
    // Neighbours first, in groups of four lanes: (a, b, a, b), then (a, b, c, d).
    constexpr int apart = sizeof(T) == 4 ? 1 : 2;
    constexpr int further = sizeof(T) == 4 ? 2 : 1;
    const auto low = [](int i) constexpr { return i / 4 * 4 + i % 4 / 2 * apart + i % 2 * width; };
    const auto high = [](int i) constexpr {
      return i / 4 * 4 + i % 4 / 2 * apart + further + i % 2 * width;
    };
    const auto first = [](int i) constexpr { return i / 4 * 4 + i % 2 + i % 4 / 2 * width; };
    const auto second = [](int i) constexpr { return i / 4 * 4 + 2 + i % 2 + i % 4 / 2 * width; };
    Lanes<T, width> ab, cd, abcd;
    add_shuffled<T, width, width>(v[0], v[1], low, high, ab);
    add_shuffled<T, width, width>(v[2], v[3], low, high, cd);
    add_shuffled<T, width, width>(ab, cd, first, second, abcd);
    fold_to_four<T, width>(abcd, to);
  }
}

}  // namespace lanes

// Bytes of a vector register, and how many accumulators leave room for operands beside them.
template <int vector_bytes, int accumulators>
struct RegisterFile {
  static constexpr int bytes = vector_bytes;
  static constexpr int most_accumulators = accumulators;
};

// dispatch() of f(RegisterFile) with what the chosen instruction set has.
template <class Function>
void dispatch_lanes(Function&& f) {
#if FASTPG_X86_SETS
  if (active_isa == Isa::avx512) {
    auto wide = [&f] { f(RegisterFile<64, 16>{}); };
    return detail::run_avx512(wide);
  }
  if (active_isa == Isa::avx2) {
    auto wide = [&f] { f(RegisterFile<32, 8>{}); };
    return detail::run_avx2(wide);
  }
  auto narrow = [&f] { f(RegisterFile<16, 8>{}); };
  return detail::run_baseline(narrow);
#else
  f(RegisterFile<16, 16>{});
#endif
}

}  // namespace fastpg
