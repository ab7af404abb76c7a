// First-order ascent: the interface, plain ascent, Adam (Kingma & Ba 2015), and RMSprop (Tieleman &
// Hinton 2012).
#pragma once

#include <memory>

#include "fastpg/core/types.hpp"

namespace fastpg {

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  virtual std::unique_ptr<Optimizer> copy() const = 0;
  virtual void assign(const Optimizer& other) = 0;  // of the same class

  // A gradient (size,) becomes the step along it, to be added to the parameters.
  virtual void step(MutableVector gradient, double learning_rate) = 0;
  // The same along `scale` times the gradient, and the step is added to the parameters (size,).
  // False if they are not within bounds after it.
  virtual bool ascend(const Vector& gradient, double scale, double learning_rate,
                      Vector& parameters) = 0;

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
  void step(MutableVector gradient, double learning_rate) override;
  bool ascend(const Vector& gradient, double scale, double learning_rate,
              Vector& parameters) override;
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
  void step(MutableVector gradient, double learning_rate) override;
  bool ascend(const Vector& gradient, double scale, double learning_rate,
              Vector& parameters) override;
  Index size() const override { return mean.size(); }
  bool finite() const override { return square.allFinite(); }
};

// learning_rate * g / (sqrt(v) + epsilon), v <- alpha v + (1 - alpha) g^2: PyTorch's definition,
// without momentum, from v = 0.
class RmsProp final : public Optimizer {
 public:
  static constexpr double alpha = 0.99;
  static constexpr double epsilon = 1e-5;

  explicit RmsProp(Index size) : square(Vector::Zero(size)) {}

  Vector square;

  std::unique_ptr<Optimizer> copy() const override { return std::make_unique<RmsProp>(*this); }
  void assign(const Optimizer& other) override { *this = dynamic_cast<const RmsProp&>(other); }
  void step(MutableVector gradient, double learning_rate) override;
  bool ascend(const Vector& gradient, double scale, double learning_rate,
              Vector& parameters) override;
  Index size() const override { return square.size(); }
  bool finite() const override { return square.allFinite(); }
};

// Beyond it products with float32 observations may overflow.
inline constexpr double most_parameter = 1e150;

inline bool within_bounds(const Vector& parameters) {
  return parameters.allFinite() && parameters.cwiseAbs().maxCoeff() <= most_parameter;
}

// What a gradient of this norm is multiplied by, where that may be at most so large.
inline double clip_factor(double norm, double most) { return norm > most ? most / norm : 1.0; }

}  // namespace fastpg
