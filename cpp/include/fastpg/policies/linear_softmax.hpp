// Linear softmax policy: pi(a|s) proportional to exp(phi(s)^T theta_a), theta of shape
// (n_features, n_actions), flat in C order. Batches: features (n, n_features), one row a state.
//
// Score: grad ln pi(a|s) = phi(s) (x) (e_a - pi(.|s)). All sums over the batch are means.
#pragma once

#include <algorithm>
#include <cmath>

#include "fastpg/core/types.hpp"
#include "fastpg/policies/categorical.hpp"

namespace fastpg::linear_softmax {

// (n, n_actions) of ln pi(a|s), by log-sum-exp.
inline void log_probs(const ConstMatrix& features, const ConstMatrix& theta, MutableMatrix out) {
  out.noalias() = features * theta;
  for (Index i = 0; i < out.rows(); ++i) {
    auto row = out.row(i);
    const double largest = row.maxCoeff();
    row.array() -= largest + std::log((row.array() - largest).exp().sum());
  }
}

inline Matrix log_probs(const ConstMatrix& features, const ConstMatrix& theta) {
  Matrix out(features.rows(), theta.cols());
  log_probs(features, theta, out);
  return out;
}

// One action a row from uniforms in (0, 1).
inline void sample(const ConstMatrix& features, const ConstMatrix& theta, const double* uniforms,
                   std::int32_t* actions) {
  Matrix logits = features * theta;
  const auto count = static_cast<std::int32_t>(logits.cols());
  for (Index i = 0; i < logits.rows(); ++i) {
    actions[i] = sample_categorical(logits.row(i).data(), count, uniforms[i]);
  }
}

inline void mode(const ConstMatrix& features, const ConstMatrix& theta, std::int32_t* actions) {
  const Matrix logits = features * theta;
  const auto count = static_cast<std::int32_t>(logits.cols());
  for (Index i = 0; i < logits.rows(); ++i) actions[i] = argmax(logits.row(i).data(), count);
}

// mean_i w_i grad ln pi(a_i|s_i), shape (n_features, n_actions).
inline Matrix score_gradient(const ConstMatrix& features, const ConstMatrix& log_pi,
                             const ConstActions& actions, const ConstVector& weights) {
  Matrix residual = -log_pi.array().exp();
  for (Index i = 0; i < residual.rows(); ++i) residual(i, actions[i]) += 1.0;
  residual.array().colwise() *= weights.array();
  Matrix gradient = features.transpose() * residual;
  return gradient / static_cast<double>(std::max<Index>(features.rows(), 1));
}

// p ln p is 0 at p = 0: ln 0 stands in as a finite number of the same effect.
inline constexpr double lowest_log = -1e300;

// H(pi(.|s)) a row, shape (n,).
inline Vector entropy(const ConstMatrix& log_pi) {
  return -(log_pi.array().exp() * log_pi.array().max(lowest_log)).rowwise().sum();
}

// Gradient of the mean entropy: mean_i phi_i (x) (-pi (ln pi + H)).
inline Matrix entropy_gradient(const ConstMatrix& features, const ConstMatrix& log_pi) {
  const Vector h = entropy(log_pi);
  Matrix residual = -log_pi.array().exp() * (log_pi.array().max(lowest_log).colwise() + h.array());
  Matrix gradient = features.transpose() * residual;
  return gradient / static_cast<double>(std::max<Index>(features.rows(), 1));
}

// KL(old | new) a row, shape (n,). Written so that each term is >= 0 up to rounding:
// p (ln p - ln q) = p (d + expm1(-d)) summed, with d = ln p - ln q and the sum of q - p zero.
inline Vector kl(const ConstMatrix& old_log_pi, const ConstMatrix& new_log_pi) {
  Vector out(old_log_pi.rows());
  for (Index i = 0; i < out.size(); ++i) {
    double sum = 0.0;
    for (Index a = 0; a < old_log_pi.cols(); ++a) {
      const double d = old_log_pi(i, a) - new_log_pi(i, a);
      const double p = std::exp(old_log_pi(i, a));
      if (p > 0.0) sum += d < 700.0 && d > -700.0 ? p * (d + std::expm1(-d)) : p * d;
    }
    out[i] = sum;
  }
  return out;
}

// Products with the Fisher matrix of a batch, F = mean_i phi phi^T (x) (diag pi - pi pi^T), the
// action summed out; or F = mean_i score score^T at the actions taken. No allocation in apply().
//
// The batch is kept with samples innermost, in pieces that stay in the first cache: every inner
// loop then runs along contiguous samples.
class Fisher {
 public:
  enum class Kind { exact, sampled };

