#include <vector>

#include "check.hpp"
#include "fastpg/core/memory.hpp"

using namespace fastpg;

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

void free_blocks(std::size_t count, std::size_t bytes) {
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < count; ++i) blocks.push_back(RecycledMemory::allocate(bytes));
  for (void* const block : blocks) RecycledMemory::deallocate(block, bytes);
}

void check_recycled(std::size_t bytes) {
  void* const first = RecycledMemory::allocate(bytes);
  RecycledMemory::deallocate(first, bytes);
  void* const second = RecycledMemory::allocate(bytes);
  CHECK(first == second);
  RecycledMemory::deallocate(second, bytes);
}

}  // namespace

CASE(a_freed_block_is_used_again) {
  check_recycled(mebibyte);
  check_recycled(3 * mebibyte);
}

CASE(old_blocks_make_room_for_new_ones) {
  free_blocks(100, mebibyte);  // more than the list holds
  check_recycled(2 * mebibyte);
  free_blocks(5, 60 * mebibyte);  // more than is kept in all
  check_recycled(7 * mebibyte);
  check_recycled(200 * mebibyte);
}

CASE(what_is_too_large_or_small_is_not_kept) {
  for (const std::size_t bytes : {std::size_t{100}, 2 * RecycledMemory::most_kept}) {
    void* const block = RecycledMemory::allocate(bytes);
    RecycledMemory::deallocate(block, bytes);
  }
  check_recycled(mebibyte);
}
