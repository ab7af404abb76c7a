// Initial weights of a network.
#pragma once

#include <cstdint>

#include "fastpg/core/types.hpp"

namespace fastpg {

// (rows, columns): gain times a matrix with orthonormal rows or columns, whichever are fewer (Saxe
// et al. 2014). Uniformly distributed: standard normals of (seed, index), orthogonalised by
// modified Gram-Schmidt, twice, so that no bit depends on a linear algebra library.
Matrix orthogonal(Index rows, Index columns, double gain, std::uint64_t seed, std::uint32_t index);

}  // namespace fastpg
