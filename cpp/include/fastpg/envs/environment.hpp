// What an environment is: parameters, a state of doubles, reset, observe, step. Nothing else.
// Time limits, automatic resets, random streams and storage belong to VectorEnv.
#pragma once

#include <concepts>
#include <cstdint>

#include "fastpg/core/pcg64.hpp"
#include "fastpg/core/trig.hpp"

namespace fastpg {

using Lane = std::ptrdiff_t;

struct ResetBounds {
  double low;
  double high;
};

// States of `count` lanes as a structure of arrays: component k of lane i is data[k * stride + i].
struct StateBlock {
  double* data;
  Lane stride;
  Lane count;

  double* component(Lane k) const { return data + k * stride; }
};

template <class E>
concept Environment = requires(const typename E::Params& params, StateBlock block, Pcg64& stream,
                               double* state, const double* const_state, float* observation,
                               const std::int32_t* actions, double* rewards, bool* terminated) {
  { E::state_size } -> std::convertible_to<Lane>;
  { E::observation_size } -> std::convertible_to<Lane>;
  { E::action_count } -> std::convertible_to<std::int32_t>;
  { E::default_bounds } -> std::convertible_to<ResetBounds>;
  { E::reset(params, E::default_bounds, stream, state) };
  { E::observe(const_state, observation) };
  { E::template step<ExactTrig>(params, block, actions, rewards, terminated) };
  { E::template step<FastTrig>(params, block, actions, rewards, terminated) };
};

}  // namespace fastpg
