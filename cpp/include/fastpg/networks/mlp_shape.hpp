// Widths of a multilayer perceptron, and where each layer lies in flat parameters: layer by layer W
// (fan_in, fan_out) in C order, then the bias (fan_out).
#pragma once

#include <vector>

#include "fastpg/core/types.hpp"
#include "fastpg/networks/activations.hpp"

namespace fastpg {

struct MlpLayer {
  Index fan_in, fan_out;
  Index begin;  // of W

  Index end() const { return begin + (fan_in + 1) * fan_out; }
};

struct MlpShape {
  Index inputs;
  std::vector<Index> hidden;  // none: an affine map
  Index outputs;
  Activation activation;

  std::vector<MlpLayer> layers() const;
  Index parameters() const { return layers().back().end(); }
};

}  // namespace fastpg
