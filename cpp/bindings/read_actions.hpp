// The actions of one step as Python gives them.
#pragma once

#include <optional>
#include <vector>

#include "fastpg/envs/actions.hpp"
#include "fastpg/envs/vector_env.hpp"
#include "pybind.hpp"

namespace fastpg {

inline constexpr int aligned = py::detail::npy_api::NPY_ARRAY_ALIGNED_;

// The actions of one step, checked, in memory of their own: another thread may change the array.
class ReadActions {
 public:
  ReadActions(const py::array& given, const VectorEnv& env) {
    const EnvironmentShape& shape = env.shape();
    const char kind = given.dtype().kind();
    if (shape.action_count > 0) {
      if (kind != 'i' && kind != 'u') refuse_dtype("an integer dtype", given);
      require_shape(given, env.num_envs(), {});
      read_discrete(given, shape.action_count);
    } else {
      const py::ssize_t size = given.itemsize();
      if (kind != 'f' || (size != 4 && size != 8)) refuse_dtype("float32 or float64", given);
      require_shape(given, env.num_envs(), shape.action_size);
      if (size == 4) {
        view_ = read_continuous(given, singles_);
      } else {
        view_ = read_continuous(given, doubles_);
      }
    }
  }

  ActionsView view() const { return view_; }

 private:
  [[noreturn]] static void refuse_dtype(const char* expected, const py::array& given) {
    throw py::type_error("actions: expected " + std::string(expected) + ", got " +
                         py::str(given.dtype()).cast<std::string>());
  }

  static void require_shape(const py::array& given, Lane lanes, std::optional<Lane> size) {
    const bool right = given.ndim() == (size ? 2 : 1) && given.shape(0) == lanes &&
                       (!size || given.shape(1) == *size);
    if (right) return;
    const std::string wanted =
        "(" + std::to_string(lanes) + (size ? ", " + std::to_string(*size) + ")" : ",)");
    throw py::value_error("actions: expected shape " + wanted + ", got " + shape_text(given));
  }

  void read_discrete(const py::array& given, std::int32_t count) {
    const auto values =
        py::array_t<std::int64_t, py::array::c_style | py::array::forcecast | aligned>::ensure(
            given);
    if (!values) throw py::error_already_set();
    integers_.resize(static_cast<std::size_t>(values.size()));
    const bool good = narrow_actions(values.data(), values.size(), count, integers_.data());
    for (py::ssize_t i = 0; !good && i < values.size(); ++i) {
      if (integers_[static_cast<std::size_t>(i)] >= 0) continue;
      throw py::value_error("actions: expected values in [0, " + std::to_string(count) + "), got " +
                            py::str(given[py::int_(i)]).cast<std::string>() + " at index " +
                            std::to_string(i));
    }
    view_ = integers_.data();
  }

  template <class Real>
  static const Real* read_continuous(const py::array& given, std::vector<Real>& out) {
    const auto values =
        py::array_t<Real, py::array::c_style | py::array::forcecast | aligned>::ensure(given);
    if (!values) throw py::error_already_set();
    out.assign(values.data(), values.data() + values.size());
    require_finite("actions", out.data(), values.size());
    return out.data();
  }

  std::vector<std::int32_t> integers_;
  std::vector<float> singles_;
  std::vector<double> doubles_;
  ActionsView view_ = integers_.data();
};

}  // namespace fastpg
