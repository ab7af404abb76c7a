// Memory that a thread has of its own in each library. It is made at its first use, and the C
// library ends the process where none is left then: an exception that says so is such a first use.
#pragma once

#include <cstddef>
#include <exception>
#include <new>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#endif

namespace fastpg {

// Memory kept back until a thread begins, so that it finds some. From the system itself: what the
// allocator gets back it may keep for its own arenas, and a new thread has another.
class KeptMemory {
 public:
  KeptMemory() {
#if defined(__unix__) || defined(__APPLE__)
    kept_ = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (kept_ == MAP_FAILED) throw std::bad_alloc();
#else
    kept_ = ::operator new(size);
#endif
  }
  KeptMemory(const KeptMemory&) = delete;
  KeptMemory& operator=(const KeptMemory&) = delete;
  ~KeptMemory() { release(); }

  void release() {
    if (kept_ == nullptr) return;
#if defined(__unix__) || defined(__APPLE__)
    munmap(kept_, size);
#else
    ::operator delete(kept_);
#endif
    kept_ = nullptr;
  }

 private:
  static constexpr std::size_t size = std::size_t{1} << 20;
  void* kept_ = nullptr;
};

namespace detail {
inline constinit thread_local bool owns_memory = false;
}

// Makes it now, once for each thread.
inline void make_thread_memory() {
  if (detail::owns_memory) return;
  detail::owns_memory = true;
  try {
    throw std::bad_alloc();
  } catch (...) {
    static_cast<void>(std::current_exception());
  }
}

}  // namespace fastpg
