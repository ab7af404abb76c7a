#include "check.hpp"
#include "fastpg/policies/categorical_head.hpp"
#include "fastpg/policies/fisher.hpp"
#include "fastpg/policies/gaussian_head.hpp"
#include "fastpg/solvers/ppo_epochs.hpp"
#include "fastpg/solvers/surrogate.hpp"

using namespace fastpg;

namespace {

using Softmax = CategoricalHead;

Matrix distribution_of(const Softmax& head, const Matrix& features, const Vector& theta,
                       const std::uint8_t* mask = nullptr) {
  Matrix dist(features.rows(), head.distribution_size());
  linear_policy::distribution(head, Features<double>(features), theta.data(), mask, 1, dist.data());
  return dist;
}

template <class Head>
double entropy_of(const Head& head, const Matrix& dist) {
  Vector out(dist.rows());
  linear_policy::entropies(head, dist.data(), dist.rows(), out.data());
  return out[0];
}

template <class Head>
double kl_of(const Head& head, const Matrix& old_dist, const Matrix& new_dist) {
  Vector out(old_dist.rows());
  linear_policy::kls(head, old_dist.data(), new_dist.data(), old_dist.rows(), out.data());
  return out[0];
}

void products_are_those_of_the_dense_matrix() {
  const Softmax head({3, 2, 1});
  for (const Index columns : {1, 2, 4, 5, 8, 17}) {
    for (const Index rows : {1, 9, 300}) {
      const Matrix features = Matrix::Random(rows, columns);
      const Matrix dist = distribution_of(head, features, Vector::Random(6 * columns));
      Fisher fisher(head, Features<double>(features), dist.data(), nullptr, 1);
      const Vector v = Vector::Random(6 * columns);
      Vector product(6 * columns);
      fisher.find_trace_in_next_product();
      fisher.apply(v, product);
      const Matrix dense = fisher.dense();
      CHECK((product - dense * v).norm() < 1e-12);
      CHECK_CLOSE(fisher.trace(), dense.trace(), 1e-12);
      CHECK_CLOSE(Fisher(head, Features<double>(features), dist.data(), nullptr, 1).trace(),
                  dense.trace(), 1e-12);
    }
  }
}

}  // namespace

CASE(two_actions_are_a_logistic) {
  const Softmax head({2});
  const Matrix features = Matrix::Constant(1, 1, 1.0);
  const Matrix dist = distribution_of(head, features, Vector{{std::log(3.0), 0.0}});
  CHECK_CLOSE(std::exp(dist(0, 0)), 0.75, 1e-15);
  CHECK_CLOSE(entropy_of(head, dist), -0.75 * std::log(0.75) - 0.25 * std::log(0.25), 1e-15);
  const Matrix f = Fisher(head, Features<double>(features), dist.data(), nullptr, 1).dense();
  CHECK_CLOSE(f(0, 0), 0.1875, 1e-15);
  CHECK_CLOSE(f(0, 1), -0.1875, 1e-15);
}

CASE(huge_logits_stay_finite) {
  const Softmax head({3});
  const Matrix features = Matrix::Constant(1, 1, 1.0);
  const Matrix dist = distribution_of(head, features, Vector{{1e150, 0.0, -1e150}});
  CHECK(dist(0, 0) == 0.0);
  CHECK(std::isfinite(entropy_of(head, dist)));
  CHECK(linear_policy::entropy_gradient(head, Features<double>(features), dist.data(), 1)
            .allFinite());
}

CASE(a_masked_action_has_no_probability) {
  const Softmax head({2, 2});
  const Matrix features = Matrix::Constant(1, 1, 1.0);
  const std::uint8_t mask[] = {1, 0, 1, 255};
  const Matrix dist = distribution_of(head, features, Vector::Zero(4), mask);
  CHECK(dist(0, 0) == 0.0 && std::isinf(dist(0, 1)));
  CHECK_CLOSE(entropy_of(head, dist), std::log(2.0), 1e-15);
  CHECK(kl_of(head, dist, dist) == 0.0);
}

