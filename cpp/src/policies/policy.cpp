#include "fastpg/policies/policy.hpp"

#include <algorithm>

#include "fastpg/core/isa.hpp"
#include "fastpg/core/sums.hpp"
#include "fastpg/distributions/transposed.hpp"

namespace fastpg {
namespace {

constexpr Index most = Distribution::most_samples;

// mean_i of J_i^T s_i, and of the distribution's own part of s_i, (parameters,). scores(block, out,
// scratch) fills (score_size, block_size), zeros beyond the rows; scratch: (scratch_columns,
// block_size).
template <class Scores>
Vector pull_back(const BatchPolicy& policy, int threads, Index scratch_columns, Scores&& scores) {
  const Network& network = policy.network();
  const Index columns = policy.distribution().logits().count();
  const Index own = policy.distribution().own_parameters();
  const Index stride = network.block_size(), size = network.sum_size(), partial = size + own;
  const Chunks chunks = policy.chunks(partial);
  Buffer<double> sums(length(chunks.count * partial));
  const double column = network.column_cost();
  const double operations =
      static_cast<double>(network.samples()) * (static_cast<double>(columns) * (column + 128.0));
  chunks.run(threads, operations, [&](Index chunk) {
    double* const sum = sums.data() + chunk * partial;
    std::fill(sum, sum + partial, 0.0);
    Buffer<double> found(length((columns + own + scratch_columns) * stride));
    double* const scratch = found.data() + (columns + own) * stride;
    const double cost = static_cast<double>(stride * columns) * (column + 16.0);
    chunks.for_blocks(chunk, cost, [&](Index b) {
      scores(b, found.data(), scratch);
      network.add_back(b, found.data(), sum);
      for (Index j = 0; j < own; ++j) {
        sum[size + j] += sum_of(found.data() + (columns + j) * stride, network.rows(b));
      }
    });
  });
  add_up(sums.data(), chunks.count, partial);
  Vector out(policy.parameters());
  network.store(sums.data(), 1.0, out.data());
  for (Index j = 0; j < own; ++j) out[network.parameters() + j] = sums[length(size + j)];
  return out / static_cast<double>(network.samples());
}

// f(chunk, block, columns) for all blocks; columns: memory of (2 size, block_size) numbers.
template <class Function>
void for_blocks(const BatchPolicy& policy, int threads, Function&& f) {
  const Network& network = policy.network();
  const Index size = policy.distribution().size(), stride = network.block_size();
  const Chunks chunks = policy.chunks(0);
  const double column = network.column_cost();
  const double operations = static_cast<double>(network.samples() * size) * (column + 64.0);
  chunks.run(threads, operations, [&](Index chunk) {
    Buffer<double> columns(length(2 * size * stride));
    const double cost = static_cast<double>(stride * size) * (column + 16.0);
    chunks.for_blocks(chunk, cost, [&](Index b) { f(chunk, b, columns.data()); });
  });
}

}  // namespace

void add_up(double* parts, Index count, Index size) {
  for (Index part = 1; part < count; ++part) {
    for (Index j = 0; j < size; ++j) parts[j] += parts[part * size + j];
  }
}

void distributions(BatchPolicy& policy, const double* parameters, const std::uint8_t* mask,
                   int threads, double* out, bool products_follow) {
  const Network& network = policy.network();
  const Index size = policy.distribution().size(), stride = network.block_size();
  policy.set(parameters);
  for_blocks(policy, threads, [&](Index, Index b, double* columns) {
    if (products_follow) {
      policy(b, mask, columns);
    } else {
      policy.evaluate(b, mask, columns);
    }
    transposed::store(columns, network.rows(b), size, stride, out + network.begin(b) * size);
  });
}

double moved_distributions(BatchPolicy& policy, const double* parameters, const std::uint8_t* mask,
                           int threads, const double* old_dist, double* out) {
  const Network& network = policy.network();
  const Distribution& distribution = policy.distribution();
  const Index size = distribution.size(), stride = network.block_size();
  policy.set(parameters);
  Buffer<double> sums(length(policy.chunks(0).count));
  std::fill(sums.begin(), sums.end(), 0.0);
  for_blocks(policy, threads, [&](Index chunk, Index b, double* columns) {
    const Index begin = network.begin(b), rows = network.rows(b);
    double kl[most];
    double* const old = columns + size * stride;
    policy.evaluate(b, mask, columns);
    transposed::store(columns, rows, size, stride, out + begin * size);
    distribution.load(old_dist + begin * size, rows, stride, old);
    distribution.kl(old, columns, stride, kl);
    sums[length(chunk)] += sum_of(kl, rows);
  });
  add_up(sums.data(), static_cast<Index>(sums.size()), 1);
  return sums.front() / static_cast<double>(network.samples());
}

void log_probs(const Distribution& distribution, const double* dist, const Actions& actions,
               Index rows, double* out) {
  double piece[most];
  by_columns(distribution, dist, rows,
             [&](Index begin, Index count, Index stride, const double* d) {
               distribution.log_prob(d, actions.from(begin), count, stride, piece);
               std::copy_n(piece, count, out + begin);
             });
}

void entropies(const Distribution& distribution, const double* dist, Index rows, double* out) {
  double piece[most];
  by_columns(distribution, dist, rows,
             [&](Index begin, Index count, Index stride, const double* d) {
               distribution.entropy(d, stride, piece);
               std::copy_n(piece, count, out + begin);
             });
}

void kls(const Distribution& distribution, const double* old_dist, const double* new_dist,
         Index rows, double* out) {
  double piece[most];
  const Index size = distribution.size();
  Buffer<double> other(length(size * most));
  by_columns(distribution, old_dist, rows,
             [&](Index begin, Index count, Index stride, const double* old_columns) {
               distribution.load(new_dist + begin * size, count, stride, other.data());
               distribution.kl(old_columns, other.data(), stride, piece);
               std::copy_n(piece, count, out + begin);
             });
}

Vector score_gradient(const BatchPolicy& policy, const double* dist, const Actions& actions,
                      const double* weights, double ent_coef, int threads) {
  const Distribution& distribution = policy.distribution();
  const Network& network = policy.network();
  const Index stride = network.block_size(), size = distribution.size();
  const Index score_size = distribution.score_size();
  const auto scores = [&](Index b, double* out, double* loaded) {
    const Index begin = network.begin(b), rows = network.rows(b);
    distribution.load(dist + begin * size, rows, stride, loaded);
    distribution.score(loaded, actions.from(begin), rows, stride, out);
    const double* const w = weights + begin;
    dispatch([=] {
      for (Index j = 0; j < score_size; ++j) {
        for (Index i = 0; i < rows; ++i) out[j * stride + i] *= w[i];
      }
    });
    if (ent_coef == 0.0) return;
    double scratch[most];
    double* const entropy = loaded + size * stride;
    distribution.entropy_score(loaded, stride, scratch, entropy);
    dispatch([=] {
      for (Index j = 0; j < score_size; ++j) {
        for (Index i = 0; i < rows; ++i) {
          out[j * stride + i] += ent_coef * entropy[j * stride + i];
        }
      }
    });
  };
  return pull_back(policy, threads, size + score_size, scores);
}

Vector entropy_gradient(const BatchPolicy& policy, const double* dist, int threads) {
  const Distribution& distribution = policy.distribution();
  const Network& network = policy.network();
  const Index stride = network.block_size(), size = distribution.size();
  const auto scores = [&](Index b, double* out, double* columns) {
    double scratch[most];
    distribution.load(dist + network.begin(b) * size, network.rows(b), stride, columns);
    distribution.entropy_score(columns, stride, scratch, out);
  };
  return pull_back(policy, threads, size, scores);
}

}  // namespace fastpg
