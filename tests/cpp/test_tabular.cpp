#include <algorithm>

#include "check.hpp"
#include "fastpg/envs/tabular.hpp"
#include "fastpg/tabular/dynamic_programming.hpp"

using namespace fastpg;

namespace {

// Two states: action 0 stays, action 1 crosses. Staying pays 1 in the first, 2 in the second.
Transitions two_states() {
  Matrix p(4, 2);
  p << 1, 0, 0, 1, 0, 1, 1, 0;
  return Transitions(p, 2);
}

Matrix loops_pay() {
  Matrix r(2, 2);
  r << 1, 0, 2, 0;
  return r;
}

Matrix policy(double p, double q) {
  Matrix pi(2, 2);
  pi << p, 1 - p, q, 1 - q;
  return pi;
}

Matrix random_rows(Index rows, Index columns, Index positive) {
  Matrix out = Matrix::Zero(rows, columns);
  for (Index row = 0; row < rows; ++row) {
    for (Index k = 0; k < positive; ++k) {
      out(row, (row + k * 3) % columns) += 1.0 + Vector::Random(1).cwiseAbs()[0];
    }
    out.row(row) /= out.row(row).sum();
  }
  return out;
}

template <class F>
bool refuses(F&& call) {
  try {
    call();
  } catch (const std::invalid_argument&) {
    return true;
  }
  return false;
}

}  // namespace

CASE(rows_that_are_not_distributions_are_refused) {
  Matrix p(2, 2);
  p << 0.5, 0.5, 0.5, 0.5;
  CHECK(Transitions(p, 1).rows() == 2);
  CHECK(refuses([&] { Transitions(p, 2); }));
  CHECK(refuses([&] { Transitions(p, 0); }));
  for (const double bad : {0.6, -0.5, std::nan(""), HUGE_VAL}) {
    Matrix wrong = p;
    wrong(1, 0) = bad;
    CHECK(refuses([&] { Transitions(wrong, 1); }));
  }
  p(1, 0) += 1e-10;
  CHECK(Transitions(p, 1).states() == 2);
}

CASE(expectations_and_pushes_agree_with_the_dense_matrix) {
  for (const Index positive : {1, 3, 7}) {  // 7 of 7: full rows, without indices
    const Matrix dense = random_rows(14, 7, positive);
    const Transitions p(dense, 2);
    const Matrix values = Matrix::Random(7, 3);
    Matrix expected(14, 3);
    p.expect(values, expected);
    CHECK((expected - dense * values).norm() < 1e-13);
    const Vector column = values.col(0);
    for (Index row = 0; row < 14; ++row) {
      CHECK_CLOSE(p.expect(row, column.data()), dense.row(row).dot(column), 1e-14);
      Vector to = Vector::Ones(7);
      p.push(row, 0.25, to.data());
      CHECK((to - Vector::Ones(7) - 0.25 * dense.row(row).transpose()).norm() < 1e-14);
    }
  }
}

CASE(draws_invert_the_distribution) {
  Matrix dense(1, 4);
  dense << 0.25, 0, 0.5, 0.25;
  Matrix square = dense.replicate(4, 1);
  const Transitions p(square, 1);
  CHECK(p.draw(0, 0.0) == 0 && p.draw(0, 0.2499) == 0);
  CHECK(p.draw(0, 0.25) == 2 && p.draw(0, 0.7499) == 2);
  CHECK(p.draw(0, 0.75) == 3 && p.draw(0, std::nextafter(1.0, 0.0)) == 3);
}

CASE(a_short_sum_never_draws_beyond_its_row) {
  Matrix p(2, 2);
  p << 0.5, 0.5 - 5e-10, 1, 0;
  CHECK(Transitions(p, 1).draw(0, std::nextafter(1.0, 0.0)) == 1);
}

