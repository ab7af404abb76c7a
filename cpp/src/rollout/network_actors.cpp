#include "fastpg/rollout/network_actors.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/exp_log.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/normal.hpp"
#include "fastpg/distributions/state_std_gaussian.hpp"
#include "fastpg/rollout/draw_categorical.hpp"

namespace fastpg {
namespace {

// Before anything reads them.
const double* checked(std::span<const double> theta, Lane size) {
  require_size("parameters", static_cast<Lane>(theta.size()), size);
  require_finite("parameters", theta.data(), size);
  return theta.data();
}

Lane own_parameters(LogStd log_std, std::size_t action_size) {
  return log_std == LogStd::parameters ? static_cast<Lane>(action_size) : 0;
}

}  // namespace

NetworkOutputs::NetworkOutputs(const FeatureMap& map, const Architecture& network,
                               const double* theta)
    : map_(map), network_(network.forward_pass(theta)) {
  require_size("features", map.size(), network.inputs());
}

double NetworkOutputs::operations() const {
  return 64.0 + static_cast<double>(map_.size() * map_.input_count()) + network_->operations();
}

NetworkOutputs::Scratch NetworkOutputs::scratch(Lane most) const {
  const Lane columns = map_.scratch_size() + map_.size() + count();
  const Lane block = network_->block_size(columns * static_cast<Lane>(sizeof(double)));
  const Lane lanes = std::clamp(most, Lane{1}, block);
  // Rows a power of two apart would meet in the same cache lines.
  const Lane stride = (lanes + 15) / 8 * 8;
  const auto doubles = [stride](Lane rows) {
    return Buffer<double>(static_cast<std::size_t>(rows * stride));
  };
  return {lanes,
          stride,
          doubles(map_.scratch_size()),
          doubles(map_.size()),
          Buffer<float>(static_cast<std::size_t>(network_->scratch_size() * lanes)),
          doubles(count()),
          doubles(2)};
}

template <class Draw>
void NetworkOutputs::act(LaneView lanes, Scratch& scratch, Draw&& draw) const {
  for (Lane begin = 0; begin < lanes.count; begin += scratch.most) {
    const LaneView part = lanes.part(begin, std::min(scratch.most, lanes.count - begin));
    find(part, scratch);
    draw(part, begin);
    checkpoint_after(static_cast<double>(part.count) * operations());
  }
}

void NetworkOutputs::find(LaneView part, Scratch& scratch) const {
  map_.block(part.observations, part.observations_stride, part.step_index, part.count,
             scratch.stride, scratch.inputs.data(), scratch.features.data());
  double* const values = scratch.values.data();
  network_->run(scratch.features.data(), part.count, scratch.stride, scratch.layers.data(), values);
  for (Lane a = 0; a < count(); ++a) {
    if (all_finite(values + a * scratch.stride, part.count)) continue;
    refuse("observations, parameters: their products are not finite");
  }
}

class SoftmaxActor::Worker final : public ActorWorker {
 public:
  Worker(const SoftmaxActor& actor, Lane most)
      : actor_(actor), scratch_(actor.logits_.scratch(most)) {}

  ActionsView act(LaneView lanes, RecordedActions actions) override {
    std::int32_t* const out = actions.choices;
    const Lane size = actor_.action_size();
    actor_.logits_.act(lanes, scratch_, [&](LaneView part, Lane begin) {
      if (size == 1) return choose(part, 0, 0, actor_.choices_.front(), out + begin);
      choose_each(part, out + begin * size);
    });
    return out;
  }

 private:
  // out: row-major (part.count, choices).
  void choose_each(LaneView part, std::int32_t* out) {
    const Lane size = actor_.action_size();
    chosen_.resize(static_cast<std::size_t>(part.count));
    for (Lane c = 0, first = 0; c < size; first += actor_.choices_[c++]) {
      choose(part, c, first, actor_.choices_[c], chosen_.data());
      for (Lane i = 0; i < part.count; ++i) out[i * size + c] = chosen_[i];
    }
  }

  // Choice c, whose actions are the outputs from `first` on.
  void choose(LaneView part, Lane c, Lane first, Lane n_actions, std::int32_t* out) {
    dispatch([&] { draw(part, c, first, n_actions, out); });
  }

  void draw(LaneView part, Lane c, Lane first, Lane n_actions, std::int32_t* out) {
    const Lane stride = scratch_.stride;
    double* const values = scratch_.values.data() + first * stride;
    double* const draws = scratch_.draws.data();
    const std::uint32_t* const words = part.words + c * part.words_stride;
    const std::uint8_t* const allowed =
        part.allowed == nullptr ? nullptr : part.allowed + first * part.allowed_stride;
    if (allowed != nullptr)
      exclude(values, stride, n_actions, part.count, allowed, part.allowed_stride);
    if (actor_.deterministic_) {
      largest(values, stride, n_actions, part.count, draws, out);
    } else {
      sample_categorical(values, stride, n_actions, part.count, words, draws, out);
    }
    if (allowed != nullptr) to_allowed(allowed, part.allowed_stride, part.count, out);
  }

