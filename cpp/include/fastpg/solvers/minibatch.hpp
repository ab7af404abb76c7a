// A minibatch of PPO: samples gathered from a batch, and the gradient of its objective.
#pragma once

#include <variant>
#include <vector>

#include "fastpg/solvers/ppo.hpp"

namespace fastpg {

// Sums over samples.
struct PpoSums {
  double policy_loss = 0.0, entropy = 0.0, clip_fraction = 0.0, approx_kl = 0.0;

  void add(const PpoSums& other);
};

class Minibatch {
 public:
  // Of at most settings.batch_size samples. All but the settings: in the caller's memory.
  Minibatch(const BatchPolicy& policy, const PpoSamples& samples, const double* old_dist,
            const PpoSettings& settings, int threads);

  // Gathers the samples order[0 … size - 1]; advantages are standardised where that is asked for.
  void gather(const Index* order, Index size);

  // The gradient at some parameters, and what is to be logged added to `sums`; false where the
  // minibatch's KL(old | new) is above target_kl.
  bool differentiate(const Vector& parameters, PpoSums& sums);

  Index size() const { return size_; }
  // Of a gradient of the largest minibatch, roughly: see Pace.
  double operations() const;
  Vector& gradient() { return gradient_; }

 private:
  // What a chunk of blocks is worked on in, by columns; and its sums.
  struct Workspace {
    Workspace(const Distribution& distribution, Index stride);

    Buffer<double> columns, scores, other, scratch;
    PpoSums logged;
    double kl = 0.0;
  };

  Index stride() const { return network_->block_size(); }
  Index score_size() const { return distribution_.score_size(); }
  Actions actions() const;
  void gather_rows(const Index* order);
  void add_block(Index block, Workspace& work, float* memory, double* sums);
  void weigh_scores(Index block, const double* old, Workspace& work) const;
  void add_scores(double factor, Workspace& work) const;

  const Distribution& distribution_;
  PpoSamples all_;
  const double* all_old_dist_;
  PpoSettings settings_;
  int threads_;
  std::unique_ptr<Network> network_;
  BatchPolicy policy_;
  Index size_ = 0;
  std::variant<Buffer<std::int32_t>, Buffer<double>> actions_;
  Vector advantages_;
  Buffer<double> old_dist_;
  Buffer<std::uint8_t> mask_;
  Buffer<double> sums_;          // (chunk, partial)
  std::vector<Workspace> work_;  // (chunk,)
  Vector gradient_;
};

}  // namespace fastpg
