#include "check.hpp"
#include "fastpg/policies/categorical_head.hpp"
#include "fastpg/policies/fisher.hpp"
#include "fastpg/policies/gaussian_head.hpp"
#include "fastpg/solvers/ppo_epochs.hpp"
#include "fastpg/solvers/surrogate.hpp"

using namespace fastpg;

namespace {

Matrix distribution_of(const CategoricalHead& head, const Matrix& features, const Vector& theta) {
  Matrix dist;
  linear_policy::distribution(head, features, theta, nullptr, dist);
  return dist;
}

}  // namespace

CASE(two_actions_are_a_logistic) {
  const CategoricalHead head({2});
  const Matrix features = Matrix::Constant(1, 1, 1.0);
  const Matrix dist = distribution_of(head, features, Vector{{std::log(3.0), 0.0}});
  CHECK_CLOSE(std::exp(dist(0, 0)), 0.75, 1e-15);
  CHECK_CLOSE(head.entropy(dist)[0], -0.75 * std::log(0.75) - 0.25 * std::log(0.25), 1e-15);
  const Eigen::MatrixXd f = Fisher<CategoricalHead>(head, features, dist).dense();
  CHECK_CLOSE(f(0, 0), 0.1875, 1e-15);
  CHECK_CLOSE(f(0, 1), -0.1875, 1e-15);
}

CASE(huge_logits_stay_finite) {
  const CategoricalHead head({3});
  const Matrix features = Matrix::Constant(1, 1, 1.0);
  const Matrix dist = distribution_of(head, features, Vector{{1e150, 0.0, -1e150}});
  CHECK(dist(0, 0) == 0.0);
  CHECK(std::isfinite(head.entropy(dist)[0]));
  CHECK(linear_policy::entropy_gradient(head, features, dist).allFinite());
}

CASE(a_masked_action_has_no_probability) {
  const CategoricalHead head({2, 2});
  const Matrix features = Matrix::Constant(1, 1, 1.0);
  const bool mask[] = {true, false, true, true};
  Matrix dist;
  linear_policy::distribution(head, features, Vector::Zero(4), mask, dist);
  CHECK(dist(0, 0) == 0.0 && std::isinf(dist(0, 1)));
  CHECK_CLOSE(head.entropy(dist)[0], std::log(2.0), 1e-15);
  CHECK(head.kl(dist, dist)[0] == 0.0);
}

CASE(gaussian_by_hand) {
  const GaussianHead head(1);
  Matrix dist(1, 2), moved(1, 2);
  dist << 1.0, 0.0;
  moved << 3.0, std::log(2.0);
  Actions<double> action(1, 1);
  action << 2.0;
  CHECK_CLOSE(head.log_prob(dist, action, 0), -0.5 - 0.5 * std::log(2.0 * M_PI), 1e-15);
  CHECK_CLOSE(head.kl(dist, moved)[0], std::log(2.0) + (1.0 + 4.0) / 8.0 - 0.5, 1e-15);
  CHECK_CLOSE(head.entropy(dist)[0], 0.5 * std::log(2.0 * M_PI * std::exp(1.0)), 1e-15);
}

CASE(products_with_fisher_are_products_with_the_dense_one) {
  const CategoricalHead head({3, 2});
  const Matrix features = Matrix::Random(300, 4);
  const Matrix dist = distribution_of(head, features, Vector::Random(20));
  Fisher<CategoricalHead> fisher(head, features, dist);
  const Vector v = Vector::Random(20);
  Vector product(20);
  fisher.apply(v, product);
  CHECK((product - fisher.dense() * v).norm() < 1e-13);
  CHECK_CLOSE(fisher.trace(), fisher.dense().trace(), 1e-13);
}

CASE(nothing_has_changed_before_the_step) {
  const CategoricalHead head({2});
  const Matrix features = Matrix::Random(40, 3);
  const Vector theta = Vector::Random(6);
  const Matrix dist = distribution_of(head, features, theta);
  const Actions<std::int32_t> actions = Actions<std::int32_t>::Zero(40, 1);
  const Vector advantages = Vector::Random(40);
  Surrogate<CategoricalHead> surrogate(head, features, actions, advantages, dist, nullptr, 0.0);
  const LineSearchPoint point = surrogate(theta);
  CHECK(point.kl == 0.0);
  CHECK_CLOSE(point.objective, advantages.mean(), 1e-15);
}

CASE(a_shuffle_is_a_permutation) {
  std::vector<Index> order(101);
  detail::shuffle(order, LaneStream(5, Purpose::shuffle), 9);
  std::vector<bool> seen(101, false);
  for (const Index i : order) seen[static_cast<std::size_t>(i)] = true;
  for (const bool one : seen) CHECK(one);
  CHECK(order[0] != 0 || order[1] != 1 || order[2] != 2);
}
