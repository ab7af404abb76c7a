#include "unlocked.hpp"

#include <chrono>
#include <thread>

#include "fastpg/core/thread_memory.hpp"

#if defined(__GLIBCXX__)
#include <cxxabi.h>
#endif

namespace fastpg {
namespace {

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

}  // namespace

void unlocked_throughout(FunctionOfNothing function) {
  make_thread_memory();
  const ReleasedLock released;
  function();
}

void run_unlocked(FunctionOfNothing function) {
  make_thread_memory();
  try {
    ReleasedLock released;
    Watch watch([](void* lock) { return static_cast<ReleasedLock*>(lock)->interrupted(); },
                &released);
    const WatchedScope scope(&watch, true);
    function();
  } catch (...) {
    if (PyErr_Occurred() != nullptr) throw py::error_already_set();
    throw;
  }
}

}  // namespace fastpg
