#include "pybind.hpp"

#include <algorithm>

namespace fastpg {
namespace {

Lengths lengths(const py::array& array) {
  return {array.shape(), static_cast<std::size_t>(array.ndim())};
}

PyObject* new_or_error(PyTypeObject* type, PyObject*, PyObject*) {
  try {
    return py::detail::make_new_instance(type);
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_TypeError, error.what());
    return nullptr;
  }
}

PyObject* refuse_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyErr_Format(PyExc_TypeError, "cannot create '%s' objects", type->tp_name);
  return nullptr;
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
  PyObject* self = new_or_error(type, args, kwargs);
  if (self != nullptr && type->tp_init(self, args, kwargs) != 0) {
    Py_DECREF(self);
    return nullptr;
  }
  return self;
}

void guard_types_of_pybind11() {
  auto* const base = reinterpret_cast<PyTypeObject*>(py::detail::get_internals().instance_base);
  base->tp_new = new_or_error;
  PyType_Modified(base);
  auto* const record = py::detail::get_function_record_PyTypeObject();
  const py::handle kind(reinterpret_cast<PyObject*>(record));
  if (kind.attr("__dict__").contains("__init__")) py::delattr(kind, "__init__");
  record->tp_new = refuse_new;
  PyType_Modified(record);
}

}  // namespace fastpg
