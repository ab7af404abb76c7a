// PPO's epochs of minibatch ascent (Schulman et al. 2017; lecture L10), on either objective:
//   clip        mean_i min(w_i A_i, clip(w_i, 1 - eps, 1 + eps) A_i)
//   kl_penalty  mean_i w_i A_i - kl_coef KL(old | new), the KL exact (action summed out), or
//               sampled: mean_i w_i A_i + kl_coef ln pi(a_i|s_i), up to a constant
// plus ent_coef mean_i H_i.
#pragma once

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "fastpg/core/philox.hpp"
#include "fastpg/policies/linear_policy.hpp"
#include "fastpg/solvers/adam.hpp"

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
      std::numeric_limits<double>::infinity();  // stop after the epoch that passed it
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
  double grad_norm = 0.0;  // before clipping
  double kl = 0.0;
  Index n_updates = 0;
  Index n_epochs = 0;
  bool finite = true;  // false: stopped at a non-finite gradient
};

namespace detail {

// A permutation of 0 … n-1 that depends on (stream, epoch) alone.
inline void shuffle(std::vector<Index>& order, const LaneStream& stream, std::uint64_t epoch) {
  std::iota(order.begin(), order.end(), Index{0});
  const auto lane = static_cast<std::uint32_t>(epoch);
  for (std::size_t i = order.size(); i > 1; --i) {
    const double u = stream.uniform(lane, ((epoch >> 32) << 40) + i);
    std::swap(order[i - 1], order[static_cast<std::size_t>(u * static_cast<double>(i))]);
  }
}

// (A - mean) / (std + 1e-8); one sample, or a constant, becomes zero or is left alone.
inline void normalize(Vector& advantages) {
  if (advantages.size() < 2) return;
  const double largest = advantages.cwiseAbs().maxCoeff();
  advantages.array() -= advantages.mean();
  advantages.array() -= advantages.mean();
  const double std = std::sqrt(advantages.squaredNorm() / static_cast<double>(advantages.size()));
  if (std <= 1e-12 * largest) {  // rounding errors of a constant
    advantages.setZero();
  } else {
    advantages /= std + 1e-8;
  }
}

}  // namespace detail

// Beyond it products with float32 observations may overflow.
inline constexpr double most_parameter = 1e150;

template <class Head>
class PpoEpochs {
 public:
  using PolicyActions = Actions<typename Head::Scalar>;

  // mask: (n, outputs) or nullptr.
  PpoEpochs(const Head& head, const ConstMatrix& features, const PolicyActions& actions,
            const ConstVector& advantages, const bool* mask, const PpoSettings& settings)
      : head_(head),
        features_(features),
        actions_(actions),
        advantages_(advantages),
        mask_(mask),
        settings_(settings) {}

  // parameters (flat) and adam are updated in place. Minibatches differ in size by at most one and
  // cover every sample once an epoch; (stream, first_epoch + epoch) decides the order.
  PpoResult run(const LaneStream& stream, std::uint64_t first_epoch, Adam& adam,
                Vector& parameters) {
    linear_policy::distribution(head_, features_, parameters, mask_, old_dist_);
    const Index n = features_.rows();
    const Index n_batches = (n - 1) / settings_.batch_size + 1;
    std::vector<Index> order(static_cast<std::size_t>(n));
    Matrix dist;
    result_ = {};
    samples_seen_ = 0;
    while (result_.n_epochs < settings_.n_epochs) {
      detail::shuffle(order, stream, first_epoch + static_cast<std::uint64_t>(result_.n_epochs));
      for (Index b = 0; b < n_batches; ++b) {
        const Index begin = n * b / n_batches;
        gather(order.data() + begin, n * (b + 1) / n_batches - begin);
        if (!step(adam, parameters)) {
          result_.finite = false;
          average();
          return result_;
        }
      }
      ++result_.n_epochs;
      linear_policy::distribution(head_, features_, parameters, mask_, dist);
      result_.kl = head_.kl(old_dist_, dist).mean();
      if (result_.kl > settings_.target_kl) break;
    }
    average();
    return result_;
  }

 private:
  struct Minibatch {
    Matrix features;
    PolicyActions actions;
    Vector advantages;
    Matrix old_dist;
    std::vector<std::uint8_t> mask;
  };

