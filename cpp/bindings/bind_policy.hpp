// Binds everything that a linear policy computes over a batch, for one head.
#pragma once

#include <optional>

#include "eigen_views.hpp"
#include "fastpg/policies/fisher.hpp"
#include "fastpg/solvers/natural_gradient.hpp"
#include "fastpg/solvers/ppo_epochs.hpp"
#include "fastpg/solvers/surrogate.hpp"

namespace fastpg {

const char* name(CgStatus status);
const char* name(LineSearchStatus status);
CgSettings cg_settings(py::ssize_t max_steps, double tolerance, double damping);

template <class Head>
class BoundPolicy {
 public:
  using Scalar = typename Head::Scalar;
  using ActionArray = Array<Scalar>;
  using MaskArray = std::optional<Array<bool>>;

  // (n, distribution_size) distributions, checked; -inf is allowed where a head can mask.
  static MatrixView dist_view(const Head& head, const char* what, const Array<double>& array,
                              py::ssize_t rows) {
    require_ndim(what, array, 2);
    require_size((std::string(what) + " (columns)").c_str(), array.shape(1),
                 head.distribution_size());
    if (rows >= 0) require_size((std::string(what) + " (rows)").c_str(), array.shape(0), rows);
    if constexpr (Head::masked) {
      require_log_probs(what, array);
    } else {
      require_finite(what, array.data(), array.size());
    }
    return {array.data(), array.shape(0), array.shape(1)};
  }

  static MatrixView features_view(const Array<double>& features) {
    const MatrixView phi = matrix_view("features", features);
    require(phi.rows() >= 1 && phi.cols() >= 1, "features: expected at least one row and column");
    return phi;
  }

  static VectorView parameters_view(const Head& head, const Array<double>& parameters,
                                    Index n_features) {
    const VectorView view = vector_view("parameters", parameters);
    require_size("parameters", view.size(), linear_policy::parameter_count(head, n_features));
    return view;
  }

  static Actions<Scalar> actions_of(const Head& head, const ActionArray& actions, Index rows) {
    require_ndim("actions", actions, 2);
    require_size("actions (rows)", actions.shape(0), rows);
    require_size("actions (columns)", actions.shape(1), head.action_size());
    if constexpr (std::is_floating_point_v<Scalar>) {
      require_finite("actions", actions.data(), actions.size());
    }
    const Actions<Scalar> out =
        Eigen::Map<const Actions<Scalar>>(actions.data(), actions.shape(0), actions.shape(1));
    head.check(out);
    return out;
  }

  // Every choice keeps at least one action.
  static const bool* mask_data(const Head& head, const MaskArray& mask, Index rows) {
    if (!mask) return nullptr;
    require(Head::masked, "mask: this policy takes none");
    require_ndim("mask", *mask, 2);
    require_size("mask (rows)", mask->shape(0), rows);
    require_size("mask (columns)", mask->shape(1), head.outputs());
    if constexpr (Head::masked) require_some_action(head, mask->data(), rows);
    return mask->data();
  }

  static Array<double> distribution(const Head& head, const Array<double>& features,
                                    const Array<double>& parameters, const MaskArray& mask) {
    const MatrixView phi = features_view(features);
    const VectorView theta = parameters_view(head, parameters, phi.cols());
    const bool* const m = mask_data(head, mask, phi.rows());
    Matrix out;
    unlocked([&] { linear_policy::distribution(head, phi, theta, m, out); });
    if (out.array().isNaN().any()) {
      throw py::value_error("features, parameters: their products are not finite");
    }
    return to_array(out);
  }

  static ActionArray sample(const Head& head, const Array<double>& dist,
                            const Array<double>& uniforms) {
    const MatrixView d = dist_view(head, "dist", dist, -1);
    const MatrixView u = matrix_view("uniforms", uniforms);
    require_size("uniforms (rows)", u.rows(), d.rows());
    require_size("uniforms (columns)", u.cols(), head.action_size());
    require(u.size() == 0 || (u.minCoeff() > 0.0 && u.maxCoeff() < 1.0),
            "uniforms: expected numbers in (0, 1)");
    Actions<Scalar> actions(d.rows(), head.action_size());
    unlocked([&] { head.sample(d, u, actions); });
    return to_action_array(actions);
  }

