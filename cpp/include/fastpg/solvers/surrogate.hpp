// The surrogate objective of a linear policy at new parameters, from a batch drawn at old ones:
// mean_i w_i A_i + ent_coef mean_i H(pi(.|s_i)), w_i = pi(a_i|s_i) / pi_old(a_i|s_i), together with
// the exact mean KL(old | new).
#pragma once

#include "fastpg/policies/linear_policy.hpp"
#include "fastpg/solvers/line_search.hpp"

namespace fastpg {

template <class Head>
class Surrogate {
 public:
  using PolicyActions = Actions<typename Head::Scalar>;

  // mask: (n, outputs) or nullptr.
  Surrogate(const Head& head, const ConstMatrix& features, const PolicyActions& actions,
            const ConstVector& advantages, const ConstMatrix& old_dist, const bool* mask,
            double ent_coef)
      : head_(head),
        features_(features),
        actions_(actions),
        advantages_(advantages),
        old_dist_(old_dist),
        mask_(mask),
        ent_coef_(ent_coef) {}

  LineSearchPoint operator()(const Vector& parameters) {
    linear_policy::distribution(head_, features_, parameters, mask_, dist_);
    double weighted = 0.0;
    for (Index i = 0; i < dist_.rows(); ++i) {
      const double log_ratio =
          head_.log_prob(dist_, actions_, i) - head_.log_prob(old_dist_, actions_, i);
      weighted += std::exp(log_ratio) * advantages_[i];
    }
    const double bonus = ent_coef_ == 0.0 ? 0.0 : ent_coef_ * head_.entropy(dist_).mean();
    return {weighted / static_cast<double>(dist_.rows()) + bonus,
            head_.kl(old_dist_, dist_).mean()};
  }

  // Keeps a candidate within the head's bounds.
  void project(Vector& parameters) const { head_.project(parameters.tail(head_.extra())); }

 private:
  const Head& head_;
  ConstMatrix features_;
  const PolicyActions& actions_;
  ConstVector advantages_;
  ConstMatrix old_dist_;
  const bool* mask_;
  double ent_coef_;
  Matrix dist_;
};

}  // namespace fastpg
