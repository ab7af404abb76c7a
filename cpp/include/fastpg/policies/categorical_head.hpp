// Factored softmax: one or more independent categorical choices (MultiDiscrete; Discrete is one
// choice). Its distribution array is ln pi, (n, M), the choices side by side, M their total number.
//
// Score with respect to the logits: e_a - pi, of which all but the last of a choice are kept.
// Fisher block of a state: diag pi - pi pi^T a choice.
//
// Kernels work on a block of samples by columns: entry (a, i) at [a * stride + i], `stride` samples
// in all, a multiple of 8, at most 128. Samples beyond the batch have ln pi = -inf, and so weigh
// nothing.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/exp_gap.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/scan.hpp"
#include "fastpg/core/types.hpp"
#include "fastpg/policies/softmax_columns.hpp"
#include "fastpg/policies/transposed.hpp"

namespace fastpg {

class CategoricalHead {
 public:
  using Scalar = std::int32_t;
  static constexpr bool masked = true;
  static constexpr Index most_samples = softmax::most_samples;  // of a block

  explicit CategoricalHead(std::vector<Index> choices) : choices_(std::move(choices)) {
    require(!choices_.empty(), "choices: expected at least one, got none");
    for (const Index count : choices_) {
      require(count >= 1 && count <= (1 << 20),
              "choices: expected integers in [1, 1048576], got " + std::to_string(count));
      begins_.push_back(outputs_);
      for (Index a = 0; a + 1 < count; ++a) {
        column_outputs_.push_back(outputs_ + a);
        column_choices_.push_back(static_cast<Index>(begins_.size()) - 1);
      }
      outputs_ += count;
    }
  }

  Index outputs() const { return outputs_; }
  Index extra() const { return 0; }
  Index distribution_size() const { return outputs_; }
  Index action_size() const { return static_cast<Index>(choices_.size()); }
  const std::vector<Index>& choices() const { return choices_; }

  // Scores of a choice sum to zero, so its last action is minus the sum of the others, and products
  // with the Fisher matrix need all columns but the last of each choice.
  Index columns() const { return static_cast<Index>(column_outputs_.size()); }
  Index column_output(Index c) const { return column_outputs_[static_cast<std::size_t>(c)]; }
  // The output that stands for minus the sum of the columns of this choice; -1 for none.
  Index opposite(Index c) const {
    const Index choice = choice_of_column(c);
    return begin(choice) + count(choice) - 1;
  }

  // actions: (n, choices).
  void check(const Scalar* actions, Index n) const {
    for (Index c = 0; c < action_size(); ++c) {
      const auto bound = static_cast<std::uint32_t>(count(c));
      const Index stride = action_size();
      const bool good = dispatch([=] {
        std::uint32_t bad = 0;
        for (Index i = 0; i < n; ++i) {
          bad |= static_cast<std::uint32_t>(actions[i * stride + c]) < bound ? 0u : 1u;
        }
        return bad == 0;
      });
      if (!good) throw_bad_action(actions, n, c);
    }
  }

  void check_distribution(const char* name, const double* dist, Index rows) const {
    const Index size = rows * outputs_;
    if (all_at_most(dist, size, 1e-9)) return;
    const double* const bad =
        std::find_if(dist, dist + size, [](double value) { return !(value <= 1e-9); });
    throw std::invalid_argument(std::string(name) + ": expected logarithms of probabilities, got " +
                                (bad == dist + size ? "others" : std::to_string(*bad)));
  }

  void project(Eigen::Ref<Vector>) const {}

  // Of a logit: 1.
  Vector output_units(const ConstVector&) const { return Vector::Ones(outputs()); }

  // Rows of a distribution array into columns.
  void load(const double* dist, Index rows, Index stride, double* columns) const {
    transposed::load(dist, rows, outputs_, stride, -infinity, columns);
  }

  // Logits become ln pi; a masked action gets -inf. mask: (rows, M) bytes or nullptr.
  void normalize(double* logits, const double*, const std::uint8_t* mask, Index rows,
                 Index stride) const {
    if (mask != nullptr) {
      for (Index a = 0; a < outputs_; ++a) {
        for (Index i = 0; i < rows; ++i) {
          if (mask[i * outputs_ + a] == 0) logits[a * stride + i] = -infinity;
        }
      }
    }
    for (Index c = 0; c < action_size(); ++c) {
      double* const first = logits + begin(c) * stride;
      const Index actions = count(c);
      dispatch([=] { softmax::normalize(first, actions, stride); });
    }
  }

