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

// Calls body(i) for each entry; an exception becomes status 1 and the index of its entry.
template <class Body>
std::int64_t for_entries(fastpg_block* block, Body&& body) noexcept {
  const std::int64_t count = block->count;
  std::int64_t i = 0;
  try {
    for (; i < count; ++i) body(i);
    return 0;
  } catch (const std::exception& error) {
    remember_failure(error.what());
  } catch (...) {
    remember_failure("an exception that is no std::exception");
  }
  block->failed = i;
  return 1;
}

template <class E>
typename E::State state_of(const fastpg_block& block, std::int64_t i) {
  typename E::State state{};
  E::state(state, Load{block.state + i, block.stride});
  return state;
}

template <class E>
void set_state(const fastpg_block& block, std::int64_t i, const typename E::State& state) {
  E::state(state, Store{block.state + i, block.stride});
}

// The action of entry i.
template <class E, class Number>
typename decltype(E::action)::Type action_of(const Number* actions, std::int64_t i) {
  using Action = typename decltype(E::action)::Type;
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
using ActionOf = typename decltype(E::action)::Type;

// Which functions E has, with the arguments of its structs.
template <class E, class Params>
struct Signatures;
template <class E, class... P>
struct Signatures<E, std::tuple<P...>> {
  using State = typename E::State;
  static constexpr bool observes =
      requires(const State& s, const P&... p, Observation out) { E::observe(s, p..., out); };
  static constexpr bool masks =
      requires(const State& s, const P&... p, Mask out) { E::mask(s, p..., out); };
  static constexpr bool draws = requires(State& s, ActionOf<E> action, const P&... p, Stream& rng) {
    { E::step(s, action, p..., rng) } -> std::convertible_to<Step>;
  };
  static constexpr bool steps = draws || requires(State& s, ActionOf<E> action, const P&... p) {
    { E::step(s, action, p...) } -> std::convertible_to<Step>;
  };
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
struct Calls {
  static constexpr std::int64_t observation_size = E::observation_size;
  static constexpr std::int64_t flags = E::action.flags();
  static constexpr bool draws_in_steps = SignaturesOf<E>::draws;

  static std::int64_t reset(void*, fastpg_block* block, const double* options) noexcept {
    const fastpg_block given = *block;
    return for_entries(block, [&](std::int64_t i) {
      const auto arguments = std::tuple_cat(params_of<E>(&given), options_of<E>(options));
      typename E::State state{};
      Stream stream(given.draws, fastpg_stream_of(&given, i));
      std::apply([&](const auto&... a) { E::reset(state, a..., stream); }, arguments);
      set_state<E>(given, i, state);
    });
  }

  static std::int64_t observe(void*, fastpg_block* block, float* out,
                              std::int64_t stride) noexcept {
    return for_rows<float, observation_size>(
        block, out, stride, 0.0F, [](const auto& state, Observation row, const auto&... params) {
          E::observe(state, params..., row);
        });
  }

  static std::int64_t step(void*, fastpg_block* block, const std::int32_t* choices,
                           const double* numbers, double* rewards,
                           std::uint8_t* terminated) noexcept {
    if constexpr (decltype(E::action)::kind == FASTPG_CONTINUOUS) {
      return step_with(block, numbers, rewards, terminated);
    } else {
      return step_with(block, choices, rewards, terminated);
    }
  }

  static std::int64_t mask(void*, fastpg_block* block, std::uint8_t* allowed,
                           std::int64_t stride) noexcept {
    return for_rows<bool, flags>(
        block, allowed, stride, true,
        [](const auto& state, Mask row, const auto&... params) { E::mask(state, params..., row); });
  }

  static const char* message(void*, std::int64_t) noexcept { return last_failure; }

 private:
  // Reads the parameters once, within what catches exceptions.
  template <class Body>
  static std::int64_t with_params(fastpg_block* block, Body&& body) noexcept {
    std::int64_t status = 1;
    fastpg_block one = *block;
    one.count = 1;
    const std::int64_t failed = for_entries(&one, [&](std::int64_t) {
      const auto params = params_of<E>(&one);
      status = std::apply([&](const auto&... p) { return body(p...); }, params);
    });
    if (failed != 0) block->failed = 0;
    return failed != 0 ? failed : status;
  }

  // Row k of the results of entry i goes to out[k * stride + i].
  template <class T, std::int64_t Size, class Out, class Fill>
  static std::int64_t for_rows(fastpg_block* block, Out* out, std::int64_t stride, T usual,
                               Fill&& fill) noexcept {
    const fastpg_block given = *block;
    return with_params(block, [&](const auto&... params) {
      return for_entries(block, [&](std::int64_t i) {
        T values[static_cast<std::size_t>(Size)];
        for (T& value : values) value = usual;
        fill(state_of<E>(given, i), Row<T>(values, Size), params...);
        for (std::int64_t k = 0; k < Size; ++k) out[k * stride + i] = static_cast<Out>(values[k]);
      });
    });
  }

  template <class Number>
  static std::int64_t step_with(fastpg_block* block, const Number* actions, double* rewards,
                                std::uint8_t* terminated) noexcept {
    const fastpg_block given = *block;
    return with_params(block, [&](const auto&... params) {
      return for_entries(block, [&](std::int64_t i) {
        typename E::State state = state_of<E>(given, i);
        const Step made = step_one(given, i, state, action_of<E>(actions, i), params...);
        set_state<E>(given, i, state);
        rewards[i] = made.reward;
        terminated[i] = made.terminated ? 1 : 0;
      });
    });
  }

  template <class... P>
  static Step step_one(const fastpg_block& given, std::int64_t i, typename E::State& state,
                       const ActionOf<E>& action, const P&... params) {
    if constexpr (draws_in_steps) {
      Stream stream(given.draws, fastpg_stream_of(&given, i));
      return E::step(state, action, params..., stream);
    } else {
      return E::step(state, action, params...);
    }
  }
};

}  // namespace
}  // namespace fastpg
