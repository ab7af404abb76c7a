// Binds everything that a linear policy computes over a batch, for one head.
//
// Arrays are checked once: sizes, distributions and actions before a kernel, features and weights
// by what comes out of it, since a number that is not finite makes every sum over its row so.
#pragma once

#include <optional>
#include <variant>

#include "eigen_views.hpp"
#include "fastpg/policies/fisher.hpp"
#include "fastpg/solvers/comparison.hpp"
#include "fastpg/solvers/natural_gradient.hpp"
#include "fastpg/solvers/ppo_epochs.hpp"
#include "fastpg/solvers/surrogate.hpp"
#include "solver_names.hpp"

namespace fastpg {

template <class Head>
class BoundPolicy {
 public:
  using Scalar = typename Head::Scalar;
  using ActionArray = Array<Scalar>;
  using MaskArray = std::optional<Array<bool>>;
  // Products with float features are float, everything else is double.
  using FeatureArray = std::variant<Array<double>, Array<float>>;

  template <class Function>
  static auto with_features(const FeatureArray& array, Function&& f) {
    return std::visit(
        [&](const auto& features) {
          require_ndim("phi", features, 2);
          require(features.shape(0) >= 1 && features.shape(1) >= 1,
                  "phi: expected at least one row and column");
          return f(Features(features.data(), features.shape(0), features.shape(1)));
        },
        array);
  }

  // (n, distribution_size) distributions, checked; -inf is allowed where a head can mask.
  static const double* dist_data(const Head& head, const char* what, const Array<double>& array,
                                 py::ssize_t rows) {
    require_ndim(what, array, 2);
    if (array.shape(1) != head.distribution_size()) {
      require_size((std::string(what) + " (columns)").c_str(), array.shape(1),
                   head.distribution_size());
    }
    if (rows >= 0 && array.shape(0) != rows) {
      require_size((std::string(what) + " (rows)").c_str(), array.shape(0), rows);
    }
    head.check_distribution(what, array.data(), array.shape(0));
    return array.data();
  }

  static const double* vector_data(const char* what, const Array<double>& array, Index size) {
    require_ndim(what, array, 1);
    require_size(what, array.size(), size);
    return array.data();
  }

  // (parameters,), finite.
  static Vector flat(const Head& head, const char* what, const Array<double>& array,
                     Index n_features) {
    const Index size = linear_policy::parameter_count(head, n_features);
    const double* const values = vector_data(what, array, size);
    require_all_finite(what, values, size, 0);
    return VectorView(values, size);
  }

  static const Scalar* actions_data(const Head& head, const ActionArray& actions, Index rows) {
    require_ndim("actions", actions, 2);
    require_size("actions (rows)", actions.shape(0), rows);
    require_size("actions (columns)", actions.shape(1), head.action_size());
    head.check(actions.data(), rows);
    return actions.data();
  }
  static const Scalar* actions_data(const Head& head, const std::optional<ActionArray>& actions,
                                    Index rows) {
    return actions ? actions_data(head, *actions, rows) : nullptr;
  }

  // Bytes, since a flag may be any but zero. Every choice keeps at least one action.
  static const std::uint8_t* mask_data(const Head& head, const MaskArray& mask, Index rows) {
    if (!mask) return nullptr;
    require(Head::masked, "mask: this policy takes none");
    require_ndim("mask", *mask, 2);
    require_size("mask (rows)", mask->shape(0), rows);
    require_size("mask (columns)", mask->shape(1), head.outputs());
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(mask->data());
    if constexpr (Head::masked) require_some_action(head, bytes, rows);
    return bytes;
  }

  template <class T>
  static void require_finite_features(const Features<T>& phi) {
    require_all_finite("phi", phi.data, phi.rows, phi.cols);
  }

  // Each number given is finite, sums over them are not.
  [[noreturn]] static void refuse_overflow(const char* names) {
    throw std::overflow_error(std::string(names) + ": expected numbers whose sums are finite");
  }
  template <class T>
  [[noreturn]] static void refuse_sums(const Features<T>& phi, const char* names) {
    require_finite_features(phi);
    refuse_overflow(names);
  }

