#include "eigen_views.hpp"
#include "fastpg/tabular/dynamic_programming.hpp"

namespace fastpg {
namespace {

Transitions make_transitions(const Array<double>& p, py::ssize_t actions) {
  require(actions >= 1, {"actions: expected at least 1, got ", actions});
  const auto dense = matrix_view("P", p);
  return unlocked([&] { return Transitions(dense, actions); });
}

void require_probabilities(const char* name, const MatrixView& pi) {
  const bool right = pi.minCoeff() >= 0.0 &&
                     ((pi.rowwise().sum().array() - 1.0).abs() <= Transitions::tolerance).all();
  require(right, {name, ": expected rows of probabilities that sum to 1"});
}

MatrixView policy_view(const Array<double>& pi) {
  const auto view = matrix_view("pi", pi);
  require(view.rows() >= 1 && view.cols() >= 1, "pi: expected at least one row and one column");
  require_probabilities("pi", view);
  return view;
}

void require_horizon(py::ssize_t horizon) {
  require(horizon >= 1 && horizon <= (py::ssize_t{1} << 40), "horizon: expected at least 1");
}

// Arrays of (states * horizon, actions) whose size is known not to overflow.
void require_room(const Transitions& p, py::ssize_t horizon) {
  require_horizon(horizon);
  require(horizon <= (py::ssize_t{1} << 40) / p.rows(), "horizon: expected a smaller one");
}

py::tuple finite(const Transitions& p, const Array<double>& r, const Array<double>& pi,
                 py::ssize_t horizon, double gamma) {
  require_room(p, horizon);
  require_unit_interval("gamma", gamma);
  const auto rewards = matrix_view("r", r);
  const auto policy = policy_view(pi);
  const auto out = unlocked([&] { return finite_values(p, rewards, policy, horizon, gamma); });
  return py::make_tuple(to_array(out.v), to_array(out.q));
}

py::tuple optimum(const Transitions& p, const Array<double>& r, py::ssize_t horizon, double gamma) {
  require_room(p, horizon);
  require_unit_interval("gamma", gamma);
  const auto rewards = matrix_view("r", r);
  const auto out = unlocked([&] { return finite_optimum(p, rewards, horizon, gamma); });
  return py::make_tuple(to_array(out.v), to_array(out.q));
}

Array<double> visits(const Transitions& p, const Array<double>& start, const Array<double>& pi,
                     py::ssize_t horizon) {
  require_room(p, horizon);
  const auto first = vector_view("start", start);
  const auto policy = policy_view(pi);
  return to_array(unlocked([&] { return finite_visits(p, first, policy, horizon); }));
}

py::tuple stationary(const StationaryValues& out) {
  return py::make_tuple(to_array(out.v), to_array(out.q), to_array(out.visits), out.average);
}

py::tuple discounted(const Transitions& p, const Array<double>& r, const Array<double>& pi,
                     const Array<double>& start, double gamma) {
  const auto rewards = matrix_view("r", r);
  const auto policy = policy_view(pi);
  const auto first = vector_view("start", start);
  return stationary(unlocked([&] { return discounted_values(p, rewards, policy, first, gamma); }));
}

py::tuple average(const Transitions& p, const Array<double>& r, const Array<double>& pi) {
  const auto rewards = matrix_view("r", r);
  const auto policy = policy_view(pi);
  return stationary(unlocked([&] { return average_values(p, rewards, policy); }));
}

Array<double> expect(const Transitions& p, const Array<double>& values) {
  const auto columns = matrix_view("values", values);
  require_size("values (rows)", columns.rows(), p.states());
  return to_array(unlocked([&] {
    Matrix out(p.rows(), columns.cols());
    p.expect(columns, out);
    return out;
  }));
}

}  // namespace

void bind_tabular(py::module_& m) {
  py::class_<Transitions> transitions(m, "Transitions", "P(s'|s, a) of a finite MDP.");
  construct_in_new(transitions);
  transitions.def(constructor_by(&make_transitions), py::arg("p").noconvert(), py::arg("actions"))
      .def("finite_values", &finite, py::arg("r").noconvert(), py::arg("pi").noconvert(),
           py::arg("horizon"), py::arg("gamma"), "V (horizon + 1, n) and Q (horizon * n, m).")
      .def("finite_optimum", &optimum, py::arg("r").noconvert(), py::arg("horizon"),
           py::arg("gamma"), "V (horizon + 1, n) and Q (horizon * n, m) of the best policy.")
      .def("finite_visits", &visits, py::arg("start").noconvert(), py::arg("pi").noconvert(),
           py::arg("horizon"), "The distribution of states at every step, (horizon, n).")
      .def("discounted_values", &discounted, py::arg("r").noconvert(), py::arg("pi").noconvert(),
           py::arg("start").noconvert(), py::arg("gamma"),
           "V (n,), Q (n, m), normalised discounted visits (n,), 0.")
      .def("average_values", &average, py::arg("r").noconvert(), py::arg("pi").noconvert(),
           "Differential V (n,) and Q (n, m), stationary distribution (n,), average reward.")
      .def("expect", &expect, py::arg("values").noconvert(),
           "Expected values (n * m, k) of columns (n, k) after every state and action.")
      .def_property_readonly("states", by_reference(&Transitions::states))
      .def_property_readonly("actions", by_reference(&Transitions::actions));
}

}  // namespace fastpg
