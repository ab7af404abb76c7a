// Distributions, and what they compute of distribution arrays alone.
#include "fastpg/distributions/categorical.hpp"
#include "fastpg/distributions/diag_gaussian.hpp"
#include "fastpg/distributions/state_std_gaussian.hpp"
#include "fastpg/policies/update_statistics.hpp"
#include "policy_arrays.hpp"
#include "policy_results.hpp"

namespace fastpg {
namespace {

MatrixView dist_view(const Distribution& distribution, const Array<double>& dist) {
  return {checked_dist(distribution, "dist", dist, -1), dist.shape(0), dist.shape(1)};
}

py::array sample(const Distribution& distribution, const Array<double>& dist,
                 const Array<double>& uniforms) {
  const MatrixView d = dist_view(distribution, dist);
  const MatrixView u = matrix_view("uniforms", uniforms);
  require_size("uniforms (rows)", u.rows(), d.rows());
  require_size("uniforms (columns)", u.cols(), distribution.action_size());
  require(u.size() == 0 || (u.minCoeff() > 0.0 && u.maxCoeff() < 1.0),
          "uniforms: expected numbers in (0, 1)");
  WritableActions actions;
  py::array out = make_actions(distribution, d.rows(), actions);
  unlocked([&] { distribution.sample(d, u, actions); });
  return out;
}

py::array mode(const Distribution& distribution, const Array<double>& dist) {
  const MatrixView d = dist_view(distribution, dist);
  WritableActions actions;
  py::array out = make_actions(distribution, d.rows(), actions);
  unlocked([&] { distribution.mode(d, actions); });
  return out;
}

Array<double> log_prob(const Distribution& distribution, const Array<double>& dist,
                       const py::array& given) {
  const double* const d = checked_dist(distribution, "dist", dist, -1);
  const Index rows = dist.shape(0);
  const Actions actions = checked_actions(distribution, given, rows);
  Array<double> out(rows);
  double* const values = out.mutable_data();
  unlocked([&] { log_probs(distribution, d, actions, rows, values); });
  return out;
}

Array<double> entropy(const Distribution& distribution, const Array<double>& dist) {
  const double* const d = checked_dist(distribution, "dist", dist, -1);
  const Index rows = dist.shape(0);
  Array<double> out(rows);
  double* const values = out.mutable_data();
  unlocked([&] { entropies(distribution, d, rows, values); });
  return out;
}

Array<double> kl(const Distribution& distribution, const Array<double>& old_dist,
                 const Array<double>& new_dist) {
  const double* const before = checked_dist(distribution, "old_dist", old_dist, -1);
  const Index rows = old_dist.shape(0);
  const double* const after = checked_dist(distribution, "new_dist", new_dist, rows);
  Array<double> out(rows);
  double* const values = out.mutable_data();
  unlocked([&] { kls(distribution, before, after, rows, values); });
  return out;
}

py::object compare(const Distribution& distribution, const Array<double>& old_dist,
                   const Array<double>& new_dist, const py::array& given,
                   const Array<double>& advantages, int num_threads) {
  const int threads = checked_threads(num_threads);
  const double* const before = checked_dist(distribution, "old_dist", old_dist, -1);
  const Index rows = old_dist.shape(0);
  const double* const after = checked_dist(distribution, "new_dist", new_dist, rows);
  const Actions actions = checked_actions(distribution, given, rows);
  const double* const weights = vector_data("advantages", advantages, rows);
  require(rows >= 1, "old_dist: expected at least one row, got none");
  const UpdateStatistics found = unlocked([&] {
    return update_statistics(distribution, before, after, actions, weights, rows, threads);
  });
  if (!std::isfinite(found.objective_before)) {
    require_finite("advantages", weights, rows);
  }
  return named(found);
}

}  // namespace

void bind_distributions(py::module_& m) {
  const auto array = [](const char* argument) { return py::arg(argument).noconvert(); };
  using Shared = std::shared_ptr<Distribution>;
  py::class_<Distribution, Shared> base(m, "Distribution", "A distribution over actions.");
  construct_in_new(base);
  base.def_property_readonly("outputs", by_reference(&Distribution::outputs))
      .def_property_readonly("own_parameters", by_reference(&Distribution::own_parameters))
      .def_property_readonly("size", by_reference(&Distribution::size))
      .def_property_readonly("action_size", by_reference(&Distribution::action_size))
      .def("sample", &sample, array("dist"), array("uniforms"),
           "(n, action_size) actions by inverse CDF from uniforms in (0, 1).")
      .def("mode", &mode, array("dist"), "(n, action_size) most probable actions.")
      .def("log_prob", &log_prob, array("dist"), array("actions"), "(n,) of ln pi(a|s).")
      .def("entropy", &entropy, array("dist"), "(n,) entropies in nats.")
      .def("kl", &kl, array("old_dist"), array("new_dist"), "(n,) of KL(old | new).")
      .def("compare", &compare, array("old_dist"), array("new_dist"), array("actions"),
           array("advantages"), py::arg("num_threads") = 1, "An UpdateStatistics.");

  py::class_<Categorical, Distribution, std::shared_ptr<Categorical>> categorical(
      m, "Categorical", "One or more independent categorical choices.");
  construct_in_new(categorical);
  categorical.def(constructor<Categorical, std::vector<Index>>(), py::arg("choices"))
      .def_property_readonly("choices", by_reference(&Categorical::choices));

  py::class_<DiagGaussian, Distribution, std::shared_ptr<DiagGaussian>> gaussian(
      m, "DiagGaussian", "Diagonal Gaussian; its own parameters are ln sigma.");
  construct_in_new(gaussian);
  gaussian.def(constructor<DiagGaussian, Index>(), py::arg("dimensions"));

  py::class_<StateStdGaussian, Distribution, std::shared_ptr<StateStdGaussian>> of_state(
      m, "StateStdGaussian", "Diagonal Gaussian; ln sigma are outputs behind the means.");
  construct_in_new(of_state);
  of_state.def(constructor<StateStdGaussian, Index>(), py::arg("dimensions"));
  m.attr("LOG_STD_RANGE") = py::make_tuple(Gaussian::lowest_log_std, Gaussian::highest_log_std);
}

}  // namespace fastpg
