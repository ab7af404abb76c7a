// The vector functions over arrays of any length, in the instruction set of this machine.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastpg {

// out[i] = f(x[i]) for i < count; `out` may be `x`. See exp_log.hpp for ranges and errors.
void exp_of(const double* x, std::ptrdiff_t count, double* out);
void log_of(const double* x, std::ptrdiff_t count, double* out);

// exact: the C library's values; else FastMath's.
void sincos_of(const double* x, std::ptrdiff_t count, bool exact, double* sine, double* cosine);

// Of bytes that are not zero.
std::ptrdiff_t count_set(const std::uint8_t* flags, std::ptrdiff_t count);

// The values whose flag is set, in order; out: count_set(flags, count) of them.
void select(const double* values, const std::uint8_t* flags, std::ptrdiff_t count, double* out);
void select(const std::int64_t* values, const std::uint8_t* flags, std::ptrdiff_t count,
            std::int64_t* out);

void widen(const std::int32_t* from, std::ptrdiff_t count, std::int64_t* out);

}  // namespace fastpg
