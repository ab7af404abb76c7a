#include "fastpg/solvers/optimizer.hpp"

#include <cmath>

namespace fastpg {

Vector Adam::step(const ConstVector& gradient, double learning_rate) {
  ++count;
  mean += (1.0 - beta1) * (gradient - mean);
  square.array() += (1.0 - beta2) * (gradient.array().square() - square.array());
  const double correction1 = 1.0 - std::pow(beta1, static_cast<double>(count));
  const double correction2 = 1.0 - std::pow(beta2, static_cast<double>(count));
  return learning_rate * (mean.array() / correction1) /
         ((square.array() / correction2).sqrt() + epsilon);
}

}  // namespace fastpg