  Fisher(const ConstMatrix& features, const ConstMatrix& log_pi)
      : features_(features),
        probs_(log_pi.array().exp()),
        weighted_(piece, log_pi.cols()),
        projection_(piece) {}

  Fisher(const ConstMatrix& features, const ConstMatrix& log_pi, const ConstActions& actions)
      : Fisher(features, log_pi) {
    kind_ = Kind::sampled;
    for (Index i = 0; i < probs_.rows(); ++i) probs_(i, actions[i]) -= 1.0;  // pi - e_a
  }

  Index size() const { return features_.cols() * probs_.cols(); }

  // out = F v, both flat (n_features * n_actions).
  void apply(const Vector& v, Vector& out) {
    out.setZero();
    for (Index begin = 0; begin < features_.rows(); begin += piece) {
      add_piece(begin, std::min(piece, features_.rows() - begin), v, out);
    }
    out /= static_cast<double>(features_.rows());
  }

  double trace() const {
    const auto norms = features_.rowwise().squaredNorm().array();
    const auto squares = probs_.array().square().rowwise().sum();
    const double sum = kind_ == Kind::exact
                           ? (norms * (probs_.array().rowwise().sum() - squares)).sum()
                           : (norms * squares).sum();
    return sum / static_cast<double>(features_.rows());
  }

 private:
  static constexpr Index piece = 128;

  // With u = phi^T v (an action a column): exact w_a = pi_a (u_a - sum_b pi_b u_b), sampled
  // w_a = s_a sum_b s_b u_b; then out += phi (x) w.
  void add_piece(Index begin, Index count, const Vector& v, Vector& out) {
    const Index n_features = features_.cols();
    const Index n_actions = probs_.cols();
    auto projection = projection_.head(count);
    projection.setZero();
    for (Index a = 0; a < n_actions; ++a) {
      auto u = weighted_.col(a).head(count);
      u.setZero();
      for (Index k = 0; k < n_features; ++k) {
        u += v[k * n_actions + a] * features_.col(k).segment(begin, count);
      }
      projection.array() += probs_.col(a).segment(begin, count).array() * u.array();
    }
    for (Index a = 0; a < n_actions; ++a) {
      auto w = weighted_.col(a).head(count);
      const auto p = probs_.col(a).segment(begin, count).array();
      if (kind_ == Kind::exact) {
        w.array() = p * (w.array() - projection.array());
      } else {
        w.array() = p * projection.array();
      }
      for (Index k = 0; k < n_features; ++k) {
        out[k * n_actions + a] += features_.col(k).segment(begin, count).dot(w);
      }
    }
  }

  Eigen::MatrixXd features_;
  Eigen::MatrixXd probs_;  // exact: pi; sampled: pi - e_a
  Eigen::MatrixXd weighted_;
  Vector projection_;
  Kind kind_ = Kind::exact;
};

// The dense Fisher matrix, (n_features * n_actions) squared, for small problems.
inline Matrix dense_fisher(Fisher& fisher) {
  Matrix out(fisher.size(), fisher.size());
  Vector unit = Vector::Zero(fisher.size());
  Vector column(fisher.size());
  for (Index k = 0; k < fisher.size(); ++k) {
    unit[k] = 1.0;
    fisher.apply(unit, column);
    out.col(k) = column;
    unit[k] = 0.0;
  }
  return out;
}

}  // namespace fastpg::linear_softmax
