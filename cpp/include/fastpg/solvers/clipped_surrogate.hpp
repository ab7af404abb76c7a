// PPO's epochs of minibatch Adam on the clipped surrogate (Schulman et al. 2017),
// mean_i min(w_i A_i, clip(w_i, 1 - eps, 1 + eps) A_i) + ent_coef mean_i H_i.
#pragma once

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "fastpg/core/philox.hpp"
#include "fastpg/policies/linear_softmax.hpp"
#include "fastpg/solvers/adam.hpp"

namespace fastpg {

struct ClippedSurrogateSettings {
  double clip_range = 0.2;
  double learning_rate = 0.01;
  double ent_coef = 0.0;
  double max_grad_norm = std::numeric_limits<double>::infinity();
  double target_kl =
      std::numeric_limits<double>::infinity();  // stop after the epoch that passed it
  Index n_epochs = 10;
  Index batch_size = 256;
  bool normalize_advantage = true;
};

// Means over the minibatches run, and the exact KL(old | new) at the end.
struct ClippedSurrogateResult {
  double policy_loss = 0.0;
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
  advantages.array() -= advantages.mean();
  const double variance = advantages.squaredNorm() / static_cast<double>(advantages.size());
  advantages /= std::sqrt(variance) + 1e-8;
}

struct Minibatch {
  Matrix features;
  Eigen::Matrix<std::int32_t, Eigen::Dynamic, 1> actions;
  Vector advantages;
  Vector old_log_prob;

  Minibatch(Index rows, Index columns)
      : features(rows, columns), actions(rows), advantages(rows), old_log_prob(rows) {}

  Index size() const { return features.rows(); }
};

inline Minibatch gather(const ConstMatrix& features, const ConstActions& actions,
                        const ConstVector& advantages, const Matrix& old_log_pi,
                        const Index* samples, Index size) {
  Minibatch batch(size, features.cols());
  for (Index i = 0; i < size; ++i) {
    const Index from = samples[i];
    batch.features.row(i) = features.row(from);
    batch.actions[i] = actions[from];
    batch.advantages[i] = advantages[from];
    batch.old_log_prob[i] = old_log_pi(from, actions[from]);
  }
  return batch;
}

// d(objective)/d(ln pi(a_i|s_i)) of every sample: w A where the surrogate is not clipped, else 0.
// Sums its statistics into `result`.
inline Vector clipped_weights(const Minibatch& batch, const Matrix& log_pi, double clip_range,
                              ClippedSurrogateResult& result) {
  Vector weights(batch.size());
  for (Index i = 0; i < batch.size(); ++i) {
    const double log_ratio = log_pi(i, batch.actions[i]) - batch.old_log_prob[i];
    const double ratio = std::exp(log_ratio);
    const double advantage = batch.advantages[i];
    const double clipped = std::min(std::max(ratio, 1.0 - clip_range), 1.0 + clip_range);
    const bool active = ratio * advantage <= clipped * advantage;
    weights[i] = active ? ratio * advantage : 0.0;
    result.policy_loss -= std::min(ratio * advantage, clipped * advantage);
    result.clip_fraction += std::abs(ratio - 1.0) > clip_range;
    result.approx_kl += (ratio - 1.0) - log_ratio;
  }
  return weights;
}

// One step of Adam; false, and nothing changed, if the gradient is not finite.
inline bool minibatch_step(const Minibatch& batch, const ClippedSurrogateSettings& settings,
                           Index n_actions, Adam& adam, Vector& theta,
                           ClippedSurrogateResult& result) {
  namespace softmax = linear_softmax;
  const Matrix log_pi = softmax::log_probs(
      batch.features, Eigen::Map<const Matrix>(theta.data(), batch.features.cols(), n_actions));
  const Vector weights = clipped_weights(batch, log_pi, settings.clip_range, result);
  Matrix gradient = softmax::score_gradient(batch.features, log_pi, batch.actions, weights);
  if (settings.ent_coef != 0.0) {
    gradient += settings.ent_coef * softmax::entropy_gradient(batch.features, log_pi);
  }
  const double norm = gradient.norm();
  if (!std::isfinite(norm)) return false;
  if (norm > settings.max_grad_norm) gradient *= settings.max_grad_norm / norm;
  adam.ascend(theta, Eigen::Map<const Vector>(gradient.data(), gradient.size()),
              settings.learning_rate);
  result.entropy += softmax::entropy(log_pi).sum();
  result.grad_norm += norm;
  ++result.n_updates;
  return true;
}

// The sums over samples and updates become means.
inline void average(ClippedSurrogateResult& result, Index samples_seen) {
  const auto samples = static_cast<double>(samples_seen);
  result.policy_loss /= samples;
  result.entropy /= samples;
  result.clip_fraction /= samples;
  result.approx_kl /= samples;
  result.grad_norm /= static_cast<double>(result.n_updates);
}

}  // namespace detail

// Minibatches differ in size by at most one and cover every sample once an epoch. theta (flat) and
// adam are updated in place; epoch_count numbers the epochs over the life of the algorithm.
inline ClippedSurrogateResult clipped_surrogate_epochs(
    const ConstMatrix& features, const ConstActions& actions, const ConstVector& advantages,
    const ClippedSurrogateSettings& settings, const LaneStream& stream, std::uint64_t epoch_count,
    Adam& adam, Vector& theta) {
  namespace softmax = linear_softmax;
  const Index n = features.rows();
  const Index n_actions = theta.size() / features.cols();
  const Eigen::Map<const Matrix> parameters(theta.data(), features.cols(), n_actions);
  const Matrix old_log_pi = softmax::log_probs(features, parameters);
  const Index n_batches = (n - 1) / settings.batch_size + 1;
  std::vector<Index> order(static_cast<std::size_t>(n));
  ClippedSurrogateResult result;

  while (result.n_epochs < settings.n_epochs) {
    detail::shuffle(order, stream, epoch_count + static_cast<std::uint64_t>(result.n_epochs));
    for (Index b = 0; b < n_batches; ++b) {
      const Index begin = n * b / n_batches;
      const Index size = n * (b + 1) / n_batches - begin;
      detail::Minibatch batch =
          detail::gather(features, actions, advantages, old_log_pi, order.data() + begin, size);
      if (settings.normalize_advantage) detail::normalize(batch.advantages);
      if (!detail::minibatch_step(batch, settings, n_actions, adam, theta, result)) {
        result.finite = false;
        return result;
      }
    }
    ++result.n_epochs;
    result.kl = softmax::kl(old_log_pi, softmax::log_probs(features, parameters)).mean();
    if (result.kl > settings.target_kl) break;
  }
  detail::average(result, n * result.n_epochs);
  return result;
}

}  // namespace fastpg