  static ActionArray mode(const Head& head, const Array<double>& dist) {
    const MatrixView d = dist_view(head, "dist", dist, -1);
    Actions<Scalar> actions(d.rows(), head.action_size());
    unlocked([&] { head.mode(d, actions); });
    return to_action_array(actions);
  }

  static Array<double> log_prob(const Head& head, const Array<double>& dist,
                                const ActionArray& actions) {
    const MatrixView d = dist_view(head, "dist", dist, -1);
    const Actions<Scalar> a = actions_of(head, actions, d.rows());
    return to_array(unlocked([&] { return linear_policy::log_probs(head, d, a); }));
  }

  static Array<double> score_gradient(const Head& head, const Array<double>& features,
                                      const Array<double>& dist, const ActionArray& actions,
                                      const Array<double>& weights) {
    const MatrixView phi = features_view(features);
    const MatrixView d = dist_view(head, "dist", dist, phi.rows());
    const VectorView w = vector_view("weights", weights);
    require_size("weights", w.size(), phi.rows());
    const Actions<Scalar> a = actions_of(head, actions, phi.rows());
    return to_array(unlocked([&] { return linear_policy::score_gradient(head, phi, d, a, w); }));
  }

  static Array<double> entropy(const Head& head, const Array<double>& dist) {
    const MatrixView d = dist_view(head, "dist", dist, -1);
    return to_array(unlocked([&] { return head.entropy(d); }));
  }

  static Array<double> entropy_gradient(const Head& head, const Array<double>& features,
                                        const Array<double>& dist) {
    const MatrixView phi = features_view(features);
    const MatrixView d = dist_view(head, "dist", dist, phi.rows());
    return to_array(unlocked([&] { return linear_policy::entropy_gradient(head, phi, d); }));
  }

  static Array<double> kl(const Head& head, const Array<double>& old_dist,
                          const Array<double>& new_dist) {
    const MatrixView old_view = dist_view(head, "old_dist", old_dist, -1);
    const MatrixView new_view = dist_view(head, "new_dist", new_dist, old_view.rows());
    return to_array(unlocked([&] { return head.kl(old_view, new_view); }));
  }

  static Fisher<Head> make_fisher(const Head& head, const Array<double>& features,
                                  const Array<double>& dist,
                                  const std::optional<ActionArray>& actions) {
    const MatrixView phi = features_view(features);
    const MatrixView d = dist_view(head, "dist", dist, phi.rows());
    if (!actions) return Fisher<Head>(head, phi, d);
    return Fisher<Head>(head, phi, d, actions_of(head, *actions, phi.rows()));
  }

  static Vector flat(const Head& head, const char* what, const Array<double>& array,
                     py::ssize_t n_features) {
    const VectorView view = vector_view(what, array);
    require_size(what, view.size(), linear_policy::parameter_count(head, n_features));
    return view;
  }

  static Array<double> fisher_vector_product(const Head& head, const Array<double>& features,
                                             const Array<double>& dist, const Array<double>& vector,
                                             const std::optional<ActionArray>& actions) {
    Fisher<Head> fisher = make_fisher(head, features, dist, actions);
    const Vector v = flat(head, "vector", vector, features.shape(1));
    Vector out(v.size());
    {
      const py::gil_scoped_release unlocked;
      fisher.apply(v, out);
    }
    return to_array(out);
  }

  static Array<double> fisher(const Head& head, const Array<double>& features,
                              const Array<double>& dist,
                              const std::optional<ActionArray>& actions) {
    const Fisher<Head> f = make_fisher(head, features, dist, actions);
    const Matrix dense = unlocked([&]() -> Matrix { return f.dense(); });
    return to_array(dense);
  }

  static py::tuple natural_gradient(const Head& head, const Array<double>& features,
                                    const Array<double>& dist, const Array<double>& gradient,
                                    const std::optional<ActionArray>& actions, bool dense,
                                    py::ssize_t max_steps, double tolerance, double damping) {
    Fisher<Head> fisher = make_fisher(head, features, dist, actions);
    const Vector g = flat(head, "gradient", gradient, features.shape(1));
    const CgSettings settings = cg_settings(max_steps, tolerance, damping);
    Vector x(g.size());
    NaturalGradientResult result{};
    {
      const py::gil_scoped_release unlocked;
      CgWorkspace work(g.size());
      result = dense ? dense_natural_gradient(fisher, g, damping, x)
                     : fastpg::natural_gradient(fisher, g, settings, work, x);
    }
    return py::make_tuple(to_array(x), name(result.cg.status), result.cg.iterations,
                          result.cg.residual, result.curvature, result.damping);
  }

