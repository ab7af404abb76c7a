// PPO's epochs of minibatch ascent (Schulman et al. 2017; lecture L10), on either objective:
//   clip        mean_i min(w_i A_i, clip(w_i, 1 - eps, 1 + eps) A_i)
//   kl_penalty  mean_i w_i A_i - kl_coef KL(old | new), the KL exact (action summed out), or
//               sampled: mean_i w_i A_i + kl_coef ln pi(a_i|s_i), up to a constant
// plus ent_coef mean_i H_i. A value network may be fitted in the same minibatches: minus vf_coef
// times its loss (see ValueMinibatch) then joins the objective, and the norm of a gradient is that
// of both networks'.
#pragma once

#include <limits>

#include "fastpg/core/philox.hpp"
#include "fastpg/policies/policy.hpp"
#include "fastpg/solvers/value_fit.hpp"
#include "fastpg/solvers/whitening.hpp"

namespace fastpg {

enum class PpoObjective { clip, kl_penalty_exact, kl_penalty_sampled };

struct PpoSettings {
  PpoObjective objective = PpoObjective::clip;
  double clip_range = 0.2;
  double kl_coef = 0.0;
  double learning_rate = 0.01;
  double ent_coef = 0.0;
  double max_grad_norm = std::numeric_limits<double>::infinity();
  double target_kl =
      std::numeric_limits<double>::infinity();  // stop before a minibatch whose KL is above it
  Index n_epochs = 10;
  Index batch_size = 256;
  bool normalize_advantage = true;
  double vf_coef = 0.5;
  double clip_range_vf = std::numeric_limits<double>::infinity();
};

// Means over the minibatches run, and the exact KL(old | new) at the end.
struct PpoResult {
  double policy_loss = 0.0;  // minus the surrogate, penalty and bonus left out
  double entropy = 0.0;
  double clip_fraction = 0.0;
  double approx_kl = 0.0;   // mean of (w - 1) - ln w
  double value_loss = 0.0;  // (v - y)^2
  double grad_norm = 0.0;   // before clipping, in the optimizer's coordinates
  double kl = 0.0;
  Index n_updates = 0;
  Index n_epochs = 0;    // whole ones
  bool stopped = false;  // by target_kl
  bool finite = true;    // false: stopped at a non-finite gradient
};

// The samples of a batch, row-major arrays of the caller: advantages (n,), mask (n, outputs) or
// nullptr.
struct PpoSamples {
  Actions actions;
  const double* advantages;
  const std::uint8_t* mask;
};

// parameters (flat) and optimizer are updated in place, by part of the epochs where it throws;
// where something is not finite, parameters stay as they were.
// Minibatches differ in size by at most one and cover every sample once an epoch;
// (stream, first_epoch + epoch) decides the order. whitening: the coordinates to ascend in;
// nullptr: those of the parameters. values: a value network at the same samples, or nullptr; each
// network has its optimizer. old_dist, new_dist: (n, size), receive the distributions at the start
// and at the end.
PpoResult ppo_epochs(BatchPolicy policy, const PpoSamples& samples, const PpoSettings& settings,
                     const LaneStream& stream, std::uint64_t first_epoch,
                     const Whitening* whitening, int threads, Optimizer& optimizer,
                     Vector& parameters, const ValueTask* values, double* old_dist,
                     double* new_dist);

}  // namespace fastpg
