// How a kernel that runs long is stopped from outside. Its loops pass checkpoint() every now and
// then; whoever called it may have set up a Watch, which is asked there.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>

namespace fastpg {

// Thrown at a checkpoint. Kernels leave what they were given as it was.
struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted") {}
};

class Watch;

namespace detail {

struct Watched {
  Watch* watch = nullptr;
  bool asks = false;  // false in threads that only help: they look whether the caller was told to
};
inline constinit thread_local Watched watched;

}  // namespace detail

// Until the end of the scope, the checkpoints of this thread heed this watch; nullptr for none.
class WatchedScope {
 public:
  WatchedScope(Watch* watch, bool asks) : before_(detail::watched) {
    detail::watched = {watch, asks};
  }
  WatchedScope(const WatchedScope&) = delete;
  WatchedScope& operator=(const WatchedScope&) = delete;
  ~WatchedScope() { detail::watched = before_; }

 private:
  detail::Watched before_;
};

class Watch {
 public:
  using Clock = std::chrono::steady_clock;
  using Ask = bool (*)(void* context);  // whether to stop
  static constexpr std::chrono::milliseconds interval{50};

  Watch(Ask ask, void* context) : ask_(ask), context_(context) {}

  // Asks, where that was not done lately. By the thread that made the watch. The first interval
  // begins at the first look, so that a short kernel reads no clock.
  void look() {
    if (stopped()) return;
    const auto now = Clock::now();
    if (next_ == Clock::time_point{}) next_ = now + interval;
    if (now < next_) return;
    const WatchedScope none(nullptr, false);  // what is asked may call kernels itself
    if (ask_(context_)) stopped_.store(true, std::memory_order_relaxed);
    next_ = Clock::now() + interval;
  }

  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }

 private:
  Ask ask_;
  void* context_;
  Clock::time_point next_{};
  std::atomic<bool> stopped_{false};
};

// Throws Interrupted where this thread's kernels shall stop. Costs about as much as reading a
// clock; not to be inlined into each instruction set's code.
#if defined(__GNUC__)
__attribute__((noinline))
#endif
inline void checkpoint() {
  const detail::Watched watched = detail::watched;
  if (watched.watch == nullptr) return;
  if (watched.asks) watched.watch->look();
  if (watched.watch->stopped()) throw Interrupted();
}

// For loops: a checkpoint whenever so many turns have passed that asking costs nothing beside them.
class Pace {
 public:
  static constexpr double between = 1 << 20;  // operations, each about a nanosecond or less

  // operations: of one turn.
  explicit Pace(double operations)
      : turns_(static_cast<std::int64_t>(between / std::clamp(operations, 1.0, between))),
        left_(turns_) {}

  void turn() {
    if (--left_ > 0) return;
    left_ = turns_;
    checkpoint();
  }

 private:
  std::int64_t turns_;
  std::int64_t left_;
};

// After work that is mostly short.
inline void checkpoint_after(double operations) {
  if (operations >= Pace::between) checkpoint();
}

}  // namespace fastpg
