// Steps of a policy from a batch: natural directions, the line search, PPO's epochs.
#include "fastpg/policies/fisher.hpp"
#include "fastpg/solvers/surrogate.hpp"
#include "policy_batch.hpp"

namespace fastpg {

py::object PyPolicyBatch::natural_gradient(const Array<double>& theta, const Array<double>& dist,
                                           const Array<double>& gradient, bool sampled,
                                           bool factorise, py::ssize_t max_steps, double tolerance,
                                           double damping,
                                           const std::optional<Array<double>>& noise) const {
  const double* const d = checked_dist(*distribution_, "dist", dist, rows());
  const Vector e = noise ? checked_theta("noise", *noise) : Vector();
  const Vector g = checked_theta("gradient", gradient);
  const CgSettings settings = cg_settings(max_steps, tolerance, damping);
  const Actions actions = taken(sampled);
  const NaturalGradient found = with_policy_at(theta, [&](const BatchPolicy& policy) {
    Fisher fisher(policy, d, actions, batch_.threads);
    return fastpg::natural_gradient(fisher, g, e, factorise, settings);
  });
  if (!std::isfinite(found.damping)) require_finite_features(batch_.inputs);
  return named(found, shaped_like(gradient, found.direction));
}

py::object PyPolicyBatch::natural_step(const Array<double>& theta, const Array<double>& advantages,
                                       const std::optional<Array<double>>& halves,
                                       bool normalize_advantage, double ent_coef, bool sampled,
                                       py::ssize_t fisher_samples, bool factorise,
                                       py::ssize_t max_steps, double tolerance,
                                       double damping) const {
  require_actions();
  require(std::isfinite(ent_coef), "ent_coef: expected a finite number");
  require(
      fisher_samples >= 1 && fisher_samples <= rows(),
      {"fisher_samples: expected a number of samples in [1, ", rows(), "], got ", fisher_samples});
  const Vector parameters = checked_theta("theta", theta);
  const double* const given = vector_data("advantages", advantages, rows());
  if (normalize_advantage) require_finite("advantages", given, rows());
  const double* const half = halves ? vector_data("halves", *halves, rows()) : nullptr;
  const NaturalStepSettings settings{
      normalize_advantage, ent_coef,  sampled,
      fisher_samples,      factorise, cg_settings(max_steps, tolerance, damping)};
  Array<double> used(rows(), given), dist({rows(), distribution_->size()});
  double* const weights = used.mutable_data();
  double* const d = dist.mutable_data();
  const NaturalStep step = unlocked(
      [&] { return fastpg::natural_step(batch_, parameters.data(), weights, half, settings, d); });
  refuse_step(step, given);
  py::object natural = named(step.natural, shaped_like(theta, step.natural.direction));
  return named_step(std::move(used), std::move(dist), shaped_like(theta, step.gradient),
                    std::move(natural));
}

py::object PyPolicyBatch::line_search(const Array<double>& theta, const Array<double>& step,
                                      const Array<double>& old_dist,
                                      const Array<double>& advantages, double ent_coef,
                                      double target_kl, double shrinking_factor,
                                      py::ssize_t max_iter) const {
  require_iterations("max_iter", max_iter, 10'000);
  require_actions();
  const double* const d = checked_dist(*distribution_, "old_dist", old_dist, rows());
  const double* const weights = vector_data("advantages", advantages, rows());
  Vector parameters = checked_theta("theta", theta);
  const Vector full_step = checked_theta("step", step);
  const LineSearchResult found = with_policy([&](const BatchPolicy& policy) {
    Surrogate surrogate(policy, batch_.actions, weights, d, batch_.mask, ent_coef, batch_.threads);
    return fastpg::line_search(surrogate, full_step, {target_kl, shrinking_factor, max_iter},
                               parameters);
  });
  if (!std::isfinite(found.before.objective) || !std::isfinite(found.before.kl)) {
    require_finite("advantages", weights, rows());
    require_finite_features(batch_.inputs);
  }
  return named(found, shaped_like(theta, parameters));
}

py::object PyPolicyBatch::ppo_epochs(const Array<double>& theta, const Array<double>& advantages,
                                     Optimizer& optimizer, std::uint64_t seed,
                                     std::uint64_t first_epoch, const Whitening* whitening,
                                     const PpoSettings& settings, const ValueBatch* value_batch,
                                     const std::optional<Array<double>>& value_theta,
                                     Optimizer* value_optimizer) const {
  require_actions();
  Vector parameters = checked_theta("theta", theta);
  require_size("optimizer", optimizer.size(), parameters.size());
  if (whitening != nullptr) {
    require(network_->linear(), "whitening: expected None for a network that is not linear");
    require_size("whitening", whitening->size(), batch_.inputs.cols);
  }
  const double* const weights = vector_data("advantages", advantages, rows());
  require_finite("advantages", weights, rows());
  require_finite_features(batch_.inputs);
  PpoValues values(value_batch, value_theta, value_optimizer, rows());
  const std::unique_ptr<Optimizer> moved = optimizer.copy();
  UpdateStatistics statistics;
  const PpoResult result = with_policy([&](BatchPolicy& policy) {
    Buffer<double> old_dist(length(rows() * distribution_->size()));
    Buffer<double> new_dist(old_dist.size());
    const PpoResult found = fastpg::ppo_epochs(
        policy, {batch_.actions, weights, batch_.mask}, settings,
        LaneStream(seed, RandomStream::shuffle), first_epoch, whitening, batch_.threads, *moved,
        parameters, values.task(), old_dist.data(), new_dist.data());
    statistics = update_statistics(*distribution_, old_dist.data(), new_dist.data(), batch_.actions,
                                   weights, rows(), batch_.threads);
    return found;
  });
  if (result.finite) optimizer.assign(*moved);
  return named(result, shaped_like(theta, parameters), statistics, values.end(result.finite));
}

}  // namespace fastpg
