// Bytes that are flags: zero, or anything else.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fastpg {

namespace detail {

// Bit j of the result: whether byte j in memory is not zero, of eight.
inline std::uint64_t bits_of_bytes(const std::uint8_t* flags) {
  std::uint64_t eight;
  std::memcpy(&eight, flags, sizeof(eight));
  eight |= eight >> 4;
  eight |= eight >> 2;
  eight |= eight >> 1;
  eight &= 0x0101010101010101;
  // One byte of the product gathers the eight bits, in the order of the bytes in memory.
  constexpr bool little = std::endian::native == std::endian::little;
  return eight * (little ? 0x0102040810204080 : 0x8040201008040201) >> 56;
}

}  // namespace detail

// visit(i) for every flag that is set, in order. Sixty-four at a time become the bits of a word, so
// that whether the next one is set is not a branch.
template <class Visit>
void for_each_set(const std::uint8_t* flags, std::ptrdiff_t count, Visit&& visit) {
  for (std::ptrdiff_t begin = 0; begin < count; begin += 64) {
    const std::ptrdiff_t length = std::min<std::ptrdiff_t>(64, count - begin);
    std::uint64_t set = 0;
    std::ptrdiff_t i = 0;
    for (; i + 8 <= length; i += 8) set |= detail::bits_of_bytes(flags + begin + i) << i;
    for (; i < length; ++i) set |= std::uint64_t{flags[begin + i] != 0} << i;
    for (; set != 0; set &= set - 1) visit(begin + std::countr_zero(set));
  }
}

}  // namespace fastpg
