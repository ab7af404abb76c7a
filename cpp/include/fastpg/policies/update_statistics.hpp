// What a step did, over the batch it was made from: the distributions before and after it.
#pragma once

#include "fastpg/policies/policy.hpp"

namespace fastpg {

struct UpdateStatistics {
  double kl;                     // mean KL(old | new), exact
  double approx_kl;              // mean of (w - 1) - ln w, w the ratios at the actions taken
  double effective_sample_size;  // (sum w)^2 / sum w^2
  double entropy;                // mean, of the new one
  double objective_before;       // mean of the advantages
  double objective;              // mean of w times them
};

// Distribution arrays (rows, size), rows >= 1; advantages (rows,).
UpdateStatistics update_statistics(const Distribution& distribution, const double* old_dist,
                                   const double* new_dist, const Actions& actions,
                                   const double* advantages, Index rows, int threads);

}  // namespace fastpg
