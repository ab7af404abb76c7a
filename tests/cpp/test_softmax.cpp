#include "check.hpp"
#include "fastpg/policies/surrogate.hpp"
#include "fastpg/solvers/clipped_surrogate.hpp"

using namespace fastpg;
namespace softmax = linear_softmax;

CASE(two_actions_are_a_logistic) {
  const Matrix features = Matrix::Constant(1, 1, 1.0);
  Matrix theta(1, 2);
  theta << std::log(3.0), 0.0;
  const Matrix log_pi = softmax::log_probs(features, theta);
  CHECK_CLOSE(std::exp(log_pi(0, 0)), 0.75, 1e-15);
  CHECK_CLOSE(softmax::entropy(log_pi)[0], -0.75 * std::log(0.75) - 0.25 * std::log(0.25), 1e-15);
  softmax::Fisher fisher(features, log_pi);
  const Matrix f = softmax::dense_fisher(fisher);
  CHECK_CLOSE(f(0, 0), 0.1875, 1e-15);
  CHECK_CLOSE(f(0, 1), -0.1875, 1e-15);
}

CASE(huge_logits_stay_finite) {
  const Matrix features = Matrix::Constant(1, 1, 1.0);
  Matrix theta(1, 3);
  theta << 1e300, 0.0, -1e300;
  const Matrix log_pi = softmax::log_probs(features, theta);
  CHECK(log_pi(0, 0) == 0.0);
  CHECK(std::isfinite(softmax::entropy(log_pi)[0]));
  CHECK(softmax::entropy_gradient(features, log_pi).allFinite());
}

CASE(nothing_has_changed_before_the_step) {
  const Matrix features = Matrix::Random(40, 3);
  const Matrix theta = Matrix::Random(3, 2);
  const Matrix log_pi = softmax::log_probs(features, theta);
  const Eigen::Matrix<std::int32_t, Eigen::Dynamic, 1> actions =
      Eigen::Matrix<std::int32_t, Eigen::Dynamic, 1>::Zero(40);
  const Vector advantages = Vector::Random(40);
  softmax::Surrogate surrogate(features, actions, advantages, log_pi, 0.0);
  const LineSearchPoint point = surrogate(Eigen::Map<const Vector>(theta.data(), theta.size()));
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
