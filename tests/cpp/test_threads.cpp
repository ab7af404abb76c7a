#include <atomic>
#include <chrono>
#include <new>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include "check.hpp"
#include "fastpg/core/thread_pool.hpp"

using namespace fastpg;

CASE(every_task_runs_once) {
  for (const int threads : {1, 2, 3, 8}) {
    std::vector<int> runs(1000, 0);
    parallel_for(threads, 1000, [&](std::ptrdiff_t i) { ++runs[static_cast<std::size_t>(i)]; });
    CHECK(runs == std::vector<int>(1000, 1));
  }
}

CASE(nothing_to_do_is_done) {
  parallel_for(4, 0, [](std::ptrdiff_t) { CHECK(false); });
}

CASE(an_exception_arrives_and_the_pool_works_on) {
  for (int round = 0; round < 50; ++round) {
    bool thrown = false;
    try {
      parallel_for(3, 100, [](std::ptrdiff_t i) {
        if (i == 57) throw std::runtime_error("57");
      });
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    CHECK(thrown);
  }
}

namespace {

// Runs `in_helper` in a thread of the pool while the caller is at a task of its own. False where no
// helper came.
template <class Work>
bool run_in_helper(Work&& in_helper) {
  const auto caller = std::this_thread::get_id();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  std::atomic<bool> came{false};
  parallel_for(2, 2, [&](std::ptrdiff_t) {
    if (std::this_thread::get_id() != caller) {
      came = true;
      in_helper();
    }
    while (!came && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  });
  return came;
}

template <class Thrown, class Work>
bool throws(Work&& work) {
  try {
    work();
  } catch (const Thrown&) {
    return true;
  }
  return false;
}

}  // namespace

CASE(what_a_helper_throws_reaches_the_caller) {
  for (int round = 0; round < 20; ++round) {
    CHECK(throws<std::bad_alloc>([] { run_in_helper([] { throw std::bad_alloc(); }); }));
    CHECK(throws<int>([] { run_in_helper([] { throw 7; }); }));
    CHECK(run_in_helper([] {}));
  }
}

CASE(no_task_is_begun_after_an_exception) {
  std::atomic<int> begun{0};
  CHECK(throws<std::bad_alloc>([&] {
    parallel_for(2, 1'000'000, [&](std::ptrdiff_t) {
      ++begun;
      throw std::bad_alloc();
    });
  }));
  CHECK(begun <= 2);
}

CASE(a_caller_that_waits_asks_for_its_helpers) {
  Watch watch([](void*) { return true; }, nullptr);
  const WatchedScope scope(&watch, true);
  CHECK(throws<Interrupted>([] {
    run_in_helper([] {
      while (true) checkpoint();
    });
  }));
}

CASE(a_task_may_ask_for_threads_itself) {
  std::vector<int> sums(20, 0);
  parallel_for(4, 20, [&](std::ptrdiff_t i) {
    std::vector<int> parts(10, 0);
    parallel_for(4, 10, [&](std::ptrdiff_t k) { parts[static_cast<std::size_t>(k)] = 1; });
    sums[static_cast<std::size_t>(i)] = std::accumulate(parts.begin(), parts.end(), 0);
  });
  CHECK(sums == std::vector<int>(20, 10));
}

CASE(several_callers_at_once) {
  std::vector<long> sums(6, 0);
  std::vector<std::thread> callers;
  for (std::size_t c = 0; c < sums.size(); ++c) {
    callers.emplace_back([&sums, c] {
      for (int round = 0; round < 200; ++round) {
        std::vector<long> parts(16, 0);
        parallel_for(2, 16, [&](std::ptrdiff_t i) { parts[static_cast<std::size_t>(i)] = i; });
        sums[c] += std::accumulate(parts.begin(), parts.end(), 0L);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const long sum : sums) CHECK(sum == 200 * 120);
}
