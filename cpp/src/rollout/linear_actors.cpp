#include "fastpg/rollout/linear_actors.hpp"

#include <algorithm>
#include <cmath>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/normal.hpp"
#include "fastpg/rollout/draw_categorical.hpp"

namespace fastpg {

// Actions of a softmax. out: (count,) for all environments; those of a part start at `begin`.
struct ChooseActions {
  Lane n_actions;
  bool deterministic;
  std::int32_t* out;

  void operator()(LaneView part, Lane begin, LinearLanes::Scratch& scratch) const {
    double* const values = scratch.values.data();
    if (deterministic) {
      largest(values, scratch.stride, n_actions, part.count, scratch.draws.data(), out + begin);
    } else {
      sample_categorical(values, scratch.stride, n_actions, part.count, part.words,
                         scratch.draws.data(), out + begin);
    }
  }
};

// Actions of a Gaussian. sigma: (size,); out: row-major (count, size).
struct DrawNormals {
  Lane size;
  const double* sigma;
  bool deterministic;
  double* out;

  void operator()(LaneView part, Lane begin, LinearLanes::Scratch& scratch) const {
    double* const normal = scratch.draws.data();
    std::fill_n(normal, part.count, 0.0);
    for (Lane k = 0; k < size; ++k) {
      if (!deterministic) standard(part.words + k * part.words_stride, part.count, normal);
      const double* const mean = scratch.values.data() + k * scratch.stride;
      double* const to = out + begin * size + k;
      for (Lane i = 0; i < part.count; ++i) to[i * size] = mean[i] + sigma[k] * normal[i];
    }
  }

  static void standard(const std::uint32_t* words, Lane count, double* normal) {
    for (Lane i = 0; i < count; ++i) normal[i] = to_uniform(words[i]);
    normal_quantiles(normal, count);
  }
};

double LinearLanes::operations() const {
  return 64.0 + static_cast<double>(map_.size()) * static_cast<double>(map_.input_count() + outputs_);
}

LinearLanes::Scratch LinearLanes::scratch(Lane most) const {
  const Lane a_lane = map_.scratch_size() + map_.size() + outputs_;
  const Lane lanes = std::clamp(most, Lane{1}, std::max(Lane{8}, 8192 / a_lane / 8 * 8));
  const Lane stride = lanes + 8;  // rows a power of two apart would meet in the same cache lines
  const auto doubles = [stride](Lane rows) {
    return std::vector<double>(static_cast<std::size_t>(rows * stride));
  };
  return {stride, doubles(map_.scratch_size()), doubles(map_.size()), doubles(outputs_),
          doubles(2)};
}

// Both draws in one function: the features in front of them are compiled once an instruction set.
void LinearLanes::act(LaneView lanes, Scratch& scratch, const ChooseActions* choose,
                      const DrawNormals* draw) const {
  const Lane most = scratch.stride - 8;
  dispatch([&] {
    for (Lane begin = 0; begin < lanes.count; begin += most) {
      const LaneView part = lanes.part(begin, std::min(most, lanes.count - begin));
      apply(part, scratch);
      if (choose != nullptr) (*choose)(part, begin, scratch);
      if (draw != nullptr) (*draw)(part, begin, scratch);
      checkpoint_after(static_cast<double>(part.count) * operations());
    }
  });
}

// Run it in dispatch().
void LinearLanes::apply(LaneView lanes, Scratch& scratch) const {
  const Lane stride = scratch.stride;
  map_.block(lanes.observations, lanes.observations_stride, lanes.step_index, lanes.count, stride,
             scratch.inputs.data(), scratch.features.data());
  for (Lane a = 0; a < outputs_; ++a) {
    sum(scratch.features.data(), stride, lanes.count, weights_ + a,
        scratch.values.data() + a * stride);
  }
}

// values[i] = sum_k w_k f_k[i], in the order of k, four to a pass.
void LinearLanes::sum(const double* features, Lane stride, Lane count, const double* weights,
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

namespace {

void require_parameters(std::span<const double> theta, Lane size) {
  require_size("parameters", static_cast<Lane>(theta.size()), size);
  require_finite("parameters", theta.data(), size);
}

}  // namespace

class SoftmaxActor::Worker final : public ActorWorker {
 public:
  Worker(const SoftmaxActor& actor, Lane most)
      : actor_(actor), scratch_(actor.logits_.scratch(most)) {}

  ActionsView act(LaneView lanes, RecordedActions actions) override {
    std::int32_t* const out = actions.choices;
    const ChooseActions choose{actor_.logits_.outputs(), actor_.deterministic_, out};
    actor_.logits_.act(lanes, scratch_, &choose, nullptr);
    return out;
  }

 private:
  const SoftmaxActor& actor_;
  LinearLanes::Scratch scratch_;
};

SoftmaxActor::SoftmaxActor(const FeatureMap& map, std::span<const double> theta,
                           std::int32_t n_actions, bool deterministic)
    : logits_(map, theta.data(), n_actions), deterministic_(deterministic) {
  require_parameters(theta, map.size() * n_actions);
}

bool SoftmaxActor::fits(const EnvironmentShape& shape) const {
  return shape.action_count == logits_.outputs();
}

std::unique_ptr<ActorWorker> SoftmaxActor::worker(Lane most) const {
  return std::make_unique<Worker>(*this, most);
}

class GaussianActor::Worker final : public ActorWorker {
 public:
  Worker(const GaussianActor& actor, Lane most)
      : actor_(actor),
        scratch_(actor.mean_.scratch(most)),
        clipped_(static_cast<std::size_t>(most * actor.action_size())) {}

  ActionsView act(LaneView lanes, RecordedActions actions) override {
    double* const out = actions.numbers;
    const DrawNormals draw{actor_.action_size(), actor_.sigma_.data(), actor_.deterministic_, out};
    actor_.mean_.act(lanes, scratch_, nullptr, &draw);
    clip(out, lanes.count);
    return clipped_.data();
  }

 private:
  void clip(const double* actions, Lane count) {
    const Lane size = actor_.action_size();
    for (Lane i = 0, at = 0; i < count; ++i) {
      for (Lane k = 0; k < size; ++k, ++at) {
        clipped_[at] =
            static_cast<float>(std::min(std::max(actions[at], actor_.low_[k]), actor_.high_[k]));
      }
    }
  }

  const GaussianActor& actor_;
  LinearLanes::Scratch scratch_;
  std::vector<float> clipped_;
};

GaussianActor::GaussianActor(const FeatureMap& map, std::span<const double> theta,
                             std::span<const double> low, std::span<const double> high,
                             bool deterministic)
    : mean_(map, theta.data(), static_cast<Lane>(low.size())),
      low_(low),
      high_(high),
      deterministic_(deterministic) {
  require_parameters(theta, (map.size() + 1) * action_size());
  require_size("high", static_cast<Lane>(high_.size()), action_size());
  for (std::size_t k = 0; k < low_.size(); ++k) {
    require(low_[k] <= high_[k], "low, high: expected low <= high");
    sigma_.push_back(std::exp(theta[theta.size() - low_.size() + k]));
  }
  require_finite("sigma", sigma_.data(), action_size());
}

bool GaussianActor::fits(const EnvironmentShape& shape) const {
  return shape.action_count == 0 && shape.action_size == action_size();
}

std::unique_ptr<ActorWorker> GaussianActor::worker(Lane most) const {
  return std::make_unique<Worker>(*this, most);
}

}  // namespace fastpg
