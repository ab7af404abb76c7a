#include "fastpg/distributions/gaussian.hpp"

#include <algorithm>
#include <cmath>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/exp_gap.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/normal.hpp"
#include "fastpg/distributions/transposed.hpp"

namespace fastpg {
namespace {

constexpr double half_log_two_pi = 0.91893853320467274178;  // ln(2 pi) / 2
constexpr double most_log_std = 300.0;  // where sigma^2 and 1 / sigma^2 are numbers

}  // namespace

Gaussian::Gaussian(Index dimensions, Index outputs_of_each) : m_(dimensions), logits_(0) {
  require(dimensions >= 1 && dimensions <= (1 << 20),
          {"dimensions: expected an integer in [1, 1048576], got ", dimensions});
  logits_ = FreeLogits(outputs_of_each * dimensions);
  for (Index j = 0; j < logits_.outputs(); ++j) logits_.add(j, -1);
}

void Gaussian::check_actions(const Actions& actions, Index n) const {
  require_finite("actions", actions.numbers(), n, m_);
}

void Gaussian::check_distribution(const char* name, const double* dist, Index n) const {
  require_finite(name, dist, n, 2 * m_);
  for (Index i = 0; i < n; ++i) {
    for (const double* s = dist + (2 * i + 1) * m_; s < dist + (2 * i + 2) * m_; ++s) {
      require(std::abs(*s) <= most_log_std, {name, ": expected ln sigma in [-300, 300], got ", *s});
    }
  }
}

void Gaussian::check_mask(const std::uint8_t*, Index) const {
  require(false, "mask: this policy takes none");
}

bool Gaussian::sound(const double* dist, Index n) const { return all_finite(dist, n * 2 * m_); }

void Gaussian::load(const double* dist, Index rows, Index stride, double* columns) const {
  transposed::load(dist, rows, 2 * m_, stride, 0.0, columns);
}

// mean + sigma z, z by the normal quantile.
void Gaussian::sample(const ConstMatrix& dist, const ConstMatrix& uniforms,
                      WritableActions actions) const {
  double* out = std::get<double*>(actions);
  Pace pace(32.0 * static_cast<double>(m_));
  for (Index i = 0; i < dist.rows(); ++i, pace.turn()) {
    for (Index j = 0; j < m_; ++j) {
      *out++ = dist(i, j) + std::exp(dist(i, m_ + j)) * normal_quantile(uniforms(i, j));
    }
  }
}

void Gaussian::mode(const ConstMatrix& dist, WritableActions actions) const {
  double* out = std::get<double*>(actions);
  for (Index i = 0; i < dist.rows(); ++i) {
    for (Index j = 0; j < m_; ++j) *out++ = dist(i, j);
  }
}

void Gaussian::log_prob(const double* dist, const Actions& given, Index rows, Index stride,
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
void Gaussian::score(const double* dist, const Actions& given, Index rows, Index stride,
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

void Gaussian::entropy(const double* dist, Index stride, double* out) const {
  std::fill_n(out, stride, static_cast<double>(m_) * (half_log_two_pi + 0.5));
  for (Index j = 0; j < m_; ++j) {
    for (Index i = 0; i < stride; ++i) out[i] += dist[(m_ + j) * stride + i];
  }
}

void Gaussian::entropy_score(const double*, Index stride, double*, double* out) const {
  std::fill_n(out, m_ * stride, 0.0);
  std::fill_n(out + m_ * stride, m_ * stride, 1.0);
}

// KL(old | new) = sum_j ln sigma'/sigma + (sigma^2 + (mean - mean')^2) / (2 sigma'^2) - 1/2.
// With d = ln sigma - ln sigma': (exp(2 d) - 1 - 2 d) / 2 + z^2 / 2, each term >= 0.
void Gaussian::kl(const double* old_dist, const double* new_dist, Index stride, double* out) const {
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
void Gaussian::kl_score(const double* old_dist, const double* new_dist, Index stride,
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

void Gaussian::precisions(const double* dist, Index stride, double* data, double* trace) const {
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

void Gaussian::fisher_product(const double* diagonal, const double* u, Index stride, double*,
                              double* w) const {
  const Index size = logits_.count() * stride;
  dispatch([=] {
    for (Index j = 0; j < size; ++j) w[j] = diagonal[j] * u[j];
  });
}

bool Gaussian::fisher_entry(const double* diagonal, Index a, Index b, Index stride,
                            double* out) const {
  if (a != b) return false;
  std::copy_n(diagonal + a * stride, stride, out);
  return true;
}

void Gaussian::fisher_root(const double* diagonal, Index column, Index stride, double* out) const {
  std::fill_n(out, logits_.count() * stride, 0.0);
  for (Index i = column * stride; i < (column + 1) * stride; ++i) out[i] = std::sqrt(diagonal[i]);
}

}  // namespace fastpg
