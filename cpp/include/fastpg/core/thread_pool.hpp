// One pool of threads for the process. Work is cut into tasks by the caller, never by the number of
// threads, so that results do not depend on it.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>

#if !defined(_WIN32)
#include <pthread.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

#include "fastpg/core/checks.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/thread_memory.hpp"

namespace fastpg {

class ThreadPool {
 public:
  static constexpr int most_threads = 256;

  // Of this process: a child made by fork() has none of its parent's threads and gets its own.
  // Never destroyed, since a thread may still wait in it when the process ends. nullptr where there
  // was no memory for it.
  static ThreadPool* shared() {
    std::call_once(made(), [] {
      make();
#if !defined(_WIN32)
      pthread_atfork(nullptr, nullptr, [] { make(); });
#endif
    });
    return current();
  }

  // task(0) … task(count - 1), each once, on at most `threads` threads, the caller among them.
  // After an exception, whatever it is and in whatever thread, no task is begun, and it is thrown
  // again when none is at work any more. Where the pool is at work for another caller, or for this
  // one, the caller works alone. A checkpoint follows each task.
  template <class Task>
  void run(int threads, std::ptrdiff_t count, Task&& task) {
    const int wanted = static_cast<int>(std::min<std::ptrdiff_t>({threads, count, most_threads}));
    const SoleUse sole(busy_);
    if (wanted <= 1 || !sole.granted) {
      alone(count, task);
      return;
    }
    grow(wanted - 1);
    Job job{[](void* context, std::ptrdiff_t i) {
              (*static_cast<std::remove_reference_t<Task>*>(context))(i);
            },
            &task, count, std::min(wanted - 1, size_), detail::watched.watch};
    start(job);
    job.work();
    finish(job);
    if (job.error) std::rethrow_exception(job.error);
    checkpoint();
  }

  // The same by the caller alone.
  template <class Task>
  static void alone(std::ptrdiff_t count, Task&& task) {
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      task(i);
      if (count > 1) checkpoint();
    }
  }

 private:
  // Not a mutex: a task that asks for threads itself finds it taken by its own thread.
  struct SoleUse {
    explicit SoleUse(std::atomic_flag& busy) : flag(busy), granted(!flag.test_and_set()) {}
    SoleUse(const SoleUse&) = delete;
    SoleUse& operator=(const SoleUse&) = delete;
    ~SoleUse() {
      if (granted) flag.clear();
    }
    std::atomic_flag& flag;
    bool granted;
  };

  struct Job {
    void (*call)(void*, std::ptrdiff_t);
    void* context;
    std::ptrdiff_t count;
    int helpers;   // threads that may still join
    Watch* watch;  // the caller's
    std::atomic<std::ptrdiff_t> next{0};
    std::atomic<bool> failed{false};
    std::mutex error_mutex{};
    std::exception_ptr error{};

    void work() {
      for (std::ptrdiff_t i = next++; i < count && !failed; i = next++) {
        try {
          call(context, i);
          checkpoint();
        } catch (...) {
          const std::lock_guard<std::mutex> lock(error_mutex);
          if (!error) error = std::current_exception();
          failed = true;
        }
      }
    }
  };

  static std::once_flag& made() {
    static std::once_flag flag;
    return flag;
  }
  static ThreadPool*& current() {
    static ThreadPool* pool = nullptr;
    return pool;
  }
  static void make() { current() = new (std::nothrow) ThreadPool; }

  // Fewer than asked for where the system has no more.
  void grow(int wanted) {
    if (size_ >= wanted) return;
    try {
      // A thread not yet detached may not throw.
      helpers_.reserve(static_cast<std::size_t>(wanted));
      while (size_ < wanted) add_helper();
    } catch (const std::system_error&) {
    } catch (const std::bad_alloc&) {
    }
  }

  // What is kept until it runs is for the memory that it makes at once.
  void add_helper() {
    KeptMemory kept;
    ready_ = begun_ = false;
    std::thread helper([this] {
      wait_for(begun_);
      make_thread_memory();
      ready_ = true;
      serve();
    });
    helpers_.push_back(helper.native_handle());
    helper.detach();
    ++size_;
    placed_on_ = -1;
    kept.release();
    begun_ = true;
    wait_for(ready_);
  }