  // One action a choice by inverse CDF. uniforms: (n, action_size) in (0, 1).
  void sample(const ConstMatrix& dist, const ConstMatrix& uniforms,
              Eigen::Ref<Actions<Scalar>> actions) const {
    Pace pace(8.0 * static_cast<double>(outputs()));
    for (Index i = 0; i < dist.rows(); ++i, pace.turn()) {
      for (Index c = 0; c < action_size(); ++c) {
        const auto row = dist.row(i).segment(begin(c), count(c));
        double remaining = uniforms(i, c);
        Index last = 0;
        Index chosen = -1;
        for (Index a = 0; a < count(c) && chosen < 0; ++a) {
          const double p = std::exp(row[a]);
          if (p > 0.0) last = a;
          remaining -= p;
          if (remaining < 0.0) chosen = a;
        }
        actions(i, c) = static_cast<Scalar>(chosen < 0 ? last : chosen);
      }
    }
  }

  // The most probable action; the first of equals.
  void mode(const ConstMatrix& dist, Eigen::Ref<Actions<Scalar>> actions) const {
    Pace pace(2.0 * static_cast<double>(outputs()));
    for (Index i = 0; i < dist.rows(); ++i, pace.turn()) {
      for (Index c = 0; c < action_size(); ++c) {
        Index best = 0;
        dist.row(i).segment(begin(c), count(c)).maxCoeff(&best);
        actions(i, c) = static_cast<Scalar>(best);
      }
    }
  }

  // ln pi(a_i|s_i) of each sample; 0 beyond the batch.
  void log_prob(const double* log_pi, const Scalar* actions, Index rows, Index stride,
                double* out) const {
    std::fill(out, out + stride, 0.0);
    if (few()) {
      const Index count = outputs_;
      dispatch([=] {
        for (Index a = 0; a < count; ++a) {
          for (Index i = 0; i < rows; ++i) {
            const double taken_one = log_pi[a * stride + i], before = out[i];
            out[i] = actions[i] == a ? taken_one : before;
          }
        }
      });
      return;
    }
    for (Index i = 0; i < rows; ++i) {
      for (Index c = 0; c < action_size(); ++c) {
        out[i] += log_pi[taken(actions, i, c) * stride + i];
      }
    }
  }

  // d ln pi(a|s) / d logits, its columns: 1 - pi of the action taken, -pi of the others. Zeros
  // beyond the batch.
  void score(const double* log_pi, const Scalar* actions, Index rows, Index stride,
             double* out) const {
    for (Index c = 0; c < action_size(); ++c) {
      const softmax::Taken taken{actions + c, action_size(), rows};
      const double* const from = log_pi + begin(c) * stride;
      double* const to = out + column_begin(c) * stride;
      const Index actions_of_choice = count(c);
      if (actions_of_choice == 1) continue;
      dispatch([=] { softmax::score(from, taken, actions_of_choice, stride, to); });
    }
  }

  void entropy(const double* log_pi, Index stride, double* out) const {
    const Index actions = outputs_;
    dispatch([=] { softmax::entropy(log_pi, actions, stride, out); });
  }

  // d H / d logits = -pi (ln pi + H) a choice; its columns.
  void entropy_score(const double* log_pi, Index stride, double* scratch, double* out) const {
    for (Index c = 0; c < action_size(); ++c) {
      const double* const from = log_pi + begin(c) * stride;
      double* const to = out + column_begin(c) * stride;
      const Index actions = count(c);
      dispatch([=] {
        softmax::entropy(from, actions, stride, scratch);
        for (Index a = 0; a + 1 < actions; ++a) {
          for (Index i = 0; i < stride; ++i) {
            const double l = from[a * stride + i];
            const double bounded = l < softmax::lowest_log ? softmax::lowest_log : l;
            to[a * stride + i] = -fast_exp(l) * (bounded + scratch[i]);
          }
        }
      });
    }
  }

  // KL(old | new) of each sample, as sum_a p ln(p / q) + q - p: each term is >= 0 up to rounding,
  // and the sum of q - p is zero. With d = ln p - ln q a term is p (exp(-d) - 1 + d).
  void kl(const double* old_log, const double* new_log, Index stride, double* out) const {
    const Index actions = outputs_;
    dispatch([=] {
      for (Index i = 0; i < stride; ++i) out[i] = 0.0;
      for (Index a = 0; a < actions; ++a) {
        for (Index i = 0; i < stride; ++i) {
          const double log_p = old_log[a * stride + i];
          const double log_q = new_log[a * stride + i];
          const double p = fast_exp(log_p);
          const double q = fast_exp(log_q);
          const double d = log_p - log_q;
          const double near = p * exp_gap_near_zero(d);
          const double far = p * d + (q - p);
          const double term = std::abs(d) < 0.5 ? near : far;
          out[i] += p == 0.0 ? q : term;
        }
      }
    });
  }

