// A network without inputs and parameters: what policies and value functions keep of it.
#pragma once

#include <memory>
#include <optional>

#include "fastpg/distributions/free_logits.hpp"
#include "fastpg/networks/blocks.hpp"
#include "fastpg/networks/forward_pass.hpp"
#include "fastpg/networks/network.hpp"

namespace fastpg {

class Architecture {
 public:
  virtual ~Architecture() = default;

  virtual Index inputs() const = 0;
  virtual Index outputs() const = 0;
  virtual Index parameters() const = 0;

  // Whether its derivatives by the parameters are the same at all of them.
  virtual bool linear() const = 0;

  // At the inputs of a batch. Both stay the caller's.
  virtual std::unique_ptr<Network> at(const FreeLogits& logits, const Features& inputs) const = 0;

  // Takes a copy of theta.
  virtual std::unique_ptr<ForwardPass> forward_pass(const double* theta) const = 0;
};

// The rows of a batch as a linear network takes them where most of their numbers are 0.
inline std::optional<SparseRows> sparse_rows(const Architecture& architecture, const double* data,
                                             Index rows, Index columns) {
  if (!architecture.linear()) return std::nullopt;
  return SparseRows::of(data, rows, columns);
}

}  // namespace fastpg
