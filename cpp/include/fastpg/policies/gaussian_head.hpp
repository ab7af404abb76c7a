// Diagonal Gaussian with a standard deviation that does not depend on the state. Its distribution
// array is (n, 2 m): the means, then the logarithms of the standard deviations.
//
// Score: (a - mean) / sigma^2 for the mean, ((a - mean) / sigma)^2 - 1 for ln sigma.
// Fisher of a state: 1 / sigma^2 for each mean, 2 for each ln sigma, nothing across (lecture L7).
//
// Kernels work on a block of samples by columns, as those of CategoricalHead. Samples beyond the
// batch have ln sigma = 0, and features of zeros.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/exp_gap.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/normal.hpp"
#include "fastpg/core/scan.hpp"
#include "fastpg/core/types.hpp"
#include "fastpg/policies/transposed.hpp"

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

  Index columns() const { return m_; }
  Index column_output(Index c) const { return c; }
  Index opposite(Index) const { return -1; }

  void check(const Scalar* actions, Index n) const {
    require_all_finite("actions", actions, n, m_);
  }

  void check_distribution(const char* name, const double* dist, Index rows) const {
    require_all_finite(name, dist, rows, 2 * m_);
  }

  // Keeps ln sigma within its bounds. extra: (m,).
  void project(Eigen::Ref<Vector> log_std) const {
    log_std = log_std.cwiseMax(lowest_log_std).cwiseMin(highest_log_std);
  }

  // sigma, in which a mean counts. extra: (m,).
  Vector output_units(const ConstVector& log_std) const { return log_std.array().exp(); }

  void load(const double* dist, Index rows, Index stride, double* columns) const {
    transposed::load(dist, rows, 2 * m_, stride, 0.0, columns);
  }

  // values: (2 m, stride) whose first half holds the means.
  void normalize(double* values, const double* log_std, const std::uint8_t*, Index,
                 Index stride) const {
    for (Index j = 0; j < m_; ++j) {
      std::fill_n(values + (m_ + j) * stride, stride, log_std[j]);
    }
  }

  // mean + sigma z, z by the normal quantile. uniforms: (n, m) in (0, 1).
  void sample(const ConstMatrix& dist, const ConstMatrix& uniforms,
              Eigen::Ref<Actions<Scalar>> actions) const {
    Pace pace(32.0 * static_cast<double>(m_));
    for (Index i = 0; i < dist.rows(); ++i, pace.turn()) {
      for (Index j = 0; j < m_; ++j) {
        actions(i, j) = dist(i, j) + std::exp(dist(i, m_ + j)) * normal_quantile(uniforms(i, j));
      }
    }
  }

  void mode(const ConstMatrix& dist, Eigen::Ref<Actions<Scalar>> actions) const {
    actions = dist.leftCols(m_);
  }

  void log_prob(const double* dist, const Scalar* actions, Index rows, Index stride,
                double* out) const {
    const Index m = m_;
    dispatch([=] {
      for (Index i = 0; i < stride; ++i) out[i] = 0.0;
      for (Index j = 0; j < m; ++j) {
        const double* const mean = dist + j * stride;
        const double* const log_std = dist + (m + j) * stride;
        for (Index i = 0; i < rows; ++i) {
          const double z = (actions[i * m + j] - mean[i]) * fast_exp(-log_std[i]);
          out[i] -= 0.5 * z * z + log_std[i] + half_log_two_pi;
        }
      }
    });
  }

  // d ln pi(a|s) / d (mean, ln sigma); zeros beyond the batch.
  void score(const double* dist, const Scalar* actions, Index rows, Index stride,
             double* out) const {
    const Index m = m_;
    dispatch([=] {
      for (Index j = 0; j < m; ++j) {
        for (Index i = 0; i < rows; ++i) {
          const double inverse = fast_exp(-dist[(m + j) * stride + i]);
          const double z = (actions[i * m + j] - dist[j * stride + i]) * inverse;
          out[j * stride + i] = z * inverse;
          out[(m + j) * stride + i] = z * z - 1.0;
        }
        for (Index i = rows; i < stride; ++i) {
          out[j * stride + i] = out[(m + j) * stride + i] = 0.0;
        }
      }
    });
  }

  void entropy(const double* dist, Index stride, double* out) const {
    std::fill_n(out, stride, static_cast<double>(m_) * (half_log_two_pi + 0.5));
    for (Index j = 0; j < m_; ++j) {
      for (Index i = 0; i < stride; ++i) out[i] += dist[(m_ + j) * stride + i];
    }
  }

  void entropy_score(const double*, Index stride, double*, double* out) const {
    std::fill_n(out, m_ * stride, 0.0);
    std::fill_n(out + m_ * stride, m_ * stride, 1.0);
  }

  // KL(old | new) = sum_j ln sigma'/sigma + (sigma^2 + (mean - mean')^2) / (2 sigma'^2) - 1/2.
  // With d = ln sigma - ln sigma': (exp(2 d) - 1 - 2 d) / 2 + z^2 / 2, each term >= 0.
  void kl(const double* old_dist, const double* new_dist, Index stride, double* out) const {
    const Index m = m_;
    dispatch([=] {
      for (Index i = 0; i < stride; ++i) out[i] = 0.0;
      for (Index j = 0; j < m; ++j) {
        const Index spread = (m + j) * stride;
        for (Index i = 0; i < stride; ++i) {
          const double d = old_dist[spread + i] - new_dist[spread + i];
          const double z = (old_dist[j * stride + i] - new_dist[j * stride + i]) *
                           fast_exp(-new_dist[spread + i]);
          out[i] += 0.5 * exp_gap(-2.0 * d) + 0.5 * z * z;
        }
      }
    });
  }

  // -d KL(old | new) / d (new mean, new ln sigma).
  void kl_score(const double* old_dist, const double* new_dist, Index stride, double* out) const {
    const Index m = m_;
    dispatch([=] {
      for (Index j = 0; j < m; ++j) {
        const Index spread = (m + j) * stride;
        for (Index i = 0; i < stride; ++i) {
          const double inverse = fast_exp(-new_dist[spread + i]);
          const double z = (old_dist[j * stride + i] - new_dist[j * stride + i]) * inverse;
          const double d = 2.0 * (old_dist[spread + i] - new_dist[spread + i]);
          out[j * stride + i] = z * inverse;
          out[spread + i] = (exp_gap(-d) + d) + z * z;
        }
      }
    });
  }

  void metric_data(const double* dist, Index stride, double* data, double* trace) const {
    const Index m = m_;
    dispatch([=] {
      for (Index i = 0; i < stride; ++i) trace[i] = 0.0;
      for (Index j = 0; j < m; ++j) {
        for (Index i = 0; i < stride; ++i) {
          data[j * stride + i] = fast_exp(-2.0 * dist[(m + j) * stride + i]);
          trace[i] += data[j * stride + i];
        }
      }
    });
  }

  template <class T>
  void metric(const double* precision, const T* u, Index stride, double*, T* w) const {
    const Index size = m_ * stride;
    dispatch([=] {
      for (Index j = 0; j < size; ++j) {
        w[j] = static_cast<T>(precision[j] * static_cast<double>(u[j]));
      }
    });
  }

  bool metric_entry(const double* precision, Index a, Index b, Index stride, double* out) const {
    if (a != b) return false;
    std::copy_n(precision + a * stride, stride, out);
    return true;
  }
  double extra_metric() const { return 2.0; }

 private:
  // ln(2 pi) / 2
  static constexpr double half_log_two_pi = 0.91893853320467274178;

  Index m_;
};

}  // namespace fastpg
