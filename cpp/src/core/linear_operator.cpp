#include "fastpg/core/linear_operator.hpp"

namespace fastpg {

void DenseOperator::apply(const Vector& v, Vector& out) { out.noalias() = matrix_ * v; }

double DenseOperator::trace() { return matrix_.trace(); }

}  // namespace fastpg
