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
