// The functions of a `fastpg_env` around those of a struct. Included by env.hpp.
#pragma once

#include <cmath>
#include <exception>
#include <iterator>

#include "env_fields.hpp"

namespace fastpg {
namespace {

// What the last failure in this thread was, in ASCII; fastpg asks for it in the same thread.
thread_local char last_failure[1024] = "";

inline void remember_failure(const char* words) noexcept {
  std::size_t k = 0;
  for (; words[k] != '\0' && k + 1 < sizeof(last_failure); ++k) {
    const bool ascii = static_cast<unsigned char>(words[k]) < 128;
    last_failure[k] = ascii ? words[k] : '?';
  }
  last_failure[k] = '\0';
}

// Runs body(i), where i is the entry in progress; an exception becomes status 1 with this entry.
template <class Body>
std::int64_t guarded(fastpg_block* block, Body&& body) noexcept {
  std::int64_t i = 0;
  try {
    body(i);
    return 0;
  } catch (const std::exception& error) {
    remember_failure(error.what());
  } catch (...) {
    remember_failure("an exception that is no std::exception");
  }
  block->failed = i;
  return 1;
}

// In front of a loop over entries: what one of them writes, no other reads.
#if defined(__clang__)
#define FASTPG_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define FASTPG_INDEPENDENT _Pragma("GCC ivdep")
#else
#define FASTPG_INDEPENDENT
#endif

// A lambda that becomes part of the loop around it.
#if defined(__GNUC__)
#define FASTPG_INLINE __attribute__((always_inline))
#else
#define FASTPG_INLINE
#endif

// Runs a function with all that it calls compiled for AVX2 too, where the machine has it. Without
// fused multiply-adds: the results are the same.
#if defined(__x86_64__) && defined(__GNUC__)
template <class Function>
__attribute__((target("avx2"), flatten, noinline)) std::int64_t run_avx2(Function& f) noexcept {
  return f();
}

template <class Function>
std::int64_t dispatch(Function&& f) noexcept {
  return __builtin_cpu_supports("avx2") ? run_avx2(f) : f();
}
#else
template <class Function>
std::int64_t dispatch(Function&& f) noexcept {
  return f();
}
#endif

template <class E>
typename E::State state_of(const fastpg_block& block, std::int64_t i) {
  typename E::State state{};
  E::state(state, Load{block.state + i, block.stride});
  return state;
}

template <class E>
void set_state(const fastpg_block& block, std::int64_t i, typename E::State& state) {
  E::state(state, Store{block.state + i, block.stride});
}

// The action of entry i.
template <class E, class Number>
typename decltype(E::actions)::Type action_of(const Number* actions, std::int64_t i) {
  using Action = typename decltype(E::actions)::Type;
  if constexpr (std::is_arithmetic_v<Action>) {
    return static_cast<Action>(actions[i]);
  } else {
    Action action{};
    const Number* const first = actions + i * static_cast<std::int64_t>(action.size());
    for (std::size_t k = 0; k < action.size(); ++k) action[k] = first[k];
    return action;
  }
}

template <class E>
using ActionOf = typename decltype(E::actions)::Type;

struct Nothing {};

// What `prepare` of E returns, if it has one.
template <class E, class... P>
auto prepared_of(const typename E::State& state, const P&... params) {
  if constexpr (requires { E::prepare(state, params...); }) {
    return E::prepare(state, params...);
  } else {
    return Nothing{};
  }
}

// Whether E has a `step` with these arguments; what `prepare` returns comes after the parameters.
template <class E, class... Arguments>
concept StepsWith = requires(typename E::State& s, ActionOf<E> action, Arguments&... more) {
  { E::step(s, action, more...) } -> std::convertible_to<Step>;
};

// Which functions E has, with the arguments of its structs.
template <class E, class Params>
struct Signatures;
template <class E, class... P>
struct Signatures<E, std::tuple<P...>> {
  using State = typename E::State;
  using Prepared = decltype(prepared_of<E>(std::declval<const State&>(), std::declval<P>()...));
  static constexpr bool prepares = !std::is_same_v<Prepared, Nothing>;
  static constexpr bool observes =
      requires(const State& s, const P&... p, Observation out) { E::observe(s, p..., out); };
  static constexpr bool masks =
      requires(const State& s, const P&... p, Mask out) { E::mask(s, p..., out); };
  static constexpr bool draws = prepares ? StepsWith<E, const P..., const Prepared, Stream>
                                         : StepsWith<E, const P..., Stream>;
  static constexpr bool steps =
      draws || (prepares ? StepsWith<E, const P..., const Prepared> : StepsWith<E, const P...>);
};
template <class E>
using SignaturesOf = Signatures<E, decltype(params_of<E>(nullptr))>;

template <class E, class Arguments>
struct Resets;
template <class E, class... A>
struct Resets<E, std::tuple<A...>> {
  static constexpr bool value =
      requires(typename E::State& s, const A&... a, Stream& rng) { E::reset(s, a..., rng); };
};

// The functions of a `fastpg_env`.
template <class E>
class Calls {
 public:
  using State = typename E::State;
  static constexpr bool draws_in_steps = SignaturesOf<E>::draws;

