// One softmax over a block of samples by columns: entry (a, i) at [a * stride + i], stride at most
// most_samples where nothing else is said. All of it runs inside dispatch().
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "fastpg/core/exp_gap.hpp"
#include "fastpg/core/exp_log.hpp"
#include "fastpg/core/types.hpp"

namespace fastpg::softmax {

inline constexpr Index most_samples = 128;
inline constexpr double lowest_log = -1e4;  // p ln p is 0 at p = 0: stands in for ln 0

// Both probabilities of a choice of two by one exponential, the smaller's.
inline void two(const double* log_pi, Index i, Index stride, double& p, double& q) {
  const double a = log_pi[i], b = log_pi[stride + i];
  const double small = fast_exp(a < b ? a : b);
  p = a < b ? small : 1.0 - small;
  q = a < b ? 1.0 - small : small;
}

// The action taken of each of `rows` samples: actions[i * stride].
struct Taken {
  const std::int32_t* actions;
  Index stride;
  Index rows;
};

namespace detail {

// Of two logits, of the first: the probability of the action not taken, with its sign.
inline void score_of_two(const double* log_pi, const Taken& taken, Index stride, double* out) {
  for (Index i = 0; i < taken.rows; ++i) {
    double p, q;
    two(log_pi, i, stride, p, q);
    out[i] = taken.actions[i * taken.stride] == 0 ? q : -p;
  }
}

// 1 - pi of the action taken is the sum of the others' pi: near certainty a difference would be
// all rounding.
inline void score_of_several(const double* log_pi, const Taken& taken, Index actions, Index stride,
                             double* out) {
  std::int32_t chosen[most_samples] = {};
  double others[most_samples] = {};
  for (Index i = 0; i < taken.rows; ++i) chosen[i] = taken.actions[i * taken.stride];
  for (Index a = 0; a < actions; ++a) {
    double probability[most_samples];
    for (Index i = 0; i < stride; ++i) probability[i] = fast_exp(log_pi[a * stride + i]);
    for (Index i = 0; i < stride; ++i) others[i] += chosen[i] == a ? 0.0 : probability[i];
    if (a + 1 == actions) break;
    for (Index i = 0; i < stride; ++i) out[a * stride + i] = -probability[i];
  }
  for (Index i = 0; i < taken.rows; ++i) {
    const Index a = chosen[i];
    if (a >= 0 && a + 1 < actions) out[a * stride + i] = others[i];
  }
}

}  // namespace detail

// d ln pi / d logits, of all but the last of two or more actions; zeros beyond the rows.
inline void score(const double* log_pi, const Taken& taken, Index actions, Index stride,
                  double* out) {
  if (actions == 2) {
    detail::score_of_two(log_pi, taken, stride, out);
  } else {
    detail::score_of_several(log_pi, taken, actions, stride, out);
  }
  for (Index a = 0; a + 1 < actions; ++a) {
    for (Index i = taken.rows; i < stride; ++i) out[a * stride + i] = 0.0;
  }
}

namespace detail {

// Of `count` samples, at most most_samples.
inline void normalize(double* logits, Index actions, Index stride, Index count) {
  double largest[most_samples], sum[most_samples];
  for (Index i = 0; i < count; ++i) largest[i] = logits[i];
  for (Index a = 1; a < actions; ++a) {
    const double* const at = logits + a * stride;
    for (Index i = 0; i < count; ++i) largest[i] = at[i] > largest[i] ? at[i] : largest[i];
  }
  for (Index i = 0; i < count; ++i) sum[i] = 0.0;
  for (Index a = 0; a < actions; ++a) {
    double* const at = logits + a * stride;
    for (Index i = 0; i < count; ++i) at[i] -= largest[i];
    for (Index i = 0; i < count; ++i) sum[i] += fast_exp(at[i]);
  }
  for (Index i = 0; i < count; ++i) sum[i] = fast_log(sum[i]);
  for (Index a = 0; a < actions; ++a) {
    double* const at = logits + a * stride;
    for (Index i = 0; i < count; ++i) at[i] -= sum[i];
  }
}

// The same bits: the larger of two has exp(0) = 1.
inline void normalize_two(double* __restrict first, double* __restrict second, Index count) {
  for (Index i = 0; i < count; ++i) {
    const double difference = second[i] - first[i];
    const double gap = std::abs(difference);
    const double log_sum = fast_log(1.0 + fast_exp(-gap));
    const double larger = 0.0 - log_sum;
    const double smaller = -gap - log_sum;
    first[i] = difference > 0.0 ? smaller : larger;
    second[i] = difference > 0.0 ? larger : smaller;
  }
}

}  // namespace detail

// Logits become ln pi. Any stride.
inline void normalize(double* logits, Index actions, Index stride) {
  if (actions == 2) return detail::normalize_two(logits, logits + stride, stride);
  for (Index begin = 0; begin < stride; begin += most_samples) {
    detail::normalize(logits + begin, actions, stride, std::min(most_samples, stride - begin));
  }
}

inline void entropy(const double* log_pi, Index actions, Index stride, double* out) {
  for (Index i = 0; i < stride; ++i) out[i] = 0.0;
  for (Index a = 0; a < actions; ++a) {
    for (Index i = 0; i < stride; ++i) {
      const double l = log_pi[a * stride + i];
      const double bounded = l < lowest_log ? lowest_log : l;
      out[i] -= fast_exp(l) * bounded;
    }
  }
}

// d H / d logits = -pi (ln pi + H), of all but the last. entropies: scratch (stride,).
inline void entropy_score(const double* log_pi, Index actions, Index stride, double* entropies,
                          double* out) {
  entropy(log_pi, actions, stride, entropies);
  for (Index a = 0; a + 1 < actions; ++a) {
    for (Index i = 0; i < stride; ++i) {
      const double l = log_pi[a * stride + i];
      const double bounded = l < lowest_log ? lowest_log : l;
      out[a * stride + i] = -fast_exp(l) * (bounded + entropies[i]);
    }
  }
}

namespace detail {

// p ln(p / q) + q - p; with d = ln p - ln q it is p (exp(-d) - 1 + d).
inline double kl_term(double log_p, double log_q, double p, double q) {
  const double d = log_p - log_q;
  const double near = p * exp_gap_near_zero(d);
  const double far = p * d + (q - p);
  const double term = std::abs(d) < 0.5 ? near : far;
  return p == 0.0 ? q : term;
}

inline void kl_of_two(const double* old_log, const double* new_log, Index stride, double* out) {
  for (Index i = 0; i < stride; ++i) {
    double p, other_p, q, other_q;
    two(old_log, i, stride, p, other_p);
    two(new_log, i, stride, q, other_q);
    out[i] = kl_term(old_log[i], new_log[i], p, q) +
             kl_term(old_log[stride + i], new_log[stride + i], other_p, other_q);
  }
}

}  // namespace detail

// sum_a p ln(p / q) + q - p.
inline void kl(const double* old_log, const double* new_log, Index actions, Index stride,
               double* out) {
  if (actions == 2) return detail::kl_of_two(old_log, new_log, stride, out);
  for (Index i = 0; i < stride; ++i) out[i] = 0.0;
  for (Index a = 0; a < actions; ++a) {
    for (Index i = 0; i < stride; ++i) {
      const double log_p = old_log[a * stride + i];
      const double log_q = new_log[a * stride + i];
      out[i] += detail::kl_term(log_p, log_q, fast_exp(log_p), fast_exp(log_q));
    }
  }
}

// pi of all but the last action; of two actions pi_0 pi_1. Adds the block's diagonal to `trace`.
inline void fisher_data(const double* log_pi, Index actions, Index stride, double* data,
                        double* trace) {
  if (actions == 2) {
    for (Index i = 0; i < stride; ++i) {
      double p, q;
      two(log_pi, i, stride, p, q);
      data[i] = p * q;
      trace[i] += 2.0 * data[i];
    }
    return;
  }
  for (Index a = 0; a < actions; ++a) {
    for (Index i = 0; i < stride; ++i) {
      const double p = fast_exp(log_pi[a * stride + i]);
      if (a + 1 < actions) data[a * stride + i] = p;
      trace[i] += p * (1.0 - p);
    }
  }
}

// w = pi (u - sum_b pi_b u_b), u relative to the last action's: that one is left out.
inline void fisher_product(const double* pi, const double* u, Index logits, Index stride,
                           double* mean, double* w) {
  for (Index i = 0; i < stride; ++i) mean[i] = 0.0;
  for (Index a = 0; a < logits; ++a) {
    for (Index i = 0; i < stride; ++i) mean[i] += pi[a * stride + i] * u[a * stride + i];
  }
  for (Index a = 0; a < logits; ++a) {
    for (Index i = 0; i < stride; ++i) {
      w[a * stride + i] = pi[a * stride + i] * (u[a * stride + i] - mean[i]);
    }
  }
}

// w = sqrt(pi_k) (e_k - pi) of action k, of the last one without e_k. w: zeros.
inline void fisher_root(const double* pi, Index logits, Index k, Index stride, double* w) {
  double p[most_samples];
  for (Index i = 0; i < stride; ++i) p[i] = k < logits ? pi[k * stride + i] : 1.0;
  for (Index a = 0; k == logits && a < logits; ++a) {
    for (Index i = 0; i < stride; ++i) p[i] -= pi[a * stride + i];
  }
  for (Index i = 0; i < stride; ++i) p[i] = std::sqrt(p[i] > 0.0 ? p[i] : 0.0);
  for (Index a = 0; a < logits; ++a) {
    const double own = a == k ? 1.0 : 0.0;
    for (Index i = 0; i < stride; ++i) w[a * stride + i] = p[i] * (own - pi[a * stride + i]);
  }
}

}  // namespace fastpg::softmax
