// PPO's epochs of minibatch ascent (Schulman et al. 2017; lecture L10), on either objective:
//   clip        mean_i min(w_i A_i, clip(w_i, 1 - eps, 1 + eps) A_i)
//   kl_penalty  mean_i w_i A_i - kl_coef KL(old | new), the KL exact (action summed out), or
//               sampled: mean_i w_i A_i + kl_coef ln pi(a_i|s_i), up to a constant
// plus ent_coef mean_i H_i.
#pragma once

#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include "fastpg/core/interruption.hpp"
#include "fastpg/core/philox.hpp"
#include "fastpg/estimators/statistics.hpp"
#include "fastpg/policies/linear_policy.hpp"
#include "fastpg/solvers/adam.hpp"
#include "fastpg/solvers/surrogate.hpp"
#include "fastpg/solvers/whitening.hpp"

namespace fastpg {

enum class PpoObjective { clip, kl_penalty_exact, kl_penalty_sampled };

struct PpoSettings {
  PpoObjective objective = PpoObjective::clip;
  double clip_range = 0.2;
  double kl_coef = 0.0;
  double learning_rate = 0.01;
  double ent_coef = 0.0;
  double max_grad_norm = std::numeric_limits<double>::infinity();
  double target_kl =
      std::numeric_limits<double>::infinity();  // stop before a minibatch whose KL is above it
  Index n_epochs = 10;
  Index batch_size = 256;
  bool normalize_advantage = true;
  bool plain_sgd = false;  // theta += learning_rate g instead of Adam
};

// Means over the minibatches run, and the exact KL(old | new) at the end.
struct PpoResult {
  double policy_loss = 0.0;  // minus the surrogate, penalty and bonus left out
  double entropy = 0.0;
  double clip_fraction = 0.0;
  double approx_kl = 0.0;  // mean of (w - 1) - ln w
  double grad_norm = 0.0;  // before clipping, in the optimizer's coordinates
  double kl = 0.0;
  Index n_updates = 0;
  Index n_epochs = 0;    // whole ones
  bool stopped = false;  // by target_kl
  bool finite = true;    // false: stopped at a non-finite gradient
};

namespace detail {

// A permutation of 0 … n-1 that depends on (stream, epoch) alone.
inline void shuffle(std::vector<Index>& order, const LaneStream& stream, std::uint64_t epoch) {
  std::iota(order.begin(), order.end(), Index{0});
  const auto lane = static_cast<std::uint32_t>(epoch);
  const std::uint64_t first = (epoch >> 32) << 40;
  Philox4x32::Counter block{};
  Pace pace(32.0);
  for (std::size_t i = order.size(); i > 1; --i) {
    if (i == order.size() || (i & 3) == 3) {
      block = stream.block(lane, first + i);  // of four
      pace.turn();
    }
    const double u = to_uniform(block[i & 3]);
    std::swap(order[i - 1], order[static_cast<std::size_t>(u * static_cast<double>(i))]);
  }
}

}  // namespace detail

// Beyond it products with float32 observations may overflow.
inline constexpr double most_parameter = 1e150;

template <class Head, class T = double>
class PpoEpochs {
 public:
  using Action = typename Head::Scalar;

  // Row-major arrays of the caller: actions (n, action_size), advantages (n,), mask (n, outputs) or
  // nullptr.
  PpoEpochs(const Head& head, const Features<T>& features, const Action* actions,
            const double* advantages, const std::uint8_t* mask, const PpoSettings& settings)
      : head_(head),
        features_(features),
        actions_(actions),
        advantages_(advantages),
        mask_(mask),
        settings_(settings),
        distribution_(head, features.cols),
        old_dist_(length(features.rows * head.distribution_size())),
        minibatch_(head, features.cols, std::min(settings.batch_size, features.rows)),
        columns_(length(head.distribution_size() * minibatch_.stride)),
        scores_(length(score_size() * minibatch_.stride)),
        other_(length(std::max(score_size(), head.distribution_size()) * minibatch_.stride)),
        scratch_(length(3 * minibatch_.stride)),
        sums_(length(head.columns() * row_products::padded(features.cols))),
        pace_(static_cast<double>(minibatch_.stride * head.distribution_size()) *
              static_cast<double>(features.cols + 64)) {}

