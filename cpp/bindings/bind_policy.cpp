// The batch of a policy, and its actions outside of rollouts.
#include "fastpg/policies/act.hpp"
#include "policy_batch.hpp"

namespace fastpg {
namespace {

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
  require_finite("observations", observations);
  std::vector<std::int64_t> zeros(step_index ? 0 : static_cast<std::size_t>(n), 0);
  if (step_index) require_size("step_index", step_index->size(), n);
  const std::int64_t* const steps = step_index ? step_index->data() : zeros.data();
  require_network(distribution, network, map.size());
  require_size("theta", theta.size(), parameter_count(distribution, network));
  const std::uint8_t* const allowed = checked_mask(distribution, mask, n);
  WritableActions actions;
  py::array out = make_actions(distribution, n, actions);
  const double* const parameters = theta.data();
  const float* const states = observations.data();
  const bool finite = unlocked([&] {
    return act(distribution, network, map, parameters, states, steps, n, allowed, stream, draw,
               actions);
  });
  if (!finite) {
    require_finite("theta", theta);
    refuse("observations, theta: the products of features and parameters are not finite");
  }
  return out;
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
  py::class_<B> batch(m, "PolicyBatch", "States and actions of a batch.");
  construct_in_new(batch);
  batch
      .def(constructor<B, std::shared_ptr<Distribution>, std::shared_ptr<Architecture>,
                       Array<double>, std::optional<py::array>, MaskArray, int>(),
           py::arg("distribution").none(false), py::arg("network").none(false), array("phi"),
           optional("actions"), optional("mask"), threads)
      .def_static("of_observations", &B::of, py::arg("distribution").none(false),
                  py::arg("network").none(false), py::arg("features").none(false),
                  array("observations"), array("step_index"), optional("actions"), optional("mask"),
                  threads, "Of observations (n, d) at steps (n,).")
      .def_property_readonly("phi", by_reference(&B::phi), "Features (n, n_features), read-only.")
      .def("distribution", of_unmoved(&B::distribution), array("theta"),
           "(n, k): ln pi of every action, or means and ln sigma.")
      .def("score_gradient", of_unmoved(&B::score_gradient), array("theta"), array("dist"),
           array("weights"), py::arg("ent_coef") = 0.0,
           "(P,): mean of w grad ln pi(a|s) + ent_coef grad H.")
      .def("entropy_gradient", of_unmoved(&B::entropy_gradient), array("theta"), array("dist"),
           "(P,): gradient of the mean entropy.")
      .def("fisher_vector_product", of_unmoved(&B::fisher_vector_product), array("theta"),
           array("dist"), array("vector"), py::arg("sampled") = false,
           "F v; the action summed out, or at the actions taken.")
      .def("fisher", of_unmoved(&B::fisher), array("theta"), array("dist"),
           py::arg("sampled") = false, "F, (P, P).")
      .def("natural_gradient", of_unmoved(&B::natural_gradient), array("theta"), array("dist"),
           array("gradient"), py::arg("sampled"), py::arg("factorise"), py::arg("max_steps"),
           py::arg("tolerance"), py::arg("damping"), optional("noise"), "A NaturalGradient.")
      .def("natural_step", of_unmoved(&B::natural_step), array("theta"), array("advantages"),
           array("halves"), py::arg("normalize_advantage"), py::arg("ent_coef"), py::arg("sampled"),
           py::arg("fisher_samples"), py::arg("factorise"), py::arg("max_steps"),
           py::arg("tolerance"), py::arg("damping"), "A NaturalStep.")
      .def("compare", of_unmoved(&B::compare), array("old_dist"), array("theta"),
           array("advantages"), "An UpdateStatistics of the step to theta.")
      .def("line_search", of_unmoved(&B::line_search), array("theta"), array("step"),
           array("old_dist"), array("advantages"), py::arg("ent_coef"), py::arg("target_kl"),
           py::arg("shrinking_factor"), py::arg("max_iter"), "A LineSearch.")
      .def("ppo_epochs", of_unmoved(&B::ppo_epochs), array("theta"), array("advantages"),
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
