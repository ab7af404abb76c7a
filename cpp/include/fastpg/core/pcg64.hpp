// NumPy's default generator: SeedSequence (O'Neill's seed_seq_fe) feeding PCG64 (XSL-RR 128/64).
// A Pcg64 seeded with the words of an integer gives the doubles of
// numpy.random.Generator(numpy.random.PCG64(numpy.random.SeedSequence(integer))).
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>

namespace fastpg {

// Unsigned 128-bit arithmetic modulo 2^128, for compilers with and without __int128.
struct UInt128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend UInt128 operator+(UInt128 a, UInt128 b) {
    const std::uint64_t low = a.low + b.low;
    return {a.high + b.high + (low < a.low), low};
  }

  friend UInt128 operator*(UInt128 a, UInt128 b) {
#ifdef __SIZEOF_INT128__
    __extension__ using Native = unsigned __int128;
    const Native product = ((Native{a.high} << 64) | a.low) * ((Native{b.high} << 64) | b.low);
    return {static_cast<std::uint64_t>(product >> 64), static_cast<std::uint64_t>(product)};
#else
    const std::uint64_t a0 = a.low & mask32, a1 = a.low >> 32;
    const std::uint64_t b0 = b.low & mask32, b1 = b.low >> 32;
    const std::uint64_t p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0, p11 = a1 * b1;
    const std::uint64_t middle = (p00 >> 32) + (p01 & mask32) + (p10 & mask32);
    const std::uint64_t carry = p11 + (p01 >> 32) + (p10 >> 32) + (middle >> 32);
    return {carry + a.high * b.low + a.low * b.high, (middle << 32) | (p00 & mask32)};
#endif
  }

  friend bool operator==(const UInt128&, const UInt128&) = default;

 private:
  static constexpr std::uint64_t mask32 = 0xffffffff;
};

class SeedSequence {
 public:
  // entropy: the integer seed in 32-bit words, least significant first.
  explicit SeedSequence(std::span<const std::uint32_t> entropy) {
    std::uint32_t hash = 0x43b0d7e5;
    const auto hashmix = [&hash](std::uint32_t value) {
      value ^= hash;
      hash *= 0x931e8875u;
      value *= hash;
      return value ^ (value >> 16);
    };
    const auto mix = [](std::uint32_t x, std::uint32_t y) {
      const std::uint32_t value = 0xca01f9ddu * x - 0x4973f715u * y;
      return value ^ (value >> 16);
    };
    for (std::size_t i = 0; i < pool_.size(); ++i) {
      pool_[i] = hashmix(i < entropy.size() ? entropy[i] : 0);
    }
    for (std::size_t from = 0; from < pool_.size(); ++from) {
      for (std::size_t to = 0; to < pool_.size(); ++to) {
        if (from != to) pool_[to] = mix(pool_[to], hashmix(pool_[from]));
      }
    }
    for (std::size_t from = pool_.size(); from < entropy.size(); ++from) {
      for (auto& word : pool_) word = mix(word, hashmix(entropy[from]));
    }
  }

  std::array<std::uint64_t, 4> generate_state() const {
    std::array<std::uint32_t, 8> words{};
    std::uint32_t hash = 0x8b51f9dd;
    for (std::size_t i = 0; i < words.size(); ++i) {
      std::uint32_t value = pool_[i % pool_.size()] ^ hash;
      hash *= 0x58f38ded;
      value *= hash;
      words[i] = value ^ (value >> 16);
    }
    std::array<std::uint64_t, 4> state{};
    for (std::size_t i = 0; i < state.size(); ++i) {
      state[i] = words[2 * i] | (std::uint64_t{words[2 * i + 1]} << 32);
    }
    return state;
  }

 private:
  std::array<std::uint32_t, 4> pool_{};
};

class Pcg64 {
 public:
  Pcg64() : Pcg64(SeedSequence({})) {}

  explicit Pcg64(const SeedSequence& seed) {
    const auto words = seed.generate_state();
    const UInt128 stream{words[2], words[3]};
    increment_ = {(stream.high << 1) | (stream.low >> 63), (stream.low << 1) | 1};
    advance();
    state_ = state_ + UInt128{words[0], words[1]};
    advance();
  }

  // State and increment as NumPy's bit generator shows them, high words first.
  using Words = std::array<std::uint64_t, 4>;
  Words words() const { return {state_.high, state_.low, increment_.high, increment_.low}; }
  explicit Pcg64(const Words& words)
      : state_{words[0], words[1]}, increment_{words[2], words[3] | 1} {}

  std::uint64_t next() {
    advance();
    return std::rotr(state_.high ^ state_.low, static_cast<int>(state_.high >> 58));
  }

  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

 private:
  void advance() { state_ = state_ * multiplier + increment_; }

  static constexpr UInt128 multiplier{0x2360ED051FC65DA4, 0x4385DF649FCCF645};
  UInt128 state_;
  UInt128 increment_;
};

}  // namespace fastpg
