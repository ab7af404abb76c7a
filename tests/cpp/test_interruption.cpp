#include <algorithm>
#include <memory>
#include <vector>

#include "check.hpp"
#include "fastpg/core/factorization.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/envs/pendulum.hpp"
#include "fastpg/policies/categorical_head.hpp"
#include "fastpg/rollout/collect_episodes.hpp"
#include "fastpg/rollout/collect_steps.hpp"
#include "fastpg/solvers/conjugate_gradient.hpp"
#include "fastpg/solvers/ppo_epochs.hpp"
#include "fastpg/tabular/dynamic_programming.hpp"

using namespace fastpg;

namespace {

// Whether work(), which would not end in a lifetime, ends by the first answer of a watch.
template <class Work>
bool interrupted(Work&& work) {
  Watch watch([](void*) { return true; }, nullptr);
  const WatchedScope scope(&watch, true);
  try {
    work();
  } catch (const Interrupted&) {
    return true;
  }
  return false;
}

VectorEnv endless(Lane lanes) {
  VectorEnv env(std::make_unique<Kernel<Pendulum>>(true), lanes, VectorEnv::no_limit);
  for (Lane i = 0; i < lanes; ++i) {
    env.stream(i) = Pcg64(SeedSequence(std::vector<std::uint32_t>{1, 2}));
    env.reset(i);
  }
  return env;
}

GaussianActor actor(Lane features) {
  const auto size = static_cast<std::size_t>(features);
  auto map = FeatureMap::fourier(3, false, std::vector<double>(3 * size, 0.1),
                                 std::vector<double>(size, 0.0));
  return {map, std::vector<double>(size + 2, 0.0), {-2.0}, {2.0}, false};
}

bool same(const VectorEnv::Snapshot& a, const VectorEnv::Snapshot& b) {
  const auto words = [](const Pcg64& x, const Pcg64& y) { return x.words() == y.words(); };
  return a.states == b.states && a.elapsed == b.elapsed && a.status == b.status &&
         a.episode_returns == b.episode_returns &&
         std::equal(a.streams.begin(), a.streams.end(), b.streams.begin(), b.streams.end(), words);
}

Matrix random_square(Index size) { return Matrix::Random(size, size); }

}  // namespace

CASE(without_a_watch_a_checkpoint_does_nothing) {
  checkpoint();
  const WatchedScope none(nullptr, false);
  checkpoint();
}

CASE(an_interrupted_collect_leaves_the_environment_as_it_was) {
  const LaneStream stream(1, Purpose::action);
  for (const Lane lanes : {1, 40, 1100}) {
    VectorEnv env = endless(lanes);
    const VectorEnv::Snapshot before = env.snapshot();
    CHECK(interrupted([&] {
      RolloutStorage<double> out(2 * lanes, 3, 1);
      collect_episodes(env, actor(50), stream, 0, VectorEnv::no_limit, out);
    }));
    CHECK(same(env.snapshot(), before));
    CHECK(interrupted([&] {
      RolloutStorage<double> out(lanes, 3, 1);
      collect_steps(env, actor(20'000), stream, 0, 1'000'000 / lanes, 3, out);
    }));
    CHECK(same(env.snapshot(), before));
  }
}

CASE(epochs_are_interrupted) {
  const Matrix phi = Matrix::Random(2'000, 4);
  const std::vector<std::int32_t> actions(2'000, 1);
  const std::vector<double> advantages(2'000, 0.5);
  const CategoricalHead head({2});
  PpoSettings settings;
  settings.n_epochs = Index{1} << 60;
  for (const Index batch : {1, 64, 5'000}) {
    settings.batch_size = batch;
    Vector theta = Vector::Zero(8);
    Adam adam(8);
    PpoEpochs<CategoricalHead> epochs(head, Features<double>(phi), actions.data(),
                                      advantages.data(), nullptr, settings);
    CHECK(
        interrupted([&] { epochs.run(LaneStream(1, Purpose::shuffle), 0, nullptr, adam, theta); }));
  }
}

CASE(conjugate_gradients_are_interrupted) {
  // Far from converging: the directions lose what they know of each other.
  Matrix a = Matrix::Zero(40, 40);
  for (Index i = 0; i < 40; ++i) a(i, i) = std::pow(10.0, -static_cast<double>(i));
  DenseOperator op(a);
  CgWorkspace work(40);
  Vector x(40);
  const Vector b = Vector::Ones(40);
  CHECK(interrupted([&] {
    while (true) conjugate_gradient(op, b, {Index{1} << 60, 0.0, 0.0}, work, x);
  }));
}

CASE(tabular_values_are_interrupted) {
  const Index n = 100;
  const Transitions p(Matrix::Constant(2 * n, n, 1.0 / static_cast<double>(n)), 2);
  const Matrix r = Matrix::Ones(n, 2), pi = Matrix::Constant(n, 2, 0.5);
  const Vector start = Vector::Constant(n, 1.0 / static_cast<double>(n));
  CHECK(interrupted([&] {
    while (true) finite_values(p, r, pi, 100, 1.0);
  }));
  CHECK(interrupted([&] {
    while (true) finite_optimum(p, r, 100, 1.0);
  }));
  CHECK(interrupted([&] {
    while (true) finite_visits(p, start, pi, 1'000);
  }));
  CHECK(interrupted([&] {
    while (true) discounted_values(p, r, pi, start, 0.9);
  }));
  CHECK(interrupted([&] {
    while (true) average_values(p, r, pi);
  }));
}

CASE(factorisations_have_the_bits_of_eigen) {
  for (const Index size : {1, 2, 15, 16, 17, 31, 32, 33, 100, 257, 400}) {
    const Matrix a = random_square(size);
    const Vector b = Vector::Random(size);
    const InterruptibleLu lu(a);
    const Eigen::PartialPivLU<Matrix> expected(a);
    CHECK(lu.matrixLU() == expected.matrixLU());
    CHECK(lu.solve(b) == expected.solve(b));
    CHECK(lu.rcond() == expected.rcond());
    CHECK(lu.determinant() == expected.determinant());
    const Eigen::MatrixXd positive = a * a.transpose() + Matrix::Identity(size, size);
    const InterruptibleLlt llt(positive);
    const Eigen::LLT<Eigen::MatrixXd> llt_expected(positive);
    CHECK(llt.info() == Eigen::Success);
    CHECK(llt.matrixLLT() == llt_expected.matrixLLT());
    CHECK(llt.solve(b) == llt_expected.solve(b));
    CHECK(InterruptibleLlt(-positive).info() == Eigen::NumericalIssue);
  }
}

CASE(factorisations_in_pieces_are_right_and_interrupted) {
  const Index size = 300;
  const Matrix a = random_square(size);
  const Vector b = Vector::Random(size);
  const Eigen::MatrixXd positive = a * a.transpose() + Matrix::Identity(size, size);
  for (const double at_once : {1.0, 1e5}) {
    CHECK((a * InterruptibleLu(a, at_once).solve(b) - b).norm() < 1e-8);
    CHECK((positive * InterruptibleLlt(positive, at_once).solve(b) - b).norm() < 1e-8);
  }
  CHECK(interrupted([&] {
    while (true) InterruptibleLu(a, 1e5);
  }));
  CHECK(interrupted([&] {
    while (true) InterruptibleLlt(positive, 1e5);
  }));
}