  static Array<double> distribution(const Head& head, const FeatureArray& features,
                                    const Array<double>& parameters, const MaskArray& mask,
                                    int num_threads) {
    const int threads = checked_threads(num_threads);
    return with_features(features, [&](const auto& phi) {
      const Vector theta = flat(head, "parameters", parameters, phi.cols);
      const std::uint8_t* const m = mask_data(head, mask, phi.rows);
      Array<double> out({phi.rows, head.distribution_size()});
      double* const values = out.mutable_data();
      unlocked([&] { linear_policy::distribution(head, phi, theta.data(), m, threads, values); });
      const bool good =
          Head::masked ? all_at_most(values, out.size(), 1e-9) : all_finite(values, out.size());
      if (!good) {
        require_finite_features(phi);
        throw py::value_error("phi, parameters: their products are not finite");
      }
      return out;
    });
  }

  static ActionArray sample(const Head& head, const Array<double>& dist,
                            const Array<double>& uniforms) {
    const double* const values = dist_data(head, "dist", dist, -1);
    const MatrixView d(values, dist.shape(0), dist.shape(1));
    const MatrixView u = matrix_view("uniforms", uniforms);
    require_size("uniforms (rows)", u.rows(), d.rows());
    require_size("uniforms (columns)", u.cols(), head.action_size());
    require(u.size() == 0 || (u.minCoeff() > 0.0 && u.maxCoeff() < 1.0),
            "uniforms: expected numbers in (0, 1)");
    ActionArray out({d.rows(), head.action_size()});
    Eigen::Map<Actions<Scalar>> actions(out.mutable_data(), d.rows(), head.action_size());
    unlocked([&] { head.sample(d, u, actions); });
    return out;
  }

  static ActionArray mode(const Head& head, const Array<double>& dist) {
    const double* const values = dist_data(head, "dist", dist, -1);
    const MatrixView d(values, dist.shape(0), dist.shape(1));
    ActionArray out({d.rows(), head.action_size()});
    Eigen::Map<Actions<Scalar>> actions(out.mutable_data(), d.rows(), head.action_size());
    unlocked([&] { head.mode(d, actions); });
    return out;
  }

  static Array<double> log_prob(const Head& head, const Array<double>& dist,
                                const ActionArray& actions) {
    const double* const d = dist_data(head, "dist", dist, -1);
    const Scalar* const a = actions_data(head, actions, dist.shape(0));
    const Index rows = dist.shape(0);
    return filled(rows,
                  [=, &head](double* out) { linear_policy::log_probs(head, d, a, rows, out); });
  }

  static Array<double> score_gradient(const Head& head, const FeatureArray& features,
                                      const Array<double>& dist, const ActionArray& actions,
                                      const Array<double>& weights, double ent_coef,
                                      int num_threads) {
    const int threads = checked_threads(num_threads);
    require(std::isfinite(ent_coef), "ent_coef: expected a finite number");
    return with_features(features, [&](const auto& phi) {
      const double* const d = dist_data(head, "dist", dist, phi.rows);
      const double* const w = vector_data("weights", weights, phi.rows);
      const Scalar* const a = actions_data(head, actions, phi.rows);
      const Vector out = unlocked(
          [&] { return linear_policy::score_gradient(head, phi, d, a, w, ent_coef, threads); });
      if (!out.allFinite()) {
        require_all_finite("weights", w, phi.rows, 0);
        require_finite_features(phi);
        refuse_overflow("phi, weights");
      }
      return to_array(out);
    });
  }

  static py::tuple compare(const Head& head, const Array<double>& old_dist,
                           const Array<double>& new_dist, const ActionArray& actions,
                           const Array<double>& advantages, int num_threads) {
    const int threads = checked_threads(num_threads);
    const double* const before = dist_data(head, "old_dist", old_dist, -1);
    const Index rows = old_dist.shape(0);
    const double* const after = dist_data(head, "new_dist", new_dist, rows);
    const Scalar* const taken = actions_data(head, actions, rows);
    const double* const weights = vector_data("advantages", advantages, rows);
    require(rows >= 1, "old_dist: expected at least one row, got none");
    const Comparison c = unlocked(
        [&] { return fastpg::compare(head, before, after, taken, weights, rows, threads); });
    if (!std::isfinite(c.objective_before)) require_all_finite("advantages", weights, rows, 0);
    return py::make_tuple(c.kl, c.approx_kl, c.effective_sample_size, c.entropy, c.objective_before,
                          c.objective);
  }