  // parameters (flat) and adam are updated in place, by part of the epochs where it throws.
  // Minibatches differ in size by at most one and
  // cover every sample once an epoch; (stream, first_epoch + epoch) decides the order.
  // whitening: the coordinates to ascend in; nullptr: those of the parameters.
  PpoResult run(const LaneStream& stream, std::uint64_t first_epoch, const Whitening* whitening,
                Adam& adam, Vector& parameters) {
    if (whitening != nullptr) {
      coordinates_.emplace(*whitening, head_.output_units(parameters.tail(head_.extra())));
    }
    linear_policy::distribution(head_, features_, parameters.data(), mask_, 1, old_dist_.data());
    const Index n = features_.rows;
    Surrogate<Head, T> whole(head_, features_, actions_, advantages_, old_dist_.data(), mask_, 0.0,
                             1);
    const Index n_batches = (n - 1) / settings_.batch_size + 1;
    std::vector<Index> order(static_cast<std::size_t>(n));
    result_ = {};
    samples_seen_ = 0;
    while (result_.n_epochs < settings_.n_epochs && !result_.stopped) {
      detail::shuffle(order, stream, first_epoch + static_cast<std::uint64_t>(result_.n_epochs));
      for (Index b = 0; b < n_batches; ++b) {
        const Index begin = n * b / n_batches;
        gather(order.data() + begin, n * (b + 1) / n_batches - begin);
        const PpoResult before = result_;
        if (!prepare(parameters)) {
          result_ = before;
          result_.stopped = true;
          break;
        }
        result_.finite = ascend(adam, parameters);
        if (!result_.finite) return finished();
      }
      if (!result_.stopped) ++result_.n_epochs;
    }
    result_.kl = whole(parameters).kl;
    return finished();
  }

 private:
  static std::size_t length(Index count) { return static_cast<std::size_t>(count); }
  Index score_size() const { return head_.columns() + head_.extra(); }

  // Samples gathered, in double; `stride` of them at a time are a block.
  struct Minibatch {
    Minibatch(const Head& head, Index columns, Index most)
        : stride(std::min<Index>(Blocks<double>::most_rows, (most + 7) / 8 * 8)),
          features(length((most + stride - 1) / stride * stride * row_products::padded(columns))),
          actions(length(most * head.action_size())),
          advantages(most),
          old_dist(length(most * head.distribution_size())),
          mask(length(most * head.outputs())) {}

    Index stride;
    Index size = 0;
    Buffer<double> features;
    Buffer<Action> actions;
    Vector advantages;
    Buffer<double> old_dist;
    Buffer<std::uint8_t> mask;
  };

  template <class U>
  static void copy_row(const U* from, Index row, Index to_row, Index width, U* to) {
    std::copy_n(from + row * width, width, to + to_row * width);
  }

  void gather(const Index* samples, Index size) {
    const Index padded = row_products::padded(features_.cols);
    Minibatch& to = minibatch_;
    to.size = size;
    to.advantages.conservativeResize(size);
    Pace pace(static_cast<double>(4 * (padded + head_.distribution_size() + head_.outputs())));
    for (Index i = 0; i < size; ++i, pace.turn()) {
      const Index from = samples[i];
      double* const row = to.features.data() + i * padded;
      const T* const source = features_.data + from * features_.cols;
      for (Index k = 0; k < features_.cols; ++k) row[k] = static_cast<double>(source[k]);
      std::fill(row + features_.cols, row + padded, 0.0);
      copy_row(actions_, from, i, head_.action_size(), to.actions.data());
      copy_row(old_dist_.data(), from, i, head_.distribution_size(), to.old_dist.data());
      if (mask_ != nullptr) copy_row(mask_, from, i, head_.outputs(), to.mask.data());
      to.advantages[i] = advantages_[from];
    }
    const Index whole = (size + to.stride - 1) / to.stride * to.stride;
    std::fill(to.features.data() + size * padded, to.features.data() + whole * padded, 0.0);
    // One sample alone keeps its advantage: it would become zero.
    if (settings_.normalize_advantage && size > 1) {
      standardize(to.advantages.data(), size, to.advantages.data());
    }
  }

  // The gradient of a minibatch; false where its KL(old | new) is above target_kl.
  bool prepare(const Vector& parameters) {
    distribution_.set(parameters.data());
    gradient_ = Vector::Zero(parameters.size());
    std::fill(sums_.begin(), sums_.end(), 0.0);
    kl_ = 0.0;
    for (Index begin = 0; begin < minibatch_.size; begin += minibatch_.stride, pace_.turn()) {
      add_block(begin, std::min(minibatch_.stride, minibatch_.size - begin));
    }
    score_columns::spread(head_, sums_.data(), row_products::padded(features_.cols), features_.cols,
                          1.0, gradient_.data());
    const auto size = static_cast<double>(minibatch_.size);
    gradient_ /= size;
    return !(kl_ > settings_.target_kl * size);
  }

