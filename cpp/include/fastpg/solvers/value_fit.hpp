// Regression of a value network, minibatch by minibatch, by any optimizer; see ValueMinibatch.
#pragma once

#include <optional>

#include "fastpg/core/philox.hpp"
#include "fastpg/solvers/optimizer.hpp"
#include "fastpg/solvers/value_minibatch.hpp"

namespace fastpg {

// A network with one output at the samples of a batch, their targets (n,), and what is learned.
struct ValueTask {
  Network& network;
  const double* targets;
  Optimizer& optimizer;
  Vector& parameters;
};

// One minibatch after another: differentiate(), then ascend().
class ValueLearner {
 public:
  ValueLearner(const ValueTask& task, double clip_range, Index batch_size, int threads);

  // coefficient: of the loss, in the gradient.
  void differentiate(const Index* order, Index size, double coefficient);
  double gradient_norm();

  // One step along `scale` times the gradient; false if parameters are not finite after it.
  bool ascend(double scale, double learning_rate);

  double operations() const { return minibatch_.operations(); }
  double mean_loss() const;  // of the minibatches whose steps were taken
  // Whether the values at the parameters are finite: float32 has a smaller range than parameters.
  bool finite();

 private:
  Buffer<double> values();

  ValueTask task_;
  int threads_;
  Buffer<double> old_values_;
  ValueMinibatch minibatch_;
  double loss_ = 0.0, losses_ = 0.0;
  Index size_ = 0, samples_seen_ = 0;
};

struct ValueFitSettings {
  double learning_rate = 1e-3;
  double max_grad_norm = std::numeric_limits<double>::infinity();
  double clip_range = std::numeric_limits<double>::infinity();
  Index n_epochs = 10;
  Index batch_size = 128;
};

// Means over the minibatches run.
struct ValueFit {
  double value_loss = 0.0;  // (v - y)^2
  double grad_norm = 0.0;   // before clipping
  Index n_updates = 0;
  bool finite = true;  // false: stopped at a gradient or values that are not
};

// Parameters and optimizer are updated in place, by part of the epochs where it throws or is not
// finite. (stream, first_epoch + epoch) decides the order.
ValueFit fit_values(const ValueTask& task, const ValueFitSettings& settings,
                    const LaneStream& stream, std::uint64_t first_epoch, int threads);

}  // namespace fastpg
