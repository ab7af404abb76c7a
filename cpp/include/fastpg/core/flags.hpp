// Bytes that are flags: zero, or anything else.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fastpg {

namespace detail {

// The first byte in memory, of eight, that is not zero; and all the bits of one of them.
inline int first_byte(std::uint64_t eight) {
  if constexpr (std::endian::native == std::endian::little) return std::countr_zero(eight) / 8;
  return std::countl_zero(eight) / 8;
}
inline std::uint64_t bits_of_byte(int byte) {
  if constexpr (std::endian::native == std::endian::little) return std::uint64_t{0xff} << 8 * byte;
  return std::uint64_t{0xff} << 8 * (7 - byte);
}

}  // namespace detail

// visit(i) for every flag that is set, in order; eight that are not are passed over at once.
template <class Visit>
void for_each_set(const std::uint8_t* flags, std::ptrdiff_t count, Visit&& visit) {
  std::ptrdiff_t i = 0;
  for (; i + 8 <= count; i += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, flags + i, sizeof(eight));
    while (eight != 0) {
      const int byte = detail::first_byte(eight);
      visit(i + byte);
      eight &= ~detail::bits_of_byte(byte);
    }
  }
  for (; i < count; ++i) {
    if (flags[i] != 0) visit(i);
  }
}

}  // namespace fastpg