  static std::int64_t reset(void*, fastpg_block* block, const double* options) noexcept {
    const fastpg_block given = *block;
    return guarded(block, [&](std::int64_t& i) FASTPG_INLINE {
      const auto arguments = std::tuple_cat(params_of<E>(&given), options_of<E>(options));
      for (; i < given.count; ++i) {
        State state{};
        Stream stream(given.draws, fastpg_stream_of(&given, i));
        std::apply([&](const auto&... a) { E::reset(state, a..., stream); }, arguments);
        set_state<E>(given, i, state);
      }
    });
  }

  static std::int64_t observe(void*, fastpg_block* block, float* out,
                              std::int64_t stride) noexcept {
    return for_rows<float, E::observation_size>(
        block, out, stride, 0.0F, [](const State& state, Observation row, const auto&... params) {
          E::observe(state, params..., row);
        });
  }

  static std::int64_t step(void*, fastpg_block* block, const std::int32_t* choices,
                           const double* numbers, double* rewards,
                           std::uint8_t* terminated) noexcept {
    return dispatch([&] {
      if constexpr (decltype(E::actions)::kind == FASTPG_CONTINUOUS) {
        return step_with(block, numbers, rewards, terminated);
      } else {
        return step_with(block, choices, rewards, terminated);
      }
    });
  }

  static std::int64_t mask(void*, fastpg_block* block, std::uint8_t* allowed,
                           std::int64_t stride) noexcept {
    return for_rows<bool, E::actions.flags()>(
        block, allowed, stride, true, [](const State& state, Mask row, const auto&... params) {
          E::mask(state, params..., row);
        });
  }

  static const char* message(void*, std::int64_t) noexcept { return last_failure; }

 private:
  static constexpr std::int64_t chunk = 128;  // entries whose intermediate results are on the stack

  // Number k of the row of entry i goes to out[k * stride + i].
  template <class T, std::int64_t Size, class Out, class Fill>
  static std::int64_t for_rows(fastpg_block* block, Out* out, std::int64_t stride, T usual,
                               Fill&& fill) noexcept {
    const fastpg_block given = *block;
    return guarded(block, [&](std::int64_t& i) FASTPG_INLINE {
      const auto arguments = params_of<E>(&given);
      for (; i < given.count; ++i) {
        T values[static_cast<std::size_t>(Size)];
        for (T& value : values) value = usual;
        const State state = state_of<E>(given, i);
        std::apply([&](const auto&... p) FASTPG_INLINE { fill(state, Row<T>(values, Size), p...); },
                   arguments);
        for (std::int64_t k = 0; k < Size; ++k) out[k * stride + i] = static_cast<Out>(values[k]);
      }
    });
  }

  template <class Number>
  static std::int64_t step_with(fastpg_block* block, const Number* actions, double* rewards,
                                std::uint8_t* terminated) noexcept {
    const fastpg_block given = *block;
    return guarded(block, [&](std::int64_t& i) FASTPG_INLINE {
      std::apply(
          [&](const auto&... params) FASTPG_INLINE {
            for (std::int64_t begin = 0; begin < given.count; begin += chunk) {
              const std::int64_t end = std::min(given.count, begin + chunk);
              step_chunk(given, begin, end, i, actions, rewards, terminated, params...);
            }
          },
          params_of<E>(&given));
    });
  }

  // First `prepare` of all entries, then `step`: functions of the C library stay out of the second
  // loop, which may then run in SIMD.
  template <class Number, class... P>
  FASTPG_INLINE static void step_chunk(const fastpg_block& given, std::int64_t begin,
                                       std::int64_t end, std::int64_t& i, const Number* actions,
                                       double* rewards, std::uint8_t* terminated,
                                       const P&... params) {
    typename SignaturesOf<E>::Prepared prepared[chunk];
    double ended[chunk];
    for (i = begin; i < end; ++i) {
      prepared[i - begin] = prepared_of<E>(state_of<E>(given, i), params...);
    }
    FASTPG_INDEPENDENT
    for (i = begin; i < end; ++i) {
      State state = state_of<E>(given, i);
      const auto action = action_of<E>(actions, i);
      const Step made = step_one(given, i, state, action, prepared[i - begin], params...);
      set_state<E>(given, i, state);
      rewards[i] = made.reward;
      ended[i - begin] = made.ended;
    }
    for (i = begin; i < end; ++i) terminated[i] = ended[i - begin] != 0.0;
  }

  template <class Prepared, class... P>
  FASTPG_INLINE static Step step_one(const fastpg_block& given, std::int64_t i, State& state,
                                     const ActionOf<E>& action, const Prepared& prepared,
                                     const P&... params) {
    if constexpr (SignaturesOf<E>::prepares) {
      return step_drawing(given, i, state, action, params..., prepared);
    } else {
      return step_drawing(given, i, state, action, params...);
    }
  }

  template <class... Arguments>
  FASTPG_INLINE static Step step_drawing(const fastpg_block& given, std::int64_t i, State& state,
                                         const ActionOf<E>& action, const Arguments&... arguments) {
    if constexpr (draws_in_steps) {
      Stream stream(given.draws, fastpg_stream_of(&given, i));
      return E::step(state, action, arguments..., stream);
    } else {
      return E::step(state, action, arguments...);
    }
  }
};

}  // namespace
}  // namespace fastpg
