#include "fastpg/tabular/dynamic_programming.hpp"

#include "fastpg/core/factorization.hpp"
#include "fastpg/tabular/elimination.hpp"

namespace fastpg {
namespace {

void require_table(const char* name, const ConstMatrix& table, Index rows, Index columns) {
  require_size((std::string(name) + " (rows)").c_str(), table.rows(), rows);
  require_size((std::string(name) + " (columns)").c_str(), table.cols(), columns);
}

void require_policy(const ConstMatrix& pi, const Transitions& p, Index horizon) {
  require(
      pi.rows() == p.states() || pi.rows() == horizon * p.states(),
      {"pi: expected a row for each state, or for each step and state, got ", pi.rows(), " rows"});
  require_size("pi (columns)", pi.cols(), p.actions());
}

Matrix action_values(const Transitions& p, const ConstMatrix& r, const Vector& v, double gamma,
                     double shift) {
  Matrix q(p.states(), p.actions());
  Pace pace(p.operations_a_state());
  for (Index s = 0; s < p.states(); ++s, pace.turn()) {
    for (Index a = 0; a < p.actions(); ++a) {
      q(s, a) = r(s, a) - shift + gamma * p.expect(s * p.actions() + a, v.data());
    }
  }
  return q;
}

}  // namespace

FiniteValues finite_values(const Transitions& p, const ConstMatrix& r, const ConstMatrix& pi,
                           Index horizon, double gamma) {
  const Index n = p.states();
  require_table("r", r, n, p.actions());
  require_policy(pi, p, horizon);
  FiniteValues out{Matrix::Zero(horizon + 1, n), Matrix(horizon * n, p.actions())};
  Pace pace(p.operations_a_state());
  for (Index h = horizon - 1; h >= 0; --h) {
    const double* const following = out.v.row(h + 1).data();
    const Index first = pi.rows() == n ? 0 : h * n;
    for (Index s = 0; s < n; ++s, pace.turn()) {
      double value = 0.0;
      for (Index a = 0; a < p.actions(); ++a) {
        const double q = r(s, a) + gamma * p.expect(s * p.actions() + a, following);
        out.q(h * n + s, a) = q;
        value += pi(first + s, a) * q;
      }
      out.v(h, s) = value;
    }
  }
  return out;
}

FiniteValues finite_optimum(const Transitions& p, const ConstMatrix& r, Index horizon,
                            double gamma) {
  const Index n = p.states();
  require_table("r", r, n, p.actions());
  FiniteValues out{Matrix::Zero(horizon + 1, n), Matrix(horizon * n, p.actions())};
  Pace pace(p.operations_a_state());
  for (Index h = horizon - 1; h >= 0; --h) {
    const double* const following = out.v.row(h + 1).data();
    for (Index s = 0; s < n; ++s, pace.turn()) {
      for (Index a = 0; a < p.actions(); ++a) {
        out.q(h * n + s, a) = r(s, a) + gamma * p.expect(s * p.actions() + a, following);
      }
      out.v(h, s) = out.q.row(h * n + s).maxCoeff();
    }
  }
  return out;
}

Matrix finite_visits(const Transitions& p, const ConstVector& start, const ConstMatrix& pi,
                     Index horizon) {
  const Index n = p.states();
  require_size("start", start.size(), n);
  require_policy(pi, p, horizon);
  Matrix d = Matrix::Zero(horizon, n);
  d.row(0) = start.transpose();
  if (pi.rows() == n && horizon > p.actions()) {  // one matrix for all steps costs less
    const Matrix moves = p.under(pi);
    Pace pace(static_cast<double>(n) * static_cast<double>(n));
    for (Index h = 0; h + 1 < horizon; ++h, pace.turn()) {
      d.row(h + 1).noalias() = d.row(h) * moves;
    }
    return d;
  }
  Pace pace(p.operations_a_state());
  for (Index h = 0; h + 1 < horizon; ++h) {
    const Index first = pi.rows() == n ? 0 : h * n;
    for (Index s = 0; s < n; ++s, pace.turn()) {
      if (d(h, s) == 0.0) continue;
      for (Index a = 0; a < p.actions(); ++a) {
        const double weight = d(h, s) * pi(first + s, a);
        if (weight > 0.0) p.push(s * p.actions() + a, weight, d.row(h + 1).data());
      }
    }
  }
  return d;
}

StationaryValues discounted_values(const Transitions& p, const ConstMatrix& r,
                                   const ConstMatrix& pi, const ConstVector& start, double gamma) {
  const Index n = p.states();
  require_table("r", r, n, p.actions());
  require_table("pi", pi, n, p.actions());
  require_size("start", start.size(), n);
  require(gamma >= 0.0 && gamma < 1.0, "gamma: expected a number in [0, 1)");
  const Matrix system = Matrix::Identity(n, n) - gamma * p.under(pi);
  StationaryValues out;
  out.v = InterruptibleLu(system).solve(Vector(pi.cwiseProduct(r).rowwise().sum()));
  out.q = action_values(p, r, out.v, gamma, 0.0);
  out.visits = (1.0 - gamma) * InterruptibleLu(system.transpose()).solve(start);
  out.average = 0.0;
  return out;
}

StationaryValues average_values(const Transitions& p, const ConstMatrix& r, const ConstMatrix& pi) {
  const Index n = p.states();
  require_table("r", r, n, p.actions());
  require_table("pi", pi, n, p.actions());
  const Matrix moves = p.under(pi);
  const Vector ones = Vector::Ones(n);
  const InterruptibleLu balance(Matrix::Identity(n, n) - moves.transpose() + Matrix::Ones(n, n));
  const Vector rewards = pi.cwiseProduct(r).rowwise().sum();
  StationaryValues out;
  if (balance.rcond() > 1e-7) {
    out.visits = balance.solve(ones);
    out.average = out.visits.dot(rewards);
    const Matrix system = Matrix::Identity(n, n) - moves + ones * out.visits.transpose();
    out.v = InterruptibleLu(system).solve(Vector(rewards - out.average * ones));
  } else {
    const Elimination eliminated(moves);
    require(eliminated.irreducible(),
            "policy: expected one recurrent class of states, got several");
    out.visits = eliminated.stationary();
    out.average = out.visits.dot(rewards);
    out.v = eliminated.differences(rewards - out.average * ones);
  }
  out.v -= out.visits.dot(out.v) * ones;
  out.q = action_values(p, r, out.v, 1.0, out.average);
  return out;
}

}  // namespace fastpg
