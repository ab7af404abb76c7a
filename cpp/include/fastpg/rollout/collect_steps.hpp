// Rollouts by steps, (T, N), episodes running over. Lanes reset in the step that ends their
// episode, after the last observation was kept.
#pragma once

#include "fastpg/core/philox.hpp"
#include "fastpg/rollout/storage.hpp"

namespace fastpg {

// `steps` steps of every lane. Storage has one column a lane. Where it throws, the environment is
// left as it was.
void collect_steps(VectorEnv& env, const Actor& actor, const LaneStream& stream,
                   std::uint64_t first_step, Lane steps, int threads, RolloutStorage& out);

}  // namespace fastpg
