#include "fastpg/rollout/storage.hpp"

#include <algorithm>
#include <functional>
#include <queue>

#include "fastpg/core/checks.hpp"

namespace fastpg {
namespace {

// Keeps the last observations of `count` environments. If they are few, or their states are large,
// they are taken one by one; else the states are gathered, as many at a time as fit a small part of
// the stack.
void observe_ends(VectorEnv& env, const Lane* lanes, Lane count, float* observations) {
  constexpr Lane most = 64, usual_size = 8, few = 2;
  double states[usual_size * most];
  const LaneBlock all = env.states();
  const Lane size = env.shape().state_size, width = env.shape().observation_size;
  if (count <= few || size > usual_size) {
    for (Lane j = 0; j < count; ++j) env.observe(lanes[j], observations + j * width);
    return;
  }
  for (Lane begin = 0; begin < count; begin += most) {
    const Lane some = std::min(most, count - begin);
    for (Lane j = 0; j < some; ++j) {
      for (Lane k = 0; k < size; ++k) {
        states[k * most + j] = all.component(k)[lanes[begin + j]];
      }
    }
    env.observe_rows(env.block(states, most, some, lanes + begin), observations + begin * width);
  }
}

template <class Resize>
void resize(RolloutStorage& s, Lane row_count, Resize&& to) {
  RolloutStorage::require_samples(row_count, s.columns);
  s.rows = row_count;
  const auto size = static_cast<std::size_t>(s.rows * s.columns);
  to(s.observations, size * static_cast<std::size_t>(s.observation_size));
  std::visit([&](auto& actions) { to(actions, size * static_cast<std::size_t>(s.action_size)); },
             s.actions);
  to(s.rewards, size);
  to(s.terminated, size);
  to(s.truncated, size);
  to(s.valid, size);
  to(s.allowed, size * static_cast<std::size_t>(s.mask_size));
  to(s.step_index, size);
}

}  // namespace

void EpisodeEnds::resize(std::size_t size, Lane observation_size) {
  row.resize(size);
  column.resize(size);
  final_observations.resize(size * static_cast<std::size_t>(observation_size));
  returns.resize(size);
  lengths.resize(size);
}

void EpisodeEnds::copy(std::size_t to, const EpisodeEnds& other, std::size_t from,
                       Lane observation_size) {
  row[to] = other.row[from];
  column[to] = other.column[from];
  returns[to] = other.returns[from];
  lengths[to] = other.lengths[from];
  std::copy_n(other.final_observations.data() + static_cast<Lane>(from) * observation_size,
              observation_size,
              final_observations.data() + static_cast<Lane>(to) * observation_size);
}

void end_episodes(VectorEnv& env, const Lane* lanes, const Lane* columns, Lane count, Lane row,
                  EpisodeEnds& ends) {
  const Lane size = env.shape().observation_size;
  const std::size_t filled = ends.count();
  ends.resize(filled + static_cast<std::size_t>(count), size);
  for (Lane j = 0; j < count; ++j) {
    const std::size_t at = filled + static_cast<std::size_t>(j);
    ends.row[at] = row;
    ends.column[at] = columns[j];
    ends.returns[at] = env.episode_return(lanes[j]);
    ends.lengths[at] = env.elapsed(lanes[j]);
  }
  observe_ends(env, lanes, count,
               ends.final_observations.data() + static_cast<Lane>(filled) * size);
  for (Lane j = 0; j < count; ++j) env.reset(lanes[j]);
}

EpisodeEnds in_order(std::vector<EpisodeEnds>&& parts, Lane observation_size) {
  if (parts.size() == 1) return std::move(parts.front());
  using Next = std::pair<std::int64_t, std::size_t>;  // row of the part's next end, and the part
  std::priority_queue<Next, std::vector<Next>, std::greater<>> next;
  std::vector<std::size_t> taken(parts.size(), 0);
  std::size_t count = 0;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    count += parts[p].count();
    if (parts[p].count() > 0) next.emplace(parts[p].row.front(), p);
  }
  EpisodeEnds out;
  out.resize(count, observation_size);
  for (std::size_t to = 0; !next.empty();) {
    const auto [row, p] = next.top();
    const EpisodeEnds& part = parts[p];
    std::size_t& from = taken[p];
    next.pop();
    while (from < part.count() && part.row[from] == row) {
      out.copy(to++, part, from++, observation_size);
    }
    if (from < part.count()) next.emplace(part.row[from], p);
  }
  return out;
}

ActionBuffer action_buffer(const Actor& actor, Lane lanes) {
  const auto size = static_cast<std::size_t>(lanes * actor.action_size());
  if (actor.discrete()) return Buffer<std::int32_t>(size);
  return Buffer<double>(size);
}

RolloutStorage::RolloutStorage(Lane column_count, const EnvironmentShape& shape, const Actor& actor)
    : columns(column_count),
      observation_size(shape.observation_size),
      action_size(actor.action_size()),
      several(shape.several),
      mask_size(shape.mask_size()),
      actions(action_buffer(actor, 0)) {
  require(columns <= most_samples, {"rollout: expected at most 2^48 columns, got ", columns});
  last_observations.resize(static_cast<std::size_t>(columns * observation_size), 0.0f);
  last_step_index.resize(static_cast<std::size_t>(columns), 0);
}

void RolloutStorage::require_samples(Lane row_count, Lane column_count) {
  require(row_count <= most_samples / column_count,
          {"rollout: expected at most 2^48 samples, got ", row_count, " x ", column_count});
}

void RolloutStorage::grow(Lane row_count) {
  if (row_count <= rows) return;
  resize(*this, row_count, [](auto& values, std::size_t size) { values.resize(size, {}); });
}

void RolloutStorage::allocate(Lane row_count) {
  resize(*this, row_count, [](auto& values, std::size_t size) { values.resize(size); });
}

void RolloutStorage::record_action(Lane row, Lane column, const ActionBuffer& from, Lane entry) {
  std::visit(
      [&]<class Values>(Values& values) {
        std::copy_n(std::get<Values>(from).data() + entry * action_size, action_size,
                    values.data() + flat(row, column) * action_size);
      },
      actions);
}

void RolloutStorage::record_last(VectorEnv& env, Lane lane, Lane column) {
  env.observe(lane, last_observations.data() + column * observation_size);
  last_step_index[static_cast<std::size_t>(column)] = env.elapsed(lane);
}

void RolloutStorage::finish(std::vector<EpisodeEnds>&& parts, Lane steps) {
  ends = in_order(std::move(parts), observation_size);
  sample_count = steps * columns;
  step_count = steps;
}

}  // namespace fastpg
