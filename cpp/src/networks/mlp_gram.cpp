// What a perceptron gives of single samples: norms of gradients, and their products for few
// parameters.
#include "fastpg/core/isa.hpp"
#include "fastpg/networks/mlp.hpp"

namespace fastpg {

void MlpNetwork::gradient_norms(Index block, const double* w, double* out) const {
  std::fill_n(out, block_size(), 0.0);
  pass_back(block, w, [&](const Layer& of, const Rows& x, const Rows& delta) {
    add_norms(of, x, delta, out);
  });
}

// A layer's gradient is the outer product of (its inputs, 1) and delta.
void MlpNetwork::add_norms(const Layer& of, const Rows& x, const Rows& delta, double* out) const {
  double inputs[FloatBlocks::most_rows], deltas[FloatBlocks::most_rows];
  dense_products::squared_norms(x.data, x.stride, block_size(), of.fan_in, inputs);
  if (is_last(of)) {
    for (Index i = 0; i < block_size(); ++i) {
      deltas[i] = 0.0;
      for (Index j = 0; j < of.fan_out; ++j) {
        const auto d = static_cast<double>(delta.data[j * delta.step + i]);
        deltas[i] += d * d;
      }
    }
  } else {
    dense_products::squared_norms(delta.data, delta.stride, block_size(), of.fan_out, deltas);
  }
  for (Index i = 0; i < block_size(); ++i) out[i] += deltas[i] * (inputs[i] + 1.0);
}

// The gradient of one free logit at each sample, (block_size, parameters).
void MlpNetwork::jacobian(Index block, Index logit, double* weights, double* out) const {
  std::fill_n(weights, logits_.count() * block_size(), 0.0);
  std::fill_n(weights + logit * block_size(), block_size(), 1.0);
  pass_back(block, weights, [&](const Layer& of, const Rows& x, const Rows& delta) {
    for (Index i = 0; i < block_size(); ++i) {
      const float* const d = delta.data + i * delta.stride;
      double* to = out + i * parameters() + of.begin;
      for (Index k = 0; k <= of.fan_in; ++k) {
        const auto input = k == of.fan_in ? 1.0 : static_cast<double>(x.data[i * x.stride + k]);
        for (Index j = 0; j < of.fan_out; ++j) {
          *to++ = input * static_cast<double>(d[j * delta.step]);
        }
      }
    }
  });
}

void MlpNetwork::add_gram(Index block, Index a, Index b, const double* factors, double* scratch,
                          double* sums) const {
  const Index count = parameters(), samples = rows(block);
  double* const first = scratch + logits_.count() * block_size();
  double* const second = a == b ? first : first + block_size() * count;
  jacobian(block, a, scratch, first);
  if (a != b) jacobian(block, b, scratch, second);
  dispatch([=] {
    for (Index i = 0; i < samples; ++i) {
      for (Index p = 0; p < count; ++p) {
        const double scaled = factors[i] * first[i * count + p];
        for (Index q = 0; q < count; ++q) sums[p * count + q] += scaled * second[i * count + q];
      }
    }
  });
}

void MlpNetwork::store_gram(Index a, Index b, const double* sums, double factor,
                            Matrix& out) const {
  const Index count = parameters();
  for (Index p = 0; p < count; ++p) {
    for (Index q = 0; q < count; ++q) {
      out(p, q) += factor * sums[p * count + q];
      if (a != b) out(q, p) += factor * sums[p * count + q];
    }
  }
}

}  // namespace fastpg