  const SoftmaxActor& actor_;
  NetworkOutputs::Scratch scratch_;
  std::vector<std::int32_t> chosen_;
};

SoftmaxActor::SoftmaxActor(const FeatureMap& map, const Architecture& network,
                           std::span<const std::int32_t> choices, std::span<const double> theta,
                           bool deterministic)
    : logits_(map, network, checked(theta, network.parameters())),
      choices_(choices),
      deterministic_(deterministic) {
  require(std::all_of(choices.begin(), choices.end(), [](std::int32_t n) { return n >= 1; }),
          "choices: expected numbers of actions of at least 1");
  require_size("choices (sum)", std::accumulate(choices.begin(), choices.end(), Lane{0}),
               network.outputs());
}

bool SoftmaxActor::fits(const EnvironmentShape& shape) const {
  return std::equal(choices_.begin(), choices_.end(), shape.action_counts.begin(),
                    shape.action_counts.end());
}

std::unique_ptr<ActorWorker> SoftmaxActor::worker(Lane most) const {
  return std::make_unique<Worker>(*this, most);
}

class GaussianActor::Worker final : public ActorWorker {
 public:
  Worker(const GaussianActor& actor, Lane most)
      : actor_(actor),
        scratch_(actor.outputs_.scratch(most)),
        clipped_(static_cast<std::size_t>(most * actor.action_size())) {}

  ActionsView act(LaneView lanes, RecordedActions actions) override {
    double* const out = actions.numbers;
    const Lane size = actor_.action_size();
    actor_.outputs_.act(lanes, scratch_, [&](LaneView part, Lane begin) {
      dispatch([&] { draw(part, out + begin * size); });
    });
    clip(out, lanes.count);
    return clipped_.data();
  }

 private:
  // out: row-major (part.count, action_size).
  void draw(LaneView part, double* out) {
    const Lane size = actor_.action_size();
    double* const normal = scratch_.draws.data();
    double* const sigma = normal + scratch_.stride;
    std::fill_n(normal, part.count, 0.0);
    for (Lane k = 0; k < size; ++k) {
      if (!actor_.deterministic_) {
        standard(part.words + k * part.words_stride, part.count, normal);
      }
      const double* const mean = scratch_.values.data() + k * scratch_.stride;
      deviations(mean + size * scratch_.stride, k, part.count, sigma);
      double* const to = out + k;
      for (Lane i = 0; i < part.count; ++i) to[i * size] = mean[i] + sigma[i] * normal[i];
    }
  }

  // Of number k of the actions. output: ln sigma where they are outputs.
  void deviations(const double* output, Lane k, Lane count, double* sigma) const {
    if (!actor_.sigma_.empty()) {
      std::fill_n(sigma, count, actor_.sigma_[static_cast<std::size_t>(k)]);
      return;
    }
    for (Lane i = 0; i < count; ++i) sigma[i] = fast_exp(StateStdGaussian::clipped(output[i]));
  }

  static void standard(const std::uint32_t* words, Lane count, double* normal) {
    for (Lane i = 0; i < count; ++i) normal[i] = to_uniform(words[i]);
    normal_quantiles(normal, count);
  }

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
  NetworkOutputs::Scratch scratch_;
  std::vector<float> clipped_;
};

GaussianActor::GaussianActor(const FeatureMap& map, const Architecture& network, LogStd log_std,
                             std::span<const double> theta, std::span<const double> low,
                             std::span<const double> high, bool deterministic)
    : outputs_(map, network,
               checked(theta, network.parameters() + own_parameters(log_std, low.size()))),
      low_(low),
      high_(high),
      deterministic_(deterministic) {
  require_size("network (outputs)", network.outputs(),
               2 * action_size() - own_parameters(log_std, low.size()));
  require_size("high", static_cast<Lane>(high_.size()), action_size());
  for (std::size_t k = 0; k < low_.size(); ++k) {
    require(low_[k] <= high_[k], "low, high: expected low <= high");
    if (log_std == LogStd::outputs) continue;
    sigma_.push_back(std::exp(theta[theta.size() - low_.size() + k]));
  }
  require_finite("sigma", sigma_.data(), static_cast<Lane>(sigma_.size()));
}

bool GaussianActor::fits(const EnvironmentShape& shape) const {
  return !shape.discrete() && shape.action_size == action_size();
}

std::unique_ptr<ActorWorker> GaussianActor::worker(Lane most) const {
  return std::make_unique<Worker>(*this, most);
}

}  // namespace fastpg
