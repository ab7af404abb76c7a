#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>
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

CASE(a_buffer_grows_and_keeps_what_it_holds) {
  Buffer<int> numbers;
  CHECK(numbers.empty() && numbers.data() == nullptr);
  for (int i = 0; i < 1000; ++i) numbers.push_back(i);
  CHECK(numbers.size() == 1000 && numbers.front() == 0 && numbers[999] == 999);
  numbers.resize(3);
  numbers.resize(5, 7);
  const int expected[] = {0, 1, 2, 7, 7};
  CHECK(std::equal(numbers.begin(), numbers.end(), expected, expected + 5));
  numbers.assign(2, 4);
  CHECK(numbers.size() == 2 && numbers[0] == 4 && numbers[1] == 4);
  numbers.assign(expected + 1, expected + 4);
  CHECK(numbers.size() == 3 && numbers[0] == 1 && numbers[2] == 7);
}

CASE(a_buffer_that_grows_step_by_step_is_seldom_copied) {
  Buffer<double> numbers;
  int moves = 0;
  for (std::size_t size = 1; size <= 100000; ++size) {
    const std::size_t before = numbers.capacity();
    numbers.resize(size);
    moves += numbers.capacity() != before;
  }
  CHECK(moves <= 20);
  CHECK(Buffer<double>(5).capacity() == 5);
}

CASE(a_buffer_is_copied_and_moved) {
  const Buffer<double> first(3, 2.5);
  Buffer<double> second = first;
  second[0] = 1.0;
  CHECK(first[0] == 2.5 && second[1] == 2.5);
  const double* const memory = second.data();
  Buffer<double> third = std::move(second);
  CHECK(third.data() == memory && second.empty());
  third = first;
  CHECK(third.size() == 3 && third[0] == 2.5);
  third = Buffer<double>();
  CHECK(third.empty());
}

CASE(a_buffer_that_is_too_large_is_refused) {
  bool refused = false;
  try {
    Buffer<double> numbers(static_cast<std::size_t>(PTRDIFF_MAX) / 4);
  } catch (const std::bad_alloc&) {
    refused = true;
  }
  CHECK(refused);
}