  static void wait_for(const std::atomic<bool>& flag) {
    while (!flag) std::this_thread::yield();
  }

  void start(Job& job) {
    avoid_this_core();
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      job_ = &job;
      open_ = true;
    }
    woken_.notify_all();
  }

  void finish(const Job& job) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      job_ = nullptr;
      open_ = false;
    }
    spin_until(std::chrono::microseconds(1000), [this] { return working_ == 0; });
    std::unique_lock<std::mutex> lock(mutex_);
    while (working_ != 0) {
      if (job.watch == nullptr) {
        idle_.wait(lock);
        continue;
      }
      idle_.wait_for(lock, Watch::interval);
      lock.unlock();
      look(job);
      lock.lock();
    }
  }

  // Helpers at long tasks see only what the caller was told.
  static void look(const Job& job) {
    if (detail::watched.asks) job.watch->look();
  }

  void serve() {
    while (true) {
      spin_until(std::chrono::microseconds(50),
                 [this] { return open_.load(std::memory_order_relaxed); });
      std::unique_lock<std::mutex> lock(mutex_);
      woken_.wait(lock, [this] { return job_ != nullptr && job_->helpers > 0; });
      Job& job = *job_;
      if (--job.helpers == 0) open_ = false;
      ++working_;
      lock.unlock();
      help(job);
      lock.lock();
      if (--working_ == 0) idle_.notify_one();
    }
  }

  static void help(Job& job) {
    const WatchedScope scope(job.watch, false);
    job.work();
  }

  // Looks for a while before the system is asked to wake the thread: that takes longer than most
  // jobs, and one job follows another.
  template <class Done>
  void spin_until(std::chrono::microseconds most, Done&& done) const {
    if (alone_) return;
    const auto end = std::chrono::steady_clock::now() + most;
    do {
      for (int i = 0; i < 32; ++i) {
        if (done()) return;
        pause();
      }
      std::this_thread::yield();  // whoever is waited for may be on this core
    } while (std::chrono::steady_clock::now() < end);
  }

  static void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  // A virtual machine whose cores are put to sleep looks for no idle one when it wakes a thread:
  // helpers would queue behind the thread that they shall help. They may run wherever that one may
  // but, where it has more than one, on its core.
  void avoid_this_core() {
#if defined(__linux__)
    const int core = sched_getcpu();
    cpu_set_t allowed;
    if (core < 0 || sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
    if (core == placed_on_ && CPU_EQUAL(&allowed, &placed_by_)) return;
    placed_on_ = core;
    placed_by_ = allowed;
    CPU_CLR(static_cast<unsigned>(core), &allowed);
    const cpu_set_t& others = CPU_COUNT(&allowed) > 0 ? allowed : placed_by_;
    for (const auto helper : helpers_) pthread_setaffinity_np(helper, sizeof(others), &others);
#endif
  }

  std::atomic_flag busy_;
  std::mutex mutex_;
  std::condition_variable woken_;
  std::condition_variable idle_;
  Job* job_ = nullptr;
  std::atomic<bool> open_{false};  // job_ takes helpers
  std::atomic<int> working_{0};
  std::atomic<bool> begun_{false};  // of the helper that is being added: it may begin
  std::atomic<bool> ready_{false};  // and has
  std::vector<std::thread::native_handle_type> helpers_;
  int placed_on_ = -1;  // the core of the caller when helpers were last told where to run
#if defined(__linux__)
  cpu_set_t placed_by_{};  // and where it was allowed to run
#endif
  const bool alone_ = std::thread::hardware_concurrency() <= 1;
  int size_ = 0;
};

inline int checked_threads(int num_threads) {
  require(num_threads >= 1 && num_threads <= ThreadPool::most_threads,
          {"num_threads: expected an integer in [1, 256], got ", num_threads});
  return num_threads;
}

// task(0) … task(count - 1) on at most `threads` threads.
template <class Task>
void parallel_for(int threads, std::ptrdiff_t count, Task&& task) {
  ThreadPool* const pool = threads <= 1 || count <= 1 ? nullptr : ThreadPool::shared();
  if (pool == nullptr) return ThreadPool::alone(count, task);
  pool->run(threads, count, task);
}

}  // namespace fastpg
