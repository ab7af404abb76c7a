// What a fuzzer gives, read as numbers.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>

namespace fuzz {

// After the last byte everything is 0.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : left_(data, size) {}

  std::uint8_t byte() { return value<std::uint8_t>(); }
  bool flag() { return (byte() & 1) != 0; }

  template <class T>
  T value() {
    T out{};
    const std::size_t size = std::min(sizeof(T), left_.size());
    if (size > 0) std::memcpy(&out, left_.data(), size);
    left_ = left_.subspan(size);
    return out;
  }

  // Small, at the ends of a range, or of any bits.
  std::int64_t integer(std::int64_t edge) {
    switch (byte() % 8) {
      case 0:
        return value<std::int64_t>();
      case 1:
        return edge + value<std::int8_t>() % 2;
      case 2:
        return -value<std::uint8_t>();
      default:
        return value<std::uint8_t>() % 6;
    }
  }

  double number() {
    switch (byte() % 8) {
      case 0:
        return value<double>();
      case 1:
        return std::numeric_limits<double>::infinity() * (flag() ? 1.0 : -1.0);
      case 2:
        return std::numeric_limits<double>::quiet_NaN();
      default:
        return value<std::int8_t>() / 4.0;
    }
  }

  // Mostly identifiers, a few of which are alike.
  std::string text() {
    if (byte() % 4 != 0) return "name" + std::to_string(value<std::uint16_t>() % 2000);
    std::string out(byte() % 12, '\0');
    for (char& c : out) c = value<char>();
    return out;
  }

 private:
  std::span<const std::uint8_t> left_;
};

}  // namespace fuzz
