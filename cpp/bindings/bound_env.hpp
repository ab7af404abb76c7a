// The environments that Python holds.
#pragma once

#include <array>
#include <atomic>
#include <optional>
#include <variant>
#include <vector>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/thread_pool.hpp"
#include "fastpg/envs/vector_env.hpp"
#include "unlocked.hpp"

namespace fastpg {

// Two Python threads inside one object would race: the second gets a RuntimeError.
class SoleUse {
 public:
  explicit SoleUse(std::atomic_flag& flag) : flag_(flag) {
    if (flag_.test_and_set()) {
      throw std::runtime_error("this environment is in use by another thread");
    }
  }
  SoleUse(const SoleUse&) = delete;
  SoleUse& operator=(const SoleUse&) = delete;
  ~SoleUse() { flag_.clear(); }

 private:
  std::atomic_flag& flag_;
};

// copy=False: arrays that every step writes into. The memory is held here, for whoever has such an
// array may make it point elsewhere.
struct ReusedArrays {
  struct Form {
    using Lengths = std::array<py::ssize_t, 2>;  // of at most two dimensions

    explicit Form(py::array array)
        : owner(array.base()),
          type(array.dtype()),
          memory(array.mutable_data()),
          shape(lengths(array, array.shape())),
          strides(lengths(array, array.strides())) {}

    static Lengths lengths(const py::array& array, const py::ssize_t* of) {
      return {of[0], array.ndim() == 2 ? of[1] : 0};
    }

    bool is_of(const py::array& array) const {
      return array.data() == memory && array.base().is(owner) && array.dtype().is(type) &&
             array.writeable() && (array.ndim() == 1 || array.ndim() == 2) &&
             lengths(array, array.shape()) == shape && lengths(array, array.strides()) == strides;
    }

    py::object owner, type;
    void* memory;
    Lengths shape, strides;
  };

  py::tuple arrays;
  std::vector<Form> forms;
  Autoreset mode;

  ReusedArrays(py::tuple made, Autoreset made_for) : arrays(std::move(made)), mode(made_for) {
    for (const py::handle item : arrays)
      forms.emplace_back(py::reinterpret_borrow<py::array>(item));
  }

  // Whether every array still is what was handed out, and they are of this mode.
  bool serve(Autoreset wanted) const {
    if (wanted != mode) return false;
    for (std::size_t k = 0; k < forms.size(); ++k) {
      if (!forms[k].is_of(py::reinterpret_borrow<py::array>(arrays[k]))) return false;
    }
    return true;
  }
};

struct BoundVectorEnv {
  BoundVectorEnv(std::unique_ptr<EnvironmentKernel> kernel, py::ssize_t num_envs,
                 std::optional<std::int64_t> max_steps, bool is_exact, bool copy, int num_threads,
                 py::tuple given)
      : env(std::move(kernel), num_envs, max_steps.value_or(VectorEnv::no_limit)),
        exact(is_exact),
        copy_outputs(copy),
        threads(checked_threads(num_threads)),
        arguments(std::move(given)) {}

  VectorEnv env;
  bool exact;
  bool copy_outputs;
  int threads;
  py::tuple arguments;  // it was made of; a pickle makes it again from them
  std::optional<ReusedArrays> reused;
  std::atomic_flag busy;
};

inline void require_reset(const VectorEnv& env) {
  if (!env.all_reset()) {
    throw std::runtime_error("expected reset() first: an environment has no state");
  }
}

// NumPy's flags may be bytes other than 0 and 1, which no bool of C++ may be.
inline bool flag(const Array<bool>& flags, Lane i) {
  return *(static_cast<const std::uint8_t*>(static_cast<const py::array&>(flags).data()) + i) != 0;
}

}  // namespace fastpg
