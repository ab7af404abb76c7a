// The coordinates in which a distribution is differentiated: logit c is output output(c) of the
// network, less output reference(c) where there is one. Scores of a softmax sum to zero over its
// actions, so its last action is a reference, and kernels keep all the others.
#pragma once

#include <vector>

#include "fastpg/core/types.hpp"

namespace fastpg {

class FreeLogits {
 public:
  explicit FreeLogits(Index outputs) : outputs_(outputs) {}

  void add(Index output, Index reference) {
    output_.push_back(output);
    reference_.push_back(reference);
  }

  Index outputs() const { return outputs_; }
  Index count() const { return static_cast<Index>(output_.size()); }
  Index output(Index c) const { return output_[static_cast<std::size_t>(c)]; }
  Index reference(Index c) const { return reference_[static_cast<std::size_t>(c)]; }  // -1: none

 private:
  Index outputs_;
  std::vector<Index> output_;
  std::vector<Index> reference_;
};

}  // namespace fastpg
