#include "fastpg/solvers/ppo.hpp"

#include <cmath>
#include <optional>

#include "fastpg/solvers/epochs.hpp"
#include "fastpg/solvers/minibatch.hpp"

namespace fastpg {
namespace {

class Epochs {
 public:
  Epochs(const BatchPolicy& policy, const PpoSamples& samples, const double* old_dist,
         const PpoSettings& settings, int threads, std::optional<OutputWhitening> coordinates,
         Optimizer& optimizer, Vector& parameters, const ValueTask* values)
      : distribution_(policy.distribution()),
        settings_(settings),
        samples_(policy.network().samples()),
        minibatch_(policy, samples, old_dist, settings, threads),
        coordinates_(std::move(coordinates)),
        optimizer_(optimizer),
        parameters_(parameters) {
    if (values != nullptr) {
      values_.emplace(*values, settings.clip_range_vf, settings.batch_size, threads);
    }
  }

  PpoResult run(const LaneStream& stream, std::uint64_t first_epoch) {
    const EpochsRun run =
        run_epochs({samples_, settings_.batch_size, settings_.n_epochs, first_epoch}, stream,
                   minibatch_.operations() + (values_ ? values_->operations() : 0.0),
                   [&](const Index* order, Index size) { return turn(order, size); });
    result_.n_epochs = run.whole;
    result_.stopped = run.last == Turn::stopped;
    result_.finite = run.last != Turn::not_finite && (!values_ || values_->finite());
    return finished();
  }

 private:
  Turn turn(const Index* order, Index size) {
    minibatch_.gather(order, size);
    const PpoSums before = sums_;
    if (!minibatch_.differentiate(parameters_, sums_)) {
      sums_ = before;
      return Turn::stopped;
    }
    if (values_) values_->differentiate(order, size, settings_.vf_coef);
    return ascend() ? Turn::taken : Turn::not_finite;
  }

  // One step of both networks; false if gradients or parameters are not finite after it.
  bool ascend() {
    Vector& gradient = minibatch_.gradient();
    if (coordinates_) coordinates_->from_gradient(gradient);
    const double own = gradient.norm();
    const double norm = values_ ? std::hypot(own, values_->gradient_norm()) : own;
    if (!std::isfinite(norm)) return false;
    const double scale = clip_factor(norm, settings_.max_grad_norm);
    if (!move(gradient, scale)) return false;
    if (values_ && !values_->ascend(scale, settings_.learning_rate)) return false;
    result_.grad_norm += norm;
    ++result_.n_updates;
    samples_seen_ += minibatch_.size();
    return true;
  }

  // The policy's step along scale times the gradient; false if parameters are not finite after it.
  bool move(Vector& gradient, double scale) {
    if (coordinates_) {
      gradient *= scale;
      optimizer_.step(gradient, settings_.learning_rate);
      coordinates_->to_parameters(gradient);
      parameters_ += gradient;
      if (!within_bounds(parameters_)) return false;
    } else if (!optimizer_.ascend(gradient, scale, settings_.learning_rate, parameters_)) {
      return false;
    }
    distribution_.project(parameters_.tail(distribution_.own_parameters()));
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
    result_.value_loss = values_ ? values_->mean_loss() : 0.0;
    result_.grad_norm /= static_cast<double>(result_.n_updates);
    return result_;
  }

  const Distribution& distribution_;
  PpoSettings settings_;
  Index samples_;
  Minibatch minibatch_;
  std::optional<OutputWhitening> coordinates_;
  Optimizer& optimizer_;
  Vector& parameters_;
  std::optional<ValueLearner> values_;
  PpoSums sums_;
  PpoResult result_;
  Index samples_seen_ = 0;
};

}  // namespace

PpoResult ppo_epochs(BatchPolicy policy, const PpoSamples& samples, const PpoSettings& given,
                     const LaneStream& stream, std::uint64_t first_epoch,
                     const Whitening* whitening, int threads, Optimizer& optimizer,
                     Vector& parameters, const ValueTask* values, double* old_dist,
                     double* new_dist) {
  const Distribution& distribution = policy.distribution();
  PpoSettings settings = given;
  settings.batch_size = std::min(settings.batch_size, policy.network().samples());
  std::optional<OutputWhitening> coordinates;
  if (whitening != nullptr) {
    const Vector own = parameters.tail(distribution.own_parameters());
    coordinates.emplace(*whitening, distribution.output_units(own));
  }
  const Vector before = parameters;
  distributions(policy, parameters.data(), samples.mask, threads, old_dist);
  Epochs epochs(policy, samples, old_dist, settings, threads, std::move(coordinates), optimizer,
                parameters, values);
  PpoResult result = epochs.run(stream, first_epoch);
  const auto end = [&] {
    return moved_distributions(policy, parameters.data(), samples.mask, threads, old_dist,
                               new_dist);
  };
  if (result.finite) {
    result.kl = end();
    result.finite = std::isfinite(result.kl);  // outputs of a network may overflow
  }
  if (!result.finite) {
    parameters = before;
    result.kl = end();
  }
  return result;
}

}  // namespace fastpg
