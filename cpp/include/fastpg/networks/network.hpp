// A network at the inputs of a batch, as the kernels of a policy take it: outputs, and products
// with the Jacobian of the free logits (see FreeLogits), block by block. One virtual call serves a
// block of samples by columns, entry (a, i) at [a * block_size() + i].
//
// Products with the Fisher matrix of a policy are J^T B J: along(), the distribution's B,
// add_back().
#pragma once

#include <algorithm>
#include <memory>

#include "fastpg/core/types.hpp"

namespace fastpg {

class Network {
 public:
  virtual ~Network() = default;

  virtual Index outputs() const = 0;
  virtual Index parameters() const = 0;
  virtual Index samples() const = 0;
  virtual Index block_count() const = 0;
  virtual Index block_size() const = 0;  // a multiple of 8, at most 128
  Index begin(Index block) const { return block * block_size(); }
  Index rows(Index block) const { return std::min(block_size(), samples() - begin(block)); }

  // The same network at some of the samples, at most `most` at a time: those that choose() takes.
  virtual std::unique_ptr<Network> subset(Index most) const = 0;
  virtual void choose(const Index* samples, Index count) = 0;

  // theta: (parameters,), in the caller's memory. Not while others use the network.
  virtual void set_parameters(const double* theta) = 0;
  // (outputs, block_size), numbers that mean nothing beyond the rows.
  virtual void forward(Index block, double* columns) const = 0;
  // The same where no products with the Jacobian follow: nothing is kept for them.
  virtual void evaluate(Index block, double* columns) const { forward(block, columns); }
  // Whether all outputs are finite for certain, which is found out without computing them.
  virtual bool surely_finite() const { return false; }

  // v: (parameters,). Not while others use the network.
  virtual void set_direction(const double* v) = 0;
  // u = J v, (logits, block_size); zeros beyond the rows.
  virtual void along(Index block, double* u) const = 0;

  // forward() of a block whose only product is one add_back(), by the same thread: what that needs
  // is left in memory of the caller, of so many floats, which is in cache if all blocks share it.
  virtual Index memory_size() const { return 0; }
  virtual void forward_into(Index block, double* columns, float*) const { forward(block, columns); }
  virtual void add_back_from(const float*, Index block, const double* w, double* sums) const {
    add_back(block, w, sums);
  }

  // Sums of J^T w over samples are kept in sums of this size; store() makes of them
  // out (parameters,) = factor J^T w. w: (logits, block_size), zeros beyond the rows.
  virtual Index sum_size() const = 0;
  virtual void add_back(Index block, const double* w, double* sums) const = 0;
  virtual void store(const double* sums, double factor, double* out) const = 0;

  // Of each sample the squared norm of an output's derivative by the parameters, where it is the
  // same for all outputs and derivatives of distinct ones are orthogonal; else false.
  virtual bool squared_norms(Index block, double* out) const = 0;
  // |J^T w|^2 of each sample. w: (logits, block_size).
  virtual void gradient_norms(Index block, const double* w, double* out) const = 0;

  // Sums of a pair of logits (a, b), b <= a, over samples, of factor_i (d logit_a)(d logit_b)^T, in
  // sums of gram_size(); store_gram() adds factor times them to out (parameters, parameters), for
  // both orders of the pair. Scratch: gram_scratch() numbers.
  // one_gram: sums of all pairs may be one, those of a pair (a, a) at half their factor.
  virtual bool one_gram() const { return false; }
  virtual Index gram_size() const = 0;
  virtual Index gram_scratch() const = 0;
  virtual void add_gram(Index block, Index a, Index b, const double* factors, double* scratch,
                        double* sums) const = 0;
  virtual void store_gram(Index a, Index b, const double* sums, double factor,
                          Matrix& out) const = 0;

  // Multiplications of a sample, roughly: of a column of forward(), along() or add_back(), and of
  // one add_gram().
  virtual double column_cost() const = 0;
  virtual double gram_cost() const = 0;
};

}  // namespace fastpg
