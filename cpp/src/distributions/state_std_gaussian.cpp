#include "fastpg/distributions/state_std_gaussian.hpp"

#include "fastpg/core/exp_log.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/normal.hpp"

namespace fastpg {
namespace {

bool varies(double log_std) {
  return log_std > Gaussian::lowest_log_std && log_std < Gaussian::highest_log_std;
}

}  // namespace

void StateStdGaussian::normalize(double* columns, const double*, const std::uint8_t*, Index,
                                 Index stride) const {
  double* const log_std = columns + dimensions() * stride;
  const Index count = dimensions() * stride;
  dispatch([=] {
    for (Index j = 0; j < count; ++j) log_std[j] = clipped(log_std[j]);
  });
}

void StateStdGaussian::sample(const ConstMatrix& dist, const ConstMatrix& uniforms,
                              WritableActions actions) const {
  double* out = std::get<double*>(actions);
  const Index m = dimensions();
  Pace pace(32.0 * static_cast<double>(m));
  for (Index i = 0; i < dist.rows(); ++i, pace.turn()) {
    for (Index j = 0; j < m; ++j) {
      *out++ = dist(i, j) + fast_exp(dist(i, m + j)) * normal_quantile(uniforms(i, j));
    }
  }
}

void StateStdGaussian::score(const double* columns, const Actions& actions, Index rows,
                             Index stride, double* out) const {
  Gaussian::score(columns, actions, rows, stride, out);
  clear_at_bounds(columns, stride, out);
}

void StateStdGaussian::entropy_score(const double* columns, Index stride, double* scratch,
                                     double* out) const {
  Gaussian::entropy_score(columns, stride, scratch, out);
  clear_at_bounds(columns, stride, out);
}

void StateStdGaussian::kl_score(const double* old_columns, const double* new_columns, Index stride,
                                double* out) const {
  Gaussian::kl_score(old_columns, new_columns, stride, out);
  clear_at_bounds(new_columns, stride, out);
}

// 1 / sigma^2 of each mean, then 2 of each ln sigma that varies.
void StateStdGaussian::fisher_data(const double* columns, Index stride, double* data,
                                   double* trace) const {
  precisions(columns, stride, data, trace);
  const Index m = dimensions();
  dispatch([=] {
    for (Index j = m; j < 2 * m; ++j) {
      for (Index i = 0; i < stride; ++i) {
        data[j * stride + i] = varies(columns[j * stride + i]) ? 2.0 : 0.0;
        trace[i] += data[j * stride + i];
      }
    }
  });
}

void StateStdGaussian::clear_at_bounds(const double* columns, Index stride, double* scores) const {
  const Index first = dimensions() * stride, end = 2 * first;
  dispatch([=] {
    for (Index j = first; j < end; ++j) scores[j] = varies(columns[j]) ? scores[j] : 0.0;
  });
}

}  // namespace fastpg