  static Array<double> entropy(const Head& head, const Array<double>& dist) {
    const double* const d = dist_data(head, "dist", dist, -1);
    const Index rows = dist.shape(0);
    return filled(rows, [=, &head](double* out) { linear_policy::entropies(head, d, rows, out); });
  }

  static Array<double> entropy_gradient(const Head& head, const FeatureArray& features,
                                        const Array<double>& dist, int num_threads) {
    const int threads = checked_threads(num_threads);
    return with_features(features, [&](const auto& phi) {
      const double* const d = dist_data(head, "dist", dist, phi.rows);
      const Vector out =
          unlocked([&] { return linear_policy::entropy_gradient(head, phi, d, threads); });
      if (!out.allFinite()) refuse_sums(phi, "phi");
      return to_array(out);
    });
  }

  static Array<double> kl(const Head& head, const Array<double>& old_dist,
                          const Array<double>& new_dist) {
    const double* const old_data = dist_data(head, "old_dist", old_dist, -1);
    const Index rows = old_dist.shape(0);
    const double* const new_data = dist_data(head, "new_dist", new_dist, rows);
    return filled(
        rows, [=, &head](double* out) { linear_policy::kls(head, old_data, new_data, rows, out); });
  }

  static Array<double> fisher_vector_product(const Head& head, const FeatureArray& features,
                                             const Array<double>& dist, const Array<double>& vector,
                                             const std::optional<ActionArray>& actions,
                                             int num_threads) {
    const int threads = checked_threads(num_threads);
    return with_features(features, [&](const auto& phi) {
      const double* const d = dist_data(head, "dist", dist, phi.rows);
      const Scalar* const a = actions_data(head, actions, phi.rows);
      const Vector v = flat(head, "vector", vector, phi.cols);
      Vector out(v.size());
      unlocked([&] { Fisher(head, phi, d, a, threads).apply(v, out); });
      if (!out.allFinite()) refuse_sums(phi, "phi, vector");
      return to_array(out);
    });
  }

  static Array<double> fisher(const Head& head, const FeatureArray& features,
                              const Array<double>& dist, const std::optional<ActionArray>& actions,
                              int num_threads) {
    const int threads = checked_threads(num_threads);
    return with_features(features, [&](const auto& phi) {
      const double* const d = dist_data(head, "dist", dist, phi.rows);
      const Scalar* const a = actions_data(head, actions, phi.rows);
      const Matrix dense = unlocked([&] { return Fisher(head, phi, d, a, threads).dense(); });
      if (!all_finite(dense.data(), dense.size())) refuse_sums(phi, "phi");
      return to_array(dense);
    });
  }

  static py::tuple natural_gradient(const Head& head, const FeatureArray& features,
                                    const Array<double>& dist, const Array<double>& gradient,
                                    const std::optional<ActionArray>& actions, bool dense,
                                    py::ssize_t max_steps, double tolerance, double damping,
                                    const std::optional<Array<double>>& noise, int num_threads) {
    const int threads = checked_threads(num_threads);
    return with_features(features, [&](const auto& phi) {
      const double* const d = dist_data(head, "dist", dist, phi.rows);
      const Scalar* const a = actions_data(head, actions, phi.rows);
      const Vector e = noise ? flat(head, "noise", *noise, phi.cols) : Vector();
      const Vector g = flat(head, "gradient", gradient, phi.cols);
      const CgSettings settings = cg_settings(max_steps, tolerance, damping);
      Vector x(g.size());
      const NaturalGradientResult result = unlocked([&] {
        Fisher fisher(head, phi, d, a, threads);
        return solved(fisher, g, e, dense, settings, x);
      });
      if (!std::isfinite(result.damping)) require_finite_features(phi);
      return py::make_tuple(to_array(x), name(result.cg.status), result.cg.iterations,
                            result.cg.residual, result.curvature, result.damping, result.noise);
    });
  }

