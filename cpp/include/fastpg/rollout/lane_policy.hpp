// Policies as the inside of a rollout sees them: observations of some lanes in, actions out. Each
// owns a copy of its parameters, so that nobody can change them meanwhile. What an actor writes
// beside its result lies in a Scratch, one for each thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/normal.hpp"
#include "fastpg/core/philox.hpp"
#include "fastpg/envs/kernel.hpp"
#include "fastpg/features/feature_map.hpp"
#include "fastpg/policies/categorical.hpp"

namespace fastpg {

// What an actor sees of `count` lanes.
struct LaneView {
  const float* observations;  // number k of lane i at [k * observations_stride + i]
  Lane observations_stride;
  const std::int64_t* step_index;  // (count,)
  const std::uint32_t* words;      // random word k of lane i at [k * words_stride + i]
  Lane words_stride;
  Lane count;

  LaneView part(Lane begin, Lane length) const {
    return {observations + begin, observations_stride, step_index + begin,
            words + begin,        words_stride,        length};
  }
};

// phi(s, h)^T W, so many lanes at a time that their features stay in the first cache.
class LinearLanes {
 public:
  struct Scratch {
    Lane stride;
    std::vector<double> inputs;
    std::vector<double> features;
    std::vector<double> values;  // output a of lane i at [a * stride + i]
  };

  // weights: row-major (map.size(), outputs).
  LinearLanes(FeatureMap map, std::vector<double> weights, Lane outputs)
      : map_(std::move(map)), weights_(std::move(weights)), outputs_(outputs) {
    require_size("parameters", static_cast<Lane>(weights_.size()), map_.size() * outputs);
    require_finite("parameters", weights_.data(), static_cast<Lane>(weights_.size()));
  }

  Lane observation_size() const { return map_.observation_size(); }
  Lane outputs() const { return outputs_; }
  const FeatureMap& map() const { return map_; }
  // Of a step of one lane, roughly: see Pace.
  double operations() const {
    return 64.0 + static_cast<double>(map_.size()) * static_cast<double>(map_.inputs() + outputs_);
  }

  // Output a of each sample at out[a * stride], from feature k at features[k * stride]. Run it in
  // dispatch().
  void apply(const double* features, Lane stride, Lane count, double* out) const {
    for (Lane a = 0; a < outputs_; ++a) {
      sum(features, stride, count, weights_.data() + a, out + a * stride);
    }
  }

  // For up to `most` lanes.
  Scratch scratch(Lane most) const {
    const Lane a_lane = map_.scratch_size() + map_.size() + outputs_;
    const Lane lanes = std::clamp(most, Lane{1}, std::max(Lane{8}, 8192 / a_lane / 8 * 8));
    const Lane stride = lanes + 8;  // rows a power of two apart would meet in the same cache lines
    const auto doubles = [stride](Lane rows) {
      return std::vector<double>(static_cast<std::size_t>(rows * stride));
    };
    return {stride, doubles(map_.scratch_size()), doubles(map_.size()), doubles(outputs_)};
  }

  // Calls use(part, begin) for consecutive parts of the lanes, their values in scratch.values.
  template <class Use>
  void for_parts(LaneView lanes, Scratch& scratch, Use&& use) const {
    const Lane most = scratch.stride - 8;
    for (Lane begin = 0; begin < lanes.count; begin += most) {
      const LaneView part = lanes.part(begin, std::min(most, lanes.count - begin));
      map_.block(part.observations, part.observations_stride, part.step_index, part.count,
                 scratch.stride, scratch.inputs.data(), scratch.features.data());
      apply(scratch.features.data(), scratch.stride, part.count, scratch.values.data());
      use(part, begin);
      checkpoint_after(static_cast<double>(part.count) * operations());
    }
  }

 private:
  // values[i] = sum_k w_k f_k[i], in the order of k, four to a pass.
  void sum(const double* features, Lane stride, Lane count, const double* weights,
           double* __restrict values) const {
    std::fill_n(values, count, 0.0);
    Lane k = 0;
    for (; k + 4 <= map_.size(); k += 4) {
      const double w0 = weights[k * outputs_], w1 = weights[(k + 1) * outputs_];
      const double w2 = weights[(k + 2) * outputs_], w3 = weights[(k + 3) * outputs_];
      const double* const f = features + k * stride;
      for (Lane i = 0; i < count; ++i) {
        values[i] = (((values[i] + f[i] * w0) + f[stride + i] * w1) + f[2 * stride + i] * w2) +
                    f[3 * stride + i] * w3;
      }
    }
    for (; k < map_.size(); ++k) {
      const double w = weights[k * outputs_];
      const double* const f = features + k * stride;
      for (Lane i = 0; i < count; ++i) values[i] += f[i] * w;
    }
  }

  FeatureMap map_;
  std::vector<double> weights_;
  Lane outputs_;
};

// Draws from a softmax of linear logits.
class SoftmaxActor {
 public:
  using Action = std::int32_t;

  struct Scratch {
    LinearLanes::Scratch linear;
    std::vector<double> left;  // of the uniform number, while actions are passed by
  };

