// Classes of results with named fields: tuples that Python reads by name, of C members, so that a
// field costs no call.
#pragma once

#include <initializer_list>

#include "pybind.hpp"

namespace fastpg {

class NamedResult {
 public:
  struct Field {
    const char* name;
    const char* doc;
  };

  // Adds the class `name` to the module. Texts must live as long as the process.
  NamedResult(py::module_& m, const char* name, const char* full_name, const char* doc,
              std::initializer_list<Field> fields) {
    std::vector<PyStructSequence_Field> members;
    for (const Field& field : fields) members.push_back({field.name, field.doc});
    members.push_back({nullptr, nullptr});
    PyStructSequence_Desc desc{full_name, doc, members.data(), static_cast<int>(fields.size())};
    type_ = PyStructSequence_NewType(&desc);
    if (type_ == nullptr) throw py::error_already_set();
    m.attr(name) = py::handle(reinterpret_cast<PyObject*>(type_));
  }

  template <class... Values>
  py::object operator()(Values&&... values) const {
    auto made = py::reinterpret_steal<py::object>(PyStructSequence_New(type_));
    if (!made) throw py::error_already_set();
    Py_ssize_t at = 0;
    (PyStructSequence_SetItem(made.ptr(), at++,
                              object(std::forward<Values>(values)).release().ptr()),
     ...);
    return made;
  }

 private:
  template <class Value>
  static py::object object(Value&& value) {
    if constexpr (std::is_base_of_v<py::object, std::decay_t<Value>>) {
      return std::forward<Value>(value);
    } else {
      return py::cast(std::forward<Value>(value));
    }
  }

  PyTypeObject* type_ = nullptr;
};

}  // namespace fastpg
