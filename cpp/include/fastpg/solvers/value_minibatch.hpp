// A minibatch of a value network's fit: mean (v_i - y_i)^2 and its gradient. With a clip range r,
// v_i is replaced by old_i + clip(v_i - old_i, -r, r), as in stable-baselines3, whose loss this is.
#pragma once

#include <limits>
#include <vector>

#include "fastpg/core/chunks.hpp"
#include "fastpg/core/memory.hpp"
#include "fastpg/distributions/free_logits.hpp"
#include "fastpg/networks/network.hpp"

namespace fastpg {

// What a network with one output is differentiated by.
const FreeLogits& value_logit();

// The value of every sample at the parameters (flat), into out (n,).
void network_values(Network& network, const double* parameters, int threads, double* out);

class ValueMinibatch {
 public:
  // Of at most batch_size samples. targets: (n,); old_values: (n,), or nullptr without clipping;
  // both in the caller's memory.
  ValueMinibatch(const Network& network, const double* targets, const double* old_values,
                 double clip_range, Index batch_size, int threads);

  // The gradient of -factor times the loss over the samples order[0 … size - 1] at some parameters;
  // returns the sum of the squared errors.
  double differentiate(const Index* order, Index size, const Vector& parameters, double factor);

  // Of a gradient of the largest minibatch, roughly: see Pace.
  double operations() const { return static_cast<double>(targets_.size()) * a_sample(); }
  Vector& gradient() { return gradient_; }

 private:
  double a_sample() const { return 3.0 * (network_->column_cost() + 64.0); }
  void gather(const Index* order, Index size);
  double weigh(Index block, double* values) const;

  const double* all_targets_;
  const double* all_old_;
  double clip_range_;
  int threads_;
  std::unique_ptr<Network> network_;
  Vector targets_;
  Vector old_;
  Buffer<double> sums_;         // (chunk, sum_size)
  std::vector<double> losses_;  // (chunk,)
  Vector gradient_;
};

}  // namespace fastpg
