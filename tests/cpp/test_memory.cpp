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
#if !defined(FASTPG_ADDRESS_SANITIZER)
  check_recycled(1);
  check_recycled(100);
  check_recycled(RecycledMemory::large - 1);
#endif
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

CASE(small_blocks_do_not_drive_out_large_ones) {
  void* const first = RecycledMemory::allocate(mebibyte);
  RecycledMemory::deallocate(first, mebibyte);
  free_blocks(1000, 4096);
  void* const second = RecycledMemory::allocate(mebibyte);
  CHECK(first == second);
  RecycledMemory::deallocate(second, mebibyte);
}

CASE(what_is_too_large_is_not_kept) {
  free_blocks(1, 2 * RecycledMemory::most_kept);
  check_recycled(mebibyte);
}