CASE(gaussian_by_hand) {
  const GaussianHead head(1);
  Matrix dist(1, 2), moved(1, 2);
  dist << 1.0, 0.0;
  moved << 3.0, std::log(2.0);
  const double action = 2.0;
  double log_prob;
  linear_policy::log_probs(head, dist.data(), &action, 1, &log_prob);
  CHECK_CLOSE(log_prob, -0.5 - 0.5 * std::log(2.0 * M_PI), 1e-15);
  CHECK_CLOSE(kl_of(head, dist, moved), std::log(2.0) + (1.0 + 4.0) / 8.0 - 0.5, 1e-15);
  CHECK_CLOSE(entropy_of(head, dist), 0.5 * std::log(2.0 * M_PI * std::exp(1.0)), 1e-15);
}

CASE(the_gap_of_the_exponential_is_exact_near_zero) {
  CHECK_CLOSE(exp_gap(1e-9) / 5e-19, 1.0 - 1e-9 / 3.0, 1e-15);
  for (const double d : {-30.0, -0.50001, -0.49999, 0.0, 0.3, 0.5, 2.0, 700.0}) {
    const double expected =
        d == 0.0 ? 0.0 : static_cast<double>(std::expm1(-static_cast<long double>(d)) + d);
    CHECK_CLOSE(exp_gap(d), expected, 1e-15 * std::max(1.0, expected));
    CHECK(exp_gap(d) >= 0.0);
  }
}

CASE(products_with_fisher_are_products_with_the_dense_one) {
  const Isa before = active_isa;
  for (const Isa isa : supported_isas()) {
    active_isa = isa;
    products_are_those_of_the_dense_matrix();
  }
  active_isa = before;
}

CASE(sampled_fisher_of_a_gaussian) {
  const GaussianHead head(2);
  const Matrix features = Matrix::Random(150, 3), actions = Matrix::Random(150, 2);
  const Vector theta = Vector::Random(8);
  Matrix dist(150, 4);
  linear_policy::distribution(head, Features<double>(features), theta.data(), nullptr, 1,
                              dist.data());
  Fisher fisher(head, Features<double>(features), dist.data(), actions.data(), 1);
  const Matrix dense = fisher.dense();
  const Vector v = Vector::Random(8);
  Vector product(8);
  fisher.apply(v, product);
  CHECK((product - dense * v).norm() < 1e-12 * dense.norm());
  CHECK((dense - dense.transpose()).norm() == 0.0);
  CHECK_CLOSE(fisher.trace(), dense.trace(), 1e-12 * dense.trace());
}

CASE(products_in_every_instruction_set) {
  const Isa before = active_isa;
  for (const Isa isa : supported_isas()) {
    active_isa = isa;
    for (const Index columns : {1, 3, 5, 16, 31, 70}) {
      const Matrix x = Matrix::Random(50, columns), v = Matrix::Random(columns, 6);
      const Blocks<double> blocks{Features<double>(x)};
      const Index stride = blocks.size(), padded = row_products::padded(columns);
      Matrix weights(6, padded), g = Matrix::Zero(6, padded);
      linear_policy::transpose_weights(v.data(), columns, 6, weights.data());
      Matrix u(6, stride);
      Matrix together = Matrix::Zero(6, columns);
      for (Index b = 0; b < blocks.count(); ++b) {
        row_products::dots<double>(blocks[b], weights.data(), 6, u.data(), stride);
        const auto rows = x.middleRows(blocks.begin(b), blocks.rows(b));
        CHECK((u.leftCols(blocks.rows(b)).transpose() - rows * v).norm() < 1e-12);
        row_products::add_outer<double>(blocks[b], 0, u.data(), stride, 1, 6, g.data());
        Vector norms(stride);
        row_products::squared_norms(blocks[b], norms.data());
        CHECK((norms.head(blocks.rows(b)) - rows.rowwise().squaredNorm()).norm() < 1e-12);
      }
      CHECK((g.leftCols(columns) - (x * v).transpose() * x).norm() < 1e-11);
    }
  }
  active_isa = before;
}

CASE(nothing_has_changed_before_the_step) {
  const Softmax head({2});
  const Matrix features = Matrix::Random(40, 3);
  const Vector theta = Vector::Random(6);
  const Matrix dist = distribution_of(head, features, theta);
  const std::vector<std::int32_t> actions(40, 0);
  const Vector advantages = Vector::Random(40);
  Surrogate<Softmax> surrogate(head, Features<double>(features), actions.data(), advantages.data(),
                               dist.data(), nullptr, 0.0, 1);
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
