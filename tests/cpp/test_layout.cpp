#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "check.hpp"
#include "fastpg/core/flags.hpp"
#include "fastpg/core/layout.hpp"

using namespace fastpg;

namespace {

std::vector<std::ptrdiff_t> set_flags(const std::vector<std::uint8_t>& flags) {
  std::vector<std::ptrdiff_t> found;
  for_each_set(flags.data(), static_cast<std::ptrdiff_t>(flags.size()),
               [&](std::ptrdiff_t i) { found.push_back(i); });
  return found;
}

template <class T>
void check_spread(std::ptrdiff_t count) {
  const auto bytes = spread_stride<T>(count) * static_cast<std::ptrdiff_t>(sizeof(T));
  CHECK(bytes >= count * static_cast<std::ptrdiff_t>(sizeof(T)));
  if (bytes * 7 < 4096) return;  // eight rows within 4 KiB meet nowhere
  for (std::ptrdiff_t rows = 1; rows < 8; ++rows) {
    const std::ptrdiff_t apart = rows * bytes % 4096;
    CHECK(apart >= 64 && apart <= 4096 - 64);
  }
}

}  // namespace

CASE(flags_that_are_set_are_visited_in_order) {
  CHECK(set_flags({}).empty());
  CHECK((set_flags({0, 1, 0, 255, 0, 0, 0, 0, 128, 0}) == std::vector<std::ptrdiff_t>{1, 3, 8}));
  std::mt19937 random(0);
  for (const std::size_t size : {1, 7, 8, 63, 64, 65, 200, 512}) {
    for (const int rarity : {1, 3, 40}) {
      std::vector<std::uint8_t> flags(size);
      std::vector<std::ptrdiff_t> expected;
      for (std::size_t i = 0; i < size; ++i) {
        flags[i] = random() % rarity == 0 ? static_cast<std::uint8_t>(1u << random() % 8)
                                          : std::uint8_t{0};
        if (flags[i] != 0) expected.push_back(static_cast<std::ptrdiff_t>(i));
      }
      CHECK(set_flags(flags) == expected);
    }
  }
}

CASE(eight_rows_are_never_a_multiple_of_4_KiB_apart) {
  for (std::ptrdiff_t count = 1; count < 5000; ++count) {
    check_spread<double>(count);
    check_spread<float>(count);
  }
}

CASE(rows_and_components_are_each_other_s_inverse) {
  for (const std::ptrdiff_t size : {1, 2, 3, 4, 5, 6, 7}) {
    const std::ptrdiff_t count = 9, stride = 11;
    std::vector<double> rows(static_cast<std::size_t>(count * size));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<double>(i);
    std::vector<double> components(static_cast<std::size_t>(size * stride), -1.0),
        back(rows.size());
    to_components(rows.data(), count, size, stride, components.data());
    CHECK(components[static_cast<std::size_t>((size - 1) * stride + 2)] ==
          rows[static_cast<std::size_t>(2 * size + size - 1)]);
    to_rows(components.data(), stride, count, size, back.data());
    CHECK(back == rows);
  }
}
