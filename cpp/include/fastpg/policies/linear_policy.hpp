// A policy that is linear in features: outputs phi(s)^T theta, theta (n_features, outputs), turned
// into a distribution by a head. Its parameters are one flat vector: theta in C order, then the
// head's own (ln sigma). Batches: features (n, n_features), distributions (n, distribution_size).
// All sums over the batch are means. Everything runs block by block, see blocks.hpp.
#pragma once

#include <cstdint>

#include "fastpg/core/exp_log.hpp"
#include "fastpg/core/scan.hpp"
#include "fastpg/core/sums.hpp"
#include "fastpg/core/types.hpp"
#include "fastpg/policies/blocks.hpp"
#include "fastpg/policies/score_columns.hpp"
#include "fastpg/policies/transposed.hpp"

namespace fastpg::linear_policy {

template <class Head>
Index parameter_count(const Head& head, Index n_features) {
  return n_features * head.outputs() + head.extra();
}

inline std::size_t length(Index count) { return static_cast<std::size_t>(count); }

// The weights of each output, (outputs, padded), from theta (features, outputs).
inline void transpose_weights(const double* theta, Index features, Index outputs, double* out) {
  const Index stride = row_products::padded(features);
  for (Index a = 0; a < outputs; ++a) {
    for (Index k = 0; k < features; ++k) out[a * stride + k] = theta[k * outputs + a];
    std::fill(out + a * stride + features, out + (a + 1) * stride, 0.0);
  }
}

// The distribution of a block at some parameters, in double whatever the features are.
template <class Head>
class BlockDistribution {
 public:
  BlockDistribution(const Head& head, Index features)
      : head_(head),
        features_(features),
        weights_(length(head.outputs() * row_products::padded(features))) {}

  void set(const double* parameters) {
    transpose_weights(parameters, features_, head_.outputs(), weights_.data());
    extra_ = parameters + features_ * head_.outputs();
  }

  // columns: (distribution_size, x.count). mask: (rows, outputs) or nullptr.
  template <class T>
  void operator()(const row_products::Rows<T>& x, const std::uint8_t* mask, Index rows,
                  double* columns) const {
    row_products::dots<double>(x, weights_.data(), head_.outputs(), columns, x.count);
    head_.normalize(columns, extra_, mask, rows, x.count);
  }

