// Bytes that are flags: zero, or anything else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fastpg {

// visit(i) for every flag that is set, in order; eight that are not are passed over at once.
template <class Visit>
void for_each_set(const std::uint8_t* flags, std::ptrdiff_t count, Visit&& visit) {
  std::ptrdiff_t i = 0;
  for (; i + 8 <= count; i += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, flags + i, sizeof(eight));
    if (eight == 0) continue;
    for (std::ptrdiff_t k = i; k < i + 8; ++k) {
      if (flags[k] != 0) visit(k);
    }
  }
  for (; i < count; ++i) {
    if (flags[i] != 0) visit(i);
  }
}

}  // namespace fastpg
