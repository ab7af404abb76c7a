// The order of samples in an epoch.
#pragma once

#include <numeric>
#include <utility>
#include <vector>

#include "fastpg/core/interruption.hpp"
#include "fastpg/core/philox.hpp"
#include "fastpg/core/types.hpp"

namespace fastpg {

// A permutation of 0 … n-1 that depends on (stream, epoch) alone.
inline void shuffle(std::vector<Index>& order, const LaneStream& stream, std::uint64_t epoch) {
  std::iota(order.begin(), order.end(), Index{0});
  const auto lane = static_cast<std::uint32_t>(epoch);
  const std::uint64_t first = (epoch >> 32) << 40;
  Philox4x32::Counter block{};
  Pace pace(32.0);
  for (std::size_t i = order.size(); i > 1; --i) {
    if (i == order.size() || (i & 3) == 3) {
      block = stream.block(lane, first + i);  // of four
      pace.turn();
    }
    const double u = to_uniform(block[i & 3]);
    std::swap(order[i - 1], order[static_cast<std::size_t>(u * static_cast<double>(i))]);
  }
}

}  // namespace fastpg
