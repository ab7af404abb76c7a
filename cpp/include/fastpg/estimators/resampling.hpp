// Draws of runs with replacement, for a bootstrap that is stratified by task. The draws of (seed,
// resample, task) are a pure function of these and of the number of runs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fastpg/core/pcg64.hpp"
#include "fastpg/core/philox.hpp"

namespace fastpg {

// Several exact draws from one word (Brackett-Rozinsky & Lemire 2024, "Batched ranged random
// integer generation"): its digits to the base `runs`, most significant first. Block b of Philox
// has the counter (b, task, resample) and gives two words. Blocks are made some at a time; their
// first words come first, then their second ones.
class RunDraws {
 public:
  static constexpr std::ptrdiff_t most_runs = std::ptrdiff_t{1} << 31;

  RunDraws(std::uint64_t seed, std::ptrdiff_t runs);

  std::ptrdiff_t runs() const { return static_cast<std::ptrdiff_t>(runs_); }

  // draw(runs, count) for the draws of each word, as many in all as there are runs.
  template <class Draw>
  void each(std::uint64_t resample, std::uint32_t task, Draw&& draw) const {
    switch (per_word_) {
      case 8:
        return each_of<8>(resample, task, draw);
      case 5:
        return each_of<5>(resample, task, draw);
      case 3:
        return each_of<3>(resample, task, draw);
      case 2:
        return each_of<2>(resample, task, draw);
      default:
        return each_of<1>(resample, task, draw);
    }
  }

 private:
  static constexpr std::ptrdiff_t most_blocks = 128;  // at a time

  template <std::ptrdiff_t per_word, class Draw>
  void each_of(std::uint64_t resample, std::uint32_t task, Draw& draw) const {
    std::uint64_t words[2 * most_blocks];
    std::ptrdiff_t left = runs();
    for (std::uint32_t block = 0; left > 0; block += static_cast<std::uint32_t>(blocks_)) {
      fill(words, resample, task, block);
      left = draw_from<per_word>(words, left, draw);
    }
  }

  // Two words of each block from number `first` on. Apart from the draws, which it is compiled with
  // for each kind: this alone gains by wide registers.
  void fill(std::uint64_t* words, std::uint64_t resample, std::uint32_t task,
            std::uint32_t first) const;

  // How many draws are left then.
  template <std::ptrdiff_t per_word, class Draw>
  std::ptrdiff_t draw_from(const std::uint64_t* words, std::ptrdiff_t left, Draw& draw) const {
    const std::uint64_t *const end = words + 2 * blocks_, runs = runs_, refused = refused_;
    for (; words != end && left > 0; ++words) {
      std::uint64_t drawn[per_word], rest = *words;
      for (std::uint64_t& digit : drawn) {
        const UInt128 product = UInt128{0, rest} * UInt128{0, runs};
        digit = product.high;
        rest = product.low;
      }
      if (rest < refused) continue;  // else some digits would be more probable than others
      if (left >= per_word) {
        draw(drawn, per_word);
        left -= per_word;
      } else {
        draw(drawn, left);
        left = 0;
      }
    }
    return left;
  }

  Philox4x32::Key key_;
  std::uint64_t runs_;
  std::ptrdiff_t per_word_;
  std::uint64_t refused_;
  std::ptrdiff_t blocks_;
};

}  // namespace fastpg
