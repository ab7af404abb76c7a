// The ends of episodes within a rollout, and what is left to do there: keep the last observation,
// start the next episode.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
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

  void resize(std::size_t size, Lane observation_size) {
    row.resize(size);
    column.resize(size);
    final_observations.resize(size * static_cast<std::size_t>(observation_size));
    returns.resize(size);
    lengths.resize(size);
  }

  void copy(std::size_t to, const EpisodeEnds& other, std::size_t from, Lane observation_size) {
    row[to] = other.row[from];
    column[to] = other.column[from];
    returns[to] = other.returns[from];
    lengths[to] = other.lengths[from];
    std::copy_n(other.final_observations.data() + static_cast<Lane>(from) * observation_size,
                observation_size,
                final_observations.data() + static_cast<Lane>(to) * observation_size);
  }
};

// Keeps the last observations of `count` lanes.
inline void observe_ends(VectorEnv& env, const Lane* lanes, Lane count, float* observations) {
  constexpr Lane most = 64;  // at a time, whose states fit a little of the stack
  double states[most_state_size * most];
  const LaneBlock all = env.states();
  for (Lane begin = 0; begin < count; begin += most) {
    const Lane some = std::min(most, count - begin);
    for (Lane j = 0; j < some; ++j) {
      for (Lane k = 0; k < env.shape().state_size; ++k) {
        states[k * most + j] = all.component(k)[lanes[begin + j]];
      }
    }
    env.observe_rows(env.block(states, most, some, lanes + begin),
                     observations + begin * env.shape().observation_size);
  }
}

// Books the ends of `count` lanes and starts their next episodes. column_of(lane): where the
// rollout has it.
template <class ColumnOf>
void end_episodes(VectorEnv& env, const Lane* lanes, Lane count, Lane row, ColumnOf&& column_of,
                  EpisodeEnds& ends) {
  const Lane size = env.shape().observation_size;
  const std::size_t filled = ends.count();
  ends.resize(filled + static_cast<std::size_t>(count), size);
  for (Lane j = 0; j < count; ++j) {
    const std::size_t at = filled + static_cast<std::size_t>(j);
    ends.row[at] = row;
    ends.column[at] = column_of(lanes[j]);
    ends.returns[at] = env.episode_return(lanes[j]);
    ends.lengths[at] = env.elapsed(lanes[j]);
  }
  observe_ends(env, lanes, count,
               ends.final_observations.data() + static_cast<Lane>(filled) * size);
  for (Lane j = 0; j < count; ++j) env.reset(lanes[j]);
}

// The ends of consecutive parts of the lanes, by row and then by column.
inline EpisodeEnds in_order(std::vector<EpisodeEnds>&& parts, Lane rows, Lane observation_size) {
  if (parts.size() == 1) return std::move(parts.front());
  std::vector<std::size_t> place(static_cast<std::size_t>(rows + 1), 0);
  for (const EpisodeEnds& part : parts) {
    for (const std::int64_t row : part.row) ++place[static_cast<std::size_t>(row + 1)];
  }
  std::partial_sum(place.begin(), place.end(), place.begin());
  EpisodeEnds out;
  out.resize(place.back(), observation_size);
  for (const EpisodeEnds& part : parts) {
    for (std::size_t k = 0; k < part.count(); ++k) {
      out.copy(place[static_cast<std::size_t>(part.row[k])]++, part, k, observation_size);
    }
  }
  return out;
}

}  // namespace fastpg
