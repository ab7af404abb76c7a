// What is wrong, and where: for kernels that only say whether something is.
#pragma once

#include <cmath>
#include <string>

#include "unlocked.hpp"

namespace fastpg {

inline std::string index_text(const py::array& array, py::ssize_t flat) {
  if (array.ndim() == 1) return "(" + std::to_string(flat) + ",)";
  const py::ssize_t columns = array.shape(1);
  return "(" + std::to_string(flat / columns) + ", " + std::to_string(flat % columns) + ")";
}

// Of one or two dimensions.
template <class T>
void refuse_not_finite(const char* name, const Array<T>& array) {
  const T* const values = array.data();
  for (py::ssize_t i = 0; i < array.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    const char* const got = std::isnan(values[i]) ? "nan" : values[i] > T(0) ? "inf" : "-inf";
    throw py::value_error(std::string(name) + ": expected finite values, got " + got +
                          " at index " + index_text(array, i));
  }
}

}  // namespace fastpg
