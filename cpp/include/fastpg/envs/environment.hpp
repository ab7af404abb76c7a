// What an environment is: parameters, a state of doubles, reset, observe, step. Nothing else.
// Time limits, automatic resets, random streams and storage belong to VectorEnv. See `Environment`
// at the end; Kernel<E> of kernel_of.hpp makes a kernel of one.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "fastpg/core/math.hpp"
#include "fastpg/core/pcg64.hpp"

namespace fastpg {

using Lane = std::ptrdiff_t;  // an index or a number of environments

// The numbers that a reset takes from its options, in the order of Python's `reset_options`.
using ResetOptions = std::span<const double>;

// A parameter with one of a few named values.
struct Choice {
  std::span<const std::string_view> names;
  std::size_t index = 0;
};

// `count` environments as a structure of arrays: component k of entry i is data[k * stride + i].
// Entry i is environment lanes[i], or first + i where `lanes` is null.
struct LaneBlock {
  double* data;
  Lane stride;
  Lane count;
  Pcg64* streams = nullptr;               // by environment
  const std::int64_t* elapsed = nullptr;  // steps since the reset, by environment
  const Lane* lanes = nullptr;
  Lane first = 0;

  double* component(Lane k) const { return data + k * stride; }
  Lane lane(Lane i) const { return lanes == nullptr ? first + i : lanes[i]; }

  LaneBlock part(Lane begin, Lane length) const {
    return {data + begin, stride,  length,
            streams,      elapsed, lanes == nullptr ? nullptr : lanes + begin,
            first + begin};
  }
};

// Calls work(part, begin) for consecutive parts of at most Size environments, whose temporaries
// then fit on the stack.
template <Lane Size, class Work>
void for_chunks(LaneBlock block, Work&& work) {
  for (Lane begin = 0; begin < block.count; begin += Size) {
    work(block.part(begin, std::min(Size, block.count - begin)), begin);
  }
}

// E::observe writes component by component too: number k of entry i at out[k * stride + i].
inline void round_to_float(const double* values, Lane count, float* out) {
  for (Lane i = 0; i < count; ++i) out[i] = static_cast<float>(values[i]);
}
inline void round_components(LaneBlock block, Lane size, float* out, Lane stride) {
  for (Lane k = 0; k < size; ++k) {
    round_to_float(block.component(k), block.count, out + k * stride);
  }
}

// E::actions is one of these. Discrete environments take std::int32_t in [0, count); continuous
// ones take `size` numbers for each environment, float or double: Gymnasium computes in the dtype
// it is given.
struct DiscreteActions {
  std::int32_t count;
};
struct ContinuousActions {
  Lane size;
};

template <class E>
inline constexpr bool is_discrete =
    std::same_as<std::remove_cv_t<decltype(E::actions)>, DiscreteActions>;

// observe is a template of its mathematics where it uses any.
template <class E>
concept ObservesWithoutMath = requires(LaneBlock block, float* out, Lane stride) {
  { E::observe(block, out, stride) };
};
template <class E, class Math>
concept ObservesWith =
    ObservesWithoutMath<E> || requires(LaneBlock block, float* out, Lane stride) {
      { E::template observe<Math>(block, out, stride) };
    };

template <class E, class Math, class Action>
concept StepsWith = requires(const typename E::Params& params, LaneBlock block,
                             const Action* actions, double* rewards, bool* terminated) {
  { E::template step<Math>(params, block, actions, rewards, terminated) };
};

template <class E>
concept Environment =
    std::copyable<typename E::Params> && ObservesWith<E, ExactMath> &&
    requires(ResetOptions options, Pcg64& stream, double* state) {
      { E::state_size } -> std::convertible_to<Lane>;
      { E::observation_size } -> std::convertible_to<Lane>;
      { ResetOptions(E::reset_defaults) };
      { E::draws_in_steps } -> std::convertible_to<bool>;
      { E::reset(options, stream, state) };
    } &&
    (is_discrete<E> ? StepsWith<E, ExactMath, std::int32_t>
                    : StepsWith<E, ExactMath, float> && StepsWith<E, ExactMath, double>);

}  // namespace fastpg
