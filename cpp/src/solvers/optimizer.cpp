#include "fastpg/solvers/optimizer.hpp"

#include <cmath>

#include "fastpg/core/isa.hpp"

namespace fastpg {

// Square roots and divisions are rounded correctly in every instruction set: the same bits.
void Adam::step(MutableVector gradient, double learning_rate) {
  ++count;
  const double correction1 = 1.0 - std::pow(beta1, static_cast<double>(count));
  const double correction2 = 1.0 - std::pow(beta2, static_cast<double>(count));
  double* const g = gradient.data();
  double* const m = mean.data();
  double* const v = square.data();
  const Index n = size();
  dispatch([=] {
    for (Index i = 0; i < n; ++i) {
      m[i] += (1.0 - beta1) * (g[i] - m[i]);
      v[i] += (1.0 - beta2) * (g[i] * g[i] - v[i]);
      g[i] = learning_rate * (m[i] / correction1) / (std::sqrt(v[i] / correction2) + epsilon);
    }
  });
}

void RmsProp::step(MutableVector gradient, double learning_rate) {
  ++count;
  double* const g = gradient.data();
  double* const v = square.data();
  const Index n = size();
  dispatch([=] {
    for (Index i = 0; i < n; ++i) {
      v[i] = alpha * v[i] + (1.0 - alpha) * g[i] * g[i];
      g[i] = learning_rate * g[i] / (std::sqrt(v[i]) + epsilon);
    }
  });
}

}  // namespace fastpg