  static py::tuple line_search(const Head& head, const Array<double>& features,
                               const ActionArray& actions, const Array<double>& advantages,
                               const Array<double>& old_dist, const MaskArray& mask,
                               const Array<double>& parameters, const Array<double>& step,
                               double ent_coef, double target_kl, double shrinking_factor,
                               py::ssize_t max_iter) {
    const MatrixView phi = features_view(features);
    const MatrixView d = dist_view(head, "old_dist", old_dist, phi.rows());
    const Actions<Scalar> a = actions_of(head, actions, phi.rows());
    const VectorView weights = vector_view("advantages", advantages);
    require_size("advantages", weights.size(), phi.rows());
    Vector theta = parameters_view(head, parameters, phi.cols());
    const Vector full_step = flat(head, "step", step, phi.cols());
    const bool* const m = mask_data(head, mask, phi.rows());
    LineSearchResult result{};
    {
      const py::gil_scoped_release unlocked;
      Surrogate<Head> surrogate(head, phi, a, weights, d, m, ent_coef);
      result =
          fastpg::line_search(surrogate, full_step, {target_kl, shrinking_factor, max_iter}, theta);
    }
    return py::make_tuple(to_array(theta), name(result.status), result.backtracks, result.fraction,
                          result.before.objective, result.after.objective, result.after.kl);
  }

  static py::dict ppo_epochs(const Head& head, const Array<double>& features,
                             const ActionArray& actions, const Array<double>& advantages,
                             const MaskArray& mask, const Array<double>& parameters, Adam& adam,
                             std::uint64_t seed, std::uint64_t first_epoch, PpoObjective objective,
                             double clip_range, double kl_coef, double learning_rate,
                             double ent_coef, std::optional<double> max_grad_norm,
                             std::optional<double> target_kl, py::ssize_t n_epochs,
                             py::ssize_t batch_size, bool normalize_advantage, bool plain_sgd) {
    const MatrixView phi = features_view(features);
    Vector theta = parameters_view(head, parameters, phi.cols());
    require_size("adam", adam.mean.size(), theta.size());
    const Actions<Scalar> a = actions_of(head, actions, phi.rows());
    const VectorView weights = vector_view("advantages", advantages);
    require_size("advantages", weights.size(), phi.rows());
    require(n_epochs >= 1, "n_epochs: expected at least 1, got " + std::to_string(n_epochs));
    require(batch_size >= 1, "batch_size: expected at least 1, got " + std::to_string(batch_size));
    const bool* const m = mask_data(head, mask, phi.rows());
    const PpoSettings settings{objective,
                               clip_range,
                               kl_coef,
                               learning_rate,
                               ent_coef,
                               or_infinity("max_grad_norm", max_grad_norm),
                               or_infinity("target_kl", target_kl),
                               n_epochs,
                               batch_size,
                               normalize_advantage,
                               plain_sgd};
    const Vector before = theta;
    Adam moments = adam;
    PpoResult result;
    {
      const py::gil_scoped_release unlocked;
      PpoEpochs<Head> epochs(head, phi, a, weights, m, settings);
      result = epochs.run(LaneStream(seed, Purpose::shuffle), first_epoch, moments, theta);
    }
    if (result.finite) adam = moments;
    return ppo_dict(result, result.finite ? theta : before);
  }

 private:
  static ActionArray to_action_array(const Actions<Scalar>& actions) {
    ActionArray out({actions.rows(), actions.cols()});
    std::copy(actions.data(), actions.data() + actions.size(), out.mutable_data());
    return out;
  }

  static void require_log_probs(const char* what, const Array<double>& array) {
    const double* const values = array.data();
    for (py::ssize_t i = 0; i < array.size(); ++i) {
      if (values[i] <= 1e-9) continue;
      throw py::value_error(std::string(what) + ": expected logarithms of probabilities, got " +
                            std::to_string(values[i]));
    }
  }

  static void require_some_action(const Head& head, const bool* mask, Index rows) {
    for (Index i = 0; i < rows; ++i) {
      const bool* at = mask + i * head.outputs();
      for (const Index count : head.choices()) {
        if (std::find(at, at + count, true) == at + count) {
          throw py::value_error(
              "mask: expected at least one allowed action in each choice, got "
              "none in row " +
              std::to_string(i));
        }
        at += count;
      }
    }
  }

