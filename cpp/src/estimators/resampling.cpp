#include "fastpg/estimators/resampling.hpp"

#include <algorithm>

#include "fastpg/core/isa.hpp"

namespace fastpg {
namespace {

// The largest of 8, 5, 3, 2 and 1 whose power of `runs` is at most 2^52.
std::ptrdiff_t most_per_word(std::uint64_t runs) {
  constexpr std::uint64_t most = std::uint64_t{1} << 52;
  for (const std::ptrdiff_t wanted : {8, 5, 3, 2}) {
    std::uint64_t rest = most;  // floor(most / runs^k)
    for (std::ptrdiff_t k = 0; k < wanted; ++k) rest /= runs;
    if (rest > 0) return wanted;
  }
  return 1;
}

}  // namespace

RunDraws::RunDraws(std::uint64_t seed, std::ptrdiff_t runs)
    : key_(derive_key(seed, RandomStream::bootstrap)),
      runs_(static_cast<std::uint64_t>(runs)),
      per_word_(most_per_word(runs_)) {
  std::uint64_t product = 1;
  for (std::ptrdiff_t k = 0; k < per_word_; ++k) product *= runs_;
  refused_ = (0 - product) % product;  // of 2^64 words, fewer than 2^52
  const std::ptrdiff_t words = (runs - 1) / per_word_ + 1;
  blocks_ = std::min((words + 1) / 2, most_blocks);
}

void RunDraws::fill(std::uint64_t* words, std::uint64_t resample, std::uint32_t task,
                    std::uint32_t first) const {
  dispatch([=, this] {
    for (std::ptrdiff_t i = 0; i < blocks_; ++i) {
      const auto block = Philox4x32::generate_wide(
          {first + static_cast<std::uint32_t>(i), task, static_cast<std::uint32_t>(resample),
           static_cast<std::uint32_t>(resample >> 32)},
          key_);
      words[i] = block[0];
      words[blocks_ + i] = block[1];
    }
  });
}

}  // namespace fastpg
