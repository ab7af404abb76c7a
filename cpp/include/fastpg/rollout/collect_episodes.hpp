// Rollouts by whole episodes, the lecture's trajectories, one a column.
#pragma once

#include "fastpg/core/philox.hpp"
#include "fastpg/rollout/storage.hpp"

namespace fastpg {

// Environment i plays episodes i, i + N, i + 2N, …, which no length of an episode can bias. Stops,
// incomplete, before more than max_samples are taken. Where it throws, as where the episodes do not
// fit the memory, the environment is left as it was.
void collect_episodes(VectorEnv& env, const Actor& actor, const LaneStream& stream,
                      std::uint64_t first_step, std::int64_t max_samples, RolloutStorage& out);

}  // namespace fastpg