  static double or_infinity(const char* what, std::optional<double> value) {
    if (!value) return std::numeric_limits<double>::infinity();
    require(*value > 0.0, std::string(what) + ": expected None or a number above 0, got " +
                              std::to_string(*value));
    return *value;
  }

  static py::dict ppo_dict(const PpoResult& result, const Vector& parameters) {
    py::dict out;
    out["parameters"] = to_array(parameters);
    out["finite"] = result.finite;
    out["policy_loss"] = result.policy_loss;
    out["entropy"] = result.entropy;
    out["clip_fraction"] = result.clip_fraction;
    out["approx_kl"] = result.approx_kl;
    out["grad_norm"] = result.grad_norm;
    out["kl"] = result.kl;
    out["n_updates"] = result.n_updates;
    out["n_epochs"] = result.n_epochs;
    return out;
  }
};

// The class without its constructor.
template <class Head>
py::class_<Head> bind_policy_head(py::module_& m, const char* class_name, const char* doc) {
  using B = BoundPolicy<Head>;
  const auto array = [](const char* argument) { return py::arg(argument).noconvert(); };
  const auto optional = [](const char* argument) {
    return py::arg_v(py::arg(argument).noconvert(), py::none());
  };
  py::class_<Head> head(m, class_name, doc);
  construct_in_new(head);
  return head.def_property_readonly("outputs", &Head::outputs)
      .def_property_readonly("extra", &Head::extra)
      .def_property_readonly("action_size", &Head::action_size)
      .def("distribution", &B::distribution, array("features"), array("parameters"),
           optional("mask"), "(n, k): ln pi of every action, or means and ln sigma.")
      .def("sample", &B::sample, array("dist"), array("uniforms"),
           "(n, action_size) actions by inverse CDF from uniforms in (0, 1).")
      .def("mode", &B::mode, array("dist"), "(n, action_size) most probable actions.")
      .def("log_prob", &B::log_prob, array("dist"), array("actions"), "(n,) of ln pi(a|s).")
      .def("score_gradient", &B::score_gradient, array("features"), array("dist"), array("actions"),
           array("weights"), "(P,): mean of w grad ln pi(a|s).")
      .def("entropy", &B::entropy, array("dist"), "(n,) entropies in nats.")
      .def("entropy_gradient", &B::entropy_gradient, array("features"), array("dist"),
           "(P,): gradient of the mean entropy.")
      .def("kl", &B::kl, array("old_dist"), array("new_dist"), "(n,) of KL(old | new).")
      .def("fisher_vector_product", &B::fisher_vector_product, array("features"), array("dist"),
           array("vector"), optional("actions"),
           "F v, (P,); the action summed out, or with `actions` at the actions taken.")
      .def("fisher", &B::fisher, array("features"), array("dist"), optional("actions"),
           "F, (P, P).")
      .def("natural_gradient", &B::natural_gradient, array("features"), array("dist"),
           array("gradient"), array("actions"), py::arg("dense"), py::arg("max_steps"),
           py::arg("tolerance"), py::arg("damping"),
           "(direction, status, iterations, relative residual, curvature, absolute damping).")
      .def("line_search", &B::line_search, array("features"), array("actions"), array("advantages"),
           array("old_dist"), array("mask"), array("parameters"), array("step"),
           py::arg("ent_coef"), py::arg("target_kl"), py::arg("shrinking_factor"),
           py::arg("max_iter"),
           "(parameters, status, backtracks, fraction, objective before, after, kl).")
      .def("ppo_epochs", &B::ppo_epochs, array("features"), array("actions"), array("advantages"),
           array("mask"), array("parameters"), py::arg("adam"), py::arg("seed"),
           py::arg("first_epoch"), py::arg("objective"), py::arg("clip_range"), py::arg("kl_coef"),
           py::arg("learning_rate"), py::arg("ent_coef"), py::arg("max_grad_norm"),
           py::arg("target_kl"), py::arg("n_epochs"), py::arg("batch_size"),
           py::arg("normalize_advantage"), py::arg("plain_sgd"),
           "Epochs of minibatch ascent: new parameters and statistics.");
}

}  // namespace fastpg