  static py::tuple line_search(const Head& head, const FeatureArray& features,
                               const ActionArray& actions, const Array<double>& advantages,
                               const Array<double>& old_dist, const MaskArray& mask,
                               const Array<double>& parameters, const Array<double>& step,
                               double ent_coef, double target_kl, double shrinking_factor,
                               py::ssize_t max_iter, int num_threads) {
    const int threads = checked_threads(num_threads);
    require_iterations("max_iter", max_iter, 10'000);
    return with_features(features, [&](const auto& phi) {
      using T = typename std::decay_t<decltype(phi)>::Scalar;
      const double* const d = dist_data(head, "old_dist", old_dist, phi.rows);
      const Scalar* const a = actions_data(head, actions, phi.rows);
      const double* const weights = vector_data("advantages", advantages, phi.rows);
      Vector theta = flat(head, "parameters", parameters, phi.cols);
      const Vector full_step = flat(head, "step", step, phi.cols);
      const std::uint8_t* const m = mask_data(head, mask, phi.rows);
      const LineSearchResult result = unlocked([&] {
        Surrogate<Head, T> surrogate(head, phi, a, weights, d, m, ent_coef, threads);
        return fastpg::line_search(surrogate, full_step, {target_kl, shrinking_factor, max_iter},
                                   theta);
      });
      if (!std::isfinite(result.before.objective) || !std::isfinite(result.before.kl)) {
        require_all_finite("advantages", weights, phi.rows, 0);
        require_finite_features(phi);
      }
      return py::make_tuple(to_array(theta), name(result.status), result.backtracks,
                            result.fraction, result.before.objective, result.after.objective,
                            result.after.kl);
    });
  }

  static py::dict ppo_epochs(const Head& head, const FeatureArray& features,
                             const ActionArray& actions, const Array<double>& advantages,
                             const MaskArray& mask, const Array<double>& parameters, Adam& adam,
                             std::uint64_t seed, std::uint64_t first_epoch,
                             const Whitening* whitening, PpoObjective objective, double clip_range,
                             double kl_coef, double learning_rate, double ent_coef,
                             std::optional<double> max_grad_norm, std::optional<double> target_kl,
                             py::ssize_t n_epochs, py::ssize_t batch_size, bool normalize_advantage,
                             bool plain_sgd) {
    require_iterations("n_epochs", n_epochs, 1'000'000);
    require(batch_size >= 1, "batch_size: expected at least 1, got " + std::to_string(batch_size));
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
    return with_features(features, [&](const auto& phi) {
      using T = typename std::decay_t<decltype(phi)>::Scalar;
      Vector theta = flat(head, "parameters", parameters, phi.cols);
      require_size("adam", adam.mean.size(), theta.size());
      if (whitening != nullptr) require_size("whitening", whitening->size(), phi.cols);
      const Scalar* const a = actions_data(head, actions, phi.rows);
      const double* const weights = vector_data("advantages", advantages, phi.rows);
      require_all_finite("advantages", weights, phi.rows, 0);
      require_finite_features(phi);
      const std::uint8_t* const m = mask_data(head, mask, phi.rows);
      const Vector before = theta;
      Adam moments = adam;
      const PpoResult result = unlocked([&] {
        PpoEpochs<Head, T> epochs(head, phi, a, weights, m, settings);
        return epochs.run(LaneStream(seed, Purpose::shuffle), first_epoch, whitening, moments,
                          theta);
      });
      if (result.finite) adam = moments;
      return ppo_dict(result, result.finite ? theta : before);
    });
  }

 private:
  // (n,) that a function writes, unlocked.
  template <class Function>
  static Array<double> filled(Index rows, Function&& function) {
    Array<double> out(rows);
    double* const values = out.mutable_data();
    unlocked([&] { function(values); });
    return out;
  }

  template <class T>
  static NaturalGradientResult solved(Fisher<Head, T>& fisher, const Vector& gradient,
                                      const Vector& noise, bool factor, const CgSettings& settings,
                                      Vector& x) {
    if (factor) {
      return dense_natural_gradient(fisher.dense(), gradient, noise, settings.damping, x);
    }
    CgWorkspace work(gradient.size());
    if (dense_is_cheaper(fisher, settings.max_steps)) {
      const Matrix dense = fisher.dense();
      DenseFisher formed(dense);
      return fastpg::natural_gradient(formed, gradient, settings, work, x);
    }
    fisher.find_trace_in_next_product();
    return fastpg::natural_gradient(fisher, gradient, settings, work, x);
  }

  static void require_some_action(const Head& head, const std::uint8_t* mask, Index rows) {
    for (Index i = 0; i < rows; ++i) {
      const std::uint8_t* at = mask + i * head.outputs();
      for (const Index count : head.choices()) {
        if (std::all_of(at, at + count, [](std::uint8_t flag) { return flag == 0; })) {
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
    out["stopped"] = result.stopped;
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
  const auto threads = py::arg_v("num_threads", 1);
  py::class_<Head> head(m, class_name, doc);
  construct_in_new(head);
  return head.def_property_readonly("outputs", &Head::outputs)
      .def_property_readonly("extra", &Head::extra)
      .def_property_readonly("action_size", &Head::action_size)
      .def("distribution", &B::distribution, array("features"), array("parameters"),
           optional("mask"), threads, "(n, k): ln pi of every action, or means and ln sigma.")
      .def("sample", &B::sample, array("dist"), array("uniforms"),
           "(n, action_size) actions by inverse CDF from uniforms in (0, 1).")
      .def("mode", &B::mode, array("dist"), "(n, action_size) most probable actions.")
      .def("log_prob", &B::log_prob, array("dist"), array("actions"), "(n,) of ln pi(a|s).")
      .def("score_gradient", &B::score_gradient, array("features"), array("dist"), array("actions"),
           array("weights"), py::arg("ent_coef") = 0.0, threads,
           "(P,): mean of w grad ln pi(a|s) + ent_coef grad H.")
      .def("compare", &B::compare, array("old_dist"), array("new_dist"), array("actions"),
           array("advantages"), threads,
           "(KL, approximate KL, effective sample size, entropy, objective before, objective).")
      .def("entropy", &B::entropy, array("dist"), "(n,) entropies in nats.")
      .def("entropy_gradient", &B::entropy_gradient, array("features"), array("dist"), threads,
           "(P,): gradient of the mean entropy.")
      .def("kl", &B::kl, array("old_dist"), array("new_dist"), "(n,) of KL(old | new).")
      .def("fisher_vector_product", &B::fisher_vector_product, array("features"), array("dist"),
           array("vector"), optional("actions"), threads,
           "F v, (P,); the action summed out, or with `actions` at the actions taken.")
      .def("fisher", &B::fisher, array("features"), array("dist"), optional("actions"), threads,
           "F, (P, P).")
      .def("natural_gradient", &B::natural_gradient, array("features"), array("dist"),
           array("gradient"), array("actions"), py::arg("dense"), py::arg("max_steps"),
           py::arg("tolerance"), py::arg("damping"), optional("noise"), threads,
           "(direction, status, iterations, relative residual, curvature, absolute damping, "
           "e^T (F + damping)^-1 e of a noise e where F was factorised, else NaN).")
      .def("line_search", &B::line_search, array("features"), array("actions"), array("advantages"),
           array("old_dist"), array("mask"), array("parameters"), array("step"),
           py::arg("ent_coef"), py::arg("target_kl"), py::arg("shrinking_factor"),
           py::arg("max_iter"), threads,
           "(parameters, status, backtracks, fraction, objective before, after, kl).")
      .def("ppo_epochs", &B::ppo_epochs, array("features"), array("actions"), array("advantages"),
           array("mask"), array("parameters"), py::arg("adam"), py::arg("seed"),
           py::arg("first_epoch"), py::arg("whitening").none(true), py::arg("objective"),
           py::arg("clip_range"), py::arg("kl_coef"), py::arg("learning_rate"), py::arg("ent_coef"),
           py::arg("max_grad_norm"), py::arg("target_kl"), py::arg("n_epochs"),
           py::arg("batch_size"), py::arg("normalize_advantage"), py::arg("plain_sgd"),
           "Epochs of minibatch ascent: new parameters and statistics.");
}

}  // namespace fastpg
