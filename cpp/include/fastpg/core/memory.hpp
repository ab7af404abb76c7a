// Memory of results and scratch. Blocks that were freed are kept, up to a limit, and used again:
// fresh pages cost more than filling them (the system clears each before it hands it out), and an
// aligned block of the C library costs more than filling a small one.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

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

// Plain numbers in recycled memory. New elements are unwritten, unless a value is given.
template <class T>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  using value_type = T;

  Buffer() = default;
  explicit Buffer(std::size_t size) : memory_(allocated(size)), size_(size), capacity_(size) {}
  Buffer(std::size_t size, T value) : Buffer(size) { std::fill(begin(), end(), value); }
  Buffer(const T* first, const T* last) : Buffer(static_cast<std::size_t>(last - first)) {
    std::copy(first, last, begin());
  }
  Buffer(const Buffer& other) : Buffer(other.begin(), other.end()) {}
  Buffer(Buffer&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Buffer& operator=(Buffer other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer() {
    if (memory_ != nullptr) RecycledMemory::deallocate(memory_, capacity_ * sizeof(T));
  }

  void swap(Buffer& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  void reserve(std::size_t capacity) {
    if (capacity <= capacity_) return;
    Buffer larger(capacity);
    std::copy(begin(), end(), larger.begin());
    larger.size_ = size_;
    swap(larger);
  }
  // To twice the capacity at least: growing step by step then copies each element once or twice.
  void resize(std::size_t size) {
    if (size > capacity_) reserve(std::max(size, 2 * capacity_));
    size_ = size;
  }
  void resize(std::size_t size, T value) {
    const std::size_t before = size_;
    resize(size);
    if (size > before) std::fill(begin() + before, end(), value);
  }
  void assign(std::size_t size, T value) {
    resize(size);
    std::fill(begin(), end(), value);
  }
  void assign(const T* first, const T* last) {
    resize(static_cast<std::size_t>(last - first));
    std::copy(first, last, begin());
  }
  void push_back(T value) {
    const std::size_t at = size_;
    resize(at + 1);
    memory_[at] = value;
  }

  T* data() { return memory_; }
  const T* data() const { return memory_; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return memory_; }
  const T* begin() const { return memory_; }
  T* end() { return memory_ + size_; }
  const T* end() const { return memory_ + size_; }
  const T& front() const { return memory_[0]; }
  T& operator[](std::size_t at) { return memory_[at]; }
  const T& operator[](std::size_t at) const { return memory_[at]; }

 private:
  static T* allocated(std::size_t size) {
    if (size == 0) return nullptr;
    if (size > static_cast<std::size_t>(PTRDIFF_MAX) / sizeof(T)) throw std::bad_alloc();
    return static_cast<T*>(RecycledMemory::allocate(size * sizeof(T)));
  }

  T* memory_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace fastpg
