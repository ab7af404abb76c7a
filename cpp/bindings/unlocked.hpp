// Kernels without the interpreter lock, and how Ctrl-C reaches them there.
#pragma once

#include <optional>
#include <type_traits>

#include "fastpg/core/interruption.hpp"
#include "pybind.hpp"

namespace fastpg {

// When the kernels of this thread raise KeyboardInterrupt without another signal.
inline thread_local Watch::Clock::time_point kernels_end = Watch::Clock::time_point::max();

// A reference to a function object, called once while that lives: what calls it is compiled once.
class FunctionOfNothing {
 public:
  template <class Function>
    requires(!std::is_same_v<std::remove_cvref_t<Function>, FunctionOfNothing>)
  FunctionOfNothing(Function&& function)
      : object_(const_cast<void*>(static_cast<const void*>(&function))),
        call_([](void* object) { (*static_cast<std::remove_reference_t<Function>*>(object))(); }) {}

  void operator()() const { call_(object_); }

 private:
  void* object_;
  void (*call_)(void*);
};

// Runs a function of C++ alone with the interpreter lock released, to its end: for what may not
// stop halfway, and is short.
void unlocked_throughout(FunctionOfNothing function);

// The same of one that may run long: it stops at a checkpoint where a signal's handler raises, and
// that exception leaves here. The function leaves all that outlives it as it was then.
void run_unlocked(FunctionOfNothing function);

template <class Function>
auto unlocked(Function&& function) {
  using Result = decltype(function());
  if constexpr (std::is_void_v<Result>) {
    run_unlocked(function);
  } else {
    std::optional<Result> result;
    auto keep = [&] { result.emplace(function()); };
    run_unlocked(keep);
    return *std::move(result);
  }
}

}  // namespace fastpg
