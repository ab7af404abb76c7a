#include "pybind.hpp"

#include <algorithm>

namespace fastpg {
namespace {

Lengths lengths(const py::array& array) {
  return {array.shape(), static_cast<std::size_t>(array.ndim())};
}

}  // namespace

std::string shape_text(const py::array& array) { return tuple_text(lengths(array)); }

std::string index_text(const py::array& array, py::ssize_t flat) {
  return index_text(flat, lengths(array));
}

void refuse_type(Message parts) { throw py::type_error(text_of(parts)); }

void require_ndim(const char* name, const py::array& array, py::ssize_t ndim) {
  if (array.ndim() == ndim) return;
  refuse({name, ": expected ", ndim, " dimensions, got shape ", shape_text(array)});
}

void require_same_shape(const char* name, const py::array& array, const py::array& like) {
  if (std::ranges::equal(lengths(array), lengths(like))) return;
  refuse({name, ": expected shape ", shape_text(like), ", got ", shape_text(array)});
}

void require_finite(const char* name, const Array<float>& array) {
  require_finite(name, array.data(), lengths(array));
}
void require_finite(const char* name, const Array<double>& array) {
  require_finite(name, array.data(), lengths(array));
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
