// A symmetric matrix that is known through its products with vectors.
#pragma once

#include "fastpg/core/types.hpp"

namespace fastpg {

class LinearOperator {
 public:
  virtual ~LinearOperator() = default;

  virtual Index size() const = 0;
  // out = A v, both (size,); not the same vector.
  virtual void apply(const Vector& v, Vector& out) = 0;
  virtual double trace() = 0;
};

// A dense one.
class DenseOperator final : public LinearOperator {
 public:
  explicit DenseOperator(const ConstMatrix& matrix) : matrix_(matrix) {}

  Index size() const override { return matrix_.rows(); }
  void apply(const Vector& v, Vector& out) override;
  double trace() override;

 private:
  ConstMatrix matrix_;
};

}  // namespace fastpg
