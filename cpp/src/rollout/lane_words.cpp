#include "fastpg/rollout/lane_words.hpp"

#include "fastpg/core/isa.hpp"

namespace fastpg {
namespace {

void fill(LaneStream stream, std::uint32_t first, Lane count, std::uint64_t step,
          std::uint32_t dimension, std::uint32_t* words, Lane stride) {
  for (Lane i = 0; i < count; ++i) {
    const auto block = stream.block(first + static_cast<std::uint32_t>(i), step, dimension);
    for (Lane j = 0; j < 4; ++j) words[j * stride + i] = block[j];
  }
}

}  // namespace

LaneWords::LaneWords(const LaneStream& stream, Lane first, Lane count, Lane size,
                     std::uint64_t first_step)
    : stream_(stream),
      first_(first),
      count_(count),
      size_(size),
      step_(first_step),
      words_(static_cast<std::size_t>(4 * size * count)) {
  renew();
}

void LaneWords::renew() {
  dispatch([this] {
    for (Lane k = 0; k < size_; ++k) {
      fill(stream_, static_cast<std::uint32_t>(first_), count_, step_,
           static_cast<std::uint32_t>(k), words_.data() + k * count_, size_ * count_);
    }
  });
}

}  // namespace fastpg
