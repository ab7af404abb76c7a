// What the linear network of dense rows and that of sparse ones have in common: derivatives of its
// outputs are the features.
#pragma once

#include "fastpg/core/types.hpp"
#include "fastpg/distributions/free_logits.hpp"

namespace fastpg::linear_derivatives {

// |J^T w|^2 from the squared norms of the features, in place. w: (logits, count).
void weigh_norms(const FreeLogits& logits, const double* w, Index count, double* norms);

// Adds factor times the Gram matrix of features, of which `sums` (features, stride) has the upper
// triangle, to out for logits a and b: see Network::store_gram.
void store_gram(const FreeLogits& logits, Index features, Index stride, Index a, Index b,
                const double* sums, double factor, Matrix& out);

}  // namespace fastpg::linear_derivatives