  // The sums over one block: of phi (x) score in sums_, of the head's own scores in gradient_.
  void add_block(Index begin, Index rows) {
    const Index stride = minibatch_.stride, padded = row_products::padded(features_.cols);
    const row_products::Rows<double> x{minibatch_.features.data() + begin * padded, padded, stride,
                                       features_.cols};
    const auto* const mask =
        linear_policy::mask_from(mask_ ? minibatch_.mask.data() : nullptr, begin, head_.outputs());
    distribution_(x, mask, rows, columns_.data());
    const Action* const actions = minibatch_.actions.data() + begin * head_.action_size();
    head_.score(columns_.data(), actions, rows, stride, scores_.data());
    double* const old = other_.data();
    head_.load(minibatch_.old_dist.data() + begin * head_.distribution_size(), rows, stride, old);
    weigh_scores(old, actions, begin, rows);
    if (std::isfinite(settings_.target_kl)) {
      head_.kl(old, columns_.data(), stride, scratch_.data());
      kl_ += sum_of(scratch_.data(), rows);
    }
    if (settings_.objective == PpoObjective::kl_penalty_exact && settings_.kl_coef != 0.0) {
      head_.kl_score(old, columns_.data(), stride, old);
      add_scores(settings_.kl_coef);
    }
    if (settings_.ent_coef != 0.0) {
      head_.entropy_score(columns_.data(), stride, scratch_.data(), other_.data());
      add_scores(settings_.ent_coef);
    }
    head_.entropy(columns_.data(), stride, scratch_.data());
    result_.entropy += sum_of(scratch_.data(), rows);
    row_products::add_outer<double>(x, 0, scores_.data(), stride, 1, head_.columns(), sums_.data());
    for (Index j = 0; j < head_.extra(); ++j) {
      gradient_[features_.cols * head_.outputs() + j] +=
          sum_of(scores_.data() + (head_.columns() + j) * stride, rows);
    }
  }

  void add_scores(double factor) {
    double* const to = scores_.data();
    const double* const from = other_.data();
    const Index size = score_size() * minibatch_.stride;
    dispatch([=] {
      for (Index j = 0; j < size; ++j) to[j] += factor * from[j];
    });
  }

  // Multiplies each score by w A (0 where clipped), plus kl_coef under the sampled penalty.
  void weigh_scores(const double* old, const Action* actions, Index begin, Index rows) {
    const Index stride = minibatch_.stride;
    double* const log_ratio = scratch_.data();
    double* const ratio = log_ratio + stride;
    double* const weight = ratio + stride;
    head_.log_prob(old, actions, rows, stride, ratio);
    head_.log_prob(columns_.data(), actions, rows, stride, log_ratio);
    dispatch([=] {
      for (Index i = 0; i < rows; ++i) {
        log_ratio[i] -= ratio[i];
        ratio[i] = fast_exp(log_ratio[i]);
      }
    });
    const bool clipping = settings_.objective == PpoObjective::clip;
    const double eps = settings_.clip_range;
    for (Index i = 0; i < rows; ++i) {
      const double advantage = minibatch_.advantages[begin + i];
      const double plain = ratio[i] * advantage;
      const double clipped = std::min(std::max(ratio[i], 1.0 - eps), 1.0 + eps) * advantage;
      const bool active = !clipping || plain <= clipped;
      weight[i] = active ? plain : 0.0;
      result_.policy_loss -= active ? plain : clipped;
      result_.clip_fraction += clipping && std::abs(ratio[i] - 1.0) > eps;
      result_.approx_kl += (ratio[i] - 1.0) - log_ratio[i];
    }
    const double more =
        settings_.objective == PpoObjective::kl_penalty_sampled ? settings_.kl_coef : 0.0;
    double* const scores = scores_.data();
    const Index count = score_size();
    dispatch([=] {
      for (Index a = 0; a < count; ++a) {
        for (Index i = 0; i < rows; ++i) scores[a * stride + i] *= weight[i] + more;
      }
    });
  }

  // One step; false if gradient or parameters are not finite after it.
  bool ascend(Adam& adam, Vector& parameters) {
    if (coordinates_) coordinates_->from_gradient(gradient_);
    const double norm = gradient_.norm(), rate = settings_.learning_rate;
    if (!std::isfinite(norm)) return false;
    if (norm > settings_.max_grad_norm) gradient_ *= settings_.max_grad_norm / norm;
    Vector step = settings_.plain_sgd ? rate * gradient_ : adam.step(gradient_, rate);
    if (settings_.plain_sgd) ++adam.count;
    if (coordinates_) coordinates_->to_parameters(step);
    parameters += step;
    if (!parameters.allFinite() || parameters.cwiseAbs().maxCoeff() > most_parameter) return false;
    head_.project(parameters.tail(head_.extra()));
    result_.grad_norm += norm;
    ++result_.n_updates;
    samples_seen_ += minibatch_.size;
    return true;
  }

  // The result, its sums made means.
  PpoResult finished() {
    if (result_.n_updates == 0) return result_;
    const auto samples = static_cast<double>(samples_seen_);
    result_.policy_loss /= samples;
    result_.entropy /= samples;
    result_.clip_fraction /= samples;
    result_.approx_kl /= samples;
    result_.grad_norm /= static_cast<double>(result_.n_updates);
    return result_;
  }

  const Head& head_;
  Features<T> features_;
  const Action* actions_;
  const double* advantages_;
  const std::uint8_t* mask_;
  PpoSettings settings_;
  linear_policy::BlockDistribution<Head> distribution_;
  Buffer<double> old_dist_;
  Minibatch minibatch_;
  Buffer<double> columns_, scores_, other_, scratch_, sums_;
  Pace pace_;  // of blocks
  PpoResult result_;
  Index samples_seen_ = 0;
  Vector gradient_;  // of the minibatch
  std::optional<OutputWhitening> coordinates_;
  double kl_ = 0.0;  // summed over it
};

}  // namespace fastpg
