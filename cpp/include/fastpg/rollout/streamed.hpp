// Collecting and second order in one pass: blocks of lanes whose whole window of steps stays in the
// second cache are stepped, valued, and summed up; a block's trajectory is then overwritten by the
// next one's. Blocks, and the chunks of blocks that threads share out, depend on sizes alone.
#pragma once

#include <cmath>
#include <utility>
#include <vector>

#include "fastpg/estimators/following_values.hpp"
#include "fastpg/estimators/gae.hpp"
#include "fastpg/estimators/statistics.hpp"
#include "fastpg/policies/blocks.hpp"
#include "fastpg/policies/categorical_head.hpp"
#include "fastpg/policies/gaussian_head.hpp"
#include "fastpg/policies/score_sums.hpp"
#include "fastpg/rollout/collect_steps.hpp"
#include "fastpg/solvers/ridge.hpp"

namespace fastpg {

struct StreamSettings {
  Lane steps;
  double gamma;
  double gae_lambda;
  const double* value_weights;  // of the linear baseline; nullptr for values of 0
  bool value_time;              // whether its features see the time
  bool value_moments;           // whether to gather what its next fit needs
};

struct StreamedStatistics {
  const char* not_finite = nullptr;  // the first quantity that is not
  std::int64_t samples = 0;
  Vector gradient;    // mean of A grad ln pi
  Vector mean_score;  // mean of grad ln pi
  double advantage_mean = 0.0;
  double advantage_std = 0.0;  // 0 where they are constant but for rounding errors
  Matrix fisher;
  double entropy = 0.0;
  Comoments value_moments{0};  // of (value features, A + V)
  EpisodeEnds ends;
};

// The head of an actor's distribution, and the parameters of its own.
inline CategoricalHead head_of(const SoftmaxActor& actor) {
  return CategoricalHead({actor.linear().outputs()});
}
inline GaussianHead head_of(const GaussianActor& actor) {
  return GaussianHead(actor.linear().outputs());
}
inline const double* own_parameters(const SoftmaxActor&) { return nullptr; }
inline const double* own_parameters(const GaussianActor& actor) { return actor.log_sigma().data(); }

// Lanes of a block: as many as fit the second cache, but enough blocks for several threads.
inline Lane lanes_of_a_block(Lane lanes, Lane steps, Lane bytes_a_sample) {
  constexpr Lane window_bytes = Lane{9} << 17, least_samples = 4096, most_blocks_needed = 16;
  const auto eights = [](Lane count) { return (count + 7) / 8 * 8; };
  const Lane fitting = window_bytes / bytes_a_sample / steps / 8 * 8;
  const Lane worth_while =
      std::max(eights(lanes / most_blocks_needed), eights(least_samples / steps));
  return std::clamp(std::min(fitting, worth_while), Lane{8}, VectorEnv::lanes_a_task);
}

// The window of a block of lanes, and what is estimated over it.
template <class Actor>
class StreamedWindow {
 public:
  using Storage = RolloutStorage<typename Actor::Action>;

  StreamedWindow(const VectorEnv& env, const Actor& actor, const StreamSettings& settings,
                 Lane lanes)
      : settings_(settings), storage_(lanes, env.shape().observation_size, actor.action_size()) {}

  static Lane bytes_a_sample(const VectorEnv& env, const Actor& actor) {
    constexpr Lane others = 5 * sizeof(double) + sizeof(std::int32_t) + 4;
    return env.shape().observation_size * static_cast<Lane>(sizeof(float)) +
           actor.action_size() * static_cast<Lane>(sizeof(typename Actor::Action)) + others;
  }

  void collect(VectorEnv& env, const Actor& actor, const LaneStream& stream,
               std::uint64_t first_step, Lane begin, Lane count) {
    storage_.first_lane = begin;
    storage_.columns = count;
    storage_.allocate(settings_.steps);
    ends_ = collect_lanes(env, actor, stream, first_step, settings_.steps, begin, count, storage_);
  }

  // V(s_t), advantages and value targets; the name of what is not finite, or nullptr.
  const char* estimate() {
    const auto size = static_cast<std::size_t>(count());
    for (auto* const column : {&values_, &following_, &advantages_, &targets_})
      column->resize(size);
    if (!predict()) return "values";
    ended_.resize(size);
    for (std::size_t i = 0; i < size; ++i)
      ended_[i] = storage_.terminated[i] | storage_.truncated[i];
    const GaeArrays arrays{shape(),
                           storage_.rewards.data(),
                           values_.data(),
                           following_.data(),
                           storage_.terminated.data(),
                           ended_.data(),
                           advantages_.data(),
                           targets_.data()};
    return gae(arrays, settings_.gamma, settings_.gae_lambda, 1) ? nullptr : "advantages";
  }

