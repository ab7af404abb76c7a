// Factored softmax: one or more independent categorical choices (MultiDiscrete; Discrete is one
// choice). Its distribution array is ln pi, (n, M), the choices side by side, M their total number.
//
// Score with respect to the logits: e_a - pi, of which all but the last of a choice are free, since
// scores of a choice sum to zero. Fisher block of a state: diag pi - pi pi^T a choice.
// Samples beyond the batch have ln pi = -inf.
#pragma once

#include <vector>

#include "fastpg/distributions/distribution.hpp"

namespace fastpg {

class Categorical final : public Distribution {
 public:
  explicit Categorical(std::vector<Index> choices);

  const std::vector<Index>& choices() const { return choices_; }

  const FreeLogits& logits() const override { return logits_; }
  Index own_parameters() const override { return 0; }
  Index size() const override { return outputs(); }
  Index action_size() const override { return static_cast<Index>(choices_.size()); }
  bool discrete() const override { return true; }

  void check_actions(const Actions& actions, Index n) const override;
  void check_distribution(const char* name, const double* dist, Index n) const override;
  void check_mask(const std::uint8_t* mask, Index n) const override;
  void check_allowed(const Actions& actions, const std::uint8_t* mask, Index n) const override;
  bool sound(const double* dist, Index n) const override;

  void project(MutableVector) const override {}
  Vector output_units(const ConstVector&) const override { return Vector::Ones(outputs()); }

  void load(const double* dist, Index rows, Index stride, double* columns) const override;
  void normalize(double* logits, const double* own, const std::uint8_t* mask, Index rows,
                 Index stride) const override;
  void sample(const ConstMatrix& dist, const ConstMatrix& uniforms,
              WritableActions actions) const override;
  void mode(const ConstMatrix& dist, WritableActions actions) const override;
  void log_prob(const double* log_pi, const Actions& actions, Index rows, Index stride,
                double* out) const override;
  void score(const double* log_pi, const Actions& actions, Index rows, Index stride,
             double* out) const override;
  void entropy(const double* log_pi, Index stride, double* out) const override;
  void entropy_score(const double* log_pi, Index stride, double* scratch,
                     double* out) const override;
  void kl(const double* old_log, const double* new_log, Index stride, double* out) const override;
  void kl_score(const double* old_log, const double* new_log, Index stride,
                double* out) const override;
  void fisher_data(const double* log_pi, Index stride, double* data, double* trace) const override;
  void fisher_product(const double* data, const double* u, Index stride, double* scratch,
                      double* w) const override;
  bool fisher_entry(const double* data, Index a, Index b, Index stride, double* out) const override;
  Index fisher_root_size() const override { return static_cast<Index>(root_.size()); }
  void fisher_root(const double* data, Index column, Index stride, double* out) const override;
  double own_fisher() const override { return 0.0; }

 private:
  // An action of a choice.
  struct Root {
    Index choice, action;
  };

  // One choice of so few actions that comparing with each costs less than looking one up.
  bool few() const { return choices_.size() == 1 && outputs() <= 8; }

  Index begin(Index c) const { return begins_[static_cast<std::size_t>(c)]; }
  Index first_logit(Index c) const { return begin(c) - c; }  // free; if the choice has any
  Index count(Index c) const { return choices_[static_cast<std::size_t>(c)]; }
  Index choice_of(Index c) const { return choice_of_[static_cast<std::size_t>(c)]; }
  Index taken(const std::int32_t* actions, Index i, Index c) const;

  std::vector<Index> choices_;    // number of actions of each
  std::vector<Index> begins_;     // of each choice among the outputs
  std::vector<Index> choice_of_;  // of the free logits
  FreeLogits logits_;
  std::vector<Root> root_;  // columns of R
};

}  // namespace fastpg
