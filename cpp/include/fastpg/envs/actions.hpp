// Discrete actions as Python has them into those that kernels take.
#pragma once

#include <cstdint>

#include "fastpg/envs/environment.hpp"

namespace fastpg {

// True where all are in [0, limit); the others become -1.
bool narrow_actions(const std::int64_t* from, Lane size, std::int32_t limit, std::int32_t* to);

}  // namespace fastpg
