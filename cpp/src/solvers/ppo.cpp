#include "fastpg/solvers/ppo.hpp"

#include <cmath>
#include <numeric>
#include <optional>
#include <vector>

#include "fastpg/core/interruption.hpp"
#include "fastpg/solvers/minibatch.hpp"
#include "fastpg/solvers/surrogate.hpp"

namespace fastpg {
namespace {

// A permutation of 0 … n-1 that depends on (stream, epoch) alone.
void shuffle(std::vector<Index>& order, const LaneStream& stream, std::uint64_t epoch) {
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

class Epochs {
 public:
  Epochs(const BatchPolicy& policy, const PpoSamples& samples, const double* old_dist,
         const PpoSettings& settings, int threads, std::optional<OutputWhitening> coordinates)
      : distribution_(policy.distribution()),
        settings_(settings),
        samples_(policy.network().samples()),
        minibatch_(policy, samples, old_dist, settings, threads),
        coordinates_(std::move(coordinates)),
        order_(static_cast<std::size_t>(samples_)),
        pace_(minibatch_.operations()) {}

  PpoResult run(const LaneStream& stream, std::uint64_t first_epoch, Optimizer& optimizer,
                Vector& parameters) {
    while (result_.n_epochs < settings_.n_epochs && !result_.stopped) {
      shuffle(order_, stream, first_epoch + static_cast<std::uint64_t>(result_.n_epochs));
      if (!epoch(optimizer, parameters)) break;
      if (!result_.stopped) ++result_.n_epochs;
    }
    return finished();
  }

 private:
  // One pass over the samples, or a part of it; false at a step that is not finite.
  bool epoch(Optimizer& optimizer, Vector& parameters) {
    const Index batches = (samples_ - 1) / settings_.batch_size + 1;
    for (Index b = 0; b < batches; ++b, pace_.turn()) {
      const Index begin = samples_ * b / batches;
      minibatch_.gather(order_.data() + begin, samples_ * (b + 1) / batches - begin);
      const PpoSums before = sums_;
      if (!minibatch_.differentiate(parameters, sums_)) {
        sums_ = before;
        result_.stopped = true;
        return true;
      }
      result_.finite = ascend(optimizer, parameters);
      if (!result_.finite) return false;
    }
    return true;
  }

  // One step; false if gradient or parameters are not finite after it.
  bool ascend(Optimizer& optimizer, Vector& parameters) {
    Vector& gradient = minibatch_.gradient();
    if (coordinates_) coordinates_->from_gradient(gradient);
    const double norm = gradient.norm();
    if (!std::isfinite(norm)) return false;
    if (norm > settings_.max_grad_norm) gradient *= settings_.max_grad_norm / norm;
    Vector step = optimizer.step(gradient, settings_.learning_rate);
    if (coordinates_) coordinates_->to_parameters(step);
    parameters += step;
    if (!parameters.allFinite() || parameters.cwiseAbs().maxCoeff() > most_parameter) return false;
    distribution_.project(parameters.tail(distribution_.own_parameters()));
    result_.grad_norm += norm;
    ++result_.n_updates;
    samples_seen_ += minibatch_.size();
    return true;
  }

  // The result, its sums made means.
  PpoResult finished() {
    if (result_.n_updates == 0) return result_;
    const auto samples = static_cast<double>(samples_seen_);
    result_.policy_loss = sums_.policy_loss / samples;
    result_.entropy = sums_.entropy / samples;
    result_.clip_fraction = sums_.clip_fraction / samples;
    result_.approx_kl = sums_.approx_kl / samples;
    result_.grad_norm /= static_cast<double>(result_.n_updates);
    return result_;
  }

  const Distribution& distribution_;
  PpoSettings settings_;
  Index samples_;
  Minibatch minibatch_;
  std::optional<OutputWhitening> coordinates_;
  std::vector<Index> order_;
  Pace pace_;  // of minibatches
  PpoSums sums_;
  PpoResult result_;
  Index samples_seen_ = 0;
};

}  // namespace

PpoResult ppo_epochs(BatchPolicy policy, const PpoSamples& samples, const PpoSettings& given,
                     const LaneStream& stream, std::uint64_t first_epoch,
                     const Whitening* whitening, int threads, Optimizer& optimizer,
                     Vector& parameters, double* old_dist) {
  const Distribution& distribution = policy.distribution();
  PpoSettings settings = given;
  settings.batch_size = std::min(settings.batch_size, policy.network().samples());
  std::optional<OutputWhitening> coordinates;
  if (whitening != nullptr) {
    const Vector own = parameters.tail(distribution.own_parameters());
    coordinates.emplace(*whitening, distribution.output_units(own));
  }
  distributions(policy, parameters.data(), samples.mask, threads, old_dist);
  Epochs epochs(policy, samples, old_dist, settings, threads, std::move(coordinates));
  PpoResult result = epochs.run(stream, first_epoch, optimizer, parameters);
  if (!result.finite) return result;
  Surrogate whole(policy, samples.actions, samples.advantages, old_dist, samples.mask, 0.0,
                  threads);
  result.kl = whole.evaluate(parameters).kl;
  return result;
}

}  // namespace fastpg
