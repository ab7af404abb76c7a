// Adam (Kingma & Ba 2015), ascending.
#pragma once

#include <cmath>

#include "fastpg/core/types.hpp"

namespace fastpg {

struct Adam {
  static constexpr double beta1 = 0.9;
  static constexpr double beta2 = 0.999;
  static constexpr double epsilon = 1e-5;

  explicit Adam(Index size) : mean(Vector::Zero(size)), square(Vector::Zero(size)) {}

  Vector mean;
  Vector square;
  std::int64_t count = 0;

  void ascend(MutableVector theta, const ConstVector& gradient, double learning_rate) {
    theta += step(gradient, learning_rate);
  }

  // learning_rate * m / (sqrt(v) + epsilon), bias-corrected.
  Vector step(const ConstVector& gradient, double learning_rate) {
    ++count;
    mean += (1.0 - beta1) * (gradient - mean);
    square.array() += (1.0 - beta2) * (gradient.array().square() - square.array());
    const double correction1 = 1.0 - std::pow(beta1, static_cast<double>(count));
    const double correction2 = 1.0 - std::pow(beta2, static_cast<double>(count));
    return learning_rate * (mean.array() / correction1) /
           ((square.array() / correction2).sqrt() + epsilon);
  }
};

}  // namespace fastpg
