// Memory of large results. Fresh pages cost more than filling them (the system clears each before
// it hands it out), so large blocks that were freed are kept, up to a limit, and used again.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace fastpg {

class RecycledMemory {
 public:
  static constexpr std::size_t alignment = 64;
  static constexpr std::size_t smallest = std::size_t{1} << 16;  // below it: the C++ allocator
  static constexpr std::size_t most_kept = std::size_t{1} << 28;

  static void* allocate(std::size_t bytes) {
    if (bytes < smallest) return ::operator new(bytes, std::align_val_t{alignment});
    if (void* const kept = take(bytes); kept != nullptr) return kept;
    void* const fresh = ::operator new(rounded(bytes), std::align_val_t{alignment});
    ask_for_large_pages(fresh, rounded(bytes));
    return fresh;
  }

  static void deallocate(void* memory, std::size_t bytes) {
    if (bytes >= smallest && keep(memory, rounded(bytes))) return;
    ::operator delete(memory, std::align_val_t{alignment});
  }

 private:
  // One fault then clears 2 MiB, where the system has such pages, rather than 4 KiB.
  static void ask_for_large_pages([[maybe_unused]] void* memory,
                                  [[maybe_unused]] std::size_t bytes) {
#if defined(MADV_HUGEPAGE)
    if (bytes < std::size_t{1} << 22) return;
    constexpr std::uintptr_t page = 4096;
    const auto begin = reinterpret_cast<std::uintptr_t>(memory);
    const std::uintptr_t first = (begin + page - 1) / page * page;
    madvise(reinterpret_cast<void*>(first), begin + bytes - first, MADV_HUGEPAGE);
#endif
  }

  // Sizes in steps of an eighth of their power of two, so that nearly equal requests share a block.
  static std::size_t rounded(std::size_t bytes) {
    std::size_t step = smallest / 8;
    while (step * 16 <= bytes) step *= 2;
    return (bytes + step - 1) / step * step;
  }

  struct Block {
    void* memory;
    std::size_t bytes;
  };

  // Blocks are few, the one freed last at the end. Where another thread is at the list, it is
  // passed by: nobody ever waits, also not in a child made by fork() meanwhile.
  struct List {
    static constexpr std::size_t length = 32;
    Block blocks[length] = {};
    std::size_t count = 0;
    std::size_t total = 0;
    std::atomic_flag taken;

    void* remove(std::size_t at) {
      void* const memory = blocks[at].memory;
      total -= blocks[at].bytes;
      std::copy(blocks + at + 1, blocks + count, blocks + at);
      --count;
      return memory;
    }
  };

  static List& list() {
    static List list;
    return list;
  }

  static void* take(std::size_t bytes) {
    List& kept = list();
    if (kept.taken.test_and_set(std::memory_order_acquire)) return nullptr;
    void* found = nullptr;
    for (std::size_t at = kept.count; at-- > 0 && found == nullptr;) {
      if (kept.blocks[at].bytes == rounded(bytes)) found = kept.remove(at);
    }
    kept.taken.clear(std::memory_order_release);
    return found;
  }

  // The blocks that nobody has asked for longest make room.
  static bool keep(void* memory, std::size_t bytes) {
    if (bytes > most_kept) return false;
    List& kept = list();
    if (kept.taken.test_and_set(std::memory_order_acquire)) return false;
    while (kept.count == List::length || kept.total + bytes > most_kept) {
      ::operator delete(kept.remove(0), std::align_val_t{alignment});
    }
    kept.blocks[kept.count++] = {memory, bytes};
    kept.total += bytes;
    kept.taken.clear(std::memory_order_release);
    return true;
  }
};

// For std::vector: recycled memory, and resize(n) leaves new elements unwritten.
template <class T>
struct UnwrittenAllocator {
  using value_type = T;

  UnwrittenAllocator() = default;
  template <class U>
  UnwrittenAllocator(const UnwrittenAllocator<U>&) {}

  T* allocate(std::size_t count) {
    if (count > static_cast<std::size_t>(PTRDIFF_MAX) / sizeof(T)) throw std::bad_alloc();
    return static_cast<T*>(RecycledMemory::allocate(count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t count) {
    RecycledMemory::deallocate(memory, count * sizeof(T));
  }
  template <class U>
  void construct(U* at) {
    ::new (static_cast<void*>(at)) U;
  }
  template <class U, class... Args>
  void construct(U* at, Args&&... args) {
    ::new (static_cast<void*>(at)) U(std::forward<Args>(args)...);
  }
  friend bool operator==(const UnwrittenAllocator&, const UnwrittenAllocator&) { return true; }
};

template <class T>
using Buffer = std::vector<T, UnwrittenAllocator<T>>;

}  // namespace fastpg
