// A distribution over actions, as every kernel of a policy takes it. Its parameters are the outputs
// of a network at a state, and numbers of its own that depend on no state (ln sigma).
//
// A distribution array is (n, size()), a row for each state. Kernels work on a block of samples by
// columns: entry (a, i) at [a * stride + i], `stride` samples in all, a multiple of 8, at most
// most_samples. Samples beyond the batch are filled so that they weigh nothing. One virtual call
// serves a whole block.
#pragma once

#include <cstdint>
#include <variant>

#include "fastpg/core/types.hpp"
#include "fastpg/distributions/free_logits.hpp"

namespace fastpg {

// Rows of actions, (n, size), in the caller's memory: choices, or numbers.
struct Actions {
  using Data = std::variant<const std::int32_t*, const double*>;

  Data data;
  Index size;  // numbers of an action

  bool given() const {
    return std::visit([](const auto* values) { return values != nullptr; }, data);
  }
  Actions from(Index row) const {
    return {std::visit([&](const auto* values) { return Data(values + row * size); }, data), size};
  }
  const std::int32_t* choices() const { return std::get<const std::int32_t*>(data); }
  const double* numbers() const { return std::get<const double*>(data); }
};

// The same, to be written.
using WritableActions = std::variant<std::int32_t*, double*>;

class Distribution {
 public:
  static constexpr Index most_samples = 128;  // of a block

  virtual ~Distribution() = default;

  // Derivatives are taken with respect to the free logits, then the parameters of its own.
  virtual const FreeLogits& logits() const = 0;
  virtual Index own_parameters() const = 0;  // of no state
  virtual Index size() const = 0;            // numbers of a row of a distribution array
  virtual Index action_size() const = 0;     // numbers of an action
  virtual bool discrete() const = 0;         // int32 choices; else doubles

  Index outputs() const { return logits().outputs(); }  // that a network gives
  Index score_size() const { return logits().count() + own_parameters(); }

  // Errors that name the first entry that is out of range. n rows.
  virtual void check_actions(const Actions& actions, Index n) const = 0;
  virtual void check_distribution(const char* name, const double* dist, Index n) const = 0;
  // mask: (n, outputs) bytes, true where the action is allowed.
  virtual void check_mask(const std::uint8_t* mask, Index n) const = 0;
  // Error for an action that its mask forbids; both are checked. Only of discrete ones.
  virtual void check_allowed(const Actions& actions, const std::uint8_t* mask, Index n) const = 0;
  // Whether a distribution made of finite parameters is what it should be.
  virtual bool sound(const double* dist, Index n) const = 0;

  // Keeps parameters of its own within their bounds.
  virtual void project(MutableVector own) const = 0;
  // What one unit of each output counts as: sigma for a mean. own: (own_parameters,).
  virtual Vector output_units(const ConstVector& own) const = 0;

  // Rows of a distribution array into columns.
  virtual void load(const double* dist, Index rows, Index stride, double* columns) const = 0;
  // Outputs, in the first columns, become the distribution. mask: (rows, outputs) or nullptr.
  virtual void normalize(double* columns, const double* own, const std::uint8_t* mask, Index rows,
                         Index stride) const = 0;

  // By the inverse CDF. dist: (n, size); uniforms: (n, action_size) in (0, 1).
  virtual void sample(const ConstMatrix& dist, const ConstMatrix& uniforms,
                      WritableActions actions) const = 0;
  // The most probable action; the first of equals.
  virtual void mode(const ConstMatrix& dist, WritableActions actions) const = 0;

  // ln pi(a_i|s_i) of each sample.
  virtual void log_prob(const double* columns, const Actions& actions, Index rows, Index stride,
                        double* out) const = 0;
  // d ln pi(a_i|s_i) / d (free logits, own), (score_size, stride); zeros beyond the rows.
  virtual void score(const double* columns, const Actions& actions, Index rows, Index stride,
                     double* out) const = 0;
  virtual void entropy(const double* columns, Index stride, double* out) const = 0;
  // d H / d (free logits, own). scratch: (stride,).
  virtual void entropy_score(const double* columns, Index stride, double* scratch,
                             double* out) const = 0;
  // KL(old | new) of each sample, a sum of terms that are at least 0 up to rounding.
  virtual void kl(const double* old_columns, const double* new_columns, Index stride,
                  double* out) const = 0;
  // -d KL(old | new) / d (free logits, own) of the new one; `out` may be `old_columns`.
  virtual void kl_score(const double* old_columns, const double* new_columns, Index stride,
                        double* out) const = 0;

  // The Fisher block B of a sample with respect to the free logits. What fisher_product needs of
  // it, (logits, stride); trace: the sum of the diagonal over all outputs.
  virtual void fisher_data(const double* columns, Index stride, double* data,
                           double* trace) const = 0;
  // w = B u. scratch: (stride,).
  virtual void fisher_product(const double* data, const double* u, Index stride, double* scratch,
                              double* w) const = 0;
  // Entry (a, b) of each block B; false where it is zero throughout.
  virtual bool fisher_entry(const double* data, Index a, Index b, Index stride,
                            double* out) const = 0;
  // B = R R^T of each sample: how many columns R has, and one of them, (logits, stride).
  virtual Index fisher_root_size() const = 0;
  virtual void fisher_root(const double* data, Index column, Index stride, double* out) const = 0;
  // The diagonal of the Fisher matrix of parameters of its own; nothing across.
  virtual double own_fisher() const = 0;
};

}  // namespace fastpg
