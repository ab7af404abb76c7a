// First-order ascent: the interface, plain ascent, and Adam (Kingma & Ba 2015).
#pragma once

#include <memory>

#include "fastpg/core/types.hpp"

namespace fastpg {

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  virtual std::unique_ptr<Optimizer> copy() const = 0;
  virtual void assign(const Optimizer& other) = 0;  // of the same class

  // The step along a gradient (size,), to be added to the parameters.
  virtual Vector step(const ConstVector& gradient, double learning_rate) = 0;

  virtual Index size() const = 0;
  virtual bool finite() const = 0;  // whether what it keeps is
  std::int64_t count = 0;           // steps taken
};

// learning_rate * g.
class Sgd final : public Optimizer {
 public:
  explicit Sgd(Index size) : size_(size) {}

  std::unique_ptr<Optimizer> copy() const override { return std::make_unique<Sgd>(*this); }
  void assign(const Optimizer& other) override { *this = dynamic_cast<const Sgd&>(other); }
  Vector step(const ConstVector& gradient, double learning_rate) override {
    ++count;
    return learning_rate * gradient;
  }
  Index size() const override { return size_; }
  bool finite() const override { return true; }

 private:
  Index size_;
};

// learning_rate * m / (sqrt(v) + epsilon), the moments m and v bias-corrected.
class Adam final : public Optimizer {
 public:
  static constexpr double beta1 = 0.9;
  static constexpr double beta2 = 0.999;
  static constexpr double epsilon = 1e-5;

  explicit Adam(Index size) : mean(Vector::Zero(size)), square(Vector::Zero(size)) {}

  Vector mean;
  Vector square;

  std::unique_ptr<Optimizer> copy() const override { return std::make_unique<Adam>(*this); }
  void assign(const Optimizer& other) override { *this = dynamic_cast<const Adam&>(other); }
  Vector step(const ConstVector& gradient, double learning_rate) override;
  Index size() const override { return mean.size(); }
  bool finite() const override { return square.allFinite(); }
};

}  // namespace fastpg
