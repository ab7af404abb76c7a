// One pool of threads for the process. Work is cut into tasks by the caller, never by the number of
// threads, so that results do not depend on it.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace fastpg {

class ThreadPool {
 public:
  static constexpr int most_threads = 256;

  // Of this process: a child made by fork() has none of its parent's threads and gets its own.
  // Never destroyed, since a thread may still wait in it when the process ends.
  static ThreadPool& shared() {
    std::call_once(made(), [] {
      current() = new ThreadPool;
#if !defined(_WIN32)
      pthread_atfork(nullptr, nullptr, [] { current() = new ThreadPool; });
#endif
    });
    return *current();
  }

  // task(0) … task(count - 1), each once, on at most `threads` threads, the caller among them. The
  // first exception is thrown again when all are done. Where the pool is at work for another
  // caller, or for this one, the caller works alone.
  template <class Task>
  void run(int threads, std::ptrdiff_t count, Task&& task) {
    const int wanted = static_cast<int>(std::min<std::ptrdiff_t>({threads, count, most_threads}));
    const SoleUse sole(busy_);
    if (wanted <= 1 || !sole.granted) {
      for (std::ptrdiff_t i = 0; i < count; ++i) task(i);
      return;
    }
    grow(wanted - 1);
    Job job{[](void* context, std::ptrdiff_t i) {
              (*static_cast<std::remove_reference_t<Task>*>(context))(i);
            },
            &task, count, std::min(wanted - 1, size_)};
    start(job);
    job.work();
    finish();
    if (job.error) std::rethrow_exception(job.error);
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
    int helpers;  // threads that may still join
    std::atomic<std::ptrdiff_t> next{0};
    std::mutex error_mutex{};
    std::exception_ptr error{};

    void work() {
      for (std::ptrdiff_t i = next++; i < count; i = next++) {
        try {
          call(context, i);
        } catch (...) {
          const std::lock_guard<std::mutex> lock(error_mutex);
          if (!error) error = std::current_exception();
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

  // Fewer than asked for where the system has no more.
  void grow(int wanted) {
    try {
      for (; size_ < wanted; ++size_) std::thread([this] { serve(); }).detach();
    } catch (const std::system_error&) {
    }
  }

  void start(Job& job) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      job_ = &job;
    }
    woken_.notify_all();
  }

  void finish() {
    std::unique_lock<std::mutex> lock(mutex_);
    job_ = nullptr;
    idle_.wait(lock, [this] { return working_ == 0; });
  }

  void serve() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      woken_.wait(lock, [this] { return job_ != nullptr && job_->helpers > 0; });
      Job& job = *job_;
      --job.helpers;
      ++working_;
      lock.unlock();
      job.work();
      lock.lock();
      if (--working_ == 0) idle_.notify_one();
    }
  }

  std::atomic_flag busy_;
  std::mutex mutex_;
  std::condition_variable woken_;
  std::condition_variable idle_;
  Job* job_ = nullptr;
  int working_ = 0;
  int size_ = 0;
};

// task(0) … task(count - 1) on at most `threads` threads.
template <class Task>
void parallel_for(int threads, std::ptrdiff_t count, Task&& task) {
  if (threads <= 1 || count <= 1) {
    for (std::ptrdiff_t i = 0; i < count; ++i) task(i);
    return;
  }
  ThreadPool::shared().run(threads, count, task);
}

}  // namespace fastpg
