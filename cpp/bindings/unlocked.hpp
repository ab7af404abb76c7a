// Kernels without the interpreter lock, and how Ctrl-C reaches them there.
#pragma once

#include <chrono>
#include <thread>

#include "fastpg/core/interruption.hpp"
#include "fastpg/core/thread_memory.hpp"
#include "pybind.hpp"

#if defined(__GLIBCXX__)
#include <cxxabi.h>
#endif

namespace fastpg {

// When the kernels of this thread raise KeyboardInterrupt without another signal.
inline thread_local Watch::Clock::time_point kernels_end = Watch::Clock::time_point::max();

// Without the interpreter lock until the end of the scope. A daemon thread that asks for it back
// while the interpreter ends is unwound by Python before 3.14; that would call std::terminate()
// here, so it waits for the end of the process.
class ReleasedLock {
 public:
  ReleasedLock() : state_(PyEval_SaveThread()) {}
  ReleasedLock(const ReleasedLock&) = delete;
  ReleasedLock& operator=(const ReleasedLock&) = delete;
  ~ReleasedLock() { lock(); }

  // Runs the handlers of signals that have arrived, which Python does in its main thread alone.
  // Whether the kernel shall stop: Python's exception is then set.
  bool interrupted() {
    lock();
    bool stop = PyErr_CheckSignals() != 0;
    if (!stop && Watch::Clock::now() >= kernels_end) {
      PyErr_SetNone(PyExc_KeyboardInterrupt);
      stop = true;
    }
    state_ = PyEval_SaveThread();
    return stop;
  }

 private:
  void lock() {
#if defined(__GLIBCXX__)
    try {
      PyEval_RestoreThread(state_);
    } catch (const abi::__forced_unwind&) {
      while (true) std::this_thread::sleep_for(std::chrono::hours(1));
    }
#else
    PyEval_RestoreThread(state_);
#endif
  }

  PyThreadState* state_;
};

// Runs a function of C++ alone with the interpreter lock released, to its end: for what may not
// stop halfway, and is short.
template <class Function>
auto unlocked_throughout(Function&& function) {
  make_thread_memory();
  const ReleasedLock released;
  return function();
}

// The same of one that may run long: it stops at a checkpoint where a signal's handler raises, and
// that exception leaves here. The function leaves all that outlives it as it was then.
template <class Function>
auto unlocked(Function&& function) {
  make_thread_memory();
  try {
    ReleasedLock released;
    Watch watch([](void* lock) { return static_cast<ReleasedLock*>(lock)->interrupted(); },
                &released);
    const WatchedScope scope(&watch, true);
    return function();
  } catch (...) {
    if (PyErr_Occurred() != nullptr) throw py::error_already_set();
    throw;
  }
}

}  // namespace fastpg
