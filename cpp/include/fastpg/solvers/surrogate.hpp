// The surrogate objective of a linear policy at new parameters, from a batch drawn at old ones:
// mean_i w_i A_i + ent_coef mean_i H(pi(.|s_i)), w_i = pi(a_i|s_i) / pi_old(a_i|s_i), together with
// the exact mean KL(old | new).
#pragma once

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
            double ent_coef)
      : head_(head),
        blocks_(features),
        actions_(actions),
        advantages_(advantages),
        mask_(mask),
        ent_coef_(ent_coef),
        distribution_(head, features.cols),
        old_(length(blocks_.count() * head.distribution_size() * stride())),
        old_log_(length(blocks_.count() * stride())),
        new_(length(head.distribution_size() * stride())),
        scratch_(length(stride())) {
    for (Index b = 0; b < blocks_.count(); ++b) {
      const Index begin = blocks_.begin(b);
      double* const old = old_.data() + b * head.distribution_size() * stride();
      head.load(old_dist + begin * head.distribution_size(), blocks_.rows(b), stride(), old);
      head.log_prob(old, actions + begin * head.action_size(), blocks_.rows(b), stride(),
                    old_log_.data() + b * stride());
    }
  }

  LineSearchPoint operator()(const Vector& parameters) {
    distribution_.set(parameters.data());
    double objective = 0.0, entropy = 0.0, kl = 0.0;
    for (Index b = 0; b < blocks_.count(); ++b) {
      const Index begin = blocks_.begin(b), rows = blocks_.rows(b);
      const auto* const mask = linear_policy::mask_from(mask_, begin, head_.outputs());
      distribution_(blocks_[b], mask, rows, new_.data());
      objective += weighted_sum(b, rows);
      if (ent_coef_ != 0.0) {
        head_.entropy(new_.data(), stride(), scratch_.data());
        entropy += sum_of(scratch_.data(), rows);
      }
      head_.kl(old_.data() + b * head_.distribution_size() * stride(), new_.data(), stride(),
               scratch_.data());
      kl += sum_of(scratch_.data(), rows);
    }
    const auto n = static_cast<double>(blocks_.features().rows);
    const double bonus = ent_coef_ == 0.0 ? 0.0 : ent_coef_ * (entropy / n);
    return {objective / n + bonus, kl / n};
  }

  // Keeps a candidate within the head's bounds.
  void project(Vector& parameters) const { head_.project(parameters.tail(head_.extra())); }

 private:
  static std::size_t length(Index count) { return static_cast<std::size_t>(count); }
  Index stride() const { return blocks_.size(); }

  double weighted_sum(Index b, Index rows) {
    const Index begin = blocks_.begin(b);
    head_.log_prob(new_.data(), actions_ + begin * head_.action_size(), rows, stride(),
                   scratch_.data());
    double* const terms = scratch_.data();
    const double* const old_log = old_log_.data() + b * stride();
    const double* const advantages = advantages_ + begin;
    dispatch([=] {
      for (Index i = 0; i < rows; ++i) terms[i] = fast_exp(terms[i] - old_log[i]) * advantages[i];
    });
    return sum_of(terms, rows);
  }

  const Head& head_;
  Blocks<T> blocks_;
  const Action* actions_;
  const double* advantages_;
  const std::uint8_t* mask_;
  double ent_coef_;
  linear_policy::BlockDistribution<Head> distribution_;
  Buffer<double> old_;      // (block, column, sample)
  Buffer<double> old_log_;  // ln pi_old(a_i|s_i), (block, sample)
  Buffer<double> new_;
  Buffer<double> scratch_;
};

}  // namespace fastpg
