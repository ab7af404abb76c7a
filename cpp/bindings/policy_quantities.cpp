// Distributions of a batch, their gradients and Fisher matrices, and what a step did.
#include "fastpg/policies/fisher.hpp"
#include "policy_batch.hpp"

namespace fastpg {

Array<double> PyPolicyBatch::distribution(const Array<double>& theta) const {
  const Vector parameters = checked_theta("theta", theta);
  Array<double> out({rows(), distribution_->size()});
  double* const values = out.mutable_data();
  with_policy([&](BatchPolicy& policy) {
    distributions(policy, parameters.data(), batch_.mask, batch_.threads, values);
  });
  if (!distribution_->sound(values, rows())) refuse_distribution();
  return out;
}

Array<double> PyPolicyBatch::score_gradient(const Array<double>& theta, const Array<double>& dist,
                                            const Array<double>& weights, double ent_coef) const {
  require(std::isfinite(ent_coef), "ent_coef: expected a finite number");
  require_actions();
  const double* const d = checked_dist(*distribution_, "dist", dist, rows());
  const double* const w = vector_data("weights", weights, rows());
  const Vector out = with_policy_at(theta, [&](const BatchPolicy& policy) {
    return fastpg::score_gradient(policy, d, batch_.actions, w, ent_coef, batch_.threads);
  });
  if (!out.allFinite()) refuse_gradient("weights", w);
  return to_array(out);
}

Array<double> PyPolicyBatch::entropy_gradient(const Array<double>& theta,
                                              const Array<double>& dist) const {
  const double* const d = checked_dist(*distribution_, "dist", dist, rows());
  const Vector out = with_policy_at(theta, [&](const BatchPolicy& policy) {
    return fastpg::entropy_gradient(policy, d, batch_.threads);
  });
  if (!out.allFinite()) refuse_sums(batch_.inputs, "phi");
  return to_array(out);
}

Array<double> PyPolicyBatch::fisher_vector_product(const Array<double>& theta,
                                                   const Array<double>& dist,
                                                   const Array<double>& vector,
                                                   bool sampled) const {
  const double* const d = checked_dist(*distribution_, "dist", dist, rows());
  const Vector v = checked_theta("vector", vector);
  const Actions actions = taken(sampled);
  Vector out(v.size());
  with_policy_at(theta, [&](const BatchPolicy& policy) {
    Fisher(policy, d, actions, batch_.threads).apply(v, out);
  });
  if (!out.allFinite()) refuse_sums(batch_.inputs, "phi, vector");
  return shaped_like(vector, out);
}

Array<double> PyPolicyBatch::fisher(const Array<double>& theta, const Array<double>& dist,
                                    bool sampled) const {
  const double* const d = checked_dist(*distribution_, "dist", dist, rows());
  const Actions actions = taken(sampled);
  const Matrix dense = with_policy_at(theta, [&](const BatchPolicy& policy) {
    return Fisher(policy, d, actions, batch_.threads).dense();
  });
  if (!all_finite(dense.data(), dense.size())) refuse_sums(batch_.inputs, "phi");
  return to_array(dense);
}

py::object PyPolicyBatch::compare(const Array<double>& old_dist, const Array<double>& theta,
                                  const Array<double>& advantages) const {
  require_actions();
  require_dist_shape(*distribution_, "old_dist", old_dist, rows());
  const Vector parameters = checked_theta("theta", theta);
  const double* const weights = vector_data("advantages", advantages, rows());
  Buffer<double> after(length(rows() * distribution_->size()));
  const UpdateStatistics found = with_policy([&](BatchPolicy& policy) {
    distributions(policy, parameters.data(), batch_.mask, batch_.threads, after.data());
    return update_statistics(*distribution_, old_dist.data(), after.data(), batch_.actions, weights,
                             rows(), batch_.threads);
  });
  if (!distribution_->sound(after.data(), rows())) refuse_distribution();
  return named(found);
}

}  // namespace fastpg