  // -d KL(old | new) / d new logits = pi_old - pi_new; its columns. `out` may be `old_log`.
  void kl_score(const double* old_log, const double* new_log, Index stride, double* out) const {
    for (Index c = 0; c < action_size(); ++c) {
      const double* const before = old_log + begin(c) * stride;
      const double* const after = new_log + begin(c) * stride;
      double* const to = out + column_begin(c) * stride;
      const Index size = (count(c) - 1) * stride;
      dispatch([=] {
        for (Index j = 0; j < size; ++j) to[j] = fast_exp(before[j]) - fast_exp(after[j]);
      });
    }
  }

  // What metric() needs of each sample, (columns, stride): pi; of a choice of two, pi_0 pi_1, which
  // is the whole of its block. trace: the sum of each block's diagonal.
  void metric_data(const double* log_pi, Index stride, double* data, double* trace) const {
    std::fill(trace, trace + stride, 0.0);
    for (Index c = 0; c < action_size(); ++c) {
      const double* const from = log_pi + begin(c) * stride;
      const Index actions = count(c);
      double* const to = data;
      data += (actions - 1) * stride;
      if (actions == 2) {
        dispatch([=] {
          for (Index i = 0; i < stride; ++i) {
            double p, q;
            softmax::two(from, i, stride, p, q);
            to[i] = p * q;
            trace[i] += 2.0 * to[i];
          }
        });
      } else {
        dispatch([=] {
          for (Index a = 0; a < actions; ++a) {
            for (Index i = 0; i < stride; ++i) {
              const double p = fast_exp(from[a * stride + i]);
              if (a + 1 < actions) to[a * stride + i] = p;
              trace[i] += p * (1.0 - p);
            }
          }
        });
      }
    }
  }

  // w = B u of each sample, u relative to the last action's: pi (u - sum_b pi_b u_b) a choice.
  // The metric is double whatever the features are: where a policy is nearly certain, it is all
  // differences.
  template <class T>
  void metric(const double* data, const T* u, Index stride, double* scratch, T* w) const {
    for (Index c = 0; c < action_size(); ++c) {
      const Index columns = count(c) - 1;
      const double* const pi = data;
      if (columns == 1) {
        dispatch([=] {
          for (Index i = 0; i < stride; ++i) {
            w[i] = static_cast<T>(pi[i] * static_cast<double>(u[i]));
          }
        });
      } else {
        dispatch([=] { softmax::metric(pi, u, columns, stride, scratch, w); });
      }
      data += columns * stride;
      u += columns * stride;
      w += columns * stride;
    }
  }

  // Entry (a, b) of each block B, of two columns; false where it is zero throughout.
  bool metric_entry(const double* data, Index a, Index b, Index stride, double* out) const {
    const Index choice = choice_of_column(a);
    if (choice != choice_of_column(b)) return false;
    const double* const p = data + a * stride;
    const double* const q = data + b * stride;
    const double diagonal = a == b ? 1.0 : 0.0;
    if (count(choice) == 2) {
      std::copy(p, p + stride, out);
    } else {
      dispatch([=] {
        for (Index i = 0; i < stride; ++i) out[i] = p[i] * (diagonal - q[i]);
      });
    }
    return true;
  }
  double extra_metric() const { return 0.0; }

 private:
  // One choice of so few actions that comparing with each costs less than looking one up.
  bool few() const { return choices_.size() == 1 && outputs_ <= 8; }

  static constexpr double infinity = std::numeric_limits<double>::infinity();

  void throw_bad_action(const Scalar* actions, Index n, Index c) const {
    for (Index i = 0; i < n; ++i) {
      const Scalar action = actions[i * action_size() + c];
      if (action >= 0 && action < count(c)) continue;
      throw std::invalid_argument("actions: expected values in [0, " + std::to_string(count(c)) +
                                  "), got " + std::to_string(action) + " at index " +
                                  std::to_string(i));
    }
  }

  // The output of the action taken. Within bounds even if another thread changed it since check().
  Index taken(const Scalar* actions, Index i, Index c) const {
    const Index action = actions[i * action_size() + c];
    return begin(c) + (action >= 0 && action < count(c) ? action : 0);
  }

  Index begin(Index c) const { return begins_[static_cast<std::size_t>(c)]; }
  Index column_begin(Index c) const { return begin(c) - c; }  // if the choice has any
  Index count(Index c) const { return choices_[static_cast<std::size_t>(c)]; }
  Index choice_of_column(Index c) const { return column_choices_[static_cast<std::size_t>(c)]; }

  std::vector<Index> choices_;
  std::vector<Index> begins_;
  std::vector<Index> column_outputs_;
  std::vector<Index> column_choices_;
  Index outputs_ = 0;
};

}  // namespace fastpg
