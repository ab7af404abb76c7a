// Diagonal Gaussian with a standard deviation that does not depend on the state. Its distribution
// array is (n, 2 m): the means, then the logarithms of the standard deviations.
//
// Score: (a - mean) / sigma^2 for the mean, ((a - mean) / sigma)^2 - 1 for ln sigma.
// Fisher of a state: 1 / sigma^2 for each mean, 2 for each ln sigma, nothing across (lecture L7).
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/normal.hpp"
#include "fastpg/core/types.hpp"

namespace fastpg {

class GaussianHead {
 public:
  using Scalar = double;
  static constexpr bool masked = false;
  static constexpr double lowest_log_std = -10.0;
  static constexpr double highest_log_std = 2.0;

  explicit GaussianHead(Index dimensions) : m_(dimensions) {
    require(dimensions >= 1 && dimensions <= (1 << 20),
            "dimensions: expected an integer in [1, 1048576], got " + std::to_string(dimensions));
  }

  Index outputs() const { return m_; }
  Index extra() const { return m_; }  // ln sigma
  Index distribution_size() const { return 2 * m_; }
  Index action_size() const { return m_; }

  void check(const Actions<Scalar>&) const {}

  // Keeps ln sigma within its bounds. extra: (m,).
  void project(Eigen::Ref<Vector> log_std) const {
    log_std = log_std.cwiseMax(lowest_log_std).cwiseMin(highest_log_std);
  }

  // values: (n, 2 m) whose left half holds the means.
  void distribution(Eigen::Ref<Matrix> values, const Vector& log_std, const bool*) const {
    values.rightCols(m_).rowwise() = log_std.transpose();
  }

  // mean + sigma z, z by the normal quantile. uniforms: (n, m) in (0, 1).
  void sample(const ConstMatrix& dist, const ConstMatrix& uniforms,
              Eigen::Ref<Actions<Scalar>> actions) const {
    for (Index i = 0; i < dist.rows(); ++i) {
      for (Index j = 0; j < m_; ++j) {
        actions(i, j) = dist(i, j) + std::exp(dist(i, m_ + j)) * normal_quantile(uniforms(i, j));
      }
    }
  }

  void mode(const ConstMatrix& dist, Eigen::Ref<Actions<Scalar>> actions) const {
    actions = dist.leftCols(m_);
  }

  double log_prob(const ConstMatrix& dist, const Actions<Scalar>& actions, Index i) const {
    double sum = 0.0;
    for (Index j = 0; j < m_; ++j) {
      const double z = (actions(i, j) - dist(i, j)) * std::exp(-dist(i, m_ + j));
      sum -= 0.5 * z * z + dist(i, m_ + j) + half_log_two_pi;
    }
    return sum;
  }

  // d ln pi(a|s) / d (mean, ln sigma).
  void score(const ConstMatrix& dist, const Actions<Scalar>& actions, Matrix& out) const {
    out.resize(dist.rows(), 2 * m_);
    for (Index i = 0; i < dist.rows(); ++i) {
      for (Index j = 0; j < m_; ++j) {
        const double inverse = std::exp(-dist(i, m_ + j));
        const double z = (actions(i, j) - dist(i, j)) * inverse;
        out(i, j) = z * inverse;
        out(i, m_ + j) = z * z - 1.0;
      }
    }
  }

  Vector entropy(const ConstMatrix& dist) const {
    const double constant = static_cast<double>(m_) * (half_log_two_pi + 0.5);
    return dist.rightCols(m_).rowwise().sum().array() + constant;
  }

  void entropy_score(const ConstMatrix& dist, Matrix& out) const {
    out.setZero(dist.rows(), 2 * m_);
    out.rightCols(m_).setOnes();
  }

  // KL(old | new) = sum_j ln sigma'/sigma + (sigma^2 + (mean - mean')^2) / (2 sigma'^2) - 1/2.
  // With d = ln sigma - ln sigma': (expm1(2 d) - 2 d) / 2 + z^2 / 2, each term >= 0.
  Vector kl(const ConstMatrix& old_dist, const ConstMatrix& new_dist) const {
    Vector out(old_dist.rows());
    for (Index i = 0; i < out.size(); ++i) {
      double sum = 0.0;
      for (Index j = 0; j < m_; ++j) {
        const double d = old_dist(i, m_ + j) - new_dist(i, m_ + j);
        const double z = (old_dist(i, j) - new_dist(i, j)) * std::exp(-new_dist(i, m_ + j));
        sum += 0.5 * (std::expm1(2.0 * d) - 2.0 * d) + 0.5 * z * z;
      }
      out[i] = sum;
    }
    return out;
  }

  // -d KL(old | new) / d (new mean, new ln sigma).
  void kl_score(const ConstMatrix& old_dist, const ConstMatrix& new_dist, Matrix& out) const {
    out.resize(old_dist.rows(), 2 * m_);
    for (Index i = 0; i < out.rows(); ++i) {
      for (Index j = 0; j < m_; ++j) {
        const double inverse = std::exp(-new_dist(i, m_ + j));
        const double z = (old_dist(i, j) - new_dist(i, j)) * inverse;
        out(i, j) = z * inverse;
        out(i, m_ + j) = std::expm1(2.0 * (old_dist(i, m_ + j) - new_dist(i, m_ + j))) + z * z;
      }
    }
  }

  Eigen::MatrixXd metric_data(const ConstMatrix& dist) const {
    return (-2.0 * dist.rightCols(m_).array()).exp();
  }

  void metric(const Eigen::MatrixXd& precision, Index from, Index rows, Eigen::MatrixXd& u,
              Vector&) const {
    for (Index j = 0; j < m_; ++j) {
      u.col(j).head(rows).array() *= precision.col(j).segment(from, rows).array();
    }
  }

  bool metric_column(const Eigen::MatrixXd& precision, Index a, Index b, Vector& out) const {
    if (a != b) return false;
    out = precision.col(a);
    return true;
  }
  double extra_metric() const { return 2.0; }

 private:
  // ln(2 pi) / 2
  static constexpr double half_log_two_pi = 0.91893853320467274178;

  Index m_;
};

}  // namespace fastpg
