// Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
//
// Counter-based: the numbers of (key, counter) are a pure function, so any split of the work over
// threads or calls draws the same bits.
#pragma once

#include <array>
#include <cstdint>

namespace fastpg {

struct Philox4x32 {
  using Counter = std::array<std::uint32_t, 4>;
  using Key = std::array<std::uint32_t, 2>;

  static Counter generate(Counter c, Key k) {
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c[0];
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c[2];
      c = {high(p1) ^ c[1] ^ k[0], low(p1), high(p0) ^ c[3] ^ k[1], low(p0)};
      k = {k[0] + 0x9E3779B9u, k[1] + 0xBB67AE85u};
    }
    return c;
  }

  // The same four words as two of 64 bits, the first one low. Loops over counters are faster so:
  // each word has the width of a product.
  static std::array<std::uint64_t, 2> generate_wide(Counter counter, Key k) {
    constexpr std::uint64_t low_half = 0xffffffff;
    std::uint64_t c[4] = {counter[0], counter[1], counter[2], counter[3]};  // low halves count
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53} * (c[0] & low_half);
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * (c[2] & low_half);
      c[0] = (p1 >> 32) ^ c[1] ^ k[0];
      c[1] = p1;
      c[2] = (p0 >> 32) ^ c[3] ^ k[1];
      c[3] = p0;
      k = {k[0] + 0x9E3779B9u, k[1] + 0xBB67AE85u};
    }
    return {(c[0] & low_half) | (c[1] << 32), (c[2] & low_half) | (c[3] << 32)};
  }

 private:
  static std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }
  static std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
};

// What a stream of random numbers is for. Streams of different purposes never meet.
enum class RandomStream : std::uint32_t {
  action = 1,
  shuffle = 2,
  evaluation = 3,
  prediction = 4,
  value_shuffle = 5,
  initialization = 6,
  bootstrap = 7
};

inline Philox4x32::Key derive_key(std::uint64_t seed, RandomStream purpose) {
  const Philox4x32::Key seed_key = {static_cast<std::uint32_t>(seed),
                                    static_cast<std::uint32_t>(seed >> 32)};
  const auto block = Philox4x32::generate({static_cast<std::uint32_t>(purpose), 0, 0, 0}, seed_key);
  return {block[0], block[1]};
}

// Uniform on the open interval (0, 1), a multiple of 2^-33.
inline double to_uniform(std::uint32_t word) { return (word + 0.5) * 0x1p-32; }

// Uniform numbers indexed by (environment, step), and by dimension where an action has several.
// Four consecutive steps of an environment share one block.
class LaneStream {
 public:
  LaneStream(std::uint64_t seed, RandomStream purpose) : key_(derive_key(seed, purpose)) {}

  Philox4x32::Counter block(std::uint32_t lane, std::uint64_t step,
                            std::uint32_t dimension = 0) const {
    const std::uint64_t group = step >> 2;
    return Philox4x32::generate({static_cast<std::uint32_t>(group),
                                 static_cast<std::uint32_t>(group >> 32), lane, dimension},
                                key_);
  }

  double uniform(std::uint32_t lane, std::uint64_t step, std::uint32_t dimension = 0) const {
    return to_uniform(block(lane, step, dimension)[step & 3]);
  }

 private:
  Philox4x32::Key key_;
};

}  // namespace fastpg
