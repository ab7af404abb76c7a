// Memory that a thread has of its own in each library. It is made at its first use, and the C
// library ends the process where none is left then: an exception that says so is such a first use.
#pragma once

#include <exception>
#include <new>

namespace fastpg {

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
