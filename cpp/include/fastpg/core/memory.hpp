// Memory of results and scratch. Blocks that were freed are kept, up to a limit, and used again:
// fresh pages cost more than filling them (the system clears each before it hands it out), and an
// aligned block of the C library costs more than filling a small one.
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

#if defined(__SANITIZE_ADDRESS__)
#define FASTPG_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FASTPG_ADDRESS_SANITIZER 1
#endif
#endif

namespace fastpg {

class RecycledMemory {
 public:
  static constexpr std::size_t alignment = 64;
  static constexpr std::size_t large = std::size_t{1} << 16;
  static constexpr std::size_t most_kept = std::size_t{1} << 28;  // of large blocks

  static void* allocate(std::size_t bytes) {
    if (!kept(bytes)) return ::operator new(bytes, std::align_val_t{alignment});
    if (void* const again = take(rounded(bytes)); again != nullptr) return again;
    void* const fresh = ::operator new(rounded(bytes), std::align_val_t{alignment});
    ask_for_large_pages(fresh, rounded(bytes));
    return fresh;
  }

  static void deallocate(void* memory, std::size_t bytes) {
    if (kept(bytes) && keep(memory, rounded(bytes))) return;
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

  // A sanitizer sees what is written behind a small block, or after its end, if that is freed.
  static bool kept([[maybe_unused]] std::size_t bytes) {
#if defined(FASTPG_ADDRESS_SANITIZER)
    return bytes >= large;
#else
    return true;
#endif
  }

  // Sizes in steps of an eighth of their power of two, so that nearly equal requests share a block.
  static std::size_t rounded(std::size_t bytes) {
    std::size_t step = alignment;
    while (step * 16 <= bytes) step *= 2;
    return (bytes + step - 1) / step * step;
  }

  struct Block {
    void* memory;
    std::size_t bytes;
  };

  // A few blocks, the one freed last at the end. Where another thread is at the list, it is
  // passed by: nobody ever waits, also not in a child made by fork() meanwhile.
  struct List {
    static constexpr std::size_t length = 48;
    explicit constexpr List(std::size_t limit) : most(limit) {}

    const std::size_t most;  // bytes of all
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

  // Small blocks are many, and would drive out large ones.
  static List& list(std::size_t bytes) {
    static constinit List small(std::size_t{1} << 21), big(most_kept);
    return bytes < large ? small : big;
  }

  static void* take(std::size_t bytes) {
    List& blocks = list(bytes);
    if (blocks.taken.test_and_set(std::memory_order_acquire)) return nullptr;
    void* found = nullptr;
    for (std::size_t at = blocks.count; at-- > 0 && found == nullptr;) {
      if (blocks.blocks[at].bytes == bytes) found = blocks.remove(at);
    }
    blocks.taken.clear(std::memory_order_release);
    return found;
  }

  // The blocks that nobody has asked for longest make room.
  static bool keep(void* memory, std::size_t bytes) {
    List& blocks = list(bytes);
    if (bytes > blocks.most) return false;
    if (blocks.taken.test_and_set(std::memory_order_acquire)) return false;
    while (blocks.count == List::length || blocks.total + bytes > blocks.most) {
      ::operator delete(blocks.remove(0), std::align_val_t{alignment});
    }
    blocks.blocks[blocks.count++] = {memory, bytes};
    blocks.total += bytes;
    blocks.taken.clear(std::memory_order_release);
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