  void gather(const Index* samples, Index size) {
    batch_.features.resize(size, features_.cols());
    batch_.actions.resize(size, actions_.cols());
    batch_.advantages.resize(size);
    batch_.old_dist.resize(size, old_dist_.cols());
    batch_.mask.clear();
    for (Index i = 0; i < size; ++i) {
      const Index from = samples[i];
      batch_.features.row(i) = features_.row(from);
      batch_.actions.row(i) = actions_.row(from);
      batch_.advantages[i] = advantages_[from];
      batch_.old_dist.row(i) = old_dist_.row(from);
      if (mask_) {
        const bool* row = mask_ + from * head_.outputs();
        batch_.mask.insert(batch_.mask.end(), row, row + head_.outputs());
      }
    }
    if (settings_.normalize_advantage) detail::normalize(batch_.advantages);
  }

  // One step; false if gradient or parameters are not finite after it.
  bool step(Adam& adam, Vector& parameters) {
    const bool* mask = mask_ ? reinterpret_cast<const bool*>(batch_.mask.data()) : nullptr;
    linear_policy::distribution(head_, batch_.features, parameters, mask, dist_);
    head_.score(dist_, batch_.actions, scores_);
    scores_.array().colwise() *= score_weights().array();
    if (settings_.objective == PpoObjective::kl_penalty_exact && settings_.kl_coef != 0.0) {
      head_.kl_score(batch_.old_dist, dist_, other_);
      scores_ += settings_.kl_coef * other_;
    }
    if (settings_.ent_coef != 0.0) {
      head_.entropy_score(dist_, other_);
      scores_ += settings_.ent_coef * other_;
    }
    Vector gradient = linear_policy::pull_back(head_, batch_.features, scores_);
    const double norm = gradient.norm();
    if (!std::isfinite(norm)) return false;
    if (norm > settings_.max_grad_norm) gradient *= settings_.max_grad_norm / norm;
    if (settings_.plain_sgd) {
      ++adam.count;
      parameters += settings_.learning_rate * gradient;
    } else {
      adam.ascend(parameters, gradient, settings_.learning_rate);
    }
    if (!parameters.allFinite() || parameters.cwiseAbs().maxCoeff() > most_parameter) return false;
    head_.project(parameters.tail(head_.extra()));
    result_.entropy += head_.entropy(dist_).sum();
    result_.grad_norm += norm;
    ++result_.n_updates;
    samples_seen_ += batch_.features.rows();
    return true;
  }

  // What multiplies each score: w A (0 where clipped), plus kl_coef under the sampled penalty.
  Vector score_weights() {
    const bool clipping = settings_.objective == PpoObjective::clip;
    const double eps = settings_.clip_range;
    Vector weights(batch_.advantages.size());
    for (Index i = 0; i < weights.size(); ++i) {
      const double log_ratio = head_.log_prob(dist_, batch_.actions, i) -
                               head_.log_prob(batch_.old_dist, batch_.actions, i);
      const double ratio = std::exp(log_ratio);
      const double plain = ratio * batch_.advantages[i];
      const double clipped = std::min(std::max(ratio, 1.0 - eps), 1.0 + eps) * batch_.advantages[i];
      const bool active = !clipping || plain <= clipped;
      weights[i] = active ? plain : 0.0;
      result_.policy_loss -= active ? plain : clipped;
      result_.clip_fraction += clipping && std::abs(ratio - 1.0) > eps;
      result_.approx_kl += (ratio - 1.0) - log_ratio;
    }
    if (settings_.objective == PpoObjective::kl_penalty_sampled) {
      weights.array() += settings_.kl_coef;
    }
    return weights;
  }

  void average() {
    if (result_.n_updates == 0) return;
    const auto samples = static_cast<double>(samples_seen_);
    result_.policy_loss /= samples;
    result_.entropy /= samples;
    result_.clip_fraction /= samples;
    result_.approx_kl /= samples;
    result_.grad_norm /= static_cast<double>(result_.n_updates);
  }

  const Head& head_;
  ConstMatrix features_;
  const PolicyActions& actions_;
  ConstVector advantages_;
  const bool* mask_;
  PpoSettings settings_;
  Matrix old_dist_;
  Minibatch batch_;
  Matrix dist_, scores_, other_;
  PpoResult result_;
  Index samples_seen_ = 0;
};

}  // namespace fastpg
