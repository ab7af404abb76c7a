// A batch of a policy: the one evaluator of states, actions and parameters.
#include <optional>

#include "fastpg/policies/act.hpp"
#include "fastpg/policies/fisher.hpp"
#include "fastpg/solvers/natural_step.hpp"
#include "fastpg/solvers/surrogate.hpp"
#include "feature_arrays.hpp"
#include "policy_arrays.hpp"
#include "policy_results.hpp"
#include "value_batch.hpp"

namespace fastpg {
namespace {

// Its arrays are checked here, once. What another thread writes into them later makes wrong
// numbers, never a wrong address.
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
        batch_{*distribution_,
               *network_,
               features_of(phi_),
               checked_actions(*distribution_, action_array_, phi_.shape(0)),
               checked_mask(*distribution_, mask_array_, phi_.shape(0)),
               checked_threads(num_threads)} {
    require_network(*distribution_, *network_, phi_.shape(1));
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

  const Array<double>& phi() const { return phi_; }

  Array<double> distribution(const Array<double>& theta) const {
    const Vector parameters = checked_theta("theta", theta);
    Array<double> out({rows(), distribution_->size()});
    double* const values = out.mutable_data();
    with_policy([&](BatchPolicy& policy) {
      distributions(policy, parameters.data(), batch_.mask, batch_.threads, values);
    });
    if (!distribution_->sound(values, rows())) refuse_distribution();
    return out;
  }

  // (P,), flat.
  Array<double> score_gradient(const Array<double>& theta, const Array<double>& dist,
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

  Array<double> entropy_gradient(const Array<double>& theta, const Array<double>& dist) const {
    const double* const d = checked_dist(*distribution_, "dist", dist, rows());
    const Vector out = with_policy_at(theta, [&](const BatchPolicy& policy) {
      return fastpg::entropy_gradient(policy, d, batch_.threads);
    });
    if (!out.allFinite()) refuse_sums(batch_.inputs, "phi");
    return to_array(out);
  }

  // Of the shape of the vector.
  Array<double> fisher_vector_product(const Array<double>& theta, const Array<double>& dist,
                                      const Array<double>& vector, bool sampled) const {
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

  Array<double> fisher(const Array<double>& theta, const Array<double>& dist, bool sampled) const {
    const double* const d = checked_dist(*distribution_, "dist", dist, rows());
    const Actions actions = taken(sampled);
    const Matrix dense = with_policy_at(theta, [&](const BatchPolicy& policy) {
      return Fisher(policy, d, actions, batch_.threads).dense();
    });
    if (!all_finite(dense.data(), dense.size())) refuse_sums(batch_.inputs, "phi");
    return to_array(dense);
  }

  py::object natural_gradient(const Array<double>& theta, const Array<double>& dist,
                              const Array<double>& gradient, bool sampled, bool factorise,
                              py::ssize_t max_steps, double tolerance, double damping,
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

  py::object natural_step(const Array<double>& theta, const Array<double>& advantages,
                          const std::optional<Array<double>>& halves, bool normalize_advantage,
                          double ent_coef, bool sampled, py::ssize_t fisher_samples, bool factorise,
                          py::ssize_t max_steps, double tolerance, double damping) const {
    require_actions();
    require(std::isfinite(ent_coef), "ent_coef: expected a finite number");
    require(fisher_samples >= 1 && fisher_samples <= rows(),
            "fisher_samples: expected a number of samples in [1, " + std::to_string(rows()) +
                "], got " + std::to_string(fisher_samples));
    const Vector parameters = checked_theta("theta", theta);
    const double* const given = vector_data("advantages", advantages, rows());
    if (normalize_advantage) require_all_finite("advantages", given, rows(), 0);
    const double* const half = halves ? vector_data("halves", *halves, rows()) : nullptr;
    const NaturalStepSettings settings{
        normalize_advantage, ent_coef,  sampled,
        fisher_samples,      factorise, cg_settings(max_steps, tolerance, damping)};
    Array<double> used(rows(), given), dist({rows(), distribution_->size()});
    double* const weights = used.mutable_data();
    double* const d = dist.mutable_data();
    const NaturalStep step = unlocked([&] {
      return fastpg::natural_step(batch_, parameters.data(), weights, half, settings, d);
    });
    refuse_step(step, given);
    py::object natural = named(step.natural, shaped_like(theta, step.natural.direction));
    return named_step(std::move(used), std::move(dist), shaped_like(theta, step.gradient),
                      std::move(natural));
  }

  // The step from old distributions, which may be those of natural_step(), to theta.
  py::object compare(const Array<double>& old_dist, const Array<double>& theta,
                     const Array<double>& advantages) const {
    require_actions();
    require_dist_shape(*distribution_, "old_dist", old_dist, rows());
    const Vector parameters = checked_theta("theta", theta);
    const double* const weights = vector_data("advantages", advantages, rows());
    Buffer<double> after(length(rows() * distribution_->size()));
    const UpdateStatistics found = with_policy([&](BatchPolicy& policy) {
      distributions(policy, parameters.data(), batch_.mask, batch_.threads, after.data());
      return update_statistics(*distribution_, old_dist.data(), after.data(), batch_.actions,
                               weights, rows(), batch_.threads);
    });
    if (!distribution_->sound(after.data(), rows())) refuse_distribution();
    return named(found);
  }

  py::object line_search(const Array<double>& theta, const Array<double>& step,
                         const Array<double>& old_dist, const Array<double>& advantages,
                         double ent_coef, double target_kl, double shrinking_factor,
                         py::ssize_t max_iter) const {
    require_iterations("max_iter", max_iter, 10'000);
    require_actions();
    const double* const d = checked_dist(*distribution_, "old_dist", old_dist, rows());
    const double* const weights = vector_data("advantages", advantages, rows());
    Vector parameters = checked_theta("theta", theta);
    const Vector full_step = checked_theta("step", step);
    const LineSearchResult found = with_policy([&](const BatchPolicy& policy) {
      Surrogate surrogate(policy, batch_.actions, weights, d, batch_.mask, ent_coef,
                          batch_.threads);
      return fastpg::line_search(surrogate, full_step, {target_kl, shrinking_factor, max_iter},
                                 parameters);
    });
    if (!std::isfinite(found.before.objective) || !std::isfinite(found.before.kl)) {
      require_all_finite("advantages", weights, rows(), 0);
      require_finite_features(batch_.inputs);
    }
    return named(found, shaped_like(theta, parameters));
  }

  // The optimizers are changed unless something is not finite. value_batch: all three values of a
  // value network, or none.
  py::object ppo_epochs(const Array<double>& theta, const Array<double>& advantages,
                        Optimizer& optimizer, std::uint64_t seed, std::uint64_t first_epoch,
                        const Whitening* whitening, const PpoSettings& settings,
                        const ValueBatch* value_batch,
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
    require_all_finite("advantages", weights, rows(), 0);
    require_finite_features(batch_.inputs);
    PpoValues values(value_batch, value_theta, value_optimizer, rows());
    const Vector before = parameters;
    const std::unique_ptr<Optimizer> moved = optimizer.copy();
    UpdateStatistics statistics;
    const PpoResult result = with_policy([&](BatchPolicy& policy) {
      Buffer<double> old_dist(length(rows() * distribution_->size()));
      Buffer<double> new_dist(old_dist.size());
      const PpoResult found =
          fastpg::ppo_epochs(policy, {batch_.actions, weights, batch_.mask}, settings,
                             LaneStream(seed, RandomStream::shuffle), first_epoch, whitening,
                             batch_.threads, *moved, parameters, values.task(), old_dist.data());
      if (!found.finite) parameters = before;
      distributions(policy, parameters.data(), batch_.mask, batch_.threads, new_dist.data());
      statistics = update_statistics(*distribution_, old_dist.data(), new_dist.data(),
                                     batch_.actions, weights, rows(), batch_.threads);
      return found;
    });
    if (result.finite) optimizer.assign(*moved);
    return named(result, shaped_like(theta, parameters), statistics, values.end(result.finite));
  }

 private:
  Index rows() const { return batch_.inputs.rows; }
  Index parameter_count() const { return fastpg::parameter_count(*distribution_, *network_); }

  // Of any shape, flat, finite.
  Vector checked_theta(const char* what, const Array<double>& theta) const {
    const Index size = parameter_count();
    require_size(what, theta.size(), size);
    require_all_finite(what, theta.data(), size, 0);
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
    throw py::value_error("phi, parameters: their products are not finite");
  }
  [[noreturn]] void refuse_gradient(const char* what, const double* weights) const {
    require_all_finite(what, weights, rows(), 0);
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
  PolicySamples batch_;
};

// (n, action_size) actions of observations (n, d), at the beginning of an episode without steps.
py::array bound_act(const Distribution& distribution, const Architecture& network,
                    const FeatureMap& map, const Array<double>& theta,
                    const Array<float>& observations,
                    const std::optional<Array<std::int64_t>>& step_index, const MaskArray& mask,
                    const LaneStream* stream, std::uint64_t draw) {
  require_ndim("observations", observations, 2);
  const Index n = observations.shape(0);
  require(n >= 1, "observations: expected at least one row, got none");
  require_size("observations (columns)", observations.shape(1), map.observation_size());
  require_finite("observations", observations.data(), observations.size());
  std::vector<std::int64_t> zeros(step_index ? 0 : static_cast<std::size_t>(n), 0);
  if (step_index) require_size("step_index", step_index->size(), n);
  const std::int64_t* const steps = step_index ? step_index->data() : zeros.data();
  require_network(distribution, network, map.size());
  require_size("theta", theta.size(), parameter_count(distribution, network));
  const std::uint8_t* const allowed = checked_mask(distribution, mask, n);
  WritableActions actions;
  py::array out = make_actions(distribution, n, actions);
  const bool finite = unlocked([&] {
    return act(distribution, network, map, theta.data(), observations.data(), steps, n, allowed,
               stream, draw, actions);
  });
  if (!finite) {
    require_all_finite("theta", theta.data(), theta.size(), 0);
    throw py::value_error(
        "observations, theta: the products of features and parameters are not finite");
  }
  return out;
}

PpoSettings ppo_settings(PpoObjective objective, double clip_range, double kl_coef,
                         double learning_rate, double ent_coef, std::optional<double> max_grad_norm,
                         std::optional<double> target_kl, py::ssize_t n_epochs,
                         py::ssize_t batch_size, bool normalize_advantage, double vf_coef,
                         std::optional<double> clip_range_vf) {
  require_iterations("n_epochs", n_epochs, 1'000'000);
  require(batch_size >= 1, "batch_size: expected at least 1, got " + std::to_string(batch_size));
  require(vf_coef >= 0.0 && std::isfinite(vf_coef),
          "vf_coef: expected a finite number of at least 0, got " + std::to_string(vf_coef));
  return {objective,
          clip_range,
          kl_coef,
          learning_rate,
          ent_coef,
          positive_or_infinity("max_grad_norm", max_grad_norm),
          positive_or_infinity("target_kl", target_kl),
          n_epochs,
          batch_size,
          normalize_advantage,
          vf_coef,
          positive_or_infinity("clip_range_vf", clip_range_vf)};
}

void bind_ppo(py::module_& m) {
  py::native_enum<PpoObjective>(m, "PpoObjective", "enum.Enum", "What PPO's epochs ascend.")
      .value("clip", PpoObjective::clip)
      .value("kl_penalty_exact", PpoObjective::kl_penalty_exact)
      .value("kl_penalty_sampled", PpoObjective::kl_penalty_sampled)
      .finalize();
  py::class_<PpoSettings> settings(m, "PpoSettings", "Of PPO's epochs.");
  construct_in_new(settings);
  settings.def(py::init(&ppo_settings), py::kw_only(), py::arg("objective"), py::arg("clip_range"),
               py::arg("kl_coef"), py::arg("learning_rate"), py::arg("ent_coef"),
               py::arg("max_grad_norm"), py::arg("target_kl"), py::arg("n_epochs"),
               py::arg("batch_size"), py::arg("normalize_advantage"), py::arg("vf_coef"),
               py::arg("clip_range_vf"));
}

}  // namespace

void bind_policy(py::module_& m) {
  m.attr("MOST_PARAMETER") = most_parameter;
  const auto array = [](const char* argument) { return py::arg(argument).noconvert(); };
  const auto optional = [](const char* argument) {
    return py::arg_v(py::arg(argument).noconvert(), py::none());
  };
  const auto threads = py::arg_v("num_threads", 1);
  using B = PyPolicyBatch;
  bind_ppo(m);
  py::class_<B> batch(m, "PolicyBatch", "States and actions of a batch.");
  construct_in_new(batch);
  batch
      .def(py::init<std::shared_ptr<Distribution>, std::shared_ptr<Architecture>, Array<double>,
                    std::optional<py::array>, MaskArray, int>(),
           py::arg("distribution").none(false), py::arg("network").none(false), array("phi"),
           optional("actions"), optional("mask"), threads)
      .def_static("of_observations", &B::of, py::arg("distribution").none(false),
                  py::arg("network").none(false), py::arg("features").none(false),
                  array("observations"), array("step_index"), optional("actions"), optional("mask"),
                  threads, "Of observations (n, d) at steps (n,).")
      .def_property_readonly("phi", &B::phi, "Features (n, n_features).")
      .def("distribution", &B::distribution, array("theta"),
           "(n, k): ln pi of every action, or means and ln sigma.")
      .def("score_gradient", &B::score_gradient, array("theta"), array("dist"), array("weights"),
           py::arg("ent_coef") = 0.0, "(P,): mean of w grad ln pi(a|s) + ent_coef grad H.")
      .def("entropy_gradient", &B::entropy_gradient, array("theta"), array("dist"),
           "(P,): gradient of the mean entropy.")
      .def("fisher_vector_product", &B::fisher_vector_product, array("theta"), array("dist"),
           array("vector"), py::arg("sampled") = false,
           "F v; the action summed out, or at the actions taken.")
      .def("fisher", &B::fisher, array("theta"), array("dist"), py::arg("sampled") = false,
           "F, (P, P).")
      .def("natural_gradient", &B::natural_gradient, array("theta"), array("dist"),
           array("gradient"), py::arg("sampled"), py::arg("factorise"), py::arg("max_steps"),
           py::arg("tolerance"), py::arg("damping"), optional("noise"), "A NaturalGradient.")
      .def("natural_step", &B::natural_step, array("theta"), array("advantages"), array("halves"),
           py::arg("normalize_advantage"), py::arg("ent_coef"), py::arg("sampled"),
           py::arg("fisher_samples"), py::arg("factorise"), py::arg("max_steps"),
           py::arg("tolerance"), py::arg("damping"), "A NaturalStep.")
      .def("compare", &B::compare, array("old_dist"), array("theta"), array("advantages"),
           "An UpdateStatistics of the step to theta.")
      .def("line_search", &B::line_search, array("theta"), array("step"), array("old_dist"),
           array("advantages"), py::arg("ent_coef"), py::arg("target_kl"),
           py::arg("shrinking_factor"), py::arg("max_iter"), "A LineSearch.")
      .def("ppo_epochs", &B::ppo_epochs, array("theta"), array("advantages"),
           py::arg("optimizer").none(false), py::arg("seed"), py::arg("first_epoch"),
           py::arg("whitening").none(true), py::arg("settings").none(false),
           py::arg("value_batch") = py::none(), optional("value_theta"),
           py::arg("value_optimizer") = py::none(), "A PpoUpdate.");
  m.def(
      "act", &bound_act, py::arg("distribution").none(false), py::arg("network").none(false),
      py::arg("features").none(false), array("theta"), array("observations"), array("step_index"),
      array("mask"), py::arg("stream").none(true), py::arg("draw"),
      "(n, action_size) actions at observations (n, d); the most probable ones without a stream.");
}

}  // namespace fastpg
