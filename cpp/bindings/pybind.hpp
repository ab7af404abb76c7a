// The only include of pybind11, and the few ways in which arrays cross the border.
#pragma once

#include <pybind11/native_enum.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/memory.hpp"

namespace fastpg {

namespace py = pybind11;

// C-contiguous arrays of one dtype. Bind them with .noconvert(): a silent copy becomes a TypeError.
template <class T>
using Array = py::array_t<T, py::array::c_style>;

// NumPy's booleans may hold any byte.
inline const std::uint8_t* bytes(const Array<bool>& flags) {
  return static_cast<const std::uint8_t*>(flags.py::array::data());
}

// An array of numbers that it owns; no copy.
template <class Element, class Values>
Array<Element> owning(Values values, std::vector<py::ssize_t> shape) {
  static_assert(sizeof(typename Values::value_type) == sizeof(Element));
  auto owner = std::make_unique<Values>(std::move(values));
  const auto* data = reinterpret_cast<const Element*>(owner->data());
  py::capsule base(owner.get(), [](void* p) { delete static_cast<Values*>(p); });
  owner.release();
  return Array<Element>(std::move(shape), data, base);
}

template <class T, class Element = T>
Array<Element> take(Buffer<T>&& values, std::vector<py::ssize_t> shape) {
  return owning<Element>(std::move(values), std::move(shape));
}
template <class T, class Element = T>
Array<Element> take(std::vector<T>&& values, std::vector<py::ssize_t> shape) {
  return owning<Element>(std::move(values), std::move(shape));
}

// "(2, 3)".
std::string shape_text(const py::array& array);
std::string index_text(const py::array& array, py::ssize_t flat);

[[noreturn]] void refuse_type(Message parts);
void require_ndim(const char* name, const py::array& array, py::ssize_t ndim);
void require_same_shape(const char* name, const py::array& array, const py::array& like);
void require_finite(const char* name, const Array<float>& array);
void require_finite(const char* name, const Array<double>& array);

// Class.__new__(Class) alone would hand out an object without a C++ value, and its methods would
// read memory that nobody wrote. With this slot Python refuses that call, and Class(...) constructs
// in __new__ (pybind11 ignores the second __init__).
PyObject* new_and_init(PyTypeObject* type, PyObject* args, PyObject* kwargs);

// What pybind11's own types do where Python calls them: it throws through the interpreter, which
// ends the process. TypeError instead.
void guard_types_of_pybind11();

// pybind11 notes each object in a table. Without memory for that it would free the C++ value a
// second time when the Python object goes: here the value goes once, and the object forgets it.
template <class T>
struct Noted {
  static inline void (*usual)(py::detail::instance*, const void*) = nullptr;

  // holder: of the caller, who destroys it when this throws; null: the object owns the value.
  static void init(py::detail::instance* object, const void* holder) {
    try {
      usual(object, holder);
    } catch (...) {
      auto value = object->get_value_and_holder(py::detail::get_type_info(typeid(T)));
      if (value.instance_registered()) {  // then it was the holder that failed, and it has freed
        py::detail::deregister_instance(object, value.value_ptr(), value.type);
        value.set_instance_registered(false);
      } else if (holder == nullptr && object->owned) {
        delete value.template value_ptr<T>();
      }
      value.value_ptr() = nullptr;
      throw;
    }
  }
};

// For every class, before its constructor is defined.
template <class T, class... Options>
void construct_in_new(py::class_<T, Options...>& cls) {
  reinterpret_cast<PyTypeObject*>(cls.ptr())->tp_new = new_and_init;
  auto* const info = py::detail::get_type_info(reinterpret_cast<PyTypeObject*>(cls.ptr()));
  Noted<T>::usual = std::exchange(info->init_instance, Noted<T>::init);
}

// Constructors give pybind11 an owner. Of what has none it notes the object after the call, where
// an exception would end the process.
template <class T, class... Args>
auto constructor() {
  return py::init([](Args... args) { return std::make_unique<T>(std::forward<Args>(args)...); });
}

template <class Function, class T, class... Args>
auto owned_result(Function function, T (*)(Args...)) {
  return py::init([function](Args... args) {
    return std::make_unique<T>(function(std::forward<Args>(args)...));
  });
}

// A constructor by a function that gives the value itself.
template <class Function>
auto constructor_by(Function function) {
  using Signature = py::detail::function_signature_t<Function>;
  return owned_result(function, static_cast<Signature*>(nullptr));
}

// pybind11 gives None to a bare member function without py::arg as a null pointer.
template <class T, class R, class... Args>
auto by_reference(R (T::*method)(Args...) const) {
  return [method](const T& self, Args... args) -> R {
    return (self.*method)(std::forward<Args>(args)...);
  };
}

template <class T>
Array<T> like(const py::array& array) {
  return Array<T>(std::vector<py::ssize_t>(array.shape(), array.shape() + array.ndim()));
}

// The same of large results: their memory is recycled.
template <class T>
Array<T> recycled_like(const py::array& array) {
  if (static_cast<std::size_t>(array.size()) * sizeof(T) < RecycledMemory::large) {
    return like<T>(array);
  }
  return take<T>(Buffer<T>(static_cast<std::size_t>(array.size())),
                 std::vector<py::ssize_t>(array.shape(), array.shape() + array.ndim()));
}

}  // namespace fastpg
