#include "pybind.hpp"

#include <cmath>

namespace fastpg {
namespace {

std::string tuple_text(const std::vector<py::ssize_t>& numbers) {
  std::string text = "(";
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    text += (k == 0 ? "" : " ") + std::to_string(numbers[k]);
    if (numbers.size() == 1 || k + 1 < numbers.size()) text += ",";
  }
  return text + ")";
}

template <class T>
void require_finite_of(const char* name, const Array<T>& array) {
  const T* const values = array.data();
  if (all_finite(values, array.size())) return;
  for (py::ssize_t i = 0; i < array.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    refuse({name, ": expected finite values, got ", static_cast<double>(values[i]), " at index ",
            index_text(array, i)});
  }
}

}  // namespace

std::string shape_text(const py::array& array) {
  return tuple_text({array.shape(), array.shape() + array.ndim()});
}

std::string index_text(const py::array& array, py::ssize_t flat) {
  std::vector<py::ssize_t> index(static_cast<std::size_t>(array.ndim()));
  for (std::size_t k = index.size(); k-- > 0;) {
    const py::ssize_t length = array.shape(static_cast<py::ssize_t>(k));
    index[k] = flat % length;
    flat /= length;
  }
  return tuple_text(index);
}

void refuse_type(Message parts) { throw py::type_error(text_of(parts)); }

void require_ndim(const char* name, const py::array& array, py::ssize_t ndim) {
  if (array.ndim() == ndim) return;
  refuse({name, ": expected ", ndim, " dimensions, got shape ", shape_text(array)});
}

void require_same_shape(const char* name, const py::array& array, const py::array& like) {
  const bool same = std::equal(array.shape(), array.shape() + array.ndim(), like.shape(),
                               like.shape() + like.ndim());
  if (same) return;
  refuse({name, ": expected shape ", shape_text(like), ", got ", shape_text(array)});
}

void require_finite(const char* name, const Array<float>& array) { require_finite_of(name, array); }
void require_finite(const char* name, const Array<double>& array) {
  require_finite_of(name, array);
}

PyObject* new_and_init(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* self = py::detail::make_new_instance(type);
  if (self != nullptr && type->tp_init(self, args, kwargs) != 0) {
    Py_DECREF(self);
    return nullptr;
  }
  return self;
}

}  // namespace fastpg
