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

// Of few columns, a block stays in a cache. Of very many the co-moments do not: they are read and
// written for each block, and blocks are long.
Index block_size(Index size) {
  constexpr Index very_many = 1024;
  if (size >= very_many) return 512;
  return std::clamp<Index>(8192 / size / 64 * 64, 64, 256);
}

// Up to so many variables, looking for those that do not vary costs more than it saves: in
// products, where the bits are the same, and in factorisations, where they are not.
constexpr Index most_narrow = 127;
constexpr Index most_factorised = 260;  // all features of up to 21 numbers, or 33 to 128

// Memory of a block beside its columns, of wide ones alone.
struct BlockScratch {
  Buffer<double> products;
  std::vector<Index> varying;  // columns
  bool shifts_wait;            // see add_shift
  Buffer<double> shifts;       // (variables, most_waiting)
  Index waiting = 0;
};

bool all_zero(const double* column, Index padded) {
  std::uint64_t any = 0;
  for (Index k = 0; k < padded; ++k) any |= column[k] != 0.0 ? 1u : 0u;  // NaN too
  return any == 0;
}

// Moves the columns that are not all 0 to the front, in order; which they were is in `varying`. Run
// it in dispatch().
void keep_varying(Index variables, Index stride, Index padded, double* columns,
                  std::vector<Index>& varying) {
  varying.clear();
  for (Index v = 0; v < variables; ++v) {
    const double* const column = columns + v * stride;
    if (all_zero(column, padded)) continue;
    std::copy_n(column, padded, columns + static_cast<Index>(varying.size()) * stride);
    varying.push_back(v);
  }
}

// The upper triangle of the products of centred columns, added to that of the co-moments. Columns
// of zeros would add zeros: without them the numbers are the same.
void add_products(Comoments& m, Index stride, Index padded, double* columns, BlockScratch& scratch,
                  int threads) {
  const Index variables = m.size();
  const auto add = [=](Index size, double* out, Index out_stride) {
    column_products::add_upper(columns, columns, size, stride, padded, out, out_stride, threads);
  };
  if (variables <= most_narrow) return add(variables, m.comoment.data(), variables);
  dispatch([&] { keep_varying(variables, stride, padded, columns, scratch.varying); });
  const std::vector<Index>& kept = scratch.varying;
  const auto size = static_cast<Index>(kept.size());
  if (size == variables) return add(variables, m.comoment.data(), variables);
  scratch.products.assign(static_cast<std::size_t>(size * size), 0.0);
  add(size, scratch.products.data(), size);
  const double* product = scratch.products.data();
  for (Index i = 0; i < size; ++i, product += size) {
    double* const row = m.comoment.data() + kept[static_cast<std::size_t>(i)] * variables;
    for (Index j = i; j < size; ++j) row[kept[static_cast<std::size_t>(j)]] += product[j];
  }
}

// Takes the mean from a column and returns it. often_zero: looks for columns of zeros first.
double centered(double* column, Index count, Index padded, bool often_zero) {
  if (often_zero && all_zero(column, padded)) return 0.0;
  const double sum = sum_of(padded, [=](Index k) { return column[k]; });
  const double center = sum / static_cast<double>(count);
  for (Index k = 0; k < count; ++k) column[k] -= center;
  return center;
}

constexpr Index most_waiting = 32;

void add_waiting(Comoments& m, BlockScratch& scratch, int threads) {
  if (scratch.waiting == 0) return;
  const double* const shifts = scratch.shifts.data();
  column_products::add_upper(shifts, shifts, m.size(), most_waiting,
                             column_products::padded(scratch.waiting), m.comoment.data(), m.size(),
                             threads);
  std::fill(scratch.shifts.begin(), scratch.shifts.end(), 0.0);
  scratch.waiting = 0;
}

// The upper triangle of scale x x^T, added to `out`.
void add_outer(double scale, const double* x, Index size, double* out) {
  for (Index i = 0; i < size; ++i) {
    double* const row = out + i * size;
    for (Index j = i; j < size; ++j) row[j] += scale * x[i] * x[j];
  }
}

// Adds between shift shift^T. Of long observations the co-moments are read and written once for
// several blocks: the roots wait, as if they were samples.
void add_shift(Comoments& m, double between, const double* shift, BlockScratch& scratch,
               int threads) {
  const Index variables = m.size();
  if (scratch.shifts_wait) {
    scratch.shifts.resize(static_cast<std::size_t>(variables * most_waiting), 0.0);
    const double root = std::sqrt(between);
    double* const to = scratch.shifts.data() + scratch.waiting;
    for (Index v = 0; v < variables; ++v) to[v * most_waiting] = root * shift[v];
    if (++scratch.waiting == most_waiting) add_waiting(m, scratch, threads);
    return;
  }
  dispatch([&] { add_outer(between, shift, variables, m.comoment.data()); });
}

// Centres the columns and fills them up with zeros; the means move by `part` of their distance from
// the centres, which is in `shift`.
void center(Index count, Index stride, Index variables, double part, double* columns, double* mean,
            double* shift) {
  const Index padded = column_products::padded(count);
  for (Index v = 0; v < variables; ++v) {
    double* const column = columns + v * stride;
    std::fill(column + count, column + padded, 0.0);
    shift[v] = centered(column, count, padded, variables > most_narrow) - mean[v];
    mean[v] += part * shift[v];
  }
}

