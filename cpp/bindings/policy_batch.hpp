// A batch of a policy: the one evaluator of states, actions and parameters.
#pragma once

#include <optional>

#include "fastpg/solvers/natural_step.hpp"
#include "feature_arrays.hpp"
#include "policy_arrays.hpp"
#include "policy_results.hpp"
#include "value_batch.hpp"

namespace fastpg {

// Its arrays are checked here, once. What another thread writes into them later makes wrong
// numbers, never a wrong address, unless it resizes them while a method runs.
class PyPolicyBatch {
  // function(policy), unlocked, on a network of its own: another thread may use the batch too.
  template <class Function>
  auto with_policy(Function&& function) const {
    return unlocked([&] {
      const std::unique_ptr<Network> network = batch_.network();
      BatchPolicy policy(*distribution_, *network);
      return function(policy);
    });
  }

  // The same for derivatives at theta, which those of a linear network do not depend on.
  template <class Function>
  auto with_policy_at(const Array<double>& theta, Function&& function) const {
    require_size("theta", theta.size(), parameter_count());
    const bool linear = network_->linear();
    const Vector parameters = linear ? Vector() : checked_theta("theta", theta);
    return with_policy([&](BatchPolicy& policy) {
      if (!linear) policy.set(parameters.data());
      return function(policy);
    });
  }

 public:
  PyPolicyBatch(std::shared_ptr<const Distribution> distribution,
                std::shared_ptr<const Architecture> network, Array<double> phi,
                std::optional<py::array> actions, MaskArray mask, int num_threads)
      : distribution_(std::move(distribution)),
        network_(std::move(network)),
        phi_(std::move(phi)),
        action_array_(std::move(actions)),
        mask_array_(std::move(mask)),
        sparse_(sparse_of(*network_, phi_)),
        batch_{*distribution_,
               *network_,
               Features(phi_.data(), phi_.shape(0), phi_.shape(1), sparse_.get()),
               checked_actions(*distribution_, action_array_, phi_.shape(0)),
               checked_mask(*distribution_, mask_array_, phi_.shape(0)),
               checked_threads(num_threads)} {
    require_network(*distribution_, *network_, phi_.shape(1));
    if (action_array_ && batch_.mask) {
      distribution_->check_allowed(batch_.actions, batch_.mask, phi_.shape(0));
    }
  }

  // Of observations (n, d) at steps (n,).
  static PyPolicyBatch of(std::shared_ptr<const Distribution> distribution,
                          std::shared_ptr<const Architecture> network, const FeatureMap& map,
                          const Array<float>& observations, const Array<std::int64_t>& step_index,
                          std::optional<py::array> actions, MaskArray mask, int num_threads) {
    Array<double> phi = mapped(map, observations, step_index, num_threads);
    return PyPolicyBatch(std::move(distribution), std::move(network), std::move(phi),
                         std::move(actions), std::move(mask), num_threads);
  }

  // A view: its memory is not its own, so that it cannot be resized.
  py::object phi() const {
    py::object view = phi_.attr("view")();
    view.attr("flags").attr("writeable") = false;
    return view;
  }

  void require_unmoved() const {
    if (!unmoved(phi_, batch_.inputs.data, rows() * batch_.inputs.cols)) refuse_moved("phi");
    const auto address = [](auto data) { return static_cast<const void*>(data); };
    const void* const actions = std::visit(address, batch_.actions.data);
    if (action_array_ && !unmoved(*action_array_, actions, rows() * batch_.actions.size)) {
      refuse_moved("actions");
    }
    if (mask_array_ && !unmoved(*mask_array_, batch_.mask, rows() * distribution_->outputs())) {
      refuse_moved("mask");
    }
  }

