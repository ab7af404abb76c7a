// The arrays of a policy's batch as they come from Python.
//
// Arrays are checked once: sizes, distributions and actions before a kernel, features and weights
// by what comes out of it, since a number that is not finite makes every sum over its row so.
#pragma once

#include <optional>
#include <stdexcept>

#include "eigen_views.hpp"
#include "fastpg/core/checks.hpp"
#include "fastpg/distributions/distribution.hpp"
#include "fastpg/networks/architecture.hpp"

namespace fastpg {

using MaskArray = std::optional<Array<bool>>;

inline Features features_of(const Array<double>& phi) {
  require_ndim("phi", phi, 2);
  require(phi.shape(0) >= 1 && phi.shape(1) >= 1, "phi: expected at least one row and column");
  return {phi.data(), phi.shape(0), phi.shape(1)};
}

// Whether an array is where it was: resize() of NumPy moves its memory, or frees it.
inline bool unmoved(const py::array& array, const void* data, Index size) {
  return array.data() == data && array.size() == size;
}

// Of a class that keeps addresses of arrays which belong to Python: a method that first looks
// whether they are still right. Converting its arguments may have run any code.
template <class T, class R, class... Args>
auto of_unmoved(R (T::*method)(Args...) const) {
  return [method](const T& self, Args... args) -> R {
    self.require_unmoved();
    return (self.*method)(std::forward<Args>(args)...);
  };
}

[[noreturn]] inline void refuse_moved(const char* name) {
  refuse({name, ": expected the array that the batch was made with, got one that was resized"});
}

inline void require_finite_features(const Features& phi) {
  require_finite("phi", phi.data, phi.rows, phi.cols);
}

// Each number given is finite, sums over them are not.
[[noreturn]] inline void refuse_overflow(const char* names) {
  throw std::overflow_error(std::string(names) + ": expected numbers whose sums are finite");
}
[[noreturn]] inline void refuse_sums(const Features& phi, const char* names) {
  require_finite_features(phi);
  refuse_overflow(names);
}

// (n, size) distributions; rows -1: any number of them.
inline void require_dist_shape(const Distribution& distribution, const char* what,
                               const Array<double>& dist, py::ssize_t rows) {
  require_ndim(what, dist, 2);
  if (dist.shape(1) != distribution.size()) {
    require_size((std::string(what) + " (columns)").c_str(), dist.shape(1), distribution.size());
  }
  if (rows >= 0 && dist.shape(0) != rows) {
    require_size((std::string(what) + " (rows)").c_str(), dist.shape(0), rows);
  }
}

inline const double* checked_dist(const Distribution& distribution, const char* what,
                                  const Array<double>& dist, py::ssize_t rows) {
  require_dist_shape(distribution, what, dist, rows);
  distribution.check_distribution(what, dist.data(), dist.shape(0));
  return dist.data();
}

inline const double* vector_data(const char* what, const Array<double>& array, Index size) {
  require_ndim(what, array, 1);
  require_size(what, array.size(), size);
  return array.data();
}

// (size,), finite, copied.
inline Vector finite_vector(const char* what, const Array<double>& array, Index size) {
  const double* const values = vector_data(what, array, size);
  require_finite(what, values, size);
  return VectorView(values, size);
}

inline Index parameter_count(const Distribution& distribution, const Architecture& network) {
  return network.parameters() + distribution.own_parameters();
}

inline void require_network(const Distribution& distribution, const Architecture& network,
                            Index inputs) {
  if (network.inputs() != inputs) require_size("phi (columns)", inputs, network.inputs());
  require_size("network (outputs)", network.outputs(), distribution.outputs());
}

// (n, action_size) of int32 or double, checked. Kept: what the array's memory belongs to.
inline Actions checked_actions(const Distribution& distribution, const py::array& given,
                               Index rows) {
  const bool right = distribution.discrete() ? py::isinstance<Array<std::int32_t>>(given)
                                             : py::isinstance<Array<double>>(given);
  if (!right) {
    refuse_type({"actions: expected a C-contiguous array of ",
                 (distribution.discrete() ? "int32" : "float64"), ", got ",
                 py::str(given.dtype()).cast<std::string>()});
  }
  require_ndim("actions", given, 2);
  require_size("actions (rows)", given.shape(0), rows);
  require_size("actions (columns)", given.shape(1), distribution.action_size());
  Actions actions{static_cast<const double*>(nullptr), distribution.action_size()};
  if (distribution.discrete()) {
    actions.data = static_cast<const std::int32_t*>(given.data());
  } else {
    actions.data = static_cast<const double*>(given.data());
  }
  distribution.check_actions(actions, rows);
  return actions;
}

inline Actions checked_actions(const Distribution& distribution,
                               const std::optional<py::array>& given, Index rows) {
  if (given) return checked_actions(distribution, *given, rows);
  return {static_cast<const double*>(nullptr), distribution.action_size()};
}

// Bytes, since a flag may be any but zero. Every choice keeps at least one action.
inline const std::uint8_t* checked_mask(const Distribution& distribution, const MaskArray& mask,
                                        Index rows) {
  if (!mask) return nullptr;
  const std::uint8_t* const allowed = bytes(*mask);
  if (!distribution.discrete()) distribution.check_mask(allowed, rows);
  require_ndim("mask", *mask, 2);
  require_size("mask (rows)", mask->shape(0), rows);
  require_size("mask (columns)", mask->shape(1), distribution.outputs());
  distribution.check_mask(allowed, rows);
  return allowed;
}

// An array for n actions, and where they are written.
inline py::array make_actions(const Distribution& distribution, Index n, WritableActions& out) {
  if (distribution.discrete()) {
    Array<std::int32_t> array({n, distribution.action_size()});
    out = array.mutable_data();
    return array;
  }
  Array<double> array({n, distribution.action_size()});
  out = array.mutable_data();
  return array;
}

}  // namespace fastpg
