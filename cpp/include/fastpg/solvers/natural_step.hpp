// All that NPG and TRPO need of a batch before they choose how far to go, in one pass of kernels:
// distributions, gradient, the natural direction, and the same of the noise in the gradient.
#pragma once

#include "fastpg/networks/architecture.hpp"
#include "fastpg/solvers/natural_gradient.hpp"

namespace fastpg {

// A batch of a policy, row-major arrays of the caller: mask (n, outputs) or nullptr.
struct PolicySamples {
  const Distribution& distribution;
  const Architecture& architecture;
  Features inputs;
  Actions actions;
  const std::uint8_t* mask;
  int threads;

  std::unique_ptr<Network> network() const {
    return architecture.at(distribution.logits(), inputs);
  }
};

struct NaturalStepSettings {
  bool normalize_advantage;
  double ent_coef;
  bool sampled;          // F of the actions taken
  Index fisher_samples;  // of evenly spread samples; n: all
  bool factorise;
  CgSettings cg;
};

struct NaturalStep {
  Vector gradient;
  NaturalGradient natural;
  const char* not_finite = nullptr;  // "distribution", "gradient": what cannot be computed
};

// parameters: flat; advantages (n,), made standard in place where that is asked for; halves (n,) or
// nullptr: weights under which the mean of the advantages is noise alone. dist (n, size) receives
// the distributions.
NaturalStep natural_step(const PolicySamples& batch, const double* parameters, double* advantages,
                         const double* halves, const NaturalStepSettings& settings, double* dist);

}  // namespace fastpg
