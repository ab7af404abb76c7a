#include "fastpg/distributions/diag_gaussian.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/exp_gap.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/normal.hpp"
#include "fastpg/core/scan.hpp"
#include "fastpg/distributions/transposed.hpp"

namespace fastpg {
namespace {

constexpr double half_log_two_pi = 0.91893853320467274178;  // ln(2 pi) / 2

}  // namespace

DiagGaussian::DiagGaussian(Index dimensions) : m_(dimensions), logits_(dimensions) {
  require(dimensions >= 1 && dimensions <= (1 << 20),
          "dimensions: expected an integer in [1, 1048576], got " + std::to_string(dimensions));
  for (Index j = 0; j < m_; ++j) logits_.add(j, -1);
}

void DiagGaussian::check_actions(const Actions& actions, Index n) const {
  require_all_finite("actions", actions.numbers(), n, m_);
}

void DiagGaussian::check_distribution(const char* name, const double* dist, Index n) const {
  require_all_finite(name, dist, n, 2 * m_);
}

void DiagGaussian::check_mask(const std::uint8_t*, Index) const {
  require(false, "mask: this policy takes none");
}

bool DiagGaussian::sound(const double* dist, Index n) const { return all_finite(dist, n * 2 * m_); }

void DiagGaussian::project(MutableVector log_std) const {
  log_std = log_std.cwiseMax(lowest_log_std).cwiseMin(highest_log_std);
}

// sigma, in which a mean counts.
Vector DiagGaussian::output_units(const ConstVector& log_std) const {
  return log_std.array().exp();
}

void DiagGaussian::load(const double* dist, Index rows, Index stride, double* columns) const {
  transposed::load(dist, rows, 2 * m_, stride, 0.0, columns);
}

// The first half of the columns holds the means.
void DiagGaussian::normalize(double* columns, const double* log_std, const std::uint8_t*, Index,
                             Index stride) const {
  for (Index j = 0; j < m_; ++j) {
    std::fill_n(columns + (m_ + j) * stride, stride, log_std[j]);
  }
}

// mean + sigma z, z by the normal quantile.
void DiagGaussian::sample(const ConstMatrix& dist, const ConstMatrix& uniforms,
                          WritableActions actions) const {
  double* out = std::get<double*>(actions);
  Pace pace(32.0 * static_cast<double>(m_));
  for (Index i = 0; i < dist.rows(); ++i, pace.turn()) {
    for (Index j = 0; j < m_; ++j) {
      *out++ = dist(i, j) + std::exp(dist(i, m_ + j)) * normal_quantile(uniforms(i, j));
    }
  }
}

void DiagGaussian::mode(const ConstMatrix& dist, WritableActions actions) const {
  double* out = std::get<double*>(actions);
  for (Index i = 0; i < dist.rows(); ++i) {
    for (Index j = 0; j < m_; ++j) *out++ = dist(i, j);
  }
}

void DiagGaussian::log_prob(const double* dist, const Actions& given, Index rows, Index stride,
                            double* out) const {
  const double* const actions = given.numbers();
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
void DiagGaussian::score(const double* dist, const Actions& given, Index rows, Index stride,
                         double* out) const {
  const double* const actions = given.numbers();
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

void DiagGaussian::entropy(const double* dist, Index stride, double* out) const {
  std::fill_n(out, stride, static_cast<double>(m_) * (half_log_two_pi + 0.5));
  for (Index j = 0; j < m_; ++j) {
    for (Index i = 0; i < stride; ++i) out[i] += dist[(m_ + j) * stride + i];
  }
}

void DiagGaussian::entropy_score(const double*, Index stride, double*, double* out) const {
  std::fill_n(out, m_ * stride, 0.0);
  std::fill_n(out + m_ * stride, m_ * stride, 1.0);
}

// KL(old | new) = sum_j ln sigma'/sigma + (sigma^2 + (mean - mean')^2) / (2 sigma'^2) - 1/2.
// With d = ln sigma - ln sigma': (exp(2 d) - 1 - 2 d) / 2 + z^2 / 2, each term >= 0.
void DiagGaussian::kl(const double* old_dist, const double* new_dist, Index stride,
                      double* out) const {
  const Index m = m_;
  dispatch([=] {
    for (Index i = 0; i < stride; ++i) out[i] = 0.0;
    for (Index j = 0; j < m; ++j) {
      const Index spread = (m + j) * stride;
      for (Index i = 0; i < stride; ++i) {
        const double d = old_dist[spread + i] - new_dist[spread + i];
        const double z =
            (old_dist[j * stride + i] - new_dist[j * stride + i]) * fast_exp(-new_dist[spread + i]);
        out[i] += 0.5 * exp_gap(-2.0 * d) + 0.5 * z * z;
      }
    }
  });
}

// -d KL(old | new) / d (new mean, new ln sigma).
void DiagGaussian::kl_score(const double* old_dist, const double* new_dist, Index stride,
                            double* out) const {
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

void DiagGaussian::fisher_data(const double* dist, Index stride, double* data,
                               double* trace) const {
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

void DiagGaussian::fisher_product(const double* precision, const double* u, Index stride, double*,
                                  double* w) const {
  const Index size = m_ * stride;
  dispatch([=] {
    for (Index j = 0; j < size; ++j) w[j] = precision[j] * u[j];
  });
}

bool DiagGaussian::fisher_entry(const double* precision, Index a, Index b, Index stride,
                                double* out) const {
  if (a != b) return false;
  std::copy_n(precision + a * stride, stride, out);
  return true;
}

void DiagGaussian::fisher_root(const double* precision, Index column, Index stride,
                               double* out) const {
  std::fill_n(out, m_ * stride, 0.0);
  for (Index i = column * stride; i < (column + 1) * stride; ++i) out[i] = std::sqrt(precision[i]);
}

}  // namespace fastpg