CASE(finite_values_by_hand) {
  // Two steps, always a fair coin: V_1 = (1/2, 1), V_0(0) = 1/2 + (1/2 + 1) / 2.
  const auto out = finite_values(two_states(), loops_pay(), policy(0.5, 0.5), 2, 1.0);
  CHECK_CLOSE(out.v(2, 0), 0.0, 0.0);
  CHECK_CLOSE(out.v(1, 1), 1.0, 0.0);
  CHECK_CLOSE(out.v(0, 0), 1.25, 0.0);
  CHECK_CLOSE(out.q(0, 1), 1.0, 0.0);
  CHECK_CLOSE(out.q(2, 0), 1.0, 0.0);
  const auto halved = finite_values(two_states(), loops_pay(), policy(0.5, 0.5), 2, 0.5);
  CHECK_CLOSE(halved.v(0, 0), 0.875, 0.0);
}

CASE(a_policy_repeated_over_time_is_itself) {
  const Transitions p = two_states();
  const Matrix pi = policy(0.3, 0.9), timed = pi.replicate(5, 1);
  const auto one = finite_values(p, loops_pay(), pi, 5, 0.9);
  const auto other = finite_values(p, loops_pay(), timed, 5, 0.9);
  CHECK(one.v == other.v && one.q == other.q);
  const Vector start = Vector{{0.25, 0.75}};
  CHECK((finite_visits(p, start, pi, 5) - finite_visits(p, start, timed, 5)).norm() < 1e-15);
}

CASE(visits_by_hand) {
  const Matrix d = finite_visits(two_states(), Vector{{1, 0}}, policy(0.75, 0.5), 3);
  CHECK_CLOSE(d(0, 0), 1.0, 0.0);
  CHECK_CLOSE(d(1, 0), 0.75, 0.0);
  CHECK_CLOSE(d(2, 0), 0.75 * 0.75 + 0.25 * 0.5, 1e-16);
}

CASE(values_and_visits_give_the_same_return) {
  for (const Index positive : {2, 6}) {
    const Transitions p(random_rows(18, 6, positive), 3);
    const Matrix r = Matrix::Random(6, 3), pi = random_rows(6 * 8, 3, 3);
    const Vector start = random_rows(1, 6, 6).row(0);
    const auto values = finite_values(p, r, pi, 8, 1.0);
    const Matrix d = finite_visits(p, start, pi, 8);
    double total = 0.0;
    for (Index h = 0; h < 8; ++h) {
      total += d.row(h).dot(pi.middleRows(6 * h, 6).cwiseProduct(r).rowwise().sum());
    }
    CHECK_CLOSE(total, values.v.row(0).dot(start), 1e-12);
  }
}

CASE(the_optimum_is_the_value_of_its_greedy_policy) {
  const Transitions p(random_rows(18, 6, 2), 3);
  const Matrix r = Matrix::Random(6, 3);
  const auto best = finite_optimum(p, r, 5, 0.9);
  Matrix greedy = Matrix::Zero(30, 3);
  for (Index row = 0; row < 30; ++row) {
    Index a;
    best.q.row(row).maxCoeff(&a);
    greedy(row, a) = 1.0;
  }
  CHECK((finite_values(p, r, greedy, 5, 0.9).v - best.v).norm() < 1e-13);
  CHECK(((best.v - finite_values(p, r, random_rows(30, 3, 3), 5, 0.9).v).array() > -1e-13).all());
}

CASE(discounted_values_by_hand) {
  // Always staying: V = r / (1 - gamma), and the start is all that is visited.
  const auto out =
      discounted_values(two_states(), loops_pay(), policy(1, 1), Vector{{0.3, 0.7}}, 0.9);
  CHECK_CLOSE(out.v[0], 10.0, 1e-12);
  CHECK_CLOSE(out.v[1], 20.0, 1e-12);
  CHECK_CLOSE(out.q(0, 1), 18.0, 1e-12);
  CHECK_CLOSE(out.visits[0], 0.3, 1e-14);
  CHECK_CLOSE(out.visits.sum(), 1.0, 1e-14);
}

CASE(average_values_of_kakade_s_two_states) {
  const double p = 0.8, q = 0.1;
  const auto out = average_values(two_states(), loops_pay(), policy(p, q));
  CHECK_CLOSE(out.visits[0], (1 - q) / (2 - p - q), 1e-14);
  CHECK_CLOSE(out.average, (p + 2 * q - 3 * p * q) / (2 - p - q), 1e-14);
  CHECK_CLOSE(out.visits.dot(out.v), 0.0, 1e-14);
  const Matrix moves = two_states().under(policy(p, q));
  const Vector rewards = policy(p, q).cwiseProduct(loops_pay()).rowwise().sum();
  CHECK((rewards - out.average * Vector::Ones(2) + moves * out.v - out.v).norm() < 1e-14);
}

