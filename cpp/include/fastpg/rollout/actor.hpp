// A policy in the form that a rollout uses: one virtual call takes the observations of several
// environments and gives their actions.
#pragma once

#include <cstdint>
#include <memory>

#include "fastpg/envs/kernel.hpp"

namespace fastpg {

// The inputs of an actor for `count` environments.
struct LaneView {
  const float* observations;  // number k of environment i at [k * observations_stride + i]
  Lane observations_stride;
  const std::int64_t* step_index;  // (count,)
  const std::uint32_t* words;      // random word k of environment i at [k * words_stride + i]
  Lane words_stride;
  Lane count;
  // Flag k of environment i at [k * allowed_stride + i]; null: all actions are allowed.
  const std::uint8_t* allowed = nullptr;
  Lane allowed_stride = 0;

  LaneView part(Lane begin, Lane length) const {
    return {observations + begin,
            observations_stride,
            step_index + begin,
            words + begin,
            words_stride,
            length,
            allowed == nullptr ? nullptr : allowed + begin,
            allowed_stride};
  }
};

// Where actions are recorded, row-major, `action_size` of them for each environment: one of the
// two.
struct RecordedActions {
  std::int32_t* choices;
  double* numbers;
};

// An actor in one thread, with the memory that it needs there.
class ActorWorker {
 public:
  virtual ~ActorWorker() = default;

  // Records the actions of these environments. Returns the actions in the form that the
  // environments get, valid until the next call.
  virtual ActionsView act(LaneView lanes, RecordedActions actions) = 0;
};

// Owns a copy of its parameters, so that nobody can change them meanwhile.
class Actor {
 public:
  virtual ~Actor() = default;

  virtual Lane observation_size() const = 0;
  virtual Lane action_size() const = 0;
  virtual bool discrete() const = 0;  // its actions are recorded as integers
  virtual bool fits(const EnvironmentShape& shape) const = 0;
  // Approximate number of operations in a step of one environment: see Pace.
  virtual double operations() const = 0;
  // For up to `most` environments at a call. The actor outlives it.
  virtual std::unique_ptr<ActorWorker> worker(Lane most) const = 0;
};

}  // namespace fastpg
