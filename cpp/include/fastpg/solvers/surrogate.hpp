// The surrogate objective of a linear policy at new parameters, from a batch drawn at old ones:
// mean_i w_i A_i + ent_coef mean_i H(pi(.|s_i)), w_i = pi(a_i|s_i) / pi_old(a_i|s_i), together with
// the exact mean KL(old | new).
#pragma once

#include <vector>

#include "fastpg/policies/linear_policy.hpp"
#include "fastpg/solvers/line_search.hpp"

namespace fastpg {

template <class Head, class T = double>
class Surrogate {
 public:
  using Action = typename Head::Scalar;

  // Row-major arrays of the caller: actions (n, action_size), advantages (n,), old_dist
  // (n, distribution_size), mask (n, outputs) or nullptr.
  Surrogate(const Head& head, const Features<T>& features, const Action* actions,
            const double* advantages, const double* old_dist, const std::uint8_t* mask,
            double ent_coef, int threads)
      : head_(head),
        blocks_(features),
        chunks_(Chunks::of(blocks_.count(), blocks_.size(), 0)),
        threads_(threads),
        actions_(actions),
        advantages_(advantages),
        mask_(mask),
        ent_coef_(ent_coef),
        distribution_(head, features.cols),
        old_(length(blocks_.count() * head.distribution_size() * stride())),
        old_log_(length(blocks_.count() * stride())),
        new_(length(chunks_.count * head.distribution_size() * stride())),
        scratch_(length(chunks_.count * stride())),
        sums_(length(chunks_.count)) {
    for_blocks([&](Index, Index b) {
      const Index begin = blocks_.begin(b);
      double* const old = old_.data() + b * head.distribution_size() * stride();
      head.load(old_dist + begin * head.distribution_size(), blocks_.rows(b), stride(), old);
      head.log_prob(old, actions + begin * head.action_size(), blocks_.rows(b), stride(),
                    old_log_.data() + b * stride());
    });
  }

  LineSearchPoint operator()(const Vector& parameters) {
    distribution_.set(parameters.data());
    std::fill(sums_.begin(), sums_.end(), Sums{});
    for_blocks([this](Index chunk, Index b) { add_block(chunk, b); });
    Sums all;
    for (const Sums& part : sums_) {
      all.objective += part.objective;
      all.entropy += part.entropy;
      all.kl += part.kl;
    }
    const auto n = static_cast<double>(blocks_.features().rows);
    const double bonus = ent_coef_ == 0.0 ? 0.0 : ent_coef_ * (all.entropy / n);
    return {all.objective / n + bonus, all.kl / n};
  }

  // Keeps a candidate within the head's bounds.
  void project(Vector& parameters) const { head_.project(parameters.tail(head_.extra())); }

 private:
  static std::size_t length(Index count) { return static_cast<std::size_t>(count); }
  Index stride() const { return blocks_.size(); }

  struct Sums {
    double objective = 0.0, entropy = 0.0, kl = 0.0;
  };

  // f(chunk, block) for all blocks, those of a chunk in order.
  template <class Function>
  void for_blocks(Function&& f) {
    const auto rows = static_cast<double>(blocks_.features().rows);
    const auto cost = static_cast<double>(150 * head_.distribution_size());
    const double a_block = static_cast<double>(stride()) *
                           (cost + static_cast<double>(head_.outputs() * blocks_.features().cols));
    chunks_.run(threads_, rows * cost, [&](Index chunk) {
      chunks_.for_blocks(chunk, a_block, [&](Index b) { f(chunk, b); });
    });
  }

  void add_block(Index chunk, Index b) {
    const Index begin = blocks_.begin(b), rows = blocks_.rows(b);
    const Index size = head_.distribution_size() * stride();
    double* const dist = new_.data() + chunk * size;
    double* const scratch = scratch_.data() + chunk * stride();
    Sums& sums = sums_[length(chunk)];
    distribution_(blocks_[b], linear_policy::mask_from(mask_, begin, head_.outputs()), rows, dist);
    sums.objective += weighted_sum(b, rows, dist, scratch);
    if (ent_coef_ != 0.0) {
      head_.entropy(dist, stride(), scratch);
      sums.entropy += sum_of(scratch, rows);
    }
    head_.kl(old_.data() + b * size, dist, stride(), scratch);
    sums.kl += sum_of(scratch, rows);
  }

  double weighted_sum(Index b, Index rows, const double* dist, double* terms) const {
    const Index begin = blocks_.begin(b);
    head_.log_prob(dist, actions_ + begin * head_.action_size(), rows, stride(), terms);
    const double* const old_log = old_log_.data() + b * stride();
    const double* const advantages = advantages_ + begin;
    dispatch([=] {
      for (Index i = 0; i < rows; ++i) terms[i] = fast_exp(terms[i] - old_log[i]) * advantages[i];
    });
    return sum_of(terms, rows);
  }

  const Head& head_;
  Blocks<T> blocks_;
  Chunks chunks_;
  int threads_;
  const Action* actions_;
  const double* advantages_;
  const std::uint8_t* mask_;
  double ent_coef_;
  linear_policy::BlockDistribution<Head> distribution_;
  Buffer<double> old_;      // (block, column, sample)
  Buffer<double> old_log_;  // ln pi_old(a_i|s_i), (block, sample)
  Buffer<double> new_;      // (chunk, column, sample)
  Buffer<double> scratch_;  // (chunk, sample)
  std::vector<Sums> sums_;  // (chunk,)
};

}  // namespace fastpg
