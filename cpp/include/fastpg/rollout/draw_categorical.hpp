// Softmax over the logits of many environments, without Eigen, for the inside of a rollout. Logit a
// of environment i is logits[a * stride + i]. Run these in dispatch().
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "fastpg/core/exp_log.hpp"
#include "fastpg/core/philox.hpp"

namespace fastpg {

// Logits of actions that are not allowed become -infinity. Flag a of environment i is
// allowed[a * allowed_stride + i].
inline void exclude(double* logits, std::ptrdiff_t stride, std::ptrdiff_t n_actions,
                    std::ptrdiff_t count, const std::uint8_t* allowed,
                    std::ptrdiff_t allowed_stride) {
  constexpr double none = -std::numeric_limits<double>::infinity();
  for (std::ptrdiff_t a = 0; a < n_actions; ++a) {
    double* const value = logits + a * stride;
    const std::uint8_t* const flag = allowed + a * allowed_stride;
    for (std::ptrdiff_t i = 0; i < count; ++i) value[i] = flag[i] != 0 ? value[i] : none;
  }
}

// Where rounding has led to an action beyond the last one allowed: that one.
inline void to_allowed(const std::uint8_t* allowed, std::ptrdiff_t allowed_stride,
                       std::ptrdiff_t count, std::int32_t* actions) {
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    while (actions[i] > 0 && allowed[actions[i] * allowed_stride + i] == 0) --actions[i];
  }
}

// The most probable action; the first of equals. best: scratch (count,).
inline void largest(const double* logits, std::ptrdiff_t stride, std::ptrdiff_t n_actions,
                    std::ptrdiff_t count, double* __restrict best,
                    std::int32_t* __restrict actions) {
  std::copy_n(logits, count, best);
  std::fill_n(actions, count, 0);
  for (std::ptrdiff_t a = 1; a < n_actions; ++a) {
    const double* const value = logits + a * stride;
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      actions[i] = value[i] > best[i] ? static_cast<std::int32_t>(a) : actions[i];
      best[i] = value[i] > best[i] ? value[i] : best[i];
    }
  }
}

// sample_categorical() of two actions with the same bits: the larger probability is exp(0) = 1.
inline void sample_of_two(const double* __restrict first, const double* __restrict second,
                          std::ptrdiff_t count, const std::uint32_t* __restrict words,
                          std::int32_t* __restrict actions) {
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    const double difference = second[i] - first[i];
    const double smaller = fast_exp(-std::abs(difference));
    const double p = difference > 0.0 ? smaller : 1.0;
    actions[i] = (1.0 + smaller) * to_uniform(words[i]) - p >= 0.0 ? 1 : 0;
  }
}

// One action for each environment by inverse CDF from a random word. Overwrites the logits with
// unnormalised probabilities. scratch: (2 * count,).
inline void sample_categorical(double* __restrict logits, std::ptrdiff_t stride,
                               std::ptrdiff_t n_actions, std::ptrdiff_t count,
                               const std::uint32_t* __restrict words, double* __restrict scratch,
                               std::int32_t* __restrict actions) {
  if (n_actions == 2) return sample_of_two(logits, logits + stride, count, words, actions);
  double* const most = scratch;
  double* const left = scratch + count;
  std::copy_n(logits, count, most);
  for (std::ptrdiff_t a = 1; a < n_actions; ++a) {
    const double* const value = logits + a * stride;
    for (std::ptrdiff_t i = 0; i < count; ++i) most[i] = value[i] > most[i] ? value[i] : most[i];
  }
  std::fill_n(left, count, 0.0);
  for (std::ptrdiff_t a = 0; a < n_actions; ++a) {
    double* const value = logits + a * stride;
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      value[i] = fast_exp(value[i] - most[i]);
      left[i] += value[i];
    }
  }
  for (std::ptrdiff_t i = 0; i < count; ++i) left[i] *= to_uniform(words[i]);
  std::fill_n(actions, count, 0);
  for (std::ptrdiff_t a = 0; a + 1 < n_actions; ++a) {
    const double* const value = logits + a * stride;
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      left[i] -= value[i];
      actions[i] += left[i] >= 0.0 ? 1 : 0;
    }
  }
}

}  // namespace fastpg
