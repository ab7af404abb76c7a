#include <cmath>
#include <memory>
#include <vector>

#include "check.hpp"
#include "fastpg/envs/cartpole.hpp"
#include "fastpg/rollout/streamed.hpp"

using namespace fastpg;

namespace {

// Integers, whose sums are exact in any order.
std::vector<double> numbers(Index rows, Index stride, Index count) {
  std::vector<double> out(static_cast<std::size_t>(rows * stride), 0.0);
  for (Index r = 0; r < rows; ++r) {
    for (Index s = 0; s < count; ++s)
      out[r * stride + s] = static_cast<double>((7 * r + 3 * s) % 11);
  }
  return out;
}

struct Streamed {
  VectorEnv env;
  StreamedStatistics statistics;
};

SoftmaxActor actor() {
  return {FeatureMap::identity(4, false),
          {0.1, -0.2, 0.3, 0.0, 1.0, -1.0, 0.5, 0.2, 0.0, 0.1},
          2,
          false};
}

VectorEnv environment(Lane lanes) {
  VectorEnv env(std::make_unique<Kernel<CartPole>>(true), lanes, 40);
  for (Lane i = 0; i < lanes; ++i) env.reset(i);
  return env;
}

Streamed streamed(const StreamSettings& settings, int threads) {
  Streamed out{environment(75), {}};
  out.statistics = collect_statistics(out.env, actor(), LaneStream(1, Purpose::action), 0, settings,
                                      threads, static_cast<RolloutStorage<std::int32_t>*>(nullptr));
  return out;
}

}  // namespace

CASE(products_of_columns_of_every_count) {
  constexpr Index stride = 40;
  for (Index rows = 1; rows <= 9; ++rows) {
    for (Index columns = 1; columns <= 9; ++columns) {
      const auto a = numbers(rows, stride, 21), b = numbers(columns, stride, 21);
      std::vector<double> out(static_cast<std::size_t>(rows * columns), 1.0);
      column_products::add(a.data(), rows, b.data(), columns, stride, column_products::padded(21),
                           out.data(), columns);
      for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < columns; ++j) {
          double sum = 1.0;
          for (Index s = 0; s < 21; ++s) sum += a[i * stride + s] * b[j * stride + s];
          CHECK(out[i * columns + j] == sum);
        }
      }
    }
  }
}

// phi = 2, two equally probable actions, advantages 1, 2, 3 of actions 0, 0, 1.
CASE(scores_of_three_samples_by_hand) {
  const CategoricalHead head({2});
  const ScoreSums<CategoricalHead> sums(head, 1);
  ScorePieces<CategoricalHead> pieces(sums);
  std::vector<double> total(static_cast<std::size_t>(sums.size()), 0.0);
  std::fill_n(pieces.features(), 3, 2.0);
  std::fill_n(pieces.outputs(), 3, 0.0);
  std::fill_n(pieces.outputs() + ScorePieces<CategoricalHead>::most, 3, 0.0);
  const std::int32_t actions[] = {0, 0, 1};
  const double advantages[] = {1.0, 2.0, 3.0};
  pieces.add(nullptr, actions, advantages, 3, total.data());
  CHECK_CLOSE(sums.mean_score(total.data(), 3.0)[0], 1.0 / 3.0, 1e-15);
  CHECK_CLOSE(sums.gradient(total.data(), 3.0)[0], 0.0, 1e-15);
  const Matrix fisher = sums.fisher(total.data(), 3.0);
  CHECK_CLOSE(fisher(0, 0), 1.0, 1e-15);
  CHECK_CLOSE(fisher(0, 1), -1.0, 1e-15);
  CHECK_CLOSE(fisher(1, 1), 1.0, 1e-15);
  CHECK_CLOSE(total.back() / 3.0, std::log(2.0), 1e-15);
}

CASE(statistics_know_no_threads) {
  const std::vector<double> weights(15, 0.01);
  const StreamSettings settings{600, 0.99, 0.95, weights.data(), false, true};
  const Streamed one = streamed(settings, 1), three = streamed(settings, 3);
  CHECK(one.statistics.not_finite == nullptr);
  CHECK(one.statistics.gradient == three.statistics.gradient);
  CHECK(one.statistics.fisher == three.statistics.fisher);
  CHECK(one.statistics.value_moments.comoment == three.statistics.value_moments.comoment);
  CHECK(one.statistics.value_moments.weight == 75.0 * 600.0);
  CHECK(one.statistics.ends.returns == three.statistics.ends.returns);
}

CASE(the_environment_stands_where_collect_leaves_it) {
  const StreamSettings settings{600, 0.99, 0.95, nullptr, false, false};
  const Streamed one = streamed(settings, 2);
  VectorEnv env = environment(75);
  RolloutStorage<std::int32_t> storage(75, 4, 1);
  collect_steps(env, actor(), LaneStream(1, Purpose::action), 0, 600, 1, storage);
  CHECK(one.env.snapshot().states == env.snapshot().states);
  CHECK(one.statistics.ends.returns == storage.ends.returns);
}

CASE(what_overflows_leaves_the_environment_as_it_was) {
  const std::vector<double> weights(15, 1e308);
  const Streamed one = streamed({50, 0.99, 0.95, weights.data(), false, false}, 1);
  CHECK(one.statistics.not_finite != nullptr);
  CHECK(one.env.snapshot().states == environment(75).snapshot().states);
}
