#include "fastpg/solvers/value_fit.hpp"

#include <algorithm>
#include <cmath>

#include "fastpg/core/sums.hpp"
#include "fastpg/policies/policy.hpp"
#include "fastpg/solvers/epochs.hpp"

namespace fastpg {

ValueLearner::ValueLearner(const ValueTask& task, double clip_range, Index batch_size, int threads)
    : task_(task),
      threads_(threads),
      old_values_(std::isfinite(clip_range) ? values() : Buffer<double>()),
      minibatch_(task.network, task.targets, old_values_.empty() ? nullptr : old_values_.data(),
                 clip_range, batch_size, threads) {}

Buffer<double> ValueLearner::values() {
  Buffer<double> out(length(task_.network.samples()));
  network_values(task_.network, task_.parameters.data(), threads_, out.data());
  return out;
}

void ValueLearner::differentiate(const Index* order, Index size, double coefficient) {
  loss_ = minibatch_.differentiate(order, size, task_.parameters, coefficient);
  size_ = size;
}

double ValueLearner::gradient_norm() {
  const Vector& gradient = minibatch_.gradient();
  const double* const g = gradient.data();
  return std::sqrt(dispatch(
      [=, n = gradient.size()] { return sum_of(n, [=](Index i) { return g[i] * g[i]; }); }));
}

bool ValueLearner::ascend(double scale, double learning_rate) {
  losses_ += loss_;
  samples_seen_ += size_;
  return task_.optimizer.ascend(minibatch_.gradient(), scale, learning_rate, task_.parameters);
}

double ValueLearner::mean_loss() const {
  return samples_seen_ == 0 ? 0.0 : losses_ / static_cast<double>(samples_seen_);
}

bool ValueLearner::finite() {
  task_.network.set_parameters(task_.parameters.data());
  if (task_.network.surely_finite()) return true;
  const Buffer<double> found = values();
  return std::all_of(found.begin(), found.end(), [](double v) { return std::isfinite(v); });
}

ValueFit fit_values(const ValueTask& task, const ValueFitSettings& settings,
                    const LaneStream& stream, std::uint64_t first_epoch, int threads) {
  const Index samples = task.network.samples();
  const Index batch_size = std::min(settings.batch_size, samples);
  ValueLearner learner(task, settings.clip_range, batch_size, threads);
  ValueFit fit;
  const auto turn = [&](const Index* order, Index size) {
    learner.differentiate(order, size, 1.0);
    const double norm = learner.gradient_norm();
    if (!std::isfinite(norm)) return Turn::not_finite;
    if (!learner.ascend(clip_factor(norm, settings.max_grad_norm), settings.learning_rate)) {
      return Turn::not_finite;
    }
    fit.grad_norm += norm;
    ++fit.n_updates;
    return Turn::taken;
  };
  const EpochsRun run = run_epochs({samples, batch_size, settings.n_epochs, first_epoch}, stream,
                                   learner.operations(), turn);
  fit.value_loss = learner.mean_loss();
  fit.grad_norm /= static_cast<double>(std::max<Index>(fit.n_updates, 1));
  fit.finite = run.last == Turn::taken && task.optimizer.finite() && learner.finite();
  return fit;
}

}  // namespace fastpg
