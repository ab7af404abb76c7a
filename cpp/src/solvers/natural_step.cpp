#include "fastpg/solvers/natural_step.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "fastpg/estimators/statistics.hpp"

namespace fastpg {
namespace {

// The row of a batch of n that is number i of `count`: one of each of as many equal parts, at
// places that change by the golden ratio. Rows at equal distances would be of a few environments
// alone, since those of one step lie side by side.
Index spread_row(Index i, Index n, Index count) {
  constexpr double golden = 0.61803398874989484820;
  const Index begin = i * n / count, end = (i + 1) * n / count;
  const double turned = golden * static_cast<double>(i);
  const auto place =
      static_cast<Index>((turned - std::floor(turned)) * static_cast<double>(end - begin));
  return begin + place;
}

// Evenly spread rows of a batch, in memory of their own.
struct Spread {
  Spread(const PolicySamples& batch, const double* all_dist, Index count)
      : inputs(length(count * batch.inputs.cols)),
        dist(length(count * batch.distribution.size())),
        choices(length(batch.distribution.discrete() ? count * batch.actions.size : 0)),
        numbers(length(batch.distribution.discrete() ? 0 : count * batch.actions.size)) {
    const Index n = batch.inputs.rows;
    const auto copy = [&](const auto* from, Index width, auto* to) {
      for (Index i = 0; i < count; ++i) {
        std::copy_n(from + spread_row(i, n, count) * width, width, to + i * width);
      }
    };
    copy(batch.inputs.data, batch.inputs.cols, inputs.data());
    copy(all_dist, batch.distribution.size(), dist.data());
    if (batch.distribution.discrete()) {
      copy(batch.actions.choices(), batch.actions.size, choices.data());
    } else {
      copy(batch.actions.numbers(), batch.actions.size, numbers.data());
    }
    if (batch.inputs.sparse != nullptr) {
      sparse = SparseRows::of(inputs.data(), count, batch.inputs.cols);
    }
  }

  Actions actions(const PolicySamples& batch) const {
    if (batch.distribution.discrete()) return {choices.data(), batch.actions.size};
    return {numbers.data(), batch.actions.size};
  }

  Features features(const PolicySamples& batch) const {
    return {inputs.data(), static_cast<Index>(inputs.size()) / batch.inputs.cols, batch.inputs.cols,
            sparse ? &*sparse : nullptr};
  }

  Buffer<double> inputs, dist;
  std::optional<SparseRows> sparse;
  Buffer<std::int32_t> choices;
  Buffer<double> numbers;
};

NaturalGradient direction(const PolicySamples& batch, const BatchPolicy& policy,
                          const double* parameters, const double* dist, const Vector& gradient,
                          const Vector& noise, const NaturalStepSettings& settings) {
  const Actions none{static_cast<const double*>(nullptr), batch.actions.size};
  const auto solve = [&](const BatchPolicy& of, const double* d, const Actions& actions) {
    Fisher fisher(of, d, settings.sampled ? actions : none, batch.threads);
    return natural_gradient(fisher, gradient, noise, settings.factorise, settings.cg);
  };
  const Index count = settings.fisher_samples;
  if (count == batch.inputs.rows) return solve(policy, dist, batch.actions);
  const Spread some(batch, dist, count);
  const std::unique_ptr<Network> network =
      batch.architecture.at(batch.distribution.logits(), some.features(batch));
  network->set_parameters(parameters);
  return solve(BatchPolicy(batch.distribution, *network), some.dist.data(), some.actions(batch));
}

}  // namespace

NaturalStep natural_step(const PolicySamples& batch, const double* parameters, double* advantages,
                         const double* halves, const NaturalStepSettings& settings, double* dist) {
  const Index n = batch.inputs.rows;
  const std::unique_ptr<Network> network = batch.network();
  BatchPolicy policy(batch.distribution, *network);
  NaturalStep step;
  distributions(policy, parameters, batch.mask, batch.threads, dist, true);
  if (!batch.distribution.sound(dist, n)) {
    step.not_finite = "distribution";
    return step;
  }
  if (settings.normalize_advantage) standardize(advantages, n, advantages);
  step.gradient =
      score_gradient(policy, dist, batch.actions, advantages, settings.ent_coef, batch.threads);
  Vector noise;
  if (halves != nullptr) {
    Buffer<double> weights(length(n));
    for (Index i = 0; i < n; ++i) weights[length(i)] = halves[i] * advantages[i];
    noise = score_gradient(policy, dist, batch.actions, weights.data(), 0.0, batch.threads);
  }
  if (!step.gradient.allFinite() || !noise.allFinite()) {
    step.not_finite = "gradient";
    return step;
  }
  step.natural = direction(batch, policy, parameters, dist, step.gradient, noise, settings);
  return step;
}

}  // namespace fastpg
