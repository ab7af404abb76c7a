// An allocation where none is allowed becomes an exception.
#include <cstdlib>
#include <new>
#include <stdexcept>
#define EIGEN_RUNTIME_NO_MALLOC
#define eigen_assert(condition) \
  if (!(condition)) throw std::logic_error(#condition)

#include "check.hpp"
#include "fastpg/policies/categorical_head.hpp"
#include "fastpg/policies/fisher.hpp"
#include "fastpg/solvers/line_search.hpp"
#include "fastpg/solvers/natural_gradient.hpp"
#include "fastpg/solvers/ridge.hpp"

using namespace fastpg;

CASE(conjugate_gradient_by_hand) {
  Matrix a(2, 2);
  a << 4, 1, 1, 3;
  const Vector b = Vector{{1, 2}};
  DenseOperator op(a);
  CgWorkspace work(2);
  Vector x(2);
  const CgResult result = conjugate_gradient(op, b, {}, work, x);
  CHECK(result.status == CgStatus::converged && result.iterations == 2);
  CHECK_CLOSE(x[0], 1.0 / 11.0, 1e-15);
  CHECK_CLOSE(x[1], 7.0 / 11.0, 1e-15);
}

CASE(conjugate_gradient_says_why_it_stopped) {
  Matrix a(2, 2);
  a << 1, 0, 0, -1;
  DenseOperator op(a);
  CgWorkspace work(2);
  Vector x(2);
  CHECK(conjugate_gradient(op, Vector{{0, 1}}, {}, work, x).status == CgStatus::bad_curvature);
  CHECK(x.isZero());
  CHECK(conjugate_gradient(op, Vector{{0, 0}}, {}, work, x).status == CgStatus::zero_rhs);
  CHECK(conjugate_gradient(op, Vector{{NAN, 0}}, {}, work, x).status == CgStatus::not_finite);
  CHECK(x.isZero());
}

namespace {

// Allocations of any kind, Eigen's among them.
std::size_t allocations = 0;

Matrix distribution_of(const CategoricalHead& head, const Matrix& features, const Vector& theta) {
  Matrix dist(features.rows(), head.distribution_size());
  linear_policy::distribution(head, Features<double>(features), theta.data(), nullptr, 1,
                              dist.data());
  return dist;
}

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t) { return operator new(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }

CASE(solving_allocates_nothing) {
  const Matrix features = Matrix::Random(50, 5);
  const CategoricalHead head({3});
  const Matrix dist = distribution_of(head, features, Vector::Random(15));
  Fisher fisher(head, Features<double>(features), dist.data(), nullptr, 1);
  const Vector gradient = Vector::Random(15);
  CgWorkspace work(15);
  Vector x(15);
  const CgSettings settings{15, 1e-12, 1e-3};
  Eigen::internal::set_is_malloc_allowed(false);
  bool guarded = false;
  try {
    const Matrix forbidden(20, 20);
  } catch (const std::logic_error&) {
    guarded = true;
  }
  NaturalGradientResult result{};
  const std::size_t before = allocations;
  try {
    result = natural_gradient(fisher, gradient, settings, work, x);
  } catch (const std::logic_error&) {
    Eigen::internal::set_is_malloc_allowed(true);
    throw;
  }
  Eigen::internal::set_is_malloc_allowed(true);
  CHECK(allocations == before);
  CHECK(guarded);
  CHECK(result.curvature > 0.0 && x.allFinite());
}

CASE(a_dense_solve_is_a_conjugate_gradient_solve) {
  const Matrix features = Matrix::Random(50, 5);
  const CategoricalHead head({3});
  const Matrix dist = distribution_of(head, features, Vector::Random(15));
  Fisher fisher(head, Features<double>(features), dist.data(), nullptr, 1);
  const Vector gradient = Vector::Random(15);
  CgWorkspace work(15);
  Vector iterated(15), factored(15);
  natural_gradient(fisher, gradient, {200, 1e-13, 1e-2}, work, iterated);
  const Matrix dense = fisher.dense();
  dense_natural_gradient(dense, gradient, {}, 1e-2, factored);
  CHECK((iterated - factored).norm() < 1e-8 * factored.norm());
  DenseFisher formed(dense);
  Vector on_dense(15);
  const auto one = natural_gradient(fisher, gradient, {7, 1e-13, 1e-2}, work, iterated);
  const auto other = natural_gradient(formed, gradient, {7, 1e-13, 1e-2}, work, on_dense);
  CHECK((iterated - on_dense).norm() < 1e-10 * iterated.norm());
  CHECK_CLOSE(one.curvature, other.curvature, 1e-10 * one.curvature);
  CHECK_CLOSE(one.curvature, iterated.dot(dense * iterated), 1e-10 * one.curvature);
  const auto singular = dense_natural_gradient(dense, gradient, {}, 0.0, factored);
  CHECK(singular.cg.status == CgStatus::bad_curvature || factored.allFinite());
}

CASE(line_search_halves_until_the_bound_holds) {
  struct {
    LineSearchPoint operator()(const Vector& theta) const {
      return {theta[0], theta[0] * theta[0]};
    }
    void project(Vector&) const {}
  } evaluate;
  Vector theta = Vector::Zero(1);
  const LineSearchResult found =
      line_search(evaluate, Vector::Constant(1, 8.0), {1.0, 0.5, 10}, theta);
  CHECK(found.status == LineSearchStatus::accepted && found.backtracks == 3 && theta[0] == 1.0);
  theta[0] = 0.25;
  const LineSearchResult worse =
      line_search(evaluate, Vector::Constant(1, -0.1), {1.0, 0.5, 10}, theta);
  CHECK(worse.status == LineSearchStatus::no_improvement && theta[0] == 0.25);
}

// Features 1, s, s^2 of one number; targets 1 + 2 s.
CASE(ridge_fits_a_line_through_batches) {
  std::vector<float> observations(300);
  std::vector<std::int64_t> steps(300, 0);
  std::vector<double> targets(300);
  for (std::size_t k = 0; k < 300; ++k) {
    observations[k] = 0.01f * static_cast<float>(k);
    targets[k] = 1.0 + 2.0 * observations[k];
  }
  const auto batch = [&](std::ptrdiff_t first, std::ptrdiff_t count) {
    return ValueSamples{observations.data() + first, steps.data() + first, count, 1, false};
  };
  RidgeRegression whole(3), parts(3);
  CHECK(whole.add(batch(0, 300), targets.data(), 1.0, 1));
  CHECK(parts.add(batch(0, 1), targets.data(), 1.0, 1));
  CHECK(parts.add(batch(1, 299), targets.data() + 1, 1.0, 1));
  const Vector weights = whole.solve(1e-12);
  CHECK_CLOSE(weights[0], 1.0, 1e-8);
  CHECK_CLOSE(weights[1], 2.0, 1e-8);
  CHECK_CLOSE(weights[2], 0.0, 1e-8);
  CHECK((parts.moments.comoment - whole.moments.comoment).norm() < 1e-10);
  CHECK(parts.moments.weight == 300.0);
  double value;
  CHECK(value_predict(batch(100, 1), weights.data(), 1, &value));
  CHECK_CLOSE(value, 3.0, 1e-6);
  const Comoments before = parts.moments;
  targets[200] = 1e200;
  CHECK(!parts.add(batch(0, 300), targets.data(), 1.0, 1));
  observations[200] = std::numeric_limits<float>::infinity(), targets[200] = 0.0;
  CHECK(!parts.add(batch(0, 300), targets.data(), 1.0, 1));
  CHECK(parts.moments.mean == before.mean && parts.moments.weight == before.weight);
}