  Lane count() const { return shape().size(); }
  const Storage& storage() const { return storage_; }
  const double* advantages() const { return advantages_.data(); }
  const double* targets() const { return targets_.data(); }
  EpisodeEnds take_ends() { return std::move(ends_); }

  ValueSamples<std::int32_t> samples() const {
    return {storage_.observations.data(), storage_.step_index.data(), count(),
            storage_.observation_size, settings_.value_time};
  }

 private:
  TimeByLane shape() const { return {storage_.rows, storage_.columns}; }

  template <class Step>
  bool predict_into(const ValueSamples<Step>& samples, Buffer<double>& values) const {
    values.resize(static_cast<std::size_t>(samples.count));
    if (settings_.value_weights == nullptr) {
      std::fill(values.begin(), values.end(), 0.0);
      return true;
    }
    return value_predict(samples, settings_.value_weights, 1, values.data());
  }

  bool predict() {
    const Lane d = storage_.observation_size;
    const auto end_count = static_cast<Lane>(ends_.count());
    const ValueSamples<std::int64_t> last{storage_.last_observations.data(),
                                          storage_.last_step_index.data(), storage_.columns, d,
                                          settings_.value_time};
    const ValueSamples<std::int64_t> final{ends_.final_observations.data(), ends_.lengths.data(),
                                           end_count, d, settings_.value_time};
    if (!predict_into(samples(), values_) || !predict_into(last, last_values_) ||
        !predict_into(final, end_values_)) {
      return false;
    }
    end_columns_.resize(ends_.count());
    for (std::size_t k = 0; k < ends_.count(); ++k) {
      end_columns_[k] = ends_.column[k] - storage_.first_lane;
    }
    const EndValues ends{end_count, ends_.row.data(), end_columns_.data(), end_values_.data()};
    return following_values(shape(), values_.data(), last_values_.data(), ends, following_.data());
  }

  const StreamSettings& settings_;
  Storage storage_;
  EpisodeEnds ends_;
  Buffer<double> values_;
  Buffer<double> following_;  // V of what really followed
  Buffer<double> advantages_;
  Buffer<double> targets_;
  Buffer<std::uint8_t> ended_;
  Buffer<double> last_values_;
  Buffer<double> end_values_;
  Buffer<std::int64_t> end_columns_;
};

// What a chunk of blocks adds up to.
struct StreamedChunk {
  const char* not_finite = nullptr;
  Buffer<double> sums;
  Comoments advantages{1};
  Comoments value_moments{0};
};

template <class Actor>
class StreamedCollection {
 public:
  using Head = decltype(head_of(std::declval<const Actor&>()));
  using Storage = RolloutStorage<typename Actor::Action>;

  // kept: where the trajectory goes, or nullptr.
  StreamedCollection(VectorEnv& env, const Actor& actor, const StreamSettings& settings,
                     Storage* kept)
      : env_(env),
        actor_(actor),
        settings_(settings),
        kept_(kept),
        head_(head_of(actor)),
        sums_(head_, actor.linear().map().size()),
        block_(lanes_of_a_block(env.num_envs(), settings.steps,
                                StreamedWindow<Actor>::bytes_a_sample(env, actor))),
        blocks_((env.num_envs() - 1) / block_ + 1) {
    if (kept != nullptr) kept->allocate(settings.steps);
  }

  StreamedStatistics run(const LaneStream& stream, std::uint64_t first_step, int threads) {
    env_.reset_ended();
    const Chunks chunks = Chunks::of(blocks_, block_ * settings_.steps, sums_.size());
    std::vector<StreamedChunk> parts(static_cast<std::size_t>(chunks.count));
    std::vector<EpisodeEnds> ends(static_cast<std::size_t>(blocks_));
    const double operations = 100.0 * static_cast<double>(samples());
    chunks.run(threads, operations, [&](Lane chunk) {
      StreamedChunk& part = parts[static_cast<std::size_t>(chunk)];
      part.sums.assign(static_cast<std::size_t>(sums_.size()), 0.0);
      part.value_moments = Comoments(value_features());
      StreamedWindow<Actor> window(env_, actor_, settings_, block_);
      ScorePieces<Head> pieces(sums_);
      for (Lane b = chunks.begin(chunk); b < chunks.end(chunk); ++b) {
        const Lane begin = b * block_;
        window.collect(env_, actor_, stream, first_step, begin,
                       std::min(block_, env_.num_envs() - begin));
        if (part.not_finite == nullptr) part.not_finite = add(window, pieces, part);
        if (kept_ != nullptr) kept_->place(window.storage());
        ends[static_cast<std::size_t>(b)] = window.take_ends();
      }
    });
    return total(parts, std::move(ends));
  }

 private:
  std::int64_t samples() const { return settings_.steps * env_.num_envs(); }
  Lane value_features() const {
    if (!settings_.value_moments) return 0;
    return ValueFeatures::size(env_.shape().observation_size, settings_.value_time);
  }

