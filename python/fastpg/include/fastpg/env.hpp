// An environment in C++: a struct, and FASTPG_ENV(TheStruct) after it, in the one source file of a
// shared library. docs/native_environments.md explains each part; examples/native_env is a package.
//
//   struct Walk {
//     static constexpr const char* id = "Walk-v0";
//     struct State { double x; };
//     static void state(auto& s, auto visit) { visit("x", s.x); }
//     static constexpr auto actions = fastpg::discrete(2);
//     static constexpr int observation_size = 1;
//     static void reset(State& s, fastpg::Stream& rng) { s.x = rng.uniform(-1, 1); }
//     static void observe(const State& s, fastpg::Observation out) { out[0] = float(s.x); }
//     static fastpg::Step step(State& s, int action) {
//       s.x += action == 1 ? 0.1 : -0.1;
//       return {-s.x * s.x, s.x > 5};
//     }
//   };
//   FASTPG_ENV(Walk)
#pragma once

#if (defined(_MSVC_LANG) ? _MSVC_LANG : __cplusplus) < 202002L
#error "fastpg/env.hpp: expected C++20, for example -std=c++20"
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "env.h"

namespace fastpg {

// What a step gives: return {reward, terminated}.
struct Step {
  constexpr Step(double reward_of_step, bool terminated)
      : reward(reward_of_step), ended(terminated ? 1.0 : 0.0) {}

  double reward;
  double ended;  // 1 or 0; as wide as the states, for loops in SIMD
};

// The random stream of one environment, NumPy's PCG64. The distributions of <random> take it too,
// but their numbers depend on the compiler's library.
class Stream {
 public:
  using result_type = std::uint64_t;

  Stream(const fastpg_draws* draws, fastpg_stream* stream) : draws_(draws), stream_(stream) {}

  // On [0, 1), or [low, high).
  double uniform() { return draws_->uniform(stream_); }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  double normal() { return draws_->normal(stream_); }
  double normal(double mean, double deviation) { return mean + deviation * normal(); }
  double exponential() { return draws_->exponential(stream_); }
  double exponential(double mean) { return mean * exponential(); }
  // On 0 … n - 1; 0 if n < 1.
  std::int64_t integer(std::int64_t n) { return draws_->integer(stream_, n); }

  std::uint64_t operator()() { return draws_->bits(stream_); }
  static constexpr std::uint64_t min() { return 0; }
  static constexpr std::uint64_t max() { return std::numeric_limits<std::uint64_t>::max(); }

 private:
  const fastpg_draws* draws_;
  fastpg_stream* stream_;
};

// Numbers that a function fills; an index out of range is an error.
template <class T>
class Row {
 public:
  Row(T* first, std::int64_t size) : first_(first), size_(size) {}

  T& operator[](std::int64_t k) const {
    if (k < 0 || k >= size_) refuse(k);
    return first_[k];
  }
  std::int64_t size() const { return size_; }
  T* data() const { return first_; }
  T* begin() const { return first_; }
  T* end() const { return first_ + size_; }

 private:
  [[noreturn]] void refuse(std::int64_t k) const {
    throw std::out_of_range("expected an index from 0 to " + std::to_string(size_ - 1) + ", got " +
                            std::to_string(k));
  }

  T* first_;
  std::int64_t size_;
};

using Observation = Row<float>;  // all 0 at first
using Mask = Row<bool>;          // all true at first; of several choices the flags side by side

// What actions there are. `Type` is what `step` gets.
template <class Action, std::int64_t Kind, std::size_t Size>
struct Actions {
  using Type = Action;
  static constexpr std::int64_t kind = Kind;
  static constexpr std::size_t size = Size;
  std::array<std::int64_t, Size> counts{};  // of discrete actions
  std::array<double, Size> low{}, high{};   // of continuous actions

  constexpr std::int64_t flags() const {
    std::int64_t total = 0;
    for (const std::int64_t count : counts) total += count;
    return total;
  }
};

template <std::size_t N>
using ContinuousActions = Actions<std::array<double, N>, FASTPG_CONTINUOUS, N>;

// 0 … n - 1: an int.
constexpr Actions<int, FASTPG_DISCRETE, 1> discrete(std::int64_t n) { return {{n}, {}, {}}; }

// Several choices, one of 0 … n - 1 for each n: a std::array of ints.
template <class... Counts>
constexpr Actions<std::array<int, sizeof...(Counts)>, FASTPG_MULTI_DISCRETE, sizeof...(Counts)>
multi_discrete(Counts... counts) {
  return {{static_cast<std::int64_t>(counts)...}, {}, {}};
}

// One number: a double, not clipped.
constexpr Actions<double, FASTPG_CONTINUOUS, 1> continuous(double low, double high) {
  return {{}, {low}, {high}};
}

// N numbers: a std::array of doubles, not clipped.
template <std::size_t N>
constexpr ContinuousActions<N> continuous(const std::array<double, N>& low,
                                          const std::array<double, N>& high) {
  return {{}, low, high};
}

// N numbers with the same bounds: continuous<N>(low, high).
template <std::size_t N>
constexpr ContinuousActions<N> continuous(double low, double high) {
  ContinuousActions<N> made{};
  for (std::size_t k = 0; k < N; ++k) made.low[k] = low, made.high[k] = high;
  return made;
}

}  // namespace fastpg

#include "env_export.hpp"

// Exports an environment: `fastpg_environment` gives it, or null, and then
// `fastpg_environment_problem` says why.
#define FASTPG_ENV(...)                                        \
  FASTPG_EXPORT const fastpg_env* fastpg_environment(void) {   \
    return fastpg::exported<__VA_ARGS__>().env();              \
  }                                                            \
  FASTPG_EXPORT const char* fastpg_environment_problem(void) { \
    return fastpg::exported<__VA_ARGS__>().problem();          \
  }
