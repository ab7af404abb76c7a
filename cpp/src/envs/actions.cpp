#include "fastpg/envs/actions.hpp"

#include "fastpg/core/isa.hpp"

namespace fastpg {
namespace {

bool narrow(const std::int64_t* __restrict from, Lane size, std::int64_t limit,
            std::int32_t* __restrict to) {
  std::int64_t bad = 0;
  for (Lane i = 0; i < size; ++i) {
    const bool inside = from[i] >= 0 && from[i] < limit;
    to[i] = inside ? static_cast<std::int32_t>(from[i]) : -1;
    bad += inside ? 0 : 1;
  }
  return bad == 0;
}

}  // namespace

bool narrow_actions(const std::int64_t* from, Lane size, std::int32_t limit, std::int32_t* to) {
  return dispatch([&] { return narrow(from, size, limit, to); });
}

}  // namespace fastpg
