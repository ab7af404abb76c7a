// How a batch is cut for threads: by its sizes alone, never by their number, so that results are
// the same bits for any number of them.
#pragma once

#include <algorithm>
#include <cstddef>

#include "fastpg/core/interruption.hpp"
#include "fastpg/core/thread_pool.hpp"

namespace fastpg {

// Chunks of whole blocks, each with a partial sum of `partial` doubles of its own.
struct Chunks {
  std::ptrdiff_t blocks;     // in all
  std::ptrdiff_t per_chunk;  // blocks
  std::ptrdiff_t count;

  // At least 1,024 rows a chunk, at most 32 chunks and 64 MiB of partial sums.
  static Chunks of(std::ptrdiff_t blocks, std::ptrdiff_t block_rows, std::ptrdiff_t partial) {
    constexpr std::ptrdiff_t rows = 1024, most = 32, bytes = std::ptrdiff_t{1} << 26;
    const std::ptrdiff_t fitting =
        std::clamp<std::ptrdiff_t>(bytes / 8 / std::max<std::ptrdiff_t>(partial, 1), 1, most);
    const std::ptrdiff_t wanted =
        std::max((rows + block_rows - 1) / block_rows, (blocks - 1) / fitting + 1);
    return {blocks, wanted, (blocks - 1) / wanted + 1};
  }

  std::ptrdiff_t begin(std::ptrdiff_t chunk) const { return chunk * per_chunk; }
  std::ptrdiff_t end(std::ptrdiff_t chunk) const {
    return std::min(blocks, (chunk + 1) * per_chunk);
  }

  // task(block) for the blocks of a chunk, in order. operations: of a block, see Pace.
  template <class Task>
  void for_blocks(std::ptrdiff_t chunk, double operations, Task&& task) const {
    Pace pace(operations);
    for (std::ptrdiff_t block = begin(chunk); block < end(chunk); ++block, pace.turn()) task(block);
  }

  // task(chunk) for each; on one thread where there is too little work, of which 10^5 operations
  // take about a microsecond, to share it out.
  template <class Task>
  void run(int threads, double operations, Task&& task) const {
    constexpr double worth_a_thread = 8e5;
    parallel_for(operations < worth_a_thread ? 1 : threads, count, task);
  }
};

}  // namespace fastpg