  const char* add(StreamedWindow<Actor>& window, ScorePieces<Head>& pieces,
                  StreamedChunk& to) const {
    if (const char* const fault = window.estimate(); fault != nullptr) return fault;
    const double* const advantages = window.advantages();
    const auto copy = [&](Lane first, Lane count, Lane, double* column) {
      std::copy_n(advantages + first, count, column);
      return std::uint64_t{0};
    };
    if (!to.advantages.add(window.count(), 1.0, 1, copy)) return "advantages";
    add_scores(window, pieces, to.sums.data());
    if (!settings_.value_moments) return nullptr;
    const bool good = add_targets(to.value_moments, window.samples(), window.targets(), 1.0, 1);
    return good ? nullptr : "value targets";
  }

  void add_scores(const StreamedWindow<Actor>& window, ScorePieces<Head>& pieces,
                  double* to) const {
    constexpr Lane most = ScorePieces<Head>::most;
    const Storage& s = window.storage();
    const FeatureMap& map = actor_.linear().map();
    Buffer<float> components(static_cast<std::size_t>(s.observation_size * most));
    Buffer<double> scratch(static_cast<std::size_t>(map.scratch_size() * most));
    Pace pace(static_cast<double>(most) * static_cast<double>(sums_.size()));
    for (Lane first = 0; first < window.count(); first += most, pace.turn()) {
      const Lane count = std::min(most, window.count() - first);
      dispatch([&] {
        to_components(s.observations.data() + first * s.observation_size, count, s.observation_size,
                      most, components.data());
        map.block(components.data(), most, s.step_index.data() + first, count, most, scratch.data(),
                  pieces.features());
        actor_.linear().apply(pieces.features(), most, count, pieces.outputs());
      });
      pieces.add(own_parameters(actor_), s.actions.data() + first * s.action_size,
                 window.advantages() + first, count, to);
    }
  }

  StreamedStatistics total(std::vector<StreamedChunk>& parts, std::vector<EpisodeEnds>&& ends) {
    StreamedStatistics out;
    StreamedChunk& all = parts.front();
    for (const StreamedChunk& part : parts) {
      if (out.not_finite == nullptr) out.not_finite = part.not_finite;
    }
    for (std::size_t k = 1; k < parts.size() && out.not_finite == nullptr; ++k) {
      for (std::size_t j = 0; j < all.sums.size(); ++j) all.sums[j] += parts[k].sums[j];
      if (!all.advantages.merge(parts[k].advantages, 1.0)) out.not_finite = "advantages";
      if (!all.value_moments.merge(parts[k].value_moments, 1.0)) out.not_finite = "value targets";
    }
    if (kept_ != nullptr) {
      kept_->finish(std::move(ends));
      out.ends = kept_->ends;
    } else {
      out.ends = in_order(std::move(ends), settings_.steps, env_.shape().observation_size);
    }
    if (out.not_finite == nullptr) finish(all, out);
    return out;
  }

  void finish(StreamedChunk& all, StreamedStatistics& out) const {
    const double n = static_cast<double>(samples());
    out.samples = samples();
    out.gradient = sums_.gradient(all.sums.data(), n);
    out.mean_score = sums_.mean_score(all.sums.data(), n);
    out.fisher = sums_.fisher(all.sums.data(), n);
    out.entropy = all.sums.back() / n;
    out.advantage_mean = all.advantages.mean[0];
    const double std = std::sqrt(all.advantages.comoment(0, 0) / n);
    out.advantage_std = Spread{std, std::abs(out.advantage_mean)}.is_constant() ? 0.0 : std;
    out.value_moments = std::move(all.value_moments);
    if (!out.gradient.allFinite() || !out.mean_score.allFinite()) {
      out.not_finite = "gradient";
    } else if (!out.fisher.allFinite() || !std::isfinite(out.entropy)) {
      out.not_finite = "fisher";
    }
  }

  VectorEnv& env_;
  const Actor& actor_;
  const StreamSettings& settings_;
  Storage* kept_;
  Head head_;
  ScoreSums<Head> sums_;
  Lane block_;   // lanes
  Lane blocks_;  // in all
};

// `steps` steps of every lane and what they amount to, lanes and random numbers as collect_steps
// has them. Where something is not finite, and where it throws, the environment is left as it was.
template <class Actor>
StreamedStatistics collect_statistics(VectorEnv& env, const Actor& actor, const LaneStream& stream,
                                      std::uint64_t first_step, const StreamSettings& settings,
                                      int threads, RolloutStorage<typename Actor::Action>* kept) {
  StreamedStatistics out = env.or_unchanged([&] {
    StreamedCollection<Actor> collection(env, actor, settings, kept);
    return collection.run(stream, first_step, threads);
  });
  if (out.not_finite != nullptr) env.undo();
  return out;
}

}  // namespace fastpg