CASE(averages_of_states_that_are_rarely_left) {
  for (const double e : {1e-6, 1e-9, 1e-12, 1e-15, 1e-30, 1e-200}) {
    Matrix pi(2, 2);
    pi << 1 - 2 * e, 2 * e, 1 - e, e;
    const auto out = average_values(two_states(), loops_pay(), pi);
    CHECK_CLOSE(out.visits[0], 1.0 / 3.0, 1e-10);
    CHECK_CLOSE(out.average, 5.0 / 3.0 - 2 * e, 1e-10);
    CHECK_CLOSE(e * (out.v[0] - out.v[1]), -1.0 / 3.0, 1e-8);
  }
}

CASE(elimination_of_transient_states_and_of_split_chains) {
  Matrix p(4, 4);  // 0 and 3 are left for ever, 1 and 2 swap
  p << 0, 0.5, 0, 0.5, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0;
  const Elimination chain(p);
  CHECK(chain.irreducible());
  Vector expected(4);
  expected << 0, 0.5, 0.5, 0;
  CHECK((chain.stationary() - expected).norm() < 1e-15);
  Vector gains(4);
  gains << 3, 1, -1, 2;
  const Vector v = chain.differences(gains);
  Vector rest = gains + p * v - v;
  CHECK(rest.norm() < 1e-14);
  CHECK(!Elimination(Matrix::Identity(3, 3)).irreducible());
  CHECK(Elimination(Matrix::Identity(1, 1)).irreducible());
  Matrix split = Matrix::Zero(5, 5);  // two classes, and a state that leads to both
  split.topLeftCorner(2, 2).setConstant(0.5);
  split.block(2, 2, 2, 2).setConstant(0.5);
  split.row(4).setConstant(0.2);
  CHECK(!Elimination(split).irreducible());
}

CASE(averages_of_periodic_and_of_split_processes) {
  const auto swap = average_values(two_states(), loops_pay(), policy(0, 0));
  CHECK_CLOSE(swap.visits[0], 0.5, 1e-15);
  CHECK(refuses([] { average_values(two_states(), loops_pay(), policy(1, 1)); }));
}

CASE(wrong_sizes_are_refused) {
  const Transitions p = two_states();
  const Matrix r = loops_pay(), pi = policy(0.5, 0.5);
  const Vector start = Vector::Constant(2, 0.5);
  CHECK(refuses([&] { finite_values(p, Matrix::Zero(3, 2), pi, 2, 1.0); }));
  CHECK(refuses([&] { finite_values(p, r, Matrix::Zero(6, 2), 2, 1.0); }));
  CHECK(refuses([&] { finite_visits(p, Vector::Ones(3), pi, 2); }));
  CHECK(refuses([&] { discounted_values(p, r, pi, start, 1.0); }));
  CHECK(refuses([&] { discounted_values(p, r, pi.replicate(2, 1), start, 0.9); }));
  CHECK(refuses([&] { average_values(p, r.leftCols(1), pi); }));
}

CASE(an_environment_of_a_finite_mdp) {
  const auto make = [](Index features, std::size_t terminal, double first, std::int64_t horizon) {
    TabularKernel(two_states(), loops_pay(), Vector{{first, 0.5}},
                  std::vector<float>(static_cast<std::size_t>(features)),
                  std::vector<std::uint8_t>(terminal), horizon);
  };
  make(4, 2, 0.5, 1);
  CHECK(refuses([&] { make(3, 2, 0.5, 1); }));
  CHECK(refuses([&] { make(0, 2, 0.5, 1); }));
  CHECK(refuses([&] { make(4, 3, 0.5, 1); }));
  CHECK(refuses([&] { make(4, 2, 0.6, 1); }));
  CHECK(refuses([&] { make(4, 2, NAN, 1); }));
  CHECK(refuses([&] { make(4, 2, 0.5, 0); }));
}
