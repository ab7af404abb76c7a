#include "fastpg/networks/initialization.hpp"

#include <algorithm>
#include <cmath>

#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/normal.hpp"
#include "fastpg/core/philox.hpp"
#include "fastpg/core/sums.hpp"

namespace fastpg {
namespace {

void fill_normals(const LaneStream& stream, std::uint32_t index, Matrix& out) {
  double* const values = out.data();
  Pace pace(16.0);
  for (Index i = 0; i < out.size(); i += 4, pace.turn()) {
    const Philox4x32::Counter block = stream.block(index, static_cast<std::uint64_t>(i));
    const Index count = std::min<Index>(4, out.size() - i);
    for (Index j = 0; j < count; ++j) {
      values[i + j] = normal_quantile(to_uniform(block[static_cast<std::size_t>(j)]));
    }
  }
}

double dot(const double* a, const double* b, Index size) {
  return sum_of(size, [=](std::ptrdiff_t k) { return a[k] * b[k]; });
}

// The row less its parts along `count` orthonormal rows. Run it in dispatch().
void subtract_parts(const double* rows, Index count, Index size, double* row) {
  for (Index j = 0; j < count; ++j) {
    const double* const other = rows + j * size;
    const double part = dot(other, row, size);
    for (Index k = 0; k < size; ++k) row[k] -= part * other[k];
  }
}

void orthonormalize(Matrix& rows) {
  const Index size = rows.cols();
  for (Index i = 0; i < rows.rows(); ++i) {
    const double* const before = rows.data();
    double* const row = rows.row(i).data();
    dispatch([=] {
      for (int pass = 0; pass < 2; ++pass) subtract_parts(before, i, size, row);
      const double norm = std::sqrt(dot(row, row, size));
      for (Index k = 0; k < size; ++k) row[k] /= norm;
    });
    checkpoint_after(4.0 * static_cast<double>(i) * static_cast<double>(size));
  }
}

}  // namespace

Matrix orthogonal(Index rows, Index columns, double gain, std::uint64_t seed, std::uint32_t index) {
  Matrix fewer(std::min(rows, columns), std::max(rows, columns));
  fill_normals(LaneStream(seed, RandomStream::initialization), index, fewer);
  orthonormalize(fewer);
  fewer *= gain;
  if (rows <= columns) return fewer;
  return fewer.transpose();
}

}  // namespace fastpg
