// The ends of episodes within a rollout, and what is left to do there: keep the last observation,
// start the next episode.
#pragma once

#include <cstdint>
#include <vector>

#include "fastpg/core/memory.hpp"
#include "fastpg/envs/vector_env.hpp"

namespace fastpg {

struct EpisodeEnds {
  Buffer<std::int64_t> row;
  Buffer<std::int64_t> column;
  Buffer<float> final_observations;  // (K, observation_size)
  Buffer<double> returns;
  Buffer<std::int64_t> lengths;

  std::size_t count() const { return row.size(); }
  void resize(std::size_t size, Lane observation_size);
  void copy(std::size_t to, const EpisodeEnds& other, std::size_t from, Lane observation_size);
};

// Records the ends of episodes of `count` environments, in these columns of the rollout, and starts
// their next episodes.
void end_episodes(VectorEnv& env, const Lane* lanes, const Lane* columns, Lane count, Lane row,
                  EpisodeEnds& ends);

// The ends of consecutive parts of the environments, by row and then by column.
EpisodeEnds in_order(std::vector<EpisodeEnds>&& parts, Lane observation_size);

}  // namespace fastpg
