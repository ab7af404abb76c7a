// The actions of one step as Python gives them.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
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
    if (shape.discrete()) {
      if (kind != 'i' && kind != 'u') refuse_dtype("an integer dtype", given);
      require_shape(given, env.num_envs(),
                    shape.several ? std::optional(shape.action_size) : std::nullopt);
      read_discrete(given, shape.action_counts);
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
    refuse_type(
        {"actions: expected ", expected, ", got ", py::str(given.dtype()).cast<std::string>()});
  }

  static void require_shape(const py::array& given, Lane lanes, std::optional<Lane> size) {
    const bool right = given.ndim() == (size ? 2 : 1) && given.shape(0) == lanes &&
                       (!size || given.shape(1) == *size);
    if (right) return;
    const std::ptrdiff_t wanted[] = {lanes, size.value_or(0)};
    const Lengths lengths(wanted, size ? 2 : 1);
    refuse({"actions: expected shape ", tuple_text(lengths), ", got ", shape_text(given)});
  }

  void read_discrete(const py::array& given, std::span<const std::int32_t> counts) {
    const auto values =
        py::array_t<std::int64_t, py::array::c_style | py::array::forcecast | aligned>::ensure(
            given);
    if (!values) throw py::error_already_set();
    integers_.resize(static_cast<std::size_t>(values.size()));
    if (!narrow(values, counts)) refuse_value(given, counts);
    view_ = integers_.data();
  }

  bool narrow(const py::array_t<std::int64_t>& values, std::span<const std::int32_t> counts) {
    const std::int64_t* const from = values.data();
    if (counts.size() == 1) {
      return narrow_actions(from, values.size(), counts.front(), integers_.data());
    }
    bool good = true;
    const auto size = static_cast<py::ssize_t>(counts.size());
    for (py::ssize_t i = 0; i < values.size(); ++i) {
      const std::int32_t count = counts[static_cast<std::size_t>(i % size)];
      good = narrow_actions(from + i, 1, count, &integers_[static_cast<std::size_t>(i)]) && good;
    }
    return good;
  }

  [[noreturn]] void refuse_value(const py::array& given,
                                 std::span<const std::int32_t> counts) const {
    const auto bad = std::find_if(integers_.begin(), integers_.end(),
                                  [](std::int32_t action) { return action < 0; });
    const auto at = bad - integers_.begin();
    const std::int32_t count = counts[static_cast<std::size_t>(at) % counts.size()];
    const py::object value = given.attr("flat")[py::int_(at)];
    refuse({"actions: expected values in [0, ", count, "), got ",
            py::str(value).cast<std::string>(), " at index ", index_text(given, at)});
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