// Chan, Golub & LeVeque 1983, pairwise update; of the co-moments the upper triangle.
void add_block(Comoments& m, Index count, Index stride, double* columns, double* shift,
               BlockScratch& scratch, int threads) {
  const Index variables = m.size();
  const double old_weight = m.weight;
  const double added = static_cast<double>(count);
  m.weight += added;
  dispatch(
      [&] { center(count, stride, variables, added / m.weight, columns, m.mean.data(), shift); });
  add_products(m, stride, column_products::padded(count), columns, scratch, threads);
  add_shift(m, old_weight * added / m.weight, shift, scratch, threads);
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
  BlockScratch scratch;
  scratch.shifts_wait = samples.observation_size > ValueFeatures::most_squared;
  Pace pace(static_cast<double>(stride) * static_cast<double>(size * size));
  std::uint64_t faults = 0;
  for (Index first = begin; first < end; first += stride, pace.turn()) {
    const Index count = std::min(stride, end - first);
    faults |= fill(samples, targets, first, count, stride, columns.data());
    add_block(moments, count, stride, columns.data(), shift.data(), scratch, threads);
  }
  add_waiting(moments, scratch, threads);
  return faults == 0 && moments.finite();
}

// 1 / standard deviation of every feature; 0 where it does not vary.
Vector scales(const Comoments& m) {
  Vector scale(m.size() - 1);
  for (Index j = 0; j < scale.size(); ++j) {
    const double deviation = std::sqrt(m.comoment(j, j) / m.weight);
    const bool constant = deviation <= 1e-12 * std::abs(m.mean[j]) || deviation < 1e-150;
    scale[j] = constant ? 0.0 : 1.0 / deviation;
  }
  return scale;
}

// The features of the normal equations: where there are many, only those that vary.
std::vector<Index> varying(const Vector& scale) {
  std::vector<Index> kept;
  kept.reserve(static_cast<std::size_t>(scale.size()));
  for (Index j = 0; j < scale.size(); ++j) {
    if (scale.size() <= most_factorised || scale[j] != 0.0) kept.push_back(j);
  }
  return kept;
}

}  // namespace

Comoments Comoments::decayed(double factor) const {
  Comoments out(mean, Matrix(size(), size()));
  out.weight = weight * factor;
  if (factor == 0.0) {
    out.comoment.setZero();
  } else {
    out.comoment = factor * comoment;
  }
  if (out.weight == 0.0) out.mean.setZero();
  return out;
}

bool Comoments::merge(const Comoments& other) {
  if (other.weight > 0.0) {
    const Vector shift = other.mean - mean;
    const double between = weight * other.weight / (weight + other.weight);
    weight += other.weight;
    mean += other.weight / weight * shift;
    comoment += other.comoment + between * shift * shift.transpose();
  }
  return finite();
}

// |c_ij| is at most sqrt(c_ii c_jj), and so is every sum on the way.
bool Comoments::finite() const { return mean.allFinite() && comoment.diagonal().allFinite(); }

// By squares, of which both sides stay in a cache.
void Comoments::mirrored(double* out) const {
  constexpr Index side = 32;
  const Index n = size();
  Eigen::Map<Matrix> whole(out, n, n);
  whole = comoment;
  for (Index i = 0; i < n; i += side) {
    const Index rows = std::min(side, n - i);
    for (Index j = 0; j < i; j += side) {
      whole.block(i, j, rows, side) = comoment.block(j, i, side, rows).transpose();
    }
    for (Index k = i; k < i + rows; ++k) {
      for (Index j = i; j < k; ++j) whole(k, j) = comoment(j, k);
    }
  }
}

// In parts whose moments are merged: a batch of at most 8,192 samples is one.
bool RidgeRegression::add(const ValueSamples& samples, const double* targets, int threads) {
  constexpr Index most = 8192;
  const Index size = feature_count();
  const Chunks chunks = Chunks::of((samples.count - 1) / most + 1, most, size * size);
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
  const Index last = feature_count() - 1;
  const Vector scale = scales(moments);
  const std::vector<Index> kept = varying(scale);
  const auto size = static_cast<Index>(kept.size());
  Eigen::MatrixXd normal = Eigen::MatrixXd::Zero(size, size);
  Vector rhs(size);
  for (Index a = 0; a < size; ++a) {
    const Index i = kept[static_cast<std::size_t>(a)];
    for (Index b = a; b < size; ++b) {  // the lower triangle, by columns
      const Index j = kept[static_cast<std::size_t>(b)];
      normal(b, a) = scale[j] * (moments.comoment(i, j) / moments.weight) * scale[i];
    }
    normal(a, a) += ridge;
    rhs[a] = scale[i] * (moments.comoment(i, last) / moments.weight);
  }
  const InterruptibleLlt factor(std::move(normal), threads);
  require(factor.info() == Eigen::Success, "comoment: expected a positive semi-definite matrix");
  const Vector solution = factor.solve(rhs);
  Vector weights = Vector::Zero(feature_count());
  for (Index a = 0; a < size; ++a) {
    const Index i = kept[static_cast<std::size_t>(a)];
    weights[i + 1] = scale[i] * solution[a];
  }
  require(weights.tail(last).allFinite(), "targets: expected values that can be fitted");
  weights[0] = moments.mean[last] - moments.mean.head(last).dot(weights.tail(last));
  return weights;
}

}  // namespace fastpg
