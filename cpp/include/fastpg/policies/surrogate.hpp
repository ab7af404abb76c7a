// The surrogate objective of a linear softmax at new parameters, from a batch drawn at old ones:
// mean_i w_i A_i + ent_coef mean_i H(pi(.|s_i)), w_i = pi(a_i|s_i) / pi_old(a_i|s_i), together with
// the exact mean KL(old | new).
#pragma once

#include "fastpg/policies/linear_softmax.hpp"
#include "fastpg/solvers/line_search.hpp"

namespace fastpg::linear_softmax {

class Surrogate {
 public:
  Surrogate(const ConstMatrix& features, const ConstActions& actions, const ConstVector& advantages,
            const ConstMatrix& old_log_pi, double ent_coef)
      : features_(features),
        actions_(actions),
        advantages_(advantages),
        old_log_pi_(old_log_pi),
        ent_coef_(ent_coef),
        log_pi_(old_log_pi.rows(), old_log_pi.cols()) {}

  // theta: flat (n_features * n_actions).
  LineSearchPoint operator()(const Vector& theta) {
    log_probs(features_, Eigen::Map<const Matrix>(theta.data(), features_.cols(), log_pi_.cols()),
              log_pi_);
    double weighted = 0.0;
    for (Index i = 0; i < log_pi_.rows(); ++i) {
      const Index a = actions_[i];
      weighted += std::exp(log_pi_(i, a) - old_log_pi_(i, a)) * advantages_[i];
    }
    const double bonus = ent_coef_ == 0.0 ? 0.0 : ent_coef_ * entropy(log_pi_).mean();
    return {weighted / static_cast<double>(log_pi_.rows()) + bonus,
            kl(old_log_pi_, log_pi_).mean()};
  }

 private:
  ConstMatrix features_;
  ConstActions actions_;
  ConstVector advantages_;
  ConstMatrix old_log_pi_;
  double ent_coef_;
  Matrix log_pi_;
};

}  // namespace fastpg::linear_softmax