  SoftmaxActor(FeatureMap map, std::vector<double> theta, std::int32_t n_actions,
               bool deterministic)
      : logits_(std::move(map), std::move(theta), n_actions), deterministic_(deterministic) {}

  const LinearLanes& linear() const { return logits_; }
  Lane observation_size() const { return logits_.observation_size(); }
  Lane action_size() const { return 1; }
  bool fits(const EnvironmentShape& shape) const { return shape.action_count == logits_.outputs(); }

  Scratch scratch(Lane most) const {
    auto linear = logits_.scratch(most);
    const auto stride = static_cast<std::size_t>(linear.stride);
    return {std::move(linear), std::vector<double>(2 * stride)};
  }

  void act(LaneView lanes, Scratch& scratch, Action* actions) const {
    dispatch([&] {
      logits_.for_parts(lanes, scratch.linear, [&](LaneView part, Lane begin) {
        double* const values = scratch.linear.values.data();
        const Lane stride = scratch.linear.stride;
        if (deterministic_) {
          largest(values, stride, logits_.outputs(), part.count, scratch.left.data(),
                  actions + begin);
        } else {
          sample_categorical(values, stride, logits_.outputs(), part.count, part.words,
                             scratch.left.data(), actions + begin);
        }
      });
    });
  }

  // What the environment gets for some actions.
  ActionsView sent(const Action* actions, Lane, Scratch&) const { return actions; }

 private:
  LinearLanes logits_;
  bool deterministic_;
};

// Draws from a Gaussian of linear mean. Actions are recorded as drawn; the environment gets them
// clipped to [low, high] and rounded to float32, the dtype of its action space.
class GaussianActor {
 public:
  using Action = double;

  struct Scratch {
    LinearLanes::Scratch linear;
    std::vector<double> normal;
    std::vector<float> sent;
  };

  // theta: W (map.size(), m) in C order, then ln sigma (m,); low, high: (m,).
  GaussianActor(FeatureMap map, const std::vector<double>& theta, std::vector<double> low,
                std::vector<double> high, bool deterministic)
      : mean_(std::move(map), weights(theta, low.size()), static_cast<Lane>(low.size())),
        low_(std::move(low)),
        high_(std::move(high)),
        deterministic_(deterministic) {
    require_size("high", static_cast<Lane>(high_.size()), action_size());
    for (std::size_t k = 0; k < low_.size(); ++k) {
      require(low_[k] <= high_[k], "low, high: expected low <= high");
      sigma_.push_back(std::exp(theta[theta.size() - low_.size() + k]));
    }
    require_finite("sigma", sigma_.data(), action_size());
  }

  const LinearLanes& linear() const { return mean_; }
  Lane observation_size() const { return mean_.observation_size(); }
  Lane action_size() const { return static_cast<Lane>(low_.size()); }
  bool fits(const EnvironmentShape& shape) const {
    return shape.action_count == 0 && shape.action_size == action_size();
  }

  Scratch scratch(Lane most) const {
    auto linear = mean_.scratch(most);
    const auto stride = static_cast<std::size_t>(linear.stride);
    return {std::move(linear), std::vector<double>(stride),
            std::vector<float>(static_cast<std::size_t>(most * action_size()))};
  }

  void act(LaneView lanes, Scratch& scratch, Action* actions) const {
    dispatch([&] {
      mean_.for_parts(lanes, scratch.linear, [&](LaneView part, Lane begin) {
        const Lane size = action_size();
        double* const normal = scratch.normal.data();
        std::fill_n(normal, part.count, 0.0);
        for (Lane k = 0; k < size; ++k) {
          if (!deterministic_) {
            draw_normal(part.words + k * part.words_stride, part.count, normal);
          }
          const double* const mean = scratch.linear.values.data() + k * scratch.linear.stride;
          Action* const out = actions + begin * size + k;
          for (Lane i = 0; i < part.count; ++i) out[i * size] = mean[i] + sigma_[k] * normal[i];
        }
      });
    });
  }

  ActionsView sent(const Action* actions, Lane count, Scratch& scratch) const {
    for (Lane i = 0, at = 0; i < count; ++i) {
      for (Lane k = 0; k < action_size(); ++k, ++at) {
        scratch.sent[at] = static_cast<float>(std::min(std::max(actions[at], low_[k]), high_[k]));
      }
    }
    return scratch.sent.data();
  }

 private:
  static std::vector<double> weights(const std::vector<double>& theta, std::size_t size) {
    require(size >= 1 && theta.size() > size, "parameters: expected more than one row");
    return {theta.begin(), theta.end() - static_cast<Lane>(size)};
  }

  static void draw_normal(const std::uint32_t* words, Lane count, double* out) {
    for (Lane i = 0; i < count; ++i) out[i] = to_uniform(words[i]);
    normal_quantiles(out, count);
  }

  LinearLanes mean_;
  std::vector<double> low_;
  std::vector<double> high_;
  std::vector<double> sigma_;
  bool deterministic_;
};

}  // namespace fastpg
