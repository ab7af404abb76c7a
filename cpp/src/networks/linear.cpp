#include "fastpg/networks/linear.hpp"

#include "fastpg/core/isa.hpp"
#include "fastpg/networks/linear_derivatives.hpp"
#include "fastpg/networks/sparse_linear.hpp"

namespace fastpg {
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
  linear_derivatives::weigh_norms(logits_, w, block_size(), out);
}

// The same for every pair.
void LinearNetwork::add_gram(Index block, Index, Index, const double* factors, double* scratch,
                             double* sums) const {
  row_products::add_gram(blocks_[block], factors, scratch, sums);
}

void LinearNetwork::store_gram(Index a, Index b, const double* sums, double factor,
                               Matrix& out) const {
  linear_derivatives::store_gram(logits_, features(), padded(), a, b, sums, factor, out);
}

std::unique_ptr<Network> LinearArchitecture::at(const FreeLogits& logits,
                                                const Features& inputs) const {
  if (inputs.sparse != nullptr) {
    return std::make_unique<SparseLinearNetwork>(logits, *inputs.sparse, inputs.cols);
  }
  return std::make_unique<LinearNetwork>(logits, inputs);
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
