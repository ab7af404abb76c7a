#include "fastpg/solvers/value_minibatch.hpp"

#include <algorithm>
#include <cmath>

#include "fastpg/core/layout.hpp"
#include "fastpg/policies/policy.hpp"

namespace fastpg {

const FreeLogits& value_logit() {
  static const FreeLogits logit = [] {
    FreeLogits made(1);
    made.add(0, -1);
    return made;
  }();
  return logit;
}

void network_values(Network& network, const double* parameters, int threads, double* out) {
  network.set_parameters(parameters);
  const Index size = network.block_size();
  const Chunks chunks = Chunks::of(network.block_count(), size, 0);
  const double a_block = static_cast<double>(size) * (network.column_cost() + 64.0);
  chunks.run(threads, a_block * static_cast<double>(network.block_count()), [&](Index chunk) {
    Buffer<double> column(length(size));
    chunks.for_blocks(chunk, a_block, [&](Index b) {
      network.evaluate(b, column.data());
      std::copy_n(column.data(), network.rows(b), out + network.begin(b));
    });
  });
}

ValueMinibatch::ValueMinibatch(const Network& network, const double* targets,
                               const double* old_values, double clip_range, Index batch_size,
                               int threads)
    : all_targets_(targets),
      all_old_(old_values),
      clip_range_(clip_range),
      threads_(threads),
      network_(network.subset(batch_size)),
      targets_(batch_size),
      old_(old_values == nullptr ? 0 : batch_size),
      gradient_(network.parameters()) {}

void ValueMinibatch::gather(const Index* order, Index size) {
  network_->choose(order, size);
  gather_rows(all_targets_, order, size, 1, targets_.data(), 1);
  if (all_old_ != nullptr) gather_rows(all_old_, order, size, 1, old_.data(), 1);
}

double ValueMinibatch::differentiate(const Index* order, Index size, const Vector& parameters,
                                     double factor) {
  gather(order, size);
  network_->set_parameters(parameters.data());
  const Index partial = network_->sum_size(), stride = network_->block_size();
  const Chunks chunks = Chunks::of(network_->block_count(), stride, partial);
  sums_.assign(length(chunks.count * partial), 0.0);
  losses_.assign(length(chunks.count), 0.0);
  const double a_block = static_cast<double>(stride) * a_sample();
  chunks.run(threads_, a_block * static_cast<double>(chunks.blocks), [&](Index chunk) {
    Buffer<double> column(length(stride));
    Buffer<float> memory(length(network_->memory_size()));
    chunks.for_blocks(chunk, a_block, [&](Index b) {
      network_->forward_into(b, column.data(), memory.data());
      losses_[length(chunk)] += weigh(b, column.data());
      network_->add_back_from(memory.data(), b, column.data(), sums_.data() + chunk * partial);
    });
  });
  add_up(sums_.data(), chunks.count, partial);
  add_up(losses_.data(), chunks.count, 1);
  network_->store(sums_.data(), factor / static_cast<double>(size), gradient_.data());
  return losses_.front();
}

// Values become minus the derivatives of the squared errors by them, zeros beyond the rows; the sum
// of the squared errors. One that is not finite stays so.
double ValueMinibatch::weigh(Index block, double* values) const {
  const Index begin = network_->begin(block), rows = network_->rows(block);
  double loss = 0.0;
  for (Index i = 0; i < rows; ++i) {
    double error = values[i] - targets_[begin + i];
    bool clipped = false;
    if (all_old_ != nullptr) {
      const double old = old_[begin + i], moved = values[i] - old;
      clipped = std::abs(moved) > clip_range_;
      error = old + std::clamp(moved, -clip_range_, clip_range_) - targets_[begin + i];
    }
    loss += error * error;
    values[i] = clipped ? 0.0 : -2.0 * error;
  }
  std::fill(values + rows, values + network_->block_size(), 0.0);
  return loss;
}

}  // namespace fastpg
