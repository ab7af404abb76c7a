// The surrogate objective of a policy at new parameters, from a batch drawn at old ones:
// mean_i w_i A_i + ent_coef mean_i H(pi(.|s_i)), w_i = pi(a_i|s_i) / pi_old(a_i|s_i), together with
// the exact mean KL(old | new).
#pragma once

#include <vector>

#include "fastpg/policies/policy.hpp"
#include "fastpg/solvers/line_search.hpp"

namespace fastpg {

class Surrogate final : public SearchObjective {
 public:
  // Row-major arrays of the caller: advantages (n,), old_dist (n, size), mask (n, outputs) or
  // nullptr.
  Surrogate(const BatchPolicy& policy, const Actions& actions, const double* advantages,
            const double* old_dist, const std::uint8_t* mask, double ent_coef, int threads);

  LineSearchPoint evaluate(const Vector& parameters) override;
  // Keeps a candidate within the distribution's bounds.
  void project(Vector& parameters) const override;

 private:
  struct Sums {
    double objective = 0.0, entropy = 0.0, kl = 0.0;
  };

  const Network& network() const { return policy_.network(); }
  const Distribution& distribution() const { return policy_.distribution(); }
  Index stride() const { return network().block_size(); }

  // f(chunk, block) for all blocks, those of a chunk in order.
  template <class Function>
  void for_blocks(Function&& f);
  void add_block(Index chunk, Index b);
  double weighted_sum(Index b, const double* dist, double* terms) const;

  BatchPolicy policy_;
  Chunks chunks_;
  int threads_;
  Actions actions_;
  const double* advantages_;
  const std::uint8_t* mask_;
  double ent_coef_;
  Buffer<double> old_;      // (block, column, sample)
  Buffer<double> old_log_;  // ln pi_old(a_i|s_i), (block, sample)
  Buffer<double> new_;      // (chunk, column, sample)
  Buffer<double> scratch_;  // (chunk, sample)
  std::vector<Sums> sums_;  // (chunk,)
};

}  // namespace fastpg
