// A network at fixed parameters, for inputs that come in blocks: all that a rollout needs of it.
// Any number of threads may use one.
#pragma once

#include "fastpg/core/types.hpp"

namespace fastpg {

class ForwardPass {
 public:
  virtual ~ForwardPass() = default;

  virtual Index inputs() const = 0;
  virtual Index outputs() const = 0;
  // Multiplications of a row, roughly.
  virtual double operations() const = 0;
  // Floats of scratch that a row takes.
  virtual Index scratch_size() const = 0;
  // Rows of a block, so that what each takes beside the pass, in bytes, stays in cache too.
  virtual Index block_size(Index bytes) const = 0;

  // Input k of row i stands at inputs[k * stride + i], output a goes to columns[a * stride + i].
  virtual void run(const double* inputs, Index rows, Index stride, float* scratch,
                   double* columns) const = 0;
};

}  // namespace fastpg
