// Means and co-moments (deviations from the mean, summed) of samples that arrive in batches, old
// ones fading: without the cancellation of raw sums of squares.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "fastpg/core/chunks.hpp"
#include "fastpg/core/column_products.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/memory.hpp"
#include "fastpg/core/sums.hpp"
#include "fastpg/core/types.hpp"

namespace fastpg {

class Comoments {
 public:
  explicit Comoments(Index size) : mean(Vector::Zero(size)), comoment(Matrix::Zero(size, size)) {}

  Vector mean;
  Matrix comoment;
  double weight = 0.0;  // samples seen, old ones faded

  Index size() const { return mean.size(); }

  // fill(first, samples, stride, columns) -> faults writes variable v of the samples to
  // columns[v * stride …], on any thread. `memory` in [0, 1] multiplies the weight of everything
  // seen before. False, and nothing is changed, where there are faults or a moment is not finite.
  template <class Fill>
  bool add(Index samples, double memory, int threads, const Fill& fill) {
    constexpr Index most = 8192;
    const Chunks chunks = Chunks::of((samples - 1) / most + 1, most, size() * size());
    if (chunks.count == 1) return add_range(0, samples, memory, fill);
    std::vector<Comoments> parts(static_cast<std::size_t>(chunks.count), Comoments(size()));
    std::atomic<bool> good{true};
    const auto operations = static_cast<double>(samples) * static_cast<double>(size() * size());
    chunks.run(threads, operations, [&](Index chunk) {
      const Index end = std::min(samples, chunks.end(chunk) * most);
      Comoments& part = parts[static_cast<std::size_t>(chunk)];
      if (!part.add_range(chunks.begin(chunk) * most, end, 1.0, fill)) good = false;
    });
    Comoments moved(*this);
    moved.fade(memory);
    for (std::size_t k = 0; k < parts.size() && good; ++k) good = moved.merge(parts[k], 1.0);
    if (good) *this = std::move(moved);
    return good;
  }

  // The samples of `other` as well.
  bool merge(const Comoments& other, double memory) {
    Comoments moved(*this);
    moved.fade(memory);
    if (other.weight > 0.0) {
      const Vector shift = other.mean - moved.mean;
      const double between = moved.weight * other.weight / (moved.weight + other.weight);
      moved.weight += other.weight;
      moved.mean += other.weight / moved.weight * shift;
      moved.comoment += other.comoment + between * shift * shift.transpose();
    }
    if (!moved.mean.allFinite() || !moved.comoment.allFinite()) return false;
    *this = std::move(moved);
    return true;
  }

 private:
  // The samples begin … end - 1.
  template <class Fill>
  bool add_range(Index begin, Index end, double memory, const Fill& fill) {
    Comoments moved(*this);
    moved.fade(memory);
    const Index stride = block_size(size());
    Buffer<double> columns(static_cast<std::size_t>(size() * stride));
    Vector shift(size());
    Pace pace(static_cast<double>(stride) * static_cast<double>(size() * size()));
    const std::uint64_t faults = dispatch([&] {
      std::uint64_t found = 0;
      for (Index first = begin; first < end; first += stride, pace.turn()) {
        const Index count = std::min(stride, end - first);
        found |= fill(first, count, stride, columns.data());
        moved.merge(count, stride, columns.data(), shift.data());
      }
      return found;
    });
    if (faults != 0 || !moved.mean.allFinite() || !moved.upper_is_finite()) return false;
    moved.mirror();
    *this = std::move(moved);
    return true;
  }

  // Columns of a block stay in a cache.
  static Index block_size(Index size) { return std::clamp<Index>(8192 / size / 64 * 64, 64, 256); }

  void fade(double memory) {
    weight *= memory;
    comoment *= memory;
    if (weight == 0.0) mean.setZero();
  }

  // Chan, Golub & LeVeque 1983, pairwise update; of the co-moments the upper triangle.
  void merge(Index count, Index stride, double* columns, double* shift) {
    const Index variables = size();
    const Index padded = column_products::padded(count);
    const double old_weight = weight;
    const double added = static_cast<double>(count);
    weight += added;
    for (Index v = 0; v < variables; ++v) {
      double* const column = columns + v * stride;
      std::fill(column + count, column + padded, 0.0);
      const double center = sum_of(padded, [=](Index k) { return column[k]; }) / added;
      for (Index k = 0; k < count; ++k) column[k] -= center;
      shift[v] = center - mean.data()[v];
      mean.data()[v] += added / weight * shift[v];
    }
    column_products::add_upper(columns, columns, variables, stride, padded, comoment.data());
    const double between = old_weight * added / weight;
    for (Index i = 0; i < variables; ++i) {
      double* const row = comoment.data() + i * variables;
      for (Index j = i; j < variables; ++j) row[j] += between * shift[i] * shift[j];
    }
  }

  void mirror() {
    for (Index i = 1; i < size(); ++i) {
      for (Index j = 0; j < i; ++j) comoment(i, j) = comoment(j, i);
    }
  }

  bool upper_is_finite() const {
    for (Index i = 0; i < size(); ++i) {
      if (!comoment.row(i).tail(size() - i).allFinite()) return false;
    }
    return true;
  }
};

}  // namespace fastpg
