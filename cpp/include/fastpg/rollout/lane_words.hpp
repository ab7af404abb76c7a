// Random words for lanes that all stand at the same step.
#pragma once

#include <cstdint>
#include <vector>

#include "fastpg/core/isa.hpp"
#include "fastpg/core/philox.hpp"
#include "fastpg/envs/environment.hpp"

namespace fastpg {

// Words of the lanes first … first + count - 1, `size` of them a lane and step; a block of Philox
// serves four steps.
class LaneWords {
 public:
  LaneWords(const LaneStream& stream, Lane first, Lane count, Lane size, std::uint64_t first_step)
      : stream_(stream),
        first_(first),
        count_(count),
        size_(size),
        step_(first_step),
        words_(static_cast<std::size_t>(4 * size * count)) {
    renew();
  }

  // Word k of lane first + i at [k * count + i].
  const std::uint32_t* now() const {
    return words_.data() + static_cast<Lane>(step_ & 3) * size_ * count_;
  }

  void next_step() {
    if ((++step_ & 3) == 0) renew();
  }

 private:
  void renew() {
    dispatch([this] {
      for (Lane k = 0; k < size_; ++k) {
        fill(stream_, static_cast<std::uint32_t>(first_), count_, step_,
             static_cast<std::uint32_t>(k), words_.data() + k * count_, size_ * count_);
      }
    });
  }

  static void fill(LaneStream stream, std::uint32_t first, Lane count, std::uint64_t step,
                   std::uint32_t dimension, std::uint32_t* words, Lane stride) {
    for (Lane i = 0; i < count; ++i) {
      const auto block = stream.block(first + static_cast<std::uint32_t>(i), step, dimension);
      for (Lane j = 0; j < 4; ++j) words[j * stride + i] = block[j];
    }
  }

  LaneStream stream_;
  Lane first_;
  Lane count_;
  Lane size_;
  std::uint64_t step_;
  std::vector<std::uint32_t> words_;
};

}  // namespace fastpg
