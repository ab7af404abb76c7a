// Epochs of minibatches, as PPO and the fit of a value network run them.
#pragma once

#include "fastpg/solvers/shuffle.hpp"

namespace fastpg {

struct EpochPlan {
  Index samples;
  Index batch_size;  // at most so many; sizes differ by at most one
  Index n_epochs;
  std::uint64_t first_epoch;  // (stream, first_epoch + epoch) decides the order
};

// Of a minibatch: its step was taken, or why the epochs end before it.
enum class Turn { taken, stopped, not_finite };

struct EpochsRun {
  Index whole = 0;  // epochs
  Turn last = Turn::taken;
};

// turn(order, size) for minibatch after minibatch; every epoch covers each sample once.
// operations: of a minibatch, see Pace.
template <class Take>
EpochsRun run_epochs(const EpochPlan& plan, const LaneStream& stream, double operations,
                     Take&& turn) {
  std::vector<Index> order(static_cast<std::size_t>(plan.samples));
  const Index batches = (plan.samples - 1) / plan.batch_size + 1;
  Pace pace(operations);
  EpochsRun run;
  for (; run.whole < plan.n_epochs; ++run.whole) {
    shuffle(order, stream, plan.first_epoch + static_cast<std::uint64_t>(run.whole));
    for (Index b = 0; b < batches; ++b, pace.turn()) {
      const Index begin = plan.samples * b / batches, end = plan.samples * (b + 1) / batches;
      run.last = turn(order.data() + begin, end - begin);
      if (run.last != Turn::taken) return run;
    }
  }
  return run;
}

}  // namespace fastpg
