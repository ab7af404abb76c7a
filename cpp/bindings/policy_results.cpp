#include "policy_results.hpp"

#include <cmath>

#include "fastpg/core/checks.hpp"
#include "named_result.hpp"

namespace fastpg {
namespace {

// Of the module, which is never unloaded.
const NamedResult* update_result = nullptr;
const NamedResult* cg_result = nullptr;
const NamedResult* natural_result = nullptr;
const NamedResult* step_result = nullptr;
const NamedResult* search_result = nullptr;
const NamedResult* ppo_result = nullptr;
const NamedResult* value_result = nullptr;

const char* name(LineSearchStatus status) {
  switch (status) {
    case LineSearchStatus::accepted:
      return "accepted";
    case LineSearchStatus::no_improvement:
      return "no_improvement";
    case LineSearchStatus::kl_exceeded:
      return "kl_exceeded";
    case LineSearchStatus::not_finite:
      return "not_finite";
  }
  return "unknown";
}

}  // namespace

const char* name(CgStatus status) {
  switch (status) {
    case CgStatus::converged:
      return "converged";
    case CgStatus::max_steps:
      return "max_steps";
    case CgStatus::zero_rhs:
      return "zero_rhs";
    case CgStatus::bad_curvature:
      return "bad_curvature";
    case CgStatus::not_finite:
      return "not_finite";
  }
  return "unknown";
}

void require_iterations(const char* what, py::ssize_t count, py::ssize_t most) {
  require(count >= 1 && count <= most,
          {what, ": expected an integer in [1, ", most, "], got ", count});
}

double positive_or_infinity(const char* what, std::optional<double> value) {
  if (!value) return std::numeric_limits<double>::infinity();
  require(*value > 0.0, {what, ": expected None or a number above 0, got ", *value});
  return *value;
}

CgSettings cg_settings(py::ssize_t max_steps, double tolerance, double damping) {
  require_iterations("max_steps", max_steps, 1'000'000);
  require(tolerance >= 0.0, {"cg_tol: expected at least 0, got ", tolerance});
  require(damping >= 0.0 && std::isfinite(damping),
          {"cg_damping: expected a finite number of at least 0, got ", damping});
  return {max_steps, tolerance, damping};
}

py::object named(const UpdateStatistics& found) {
  return (*update_result)(found.kl, found.approx_kl, found.effective_sample_size, found.entropy,
                          found.objective_before, found.objective);
}

py::object named(const CgResult& found, Array<double> x) {
  return (*cg_result)(std::move(x), name(found.status), found.iterations, found.residual);
}

py::object named(const NaturalGradient& found, Array<double> direction) {
  return (*natural_result)(std::move(direction), name(found.cg.status), found.cg.iterations,
                           found.cg.residual, found.curvature, found.damping, found.noise,
                           found.slope, found.signal_share, found.gradient_norm, found.norm);
}

py::object named_step(Array<double> advantages, Array<double> dist, Array<double> gradient,
                      py::object natural) {
  return (*step_result)(std::move(advantages), std::move(dist), std::move(gradient),
                        std::move(natural));
}

py::object named(const LineSearchResult& found, Array<double> theta) {
  return (*search_result)(std::move(theta), name(found.status), found.backtracks, found.fraction,
                          found.before.objective, found.after.objective, found.after.kl);
}

py::object named(const ValueFit& found, Array<double> theta) {
  return (*value_result)(std::move(theta), found.finite, found.value_loss, found.grad_norm,
                         found.n_updates);
}

py::object named(const PpoResult& found, Array<double> theta, const UpdateStatistics& statistics,
                 py::object value_theta) {
  return (*ppo_result)(std::move(theta), found.finite, found.policy_loss, found.entropy,
                       found.clip_fraction, found.approx_kl, found.grad_norm, found.kl,
                       found.n_updates, found.n_epochs, found.stopped, named(statistics),
                       found.value_loss, std::move(value_theta));
}

void bind_policy_results(py::module_& m) {
  update_result = new NamedResult(
      m, "UpdateStatistics", "fastpg._core.UpdateStatistics",
      "What a step did, over the batch that it was made from; w are the ratios new to old.",
      {{"kl", "mean KL(old | new) in nats, the action summed out"},
       {"approx_kl", "mean of (w - 1) - ln w"},
       {"effective_sample_size", "(sum w)^2 / sum w^2"},
       {"entropy", "mean, of the new policy, in nats"},
       {"objective_before", "mean of the advantages A"},
       {"objective", "mean of w A"}});
  cg_result = new NamedResult(
      m, "ConjugateGradient", "fastpg._core.ConjugateGradient", "What conjugate gradient found.",
      {{"x", "the solution, (n,)"},
       {"status", "converged, max_steps, zero_rhs, bad_curvature or not_finite"},
       {"iterations", "products with the matrix"},
       {"residual", "|b - A x| / |b|, by its recurrence"}});
  natural_result = new NamedResult(
      m, "NaturalGradient", "fastpg._core.NaturalGradient",
      "The natural direction d = (F + damping I)^-1 g and how it was found.",
      {{"direction", "d, of the shape of the gradient"},
       {"status", "as of ConjugateGradient"},
       {"iterations", "products with F; 0 of a factorisation"},
       {"residual", "|g - (F + damping I) d| / |g|"},
       {"curvature", "d^T F d, undamped: eta = sqrt(2 target_kl / curvature) has that KL"},
       {"damping", "absolute"},
       {"noise", "e^T (F + damping I)^-1 e of a noise e in g; NaN where it is not known"},
       {"slope", "g^T d: what the surrogate gains per unit of eta, to first order"},
       {"signal_share", "the part of the slope that is not noise, at least 0; NaN as of noise"},
       {"gradient_norm", "|g|"},
       {"norm", "|d|"}});
  step_result = new NamedResult(m, "NaturalStep", "fastpg._core.NaturalStep",
                                "What a natural step is made of.",
                                {{"advantages", "(n,), standardised where that was asked for"},
                                 {"dist", "distributions (n, k)"},
                                 {"gradient", "g, of the shape of theta"},
                                 {"natural", "a NaturalGradient"}});
  search_result = new NamedResult(
      m, "LineSearch", "fastpg._core.LineSearch", "What a line search found.",
      {{"theta", "the accepted parameters, or those given"},
       {"status", "accepted, no_improvement, kl_exceeded or not_finite, of the last point tried"},
       {"backtracks", "points rejected"},
       {"fraction", "of the full step; 0 when nothing was accepted"},
       {"objective_before", "the objective at the parameters given"},
       {"objective_after", "the objective at theta"},
       {"kl", "KL(old | new) at theta, exact, the mean over the batch"}});
  ppo_result =
      new NamedResult(m, "PpoUpdate", "fastpg._core.PpoUpdate",
                      "What epochs of minibatch ascent did: means over the minibatches run.",
                      {{"theta", "the parameters after them"},
                       {"finite", "False: nothing was changed, since a gradient was not finite"},
                       {"policy_loss", "minus the surrogate, penalty and bonus left out"},
                       {"entropy", "in nats"},
                       {"clip_fraction", "share of samples whose ratio was clipped"},
                       {"approx_kl", "mean of (w - 1) - ln w, in nats"},
                       {"grad_norm", "before clipping, in the optimizer's coordinates"},
                       {"kl", "KL(old | new) at theta, exact, the mean over the batch"},
                       {"n_updates", "minibatches run"},
                       {"n_epochs", "whole epochs run"},
                       {"stopped", "whether target_kl stopped them"},
                       {"statistics", "an UpdateStatistics of the whole step"},
                       {"value_loss", "mean of (v - y)^2; 0 without a value network"},
                       {"value_theta", "its parameters after them, (P,); None without one"}});
  value_result = new NamedResult(m, "ValueFit", "fastpg._core.ValueFit",
                                 "What a fit did: means over the minibatches run.",
                                 {{"theta", "the parameters after it, (P,)"},
                                  {"finite",
                                   "False: nothing was changed, since a gradient, the "
                                   "parameters or a value were not finite"},
                                  {"value_loss", "mean of (v - y)^2"},
                                  {"grad_norm", "before clipping"},
                                  {"n_updates", "minibatches run"}});
}

}  // namespace fastpg
