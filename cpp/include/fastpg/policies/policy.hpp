// A policy is a network and the distribution whose parameters its outputs are. Its own parameters
// are one flat vector: the network's, then the distribution's (ln sigma). Distribution arrays are
// (n, distribution.size()). All sums over a batch are means. Everything runs block by block.
#pragma once

#include "fastpg/core/chunks.hpp"
#include "fastpg/core/memory.hpp"
#include "fastpg/distributions/distribution.hpp"
#include "fastpg/networks/network.hpp"

namespace fastpg {

inline std::size_t length(Index count) { return static_cast<std::size_t>(count); }

inline const std::uint8_t* mask_from(const std::uint8_t* mask, Index row, Index outputs) {
  return mask == nullptr ? nullptr : mask + row * outputs;
}

// At the states of a batch.
class BatchPolicy {
 public:
  BatchPolicy(const Distribution& distribution, Network& network)
      : distribution_(distribution), network_(network) {}

  const Distribution& distribution() const { return distribution_; }
  Network& network() const { return network_; }
  Index parameters() const { return network_.parameters() + distribution_.own_parameters(); }

  // parameters: flat, in the caller's memory as long as the policy is used.
  void set(const double* parameters) {
    network_.set_parameters(parameters);
    own_ = parameters + network_.parameters();
  }

  // The distributions of a block, (size, block_size). mask: (n, outputs) or nullptr.
  void operator()(Index block, const std::uint8_t* mask, double* columns) const {
    network_.forward(block, columns);
    normalize(block, mask, columns);
  }
  // The same before one Network::add_back_from() this memory.
  void forward_into(Index block, const std::uint8_t* mask, double* columns, float* memory) const {
    network_.forward_into(block, columns, memory);
    normalize(block, mask, columns);
  }
  // The same where no products with the Jacobian follow.
  void evaluate(Index block, const std::uint8_t* mask, double* columns) const {
    network_.evaluate(block, columns);
    normalize(block, mask, columns);
  }

  // How the batch is cut for threads; partial: numbers of a chunk's sums.
  Chunks chunks(Index partial) const {
    return Chunks::of(network_.block_count(), network_.block_size(), partial);
  }

 private:
  void normalize(Index block, const std::uint8_t* mask, double* columns) const {
    distribution_.normalize(columns, own_,
                            mask_from(mask, network_.begin(block), network_.outputs()),
                            network_.rows(block), network_.block_size());
  }

  const Distribution& distribution_;
  Network& network_;
  const double* own_ = nullptr;
};

// The distribution of every row at the parameters, into out (n, size). products_follow: with the
// Jacobian at these parameters.
void distributions(BatchPolicy& policy, const double* parameters, const std::uint8_t* mask,
                   int threads, double* out, bool products_follow = false);

// The same without products, and the mean KL(old | new) from those of old_dist (n, size).
double moved_distributions(BatchPolicy& policy, const double* parameters, const std::uint8_t* mask,
                           int threads, const double* old_dist, double* out);

// Of distribution arrays alone; each into out (n,): ln pi(a_i|s_i), entropies, KL(old | new).
void log_probs(const Distribution& distribution, const double* dist, const Actions& actions,
               Index rows, double* out);
void entropies(const Distribution& distribution, const double* dist, Index rows, double* out);
void kls(const Distribution& distribution, const double* old_dist, const double* new_dist,
         Index rows, double* out);

// mean_i w_i grad ln pi(a_i|s_i) + ent_coef grad H(pi(.|s_i)), (parameters,).
Vector score_gradient(const BatchPolicy& policy, const double* dist, const Actions& actions,
                      const double* weights, double ent_coef, int threads);

// Gradient of the mean entropy, (parameters,).
Vector entropy_gradient(const BatchPolicy& policy, const double* dist, int threads);

// Adds parts 1 … count - 1, each of `size` numbers, to the first, in order.
void add_up(double* parts, Index count, Index size);

// f(begin, rows, stride, columns of `dist` from `begin` on) for pieces of any distribution array.
template <class Function>
void by_columns(const Distribution& distribution, const double* dist, Index rows, Function&& f) {
  constexpr Index piece = Distribution::most_samples;
  const Index size = distribution.size();
  Buffer<double> columns(length(size * piece));
  Pace pace(static_cast<double>(16 * size * piece));
  for (Index begin = 0; begin < rows; begin += piece, pace.turn()) {
    const Index count = std::min(piece, rows - begin);
    const Index stride = (count + 7) / 8 * 8;
    distribution.load(dist + begin * size, count, stride, columns.data());
    f(begin, count, stride, columns.data());
  }
}

}  // namespace fastpg
