#include "fastpg/networks/linear.hpp"

#include <array>

#include "fastpg/core/isa.hpp"

namespace fastpg {
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

std::unique_ptr<Network> LinearNetwork::subset(Index most) const {
  return std::unique_ptr<Network>(new LinearNetwork(logits_, Blocks(blocks_.features(), most)));
}

void LinearNetwork::set_parameters(const double* theta) {
  weights_.resize(static_cast<std::size_t>(outputs() * padded()));
  for (Index a = 0; a < outputs(); ++a) {
    double* const to = weights_.data() + a * padded();
    for (Index k = 0; k < features(); ++k) to[k] = theta[k * outputs() + a];
    std::fill(to + features(), to + padded(), 0.0);
  }
}

void LinearNetwork::forward(Index block, double* columns) const {
  row_products::dots(blocks_[block], weights_.data(), outputs(), columns, block_size());
}

void LinearNetwork::set_direction(const double* v) {
  direction_.resize(static_cast<std::size_t>(sum_size()));
  for (Index c = 0; c < logits_.count(); ++c) {
    const Index output = logits_.output(c), reference = logits_.reference(c);
    double* const to = direction_.data() + c * padded();
    for (Index k = 0; k < features(); ++k) {
      const double* const row = v + k * outputs();
      to[k] = row[output] - (reference < 0 ? 0.0 : row[reference]);
    }
    std::fill(to + features(), to + padded(), 0.0);
  }
}

void LinearNetwork::along(Index block, double* u) const {
  row_products::dots(blocks_[block], direction_.data(), logits_.count(), u, block_size());
}

void LinearNetwork::add_back(Index block, const double* w, double* sums) const {
  row_products::add_outer(blocks_[block], 0, w, block_size(), 1, logits_.count(), sums);
}

void LinearNetwork::store(const double* sums, double factor, double* out) const {
  std::fill_n(out, parameters(), 0.0);
  for (Index c = 0; c < logits_.count(); ++c) {
    const Index output = logits_.output(c), reference = logits_.reference(c);
    for (Index k = 0; k < features(); ++k) {
      const double value = factor * sums[c * padded() + k];
      out[k * outputs() + output] += value;
      if (reference >= 0) out[k * outputs() + reference] -= value;
    }
  }
}

bool LinearNetwork::squared_norms(Index block, double* out) const {
  row_products::squared_norms(blocks_[block], out);
  return true;
}

void LinearNetwork::gradient_norms(Index block, const double* w, double* out) const {
  row_products::squared_norms(blocks_[block], out);
  for (Index i = 0; i < block_size(); ++i) {
    Vector by_output = Vector::Zero(outputs());
    for (Index c = 0; c < logits_.count(); ++c) {
      for (const Share share : shares(logits_, c)) {
        if (share.sign != 0.0) by_output[share.output] += share.sign * w[c * block_size() + i];
      }
    }
    out[i] *= by_output.squaredNorm();
  }
}

// The same for every pair.
void LinearNetwork::add_gram(Index block, Index, Index, const double* factors, double* scratch,
                             double* sums) const {
  row_products::add_gram(blocks_[block], factors, scratch, sums);
}

void LinearNetwork::store_gram(Index a, Index b, const double* sums, double factor,
                               Matrix& out) const {
  const auto add = [&](Index i, Index j, double sign) {
    for (Index p = 0; p < features(); ++p) {
      for (Index q = 0; q < features(); ++q) {
        const double value = sums[std::min(p, q) * padded() + std::max(p, q)];
        out(p * outputs() + i, q * outputs() + j) += sign * factor * value;
      }
    }
  };
  for (const Share i : shares(logits_, a)) {
    for (const Share j : shares(logits_, b)) {
      if (i.sign == 0.0 || j.sign == 0.0) continue;
      add(i.output, j.output, i.sign * j.sign);
      if (a != b) add(j.output, i.output, i.sign * j.sign);
    }
  }
}

void LinearForward::run(const double* inputs, Index rows, Index stride, float*,
                        double* columns) const {
  dispatch([&] {
    for (Index a = 0; a < outputs_; ++a) {
      sum(inputs, rows, stride, weights_.data() + a, columns + a * stride);
    }
  });
}

// column[i] = sum_k w_k x_k[i], in the order of k, four to a pass.
void LinearForward::sum(const double* inputs, Index rows, Index stride, const double* weights,
                        double* __restrict column) const {
  std::fill_n(column, rows, 0.0);
  Index k = 0;
  for (; k + 4 <= inputs_; k += 4) {
    const double w0 = weights[k * outputs_], w1 = weights[(k + 1) * outputs_];
    const double w2 = weights[(k + 2) * outputs_], w3 = weights[(k + 3) * outputs_];
    const double* const x = inputs + k * stride;
    for (Index i = 0; i < rows; ++i) {
      column[i] = (((column[i] + x[i] * w0) + x[stride + i] * w1) + x[2 * stride + i] * w2) +
                  x[3 * stride + i] * w3;
    }
  }
  for (; k < inputs_; ++k) {
    const double w = weights[k * outputs_];
    const double* const x = inputs + k * stride;
    for (Index i = 0; i < rows; ++i) column[i] += x[i] * w;
  }
}

}  // namespace fastpg
