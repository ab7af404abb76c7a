#include "fastpg/values/ridge.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/chunks.hpp"
#include "fastpg/core/column_products.hpp"
#include "fastpg/core/factorization.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/memory.hpp"
#include "fastpg/core/sums.hpp"

namespace fastpg {
namespace {

// Columns of a block stay in a cache.
Index block_size(Index size) { return std::clamp<Index>(8192 / size / 64 * 64, 64, 256); }

// The lower triangle from the upper one, by squares, of which both sides stay in a cache.
void mirror(Comoments& m) {
  constexpr Index side = 32;
  const Index size = m.size();
  for (Index i = 0; i < size; i += side) {
    const Index rows = std::min(side, size - i);
    for (Index j = 0; j < i; j += side) {
      m.comoment.block(i, j, rows, side) = m.comoment.block(j, i, side, rows).transpose();
    }
    for (Index k = i; k < i + rows; ++k) {
      for (Index j = i; j < k; ++j) m.comoment(k, j) = m.comoment(j, k);
    }
  }
}

bool upper_is_finite(const Comoments& m) {
  for (Index i = 0; i < m.size(); ++i) {
    if (!m.comoment.row(i).tail(m.size() - i).allFinite()) return false;
  }
  return true;
}

// Chan, Golub & LeVeque 1983, pairwise update; of the co-moments the upper triangle.
void add_block(Comoments& m, Index count, Index stride, double* columns, double* shift,
               int threads) {
  const Index variables = m.size();
  const Index padded = column_products::padded(count);
  const double old_weight = m.weight;
  const double added = static_cast<double>(count);
  m.weight += added;
  for (Index v = 0; v < variables; ++v) {
    double* const column = columns + v * stride;
    std::fill(column + count, column + padded, 0.0);
    const double center = sum_of(padded, [=](Index k) { return column[k]; }) / added;
    for (Index k = 0; k < count; ++k) column[k] -= center;
    shift[v] = center - m.mean.data()[v];
    m.mean.data()[v] += added / m.weight * shift[v];
  }
  column_products::add_upper(columns, columns, variables, stride, padded, m.comoment.data(),
                             variables, threads);
  const double between = old_weight * added / m.weight;
  for (Index i = 0; i < variables; ++i) {
    double* const row = m.comoment.data() + i * variables;
    for (Index j = i; j < variables; ++j) row[j] += between * shift[i] * shift[j];
  }
}

// Features (the constant left out) and targets of some samples, by columns; not 0 where one is not
// finite.
std::uint64_t fill(const ValueSamples& samples, const double* targets, Index first, Index count,
                   Index stride, double* columns) {
  const Index last = samples.features() - 1;
  std::copy_n(targets + first, count, columns + last * stride);
  return samples.block(first, count, stride, columns);
}

// The samples begin … end - 1 as well; false where a number or moment is not finite.
bool add_range(Comoments& moments, const ValueSamples& samples, const double* targets, Index begin,
               Index end, int threads) {
  const Index size = moments.size(), stride = block_size(size);
  Buffer<double> columns(static_cast<std::size_t>(size * stride));
  Vector shift(size);
  Pace pace(static_cast<double>(stride) * static_cast<double>(size * size));
  const std::uint64_t faults = dispatch([&] {
    std::uint64_t found = 0;
    for (Index first = begin; first < end; first += stride, pace.turn()) {
      const Index count = std::min(stride, end - first);
      found |= fill(samples, targets, first, count, stride, columns.data());
      add_block(moments, count, stride, columns.data(), shift.data(), threads);
    }
    return found;
  });
  if (faults != 0 || !moments.mean.allFinite() || !upper_is_finite(moments)) return false;
  mirror(moments);
  return true;
}

}  // namespace

void Comoments::decay(double factor) {
  weight *= factor;
  comoment *= factor;
  if (weight == 0.0) mean.setZero();
}

bool Comoments::merge(const Comoments& other) {
  if (other.weight > 0.0) {
    const Vector shift = other.mean - mean;
    const double between = weight * other.weight / (weight + other.weight);
    weight += other.weight;
    mean += other.weight / weight * shift;
    comoment += other.comoment + between * shift * shift.transpose();
  }
  return mean.allFinite() && comoment.allFinite();
}

// In parts whose moments are merged: a batch of at most 8,192 samples is one.
bool RidgeRegression::add(const ValueSamples& samples, const double* targets, double memory,
                          int threads) {
  constexpr Index most = 8192;
  const Index size = feature_count();
  const Chunks chunks = Chunks::of((samples.count - 1) / most + 1, most, size * size);
  moments.decay(memory);
  std::atomic<bool> good{true};
  if (chunks.count == 1) {
    good = add_range(moments, samples, targets, 0, samples.count, threads);
  } else {
    std::vector<Comoments> parts(static_cast<std::size_t>(chunks.count), Comoments(size));
    const auto operations = static_cast<double>(samples.count) * static_cast<double>(size * size);
    chunks.run(threads, operations, [&](Index chunk) {
      const Index end = std::min(samples.count, chunks.end(chunk) * most);
      Comoments& part = parts[static_cast<std::size_t>(chunk)];
      if (!add_range(part, samples, targets, chunks.begin(chunk) * most, end, 1)) good = false;
    });
    for (std::size_t k = 0; k < parts.size() && good; ++k) good = moments.merge(parts[k]);
  }
  return good;
}

Vector RidgeRegression::solve(double ridge, int threads) const {
  const Vector& mean = moments.mean;
  const Matrix& comoment = moments.comoment;
  const double weight = moments.weight;
  const Index last = feature_count() - 1;
  Vector scale(last);
  for (Index j = 0; j < last; ++j) {
    const double deviation = std::sqrt(comoment(j, j) / weight);
    const bool constant = deviation <= 1e-12 * (1.0 + std::abs(mean[j]));
    scale[j] = constant ? 0.0 : 1.0 / deviation;
  }
  Eigen::MatrixXd normal =
      scale.asDiagonal() * (comoment.topLeftCorner(last, last) / weight) * scale.asDiagonal();
  normal.diagonal().array() += ridge;
  const Vector rhs = scale.asDiagonal() * (comoment.col(last).head(last) / weight);

  Vector weights(feature_count());
  const InterruptibleLlt factor(std::move(normal), threads);
  require(factor.info() == Eigen::Success, "comoment: expected a positive semi-definite matrix");
  weights.tail(last) = scale.asDiagonal() * factor.solve(rhs);
  require(weights.tail(last).allFinite(), "targets: expected values that can be fitted");
  weights[0] = mean[last] - mean.head(last).dot(weights.tail(last));
  return weights;
}

}  // namespace fastpg
