// What a step did, over the batch it was made from: the distributions before and after it.
#pragma once

#include <algorithm>

#include "fastpg/core/exp_gap.hpp"
#include "fastpg/core/sums.hpp"
#include "fastpg/policies/linear_policy.hpp"

namespace fastpg {

struct Comparison {
  double kl;                     // mean KL(old | new), exact
  double approx_kl;              // mean of (w - 1) - ln w, w the ratios at the actions taken
  double effective_sample_size;  // (sum w)^2 / sum w^2
  double entropy;                // mean, of the new one
  double objective_before;       // mean of the advantages
  double objective;              // mean of w times them
};

namespace detail {

// to[i] = ln pi_new(a_i|s_i) - ln pi_old(a_i|s_i); adds up KL and entropy.
template <class Head>
void log_ratios(const Head& head, const double* old_dist, const double* new_dist,
                const typename Head::Scalar* actions, Index rows, double* to, Comparison& sums) {
  constexpr Index piece = Blocks<double>::most_rows;
  const Index size = head.distribution_size();
  Buffer<double> old_columns(linear_policy::length(size * piece));
  double old_log[piece], terms[piece];
  linear_policy::by_columns(head, new_dist, rows,
                            [&](Index begin, Index count, Index stride, const double* columns) {
                              head.load(old_dist + begin * size, count, stride, old_columns.data());
                              const auto* const taken = actions + begin * head.action_size();
                              head.log_prob(old_columns.data(), taken, count, stride, old_log);
                              head.log_prob(columns, taken, count, stride, terms);
                              for (Index i = 0; i < count; ++i)
                                to[begin + i] = terms[i] - old_log[i];
                              head.kl(old_columns.data(), columns, stride, terms);
                              sums.kl += sum_of(terms, count);
                              head.entropy(columns, stride, terms);
                              sums.entropy += sum_of(terms, count);
                            });
}

}  // namespace detail

template <class Head>
Comparison compare(const Head& head, const double* old_dist, const double* new_dist,
                   const typename Head::Scalar* actions, const double* advantages, Index rows) {
  Comparison sums{};
  Buffer<double> kept(linear_policy::length(rows));
  double* const log_ratio = kept.data();
  detail::log_ratios(head, old_dist, new_dist, actions, rows, log_ratio, sums);
  const double n = static_cast<double>(rows);
  dispatch([&] {
    sums.approx_kl = sum_of(rows, [=](Index i) { return exp_gap(-log_ratio[i]); });
    sums.objective_before = sum_of(rows, [=](Index i) { return advantages[i]; });
    sums.objective = sum_of(rows, [=](Index i) { return fast_exp(log_ratio[i]) * advantages[i]; });
    // Of ratios over the largest: their squares do not overflow.
    const double largest = *std::max_element(log_ratio, log_ratio + rows);
    for (Index i = 0; i < rows; ++i) log_ratio[i] = fast_exp(log_ratio[i] - largest);
    const double sum = sum_of(rows, [=](Index i) { return log_ratio[i]; });
    const double squares = sum_of(rows, [=](Index i) { return log_ratio[i] * log_ratio[i]; });
    sums.effective_sample_size = sum * sum / squares;
  });
  return {sums.kl / n,      sums.approx_kl / n,        sums.effective_sample_size,
          sums.entropy / n, sums.objective_before / n, sums.objective / n};
}

}  // namespace fastpg
