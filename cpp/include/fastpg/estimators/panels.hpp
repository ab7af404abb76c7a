// How the estimators walk over row-major (T, N) arrays: chunks of environments (columns), rows
// newest first, one pass over memory that also looks for wrong values.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/thread_pool.hpp"
#include "fastpg/estimators/time_by_lane.hpp"

#if defined(_MSC_VER)
#define FASTPG_RESTRICT __restrict
#else
#define FASTPG_RESTRICT __restrict__
#endif

namespace fastpg {

namespace detail {

// A chunk's state fits a little of the stack. Wide chunks read long pieces of every row, which is
// what memory delivers fastest.
inline constexpr std::ptrdiff_t most_lanes = 1024;
// What one thread computes in less time than another takes to wake.
inline constexpr std::ptrdiff_t samples_per_thread = 1 << 15;

// The number of a panel's environments: any number of whole vectors, or a fixed number.
using Wide = std::ptrdiff_t;
template <std::ptrdiff_t width>
using Fixed = std::integral_constant<std::ptrdiff_t, width>;

template <class Width>
inline constexpr bool runs_in_vectors = true;
template <std::ptrdiff_t width>
inline constexpr bool runs_in_vectors<Fixed<width>> = width >= 16;

// row(t) for the rows last … 0 of a panel, a checkpoint now and then: counting each row would cost.
template <class Row>
void newest_first(std::ptrdiff_t last, std::ptrdiff_t width, const Row& row) {
  const std::ptrdiff_t rows = static_cast<std::ptrdiff_t>(Pace::between) / 4 / width + 1;
  for (std::ptrdiff_t t = last; t >= 0;) {
    const std::ptrdiff_t end = std::max<std::ptrdiff_t>(t - rows, -1);
    for (; t > end; --t) row(t);
    if (t >= 0) checkpoint();
  }
}

// Compilers vectorise the mask at every width; in scalar code the choice is faster.
template <class Width>
double choose(Flag flag, double set, double clear) {
  if constexpr (!runs_in_vectors<Width>) return flag != 0 ? set : clear;
  const std::uint64_t kept = static_cast<std::uint64_t>(flag != 0) - 1;
  return std::bit_cast<double>((std::bit_cast<std::uint64_t>(clear) & kept) |
                               (std::bit_cast<std::uint64_t>(set) & ~kept));
}

// 0 for finite numbers alone.
inline std::uint64_t not_finite(double x) { return std::bit_cast<std::uint64_t>(x - x); }

inline Flag not_within(Flag inner, Flag outer) {
  return static_cast<Flag>((inner != 0) & (outer == 0));
}

// panel(first, width) -> faults, over the environments [first, last).
template <class Panel>
std::uint64_t over_panels(std::ptrdiff_t first, std::ptrdiff_t last, const Panel& panel) {
  std::uint64_t faults = 0;
  const auto run = [&](auto width) {
    if (width == 0 || last - first < width) return;
    faults |= panel(first, width);
    first += width;
  };
  run(Wide{(last - first) / 64 * 64});
  run(Fixed<32>{});
  run(Fixed<16>{});
  run(Fixed<8>{});
  run(Fixed<4>{});
  run(Fixed<2>{});
  run(Fixed<1>{});
  return faults;
}

// Number of environments in a chunk. No environment depends on another one, so no bit of a result
// depends on this number.
inline std::ptrdiff_t chunk_lanes(std::ptrdiff_t lanes, std::ptrdiff_t threads) {
  const std::ptrdiff_t share = (lanes + threads - 1) / threads;
  return std::min((share + 63) / 64 * 64, most_lanes);
}

// The panel over all environments; true where it finds no fault.
template <class Panel>
bool over_lanes(TimeByLane shape, int threads, const Panel& panel) {
  const std::ptrdiff_t useful =
      std::clamp<std::ptrdiff_t>(shape.size() / samples_per_thread, 1, threads);
  const std::ptrdiff_t width = chunk_lanes(shape.lanes, useful);
  std::atomic<std::uint64_t> faults{0};
  parallel_for(threads, (shape.lanes + width - 1) / width, [&](std::ptrdiff_t chunk) {
    const std::ptrdiff_t first = chunk * width;
    const std::ptrdiff_t last = std::min(first + width, shape.lanes);
    faults |= dispatch([&] { return over_panels(first, last, panel); });
  });
  return faults == 0;
}

}  // namespace detail

}  // namespace fastpg
