#include "fastpg/core/elementwise.hpp"

#include <algorithm>

#include "fastpg/core/exp_log.hpp"
#include "fastpg/core/flags.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/math.hpp"

namespace fastpg {
namespace {

// work(begin, count) for consecutive pieces, so that Ctrl-C need not wait for the end of them all.
template <class Work>
void in_pieces(std::ptrdiff_t count, Work&& work) {
  constexpr std::ptrdiff_t piece = 1 << 16;
  for (std::ptrdiff_t begin = 0; begin < count; begin += piece) {
    work(begin, std::min(piece, count - begin));
    checkpoint();
  }
}

template <class Function>
void map(const double* x, std::ptrdiff_t count, double* out, Function&& function) {
  in_pieces(count, [&](std::ptrdiff_t begin, std::ptrdiff_t length) {
    const double* const from = x + begin;
    double* const to = out + begin;
    dispatch([&] {
      for (std::ptrdiff_t i = 0; i < length; ++i) to[i] = function(from[i]);
    });
  });
}

}  // namespace

void exp_of(const double* x, std::ptrdiff_t count, double* out) {
  map(x, count, out, [](double v) { return fast_exp(v); });
}

void log_of(const double* x, std::ptrdiff_t count, double* out) {
  map(x, count, out, [](double v) { return fast_log(v); });
}

void sincos_of(const double* x, std::ptrdiff_t count, bool exact, double* sine, double* cosine) {
  in_pieces(count, [=](std::ptrdiff_t begin, std::ptrdiff_t length) {
    if (exact) {
      ExactMath::sincos(x + begin, sine + begin, cosine + begin, length);
    } else {
      FastMath::sincos(x + begin, sine + begin, cosine + begin, length);
    }
  });
}

std::ptrdiff_t count_set(const std::uint8_t* flags, std::ptrdiff_t count) {
  return dispatch([=] {
    std::ptrdiff_t set = 0;
    for (std::ptrdiff_t i = 0; i < count; ++i) set += flags[i] != 0 ? 1 : 0;
    return set;
  });
}

void select(const double* values, const std::uint8_t* flags, std::ptrdiff_t count, double* out) {
  for_each_set(flags, count, [&](std::ptrdiff_t i) { *out++ = values[i]; });
}

void select(const std::int64_t* values, const std::uint8_t* flags, std::ptrdiff_t count,
            std::int64_t* out) {
  for_each_set(flags, count, [&](std::ptrdiff_t i) { *out++ = values[i]; });
}

void widen(const std::int32_t* from, std::ptrdiff_t count, std::int64_t* out) {
  dispatch([=] {
    for (std::ptrdiff_t i = 0; i < count; ++i) out[i] = from[i];
  });
}

}  // namespace fastpg
