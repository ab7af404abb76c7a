// Sums in an order that every instruction set keeps: eight partial sums, then those.
#pragma once

#include <cstddef>

#include "fastpg/core/isa.hpp"

namespace fastpg {

// sum_i term(i) for i in [0, count). Run it in dispatch().
template <class Term>
double sum_of(std::ptrdiff_t count, Term&& term) {
  double part[8] = {};
  std::ptrdiff_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (std::ptrdiff_t j = 0; j < 8; ++j) part[j] += term(i + j);
  }
  for (std::ptrdiff_t j = 0; i + j < count; ++j) part[j] += term(i + j);
  return ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
}

inline double sum_of(const double* values, std::ptrdiff_t count) {
  return dispatch([&] { return sum_of(count, [=](std::ptrdiff_t i) { return values[i]; }); });
}

}  // namespace fastpg