 private:
  const Head& head_;
  Index features_;
  Buffer<double> weights_;
  const double* extra_ = nullptr;
};

inline const std::uint8_t* mask_from(const std::uint8_t* mask, Index row, Index outputs) {
  return mask == nullptr ? nullptr : mask + row * outputs;
}

// The distribution of every row, into out (n, distribution_size). mask: (n, outputs) or nullptr.
template <class Head, class T>
void distribution(const Head& head, const Features<T>& features, const double* parameters,
                  const std::uint8_t* mask, int threads, double* out) {
  const Blocks<T> blocks(features);
  const Index size = head.distribution_size();
  BlockDistribution<Head> evaluate(head, features.cols);
  evaluate.set(parameters);
  const Chunks chunks = Chunks::of(blocks.count(), blocks.size(), 0);
  const double operations =
      static_cast<double>(features.rows) * static_cast<double>(size * (features.cols + 64));
  chunks.run(threads, operations, [&](Index chunk) {
    Buffer<double> columns(length(size * blocks.size()));
    const double cost =
        static_cast<double>(blocks.size() * size) * static_cast<double>(features.cols + 16);
    chunks.for_blocks(chunk, cost, [&](Index b) {
      const Index begin = blocks.begin(b);
      evaluate(blocks[b], mask_from(mask, begin, head.outputs()), blocks.rows(b), columns.data());
      transposed::store(columns.data(), blocks.rows(b), size, blocks.size(), out + begin * size);
    });
  });
}

// f(begin, rows, stride, columns of `dist` from `begin` on) for pieces of any distribution array.
template <class Head, class Function>
void by_columns(const Head& head, const double* dist, Index rows, Function&& f) {
  constexpr Index piece = 128;
  const Index size = head.distribution_size();
  Buffer<double> columns(length(size * piece));
  Pace pace(static_cast<double>(16 * size * piece));
  for (Index begin = 0; begin < rows; begin += piece, pace.turn()) {
    const Index count = std::min(piece, rows - begin);
    const Index stride = (count + 7) / 8 * 8;
    head.load(dist + begin * size, count, stride, columns.data());
    f(begin, count, stride, columns.data());
  }
}

// ln pi(a_i|s_i), (n,).
template <class Head>
void log_probs(const Head& head, const double* dist, const typename Head::Scalar* actions,
               Index rows, double* out) {
  double piece[Blocks<double>::most_rows];
  by_columns(head, dist, rows, [&](Index begin, Index count, Index stride, const double* columns) {
    head.log_prob(columns, actions + begin * head.action_size(), count, stride, piece);
    std::copy_n(piece, count, out + begin);
  });
}

// Entropies, (n,).
template <class Head>
void entropies(const Head& head, const double* dist, Index rows, double* out) {
  double piece[Blocks<double>::most_rows];
  by_columns(head, dist, rows, [&](Index begin, Index count, Index stride, const double* columns) {
    head.entropy(columns, stride, piece);
    std::copy_n(piece, count, out + begin);
  });
}

// KL(old | new), (n,).
template <class Head>
void kls(const Head& head, const double* old_dist, const double* new_dist, Index rows,
         double* out) {
  double piece[Blocks<double>::most_rows];
  const Index size = head.distribution_size();
  Buffer<double> other(length(size * Blocks<double>::most_rows));
  by_columns(head, old_dist, rows,
             [&](Index begin, Index count, Index stride, const double* columns) {
               head.load(new_dist + begin * size, count, stride, other.data());
               head.kl(columns, other.data(), stride, piece);
               std::copy_n(piece, count, out + begin);
             });
}

// to = from, narrowed where the features are float.
template <class T>
const T* as_scalar(const double* from, Index count, T* to) {
  if constexpr (std::is_same_v<T, double>) {
    return from;
  } else {
    dispatch([=] {
      for (Index j = 0; j < count; ++j) to[j] = static_cast<T>(from[j]);
    });
    return to;
  }
}

// mean_i of phi_i (x) s_i, and of the head's own part of s_i, (parameters,). scores(block, rows,
// columns, scratch) fills (columns + extra, blocks.size()), zeros beyond the rows wherever phi is
// not zero; scratch: (scratch_columns, blocks.size()).
template <class Head, class T, class Scores>
Vector pull_back(const Head& head, const Blocks<T>& blocks, int threads, Index scratch_columns,
                 Scores&& scores) {
  const Features<T>& features = blocks.features();
  const Index columns = head.columns(), extra = head.extra(), stride = blocks.size();
  const Index padded = row_products::padded(features.cols);
  const Index partial = columns * padded + extra;
  const Chunks chunks = Chunks::of(blocks.count(), stride, partial);
  Buffer<double> sums(length(chunks.count * partial));
  const double operations =
      static_cast<double>(features.rows) * static_cast<double>(columns * (padded + 128));
  chunks.run(threads, operations, [&](Index chunk) {
    double* const sum = sums.data() + chunk * partial;
    std::fill(sum, sum + partial, 0.0);
    Buffer<double> found(length((columns + extra + scratch_columns) * stride));
    Buffer<T> narrow(std::is_same_v<T, double> ? 0 : length(columns * stride));
    double* const scratch = found.data() + (columns + extra) * stride;
    const double cost = static_cast<double>(stride * columns) * static_cast<double>(padded + 16);
    chunks.for_blocks(chunk, cost, [&](Index b) {
      scores(b, blocks.rows(b), found.data(), scratch);
      const T* const w = as_scalar(found.data(), columns * stride, narrow.data());
      row_products::add_outer(blocks[b], 0, w, stride, 1, columns, sum);
      for (Index j = 0; j < extra; ++j) {
        sum[columns * padded + j] += sum_of(found.data() + (columns + j) * stride, blocks.rows(b));
      }
    });
  });
  score_columns::add_up(sums.data(), chunks.count, partial);
  Vector out = Vector::Zero(parameter_count(head, features.cols));
  score_columns::spread(head, sums.data(), padded, features.cols, 1.0, out.data());
  for (Index j = 0; j < extra; ++j)
    out[out.size() - extra + j] = sums[length(columns * padded + j)];
  return out / static_cast<double>(features.rows);
}

// mean_i w_i grad ln pi(a_i|s_i) + ent_coef grad H(pi(.|s_i)).
template <class Head, class T>
Vector score_gradient(const Head& head, const Features<T>& features, const double* dist,
                      const typename Head::Scalar* actions, const double* weights, double ent_coef,
                      int threads) {
  const Blocks<T> blocks(features);
  const Index stride = blocks.size(), size = head.distribution_size();
  const Index score_size = head.columns() + head.extra();
  const Index scratch_columns = size + score_size;
  return pull_back(head, blocks, threads, scratch_columns,
                   [&](Index b, Index rows, double* out, double* loaded) {
                     const Index begin = blocks.begin(b);
                     head.load(dist + begin * size, rows, stride, loaded);
                     head.score(loaded, actions + begin * head.action_size(), rows, stride, out);
                     const double* const w = weights + begin;
                     dispatch([=] {
                       for (Index j = 0; j < score_size; ++j) {
                         for (Index i = 0; i < rows; ++i) out[j * stride + i] *= w[i];
                       }
                     });
                     if (ent_coef == 0.0) return;
                     double scratch[Blocks<T>::most_rows];
                     double* const entropy = loaded + size * stride;
                     head.entropy_score(loaded, stride, scratch, entropy);
                     dispatch([=] {
                       for (Index j = 0; j < score_size; ++j) {
                         for (Index i = 0; i < rows; ++i)
                           out[j * stride + i] += ent_coef * entropy[j * stride + i];
                       }
                     });
                   });
}

// Gradient of the mean entropy.
template <class Head, class T>
Vector entropy_gradient(const Head& head, const Features<T>& features, const double* dist,
                        int threads) {
  const Blocks<T> blocks(features);
  const Index stride = blocks.size(), size = head.distribution_size();
  return pull_back(head, blocks, threads, size,
                   [&](Index b, Index rows, double* out, double* columns) {
                     double scratch[Blocks<T>::most_rows];
                     head.load(dist + blocks.begin(b) * size, rows, stride, columns);
                     head.entropy_score(columns, stride, scratch, out);
                   });
}

}  // namespace fastpg::linear_policy
