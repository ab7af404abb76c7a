// Factored softmax: one or more independent categorical choices (MultiDiscrete; Discrete is one
// choice). Its distribution array is ln pi, (n, M), the choices side by side, M their total number.
//
// Score with respect to the logits: e_a - pi. Fisher block of a state: diag pi - pi pi^T a choice.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/types.hpp"

namespace fastpg {

class CategoricalHead {
 public:
  using Scalar = std::int32_t;
  static constexpr bool masked = true;

  explicit CategoricalHead(std::vector<Index> choices) : choices_(std::move(choices)) {
    require(!choices_.empty(), "choices: expected at least one, got none");
    for (const Index count : choices_) {
      require(count >= 1 && count <= (1 << 20),
              "choices: expected integers in [1, 1048576], got " + std::to_string(count));
      begins_.push_back(outputs_);
      outputs_ += count;
    }
  }

  Index outputs() const { return outputs_; }
  Index extra() const { return 0; }
  Index distribution_size() const { return outputs_; }
  Index action_size() const { return static_cast<Index>(choices_.size()); }
  const std::vector<Index>& choices() const { return choices_; }

  void check(const Actions<Scalar>& actions) const {
    for (Index i = 0; i < actions.rows(); ++i) {
      for (Index c = 0; c < action_size(); ++c) {
        if (actions(i, c) >= 0 && actions(i, c) < count(c)) continue;
        throw std::invalid_argument("actions: expected values in [0, " + std::to_string(count(c)) +
                                    "), got " + std::to_string(actions(i, c)) + " at index " +
                                    std::to_string(i));
      }
    }
  }

  void project(Eigen::Ref<Vector>) const {}

  // logits become ln pi by log-sum-exp; a masked action gets -inf. mask: (n, M) or nullptr.
  void distribution(Eigen::Ref<Matrix> values, const Vector&, const bool* mask) const {
    for (Index i = 0; i < values.rows(); ++i) {
      if (mask) {
        for (Index a = 0; a < outputs_; ++a) {
          if (!mask[i * outputs_ + a]) values(i, a) = -infinity;
        }
      }
      for (Index c = 0; c < action_size(); ++c) {
        auto row = values.row(i).segment(begin(c), count(c));
        const double largest = row.maxCoeff();
        row.array() -= largest + std::log((row.array() - largest).exp().sum());
      }
    }
  }

  // One action a choice by inverse CDF. uniforms: (n, action_size) in (0, 1).
  void sample(const ConstMatrix& dist, const ConstMatrix& uniforms,
              Eigen::Ref<Actions<Scalar>> actions) const {
    for (Index i = 0; i < dist.rows(); ++i) {
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
    for (Index i = 0; i < dist.rows(); ++i) {
      for (Index c = 0; c < action_size(); ++c) {
        Index best = 0;
        dist.row(i).segment(begin(c), count(c)).maxCoeff(&best);
        actions(i, c) = static_cast<Scalar>(best);
      }
    }
  }

  double log_prob(const ConstMatrix& dist, const Actions<Scalar>& actions, Index i) const {
    double sum = 0.0;
    for (Index c = 0; c < action_size(); ++c) sum += dist(i, begin(c) + actions(i, c));
    return sum;
  }

  // d ln pi(a|s) / d logits.
  void score(const ConstMatrix& dist, const Actions<Scalar>& actions, Matrix& out) const {
    out = -dist.array().exp();
    for (Index i = 0; i < out.rows(); ++i) {
      for (Index c = 0; c < action_size(); ++c) out(i, begin(c) + actions(i, c)) += 1.0;
    }
  }

  Vector entropy(const ConstMatrix& dist) const {
    return -(dist.array().exp() * dist.array().max(lowest_log)).rowwise().sum();
  }

  // d H / d logits = -pi (ln pi + H) a choice.
  void entropy_score(const ConstMatrix& dist, Matrix& out) const {
    out = dist.array().exp();
    for (Index i = 0; i < out.rows(); ++i) {
      for (Index c = 0; c < action_size(); ++c) {
        auto p = out.row(i).segment(begin(c), count(c)).array();
        const auto log_p = dist.row(i).segment(begin(c), count(c)).array().max(lowest_log).eval();
        const double h = -(p * log_p).sum();
        p = -p * (log_p + h);
      }
    }
  }

  // KL(old | new) a row, as sum_a p ln(p / q) + q - p: each term is >= 0 up to rounding, and the
  // sum of q - p is zero. With d = ln p - ln q a term is p (d + expm1(-d)), where that is finite.
  Vector kl(const ConstMatrix& old_dist, const ConstMatrix& new_dist) const {
    Vector out(old_dist.rows());
    for (Index i = 0; i < out.size(); ++i) {
      double sum = 0.0;
      for (Index a = 0; a < outputs_; ++a) {
        const double p = std::exp(old_dist(i, a));
        const double q = std::exp(new_dist(i, a));
        const double d = old_dist(i, a) - new_dist(i, a);
        if (p == 0.0) {
          sum += q;
        } else {
          sum += std::abs(d) < 1.0 ? p * (d + std::expm1(-d)) : p * d + (q - p);
        }
      }
      out[i] = sum;
    }
    return out;
  }

  // -d KL(old | new) / d new logits = pi_old - pi_new.
  void kl_score(const ConstMatrix& old_dist, const ConstMatrix& new_dist, Matrix& out) const {
    out = old_dist.array().exp() - new_dist.array().exp();
  }

  // What metric() needs a state, samples innermost: pi.
  Eigen::MatrixXd metric_data(const ConstMatrix& dist) const { return dist.array().exp(); }

  // u <- B u for `count` states from `from` on: pi (u - sum_b pi_b u_b) a choice.
  void metric(const Eigen::MatrixXd& pi, Index from, Index rows, Eigen::MatrixXd& u,
              Vector& scratch) const {
    auto projection = scratch.head(rows).array();
    for (Index c = 0; c < action_size(); ++c) {
      projection.setZero();
      for (Index a = begin(c); a < begin(c) + count(c); ++a) {
        projection += pi.col(a).segment(from, rows).array() * u.col(a).head(rows).array();
      }
      for (Index a = begin(c); a < begin(c) + count(c); ++a) {
        auto w = u.col(a).head(rows).array();
        w = pi.col(a).segment(from, rows).array() * (w - projection);
      }
    }
  }

  // Column (a, b) of the blocks B over all states; false where it is zero throughout.
  bool metric_column(const Eigen::MatrixXd& pi, Index a, Index b, Vector& out) const {
    if (choice_of(a) != choice_of(b)) return false;
    out = -pi.col(a).cwiseProduct(pi.col(b));
    if (a == b) out += pi.col(a);
    return true;
  }
  double extra_metric() const { return 0.0; }

 private:
  static constexpr double infinity = std::numeric_limits<double>::infinity();
  static constexpr double lowest_log = -1e4;  // p ln p is 0 at p = 0: stands in for ln 0

  Index begin(Index c) const { return begins_[static_cast<std::size_t>(c)]; }
  Index count(Index c) const { return choices_[static_cast<std::size_t>(c)]; }
  Index choice_of(Index a) const {
    return std::upper_bound(begins_.begin(), begins_.end(), a) - begins_.begin() - 1;
  }

  std::vector<Index> choices_;
  std::vector<Index> begins_;
  Index outputs_ = 0;
};

}  // namespace fastpg
