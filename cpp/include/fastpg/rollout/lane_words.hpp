// Random words for environments that are all at the same step.
#pragma once

#include <cstdint>
#include <vector>

#include "fastpg/core/philox.hpp"
#include "fastpg/envs/environment.hpp"

namespace fastpg {

// Words of the environments first … first + count - 1, `size` of them for each environment and
// step; a block of Philox serves four steps.
class LaneWords {
 public:
  LaneWords(const LaneStream& stream, Lane first, Lane count, Lane size, std::uint64_t first_step);

  // Word k of environment first + i at [k * count + i].
  const std::uint32_t* now() const {
    return words_.data() + static_cast<Lane>(step_ & 3) * size_ * count_;
  }

  void next_step() {
    if ((++step_ & 3) == 0) renew();
  }

 private:
  void renew();

  LaneStream stream_;
  Lane first_;
  Lane count_;
  Lane size_;
  std::uint64_t step_;
  std::vector<std::uint32_t> words_;
};

}  // namespace fastpg
