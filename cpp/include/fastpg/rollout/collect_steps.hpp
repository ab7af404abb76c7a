// Rollouts by steps, (T, N); episodes may continue in the next rollout. An environment is reset in
// the step that ends its episode, after its last observation was kept.
#pragma once

#include "fastpg/core/philox.hpp"
#include "fastpg/rollout/storage.hpp"

namespace fastpg {

// `steps` steps of every environment. Storage has one column for each environment. Where it throws,
// the environment is left as it was.
void collect_steps(VectorEnv& env, const Actor& actor, const LaneStream& stream,
                   std::uint64_t first_step, Lane steps, int threads, RolloutStorage& out);

// The same steps, of which the storage keeps the ends of episodes and what follows the last step.
void play_steps(VectorEnv& env, const Actor& actor, const LaneStream& stream,
                std::uint64_t first_step, Lane steps, int threads, RolloutStorage& out);

}  // namespace fastpg
