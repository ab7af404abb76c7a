// A Gaussian of m independent numbers, as kernels know it: its distribution array is (n, 2 m), the
// means, then the logarithms of the standard deviations. Its kinds differ in where ln sigma comes
// from: see DiagGaussian and StateStdGaussian.
//
// Score: (a - mean) / sigma^2 for the mean, ((a - mean) / sigma)^2 - 1 for ln sigma.
// Fisher of a state: 1 / sigma^2 for each mean, 2 for each ln sigma, nothing across (lecture L7).
// Samples beyond the batch have ln sigma = 0.
#pragma once

#include "fastpg/distributions/distribution.hpp"

namespace fastpg {

class Gaussian : public Distribution {
 public:
  static constexpr double lowest_log_std = -10.0;
  static constexpr double highest_log_std = 2.0;

  const FreeLogits& logits() const override { return logits_; }
  Index size() const override { return 2 * m_; }
  Index action_size() const override { return m_; }
  bool discrete() const override { return false; }

  void check_actions(const Actions& actions, Index n) const override;
  void check_distribution(const char* name, const double* dist, Index n) const override;
  void check_mask(const std::uint8_t* mask, Index n) const override;
  void check_allowed(const Actions&, const std::uint8_t*, Index) const override {}
  bool sound(const double* dist, Index n) const override;

  void load(const double* dist, Index rows, Index stride, double* columns) const override;
  void sample(const ConstMatrix& dist, const ConstMatrix& uniforms,
              WritableActions actions) const override;
  void mode(const ConstMatrix& dist, WritableActions actions) const override;
  void log_prob(const double* columns, const Actions& actions, Index rows, Index stride,
                double* out) const override;
  void score(const double* columns, const Actions& actions, Index rows, Index stride,
             double* out) const override;
  void entropy(const double* columns, Index stride, double* out) const override;
  void entropy_score(const double* columns, Index stride, double* scratch,
                     double* out) const override;
  void kl(const double* old_columns, const double* new_columns, Index stride,
          double* out) const override;
  void kl_score(const double* old_columns, const double* new_columns, Index stride,
                double* out) const override;

  // B is diagonal: fisher_data() is its diagonal.
  void fisher_product(const double* diagonal, const double* u, Index stride, double* scratch,
                      double* w) const override;
  bool fisher_entry(const double* diagonal, Index a, Index b, Index stride,
                    double* out) const override;
  Index fisher_root_size() const override { return logits_.count(); }
  void fisher_root(const double* diagonal, Index column, Index stride, double* out) const override;

 protected:
  // The first `outputs` of (means, ln sigma) are outputs of a network.
  Gaussian(Index dimensions, Index outputs_of_each);

  Index dimensions() const { return m_; }
  // 1 / sigma^2 of each mean into data, (m, stride), and their sum into trace, (stride,).
  void precisions(const double* columns, Index stride, double* data, double* trace) const;

 private:
  Index m_;
  FreeLogits logits_;
};

}  // namespace fastpg
