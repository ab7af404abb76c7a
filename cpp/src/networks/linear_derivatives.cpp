#include "fastpg/networks/linear_derivatives.hpp"

#include <algorithm>
#include <array>

namespace fastpg::linear_derivatives {
namespace {

// A free logit stands for its output, and for minus its reference.
struct Share {
  Index output;
  double sign;
};

std::array<Share, 2> shares(const FreeLogits& logits, Index c) {
  const Index reference = logits.reference(c);
  return {{{logits.output(c), 1.0}, {reference, reference < 0 ? 0.0 : -1.0}}};
}

}  // namespace

void weigh_norms(const FreeLogits& logits, const double* w, Index count, double* norms) {
  for (Index i = 0; i < count; ++i) {
    Vector by_output = Vector::Zero(logits.outputs());
    for (Index c = 0; c < logits.count(); ++c) {
      for (const Share share : shares(logits, c)) {
        if (share.sign != 0.0) by_output[share.output] += share.sign * w[c * count + i];
      }
    }
    norms[i] *= by_output.squaredNorm();
  }
}

void store_gram(const FreeLogits& logits, Index features, Index stride, Index a, Index b,
                const double* sums, double factor, Matrix& out) {
  const Index outputs = logits.outputs();
  const auto add = [&](Index i, Index j, double sign) {
    for (Index p = 0; p < features; ++p) {
      for (Index q = 0; q < features; ++q) {
        const double value = sums[std::min(p, q) * stride + std::max(p, q)];
        out(p * outputs + i, q * outputs + j) += sign * factor * value;
      }
    }
  };
  for (const Share i : shares(logits, a)) {
    for (const Share j : shares(logits, b)) {
      if (i.sign == 0.0 || j.sign == 0.0) continue;
      add(i.output, j.output, i.sign * j.sign);
      if (a != b) add(j.output, i.output, i.sign * j.sign);
    }
  }
}

}  // namespace fastpg::linear_derivatives