  Array<double> distribution(const Array<double>& theta) const;
  // (P,), flat.
  Array<double> score_gradient(const Array<double>& theta, const Array<double>& dist,
                               const Array<double>& weights, double ent_coef) const;
  Array<double> entropy_gradient(const Array<double>& theta, const Array<double>& dist) const;
  // Of the shape of the vector.
  Array<double> fisher_vector_product(const Array<double>& theta, const Array<double>& dist,
                                      const Array<double>& vector, bool sampled) const;
  Array<double> fisher(const Array<double>& theta, const Array<double>& dist, bool sampled) const;
  py::object natural_gradient(const Array<double>& theta, const Array<double>& dist,
                              const Array<double>& gradient, bool sampled, bool factorise,
                              py::ssize_t max_steps, double tolerance, double damping,
                              const std::optional<Array<double>>& noise) const;
  py::object natural_step(const Array<double>& theta, const Array<double>& advantages,
                          const std::optional<Array<double>>& halves, bool normalize_advantage,
                          double ent_coef, bool sampled, py::ssize_t fisher_samples, bool factorise,
                          py::ssize_t max_steps, double tolerance, double damping) const;
  // The step from old distributions, which may be those of natural_step(), to theta.
  py::object compare(const Array<double>& old_dist, const Array<double>& theta,
                     const Array<double>& advantages) const;
  py::object line_search(const Array<double>& theta, const Array<double>& step,
                         const Array<double>& old_dist, const Array<double>& advantages,
                         double ent_coef, double target_kl, double shrinking_factor,
                         py::ssize_t max_iter) const;
  // The optimizers are changed unless something is not finite. value_batch: all three values of a
  // value network, or none.
  py::object ppo_epochs(const Array<double>& theta, const Array<double>& advantages,
                        Optimizer& optimizer, std::uint64_t seed, std::uint64_t first_epoch,
                        const Whitening* whitening, const PpoSettings& settings,
                        const ValueBatch* value_batch,
                        const std::optional<Array<double>>& value_theta,
                        Optimizer* value_optimizer) const;

 private:
  static std::unique_ptr<const SparseRows> sparse_of(const Architecture& network,
                                                     const Array<double>& phi) {
    const Features given = features_of(phi);
    auto found = unlocked([&] { return sparse_rows(network, given.data, given.rows, given.cols); });
    return found ? std::make_unique<const SparseRows>(*std::move(found)) : nullptr;
  }

  Index rows() const { return batch_.inputs.rows; }
  Index parameter_count() const { return fastpg::parameter_count(*distribution_, *network_); }

  // Of any shape, flat, finite.
  Vector checked_theta(const char* what, const Array<double>& theta) const {
    const Index size = parameter_count();
    require_size(what, theta.size(), size);
    require_finite(what, theta.data(), size);
    return VectorView(theta.data(), size);
  }

  void require_actions() const {
    require(batch_.actions.given(), "actions: expected a batch that was made with them");
  }
  Actions taken(bool sampled) const {
    if (sampled) require_actions();
    return sampled ? batch_.actions
                   : Actions{static_cast<const double*>(nullptr), distribution_->action_size()};
  }

  [[noreturn]] void refuse_distribution() const {
    require_finite_features(batch_.inputs);
    refuse("phi, parameters: their products are not finite");
  }
  [[noreturn]] void refuse_gradient(const char* what, const double* weights) const {
    require_finite(what, weights, rows());
    require_finite_features(batch_.inputs);
    refuse_overflow((std::string("phi, ") + what).c_str());
  }
  void refuse_step(const NaturalStep& step, const double* advantages) const {
    if (step.not_finite == nullptr) {
      if (!std::isfinite(step.natural.damping)) require_finite_features(batch_.inputs);
      return;
    }
    if (step.not_finite == std::string("distribution")) refuse_distribution();
    refuse_gradient("advantages", advantages);
  }

  std::shared_ptr<const Distribution> distribution_;
  std::shared_ptr<const Architecture> network_;
  Array<double> phi_;
  std::optional<py::array> action_array_;
  MaskArray mask_array_;
  std::unique_ptr<const SparseRows> sparse_;  // at one address when this object is moved
  PolicySamples batch_;
};

}  // namespace fastpg
