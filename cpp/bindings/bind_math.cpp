#include "fastpg/core/exp_log.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/math.hpp"
#include "pybind.hpp"

namespace fastpg {
namespace {

py::tuple sincos(const Array<double>& x, bool exact) {
  require_ndim("x", x, 1);
  Array<double> sine(x.size());
  Array<double> cosine(x.size());
  double* const s = sine.mutable_data();
  double* const c = cosine.mutable_data();
  {
    const ReleasedLock released;
    if (exact) {
      ExactMath::sincos(x.data(), s, c, x.size());
    } else {
      FastMath::sincos(x.data(), s, c, x.size());
    }
  }
  return py::make_tuple(sine, cosine);
}

template <class Function>
Array<double> mapped(const Array<double>& x, Function&& function) {
  require_ndim("x", x, 1);
  Array<double> out(x.size());
  const double* const from = x.data();
  double* const to = out.mutable_data();
  const py::ssize_t count = x.size();
  unlocked([&] {
    dispatch([&] {
      for (py::ssize_t i = 0; i < count; ++i) to[i] = function(from[i]);
    });
  });
  return out;
}

}  // namespace

void bind_math(py::module_& m) {
  m.def(
      "exp", [](const Array<double>& x) { return mapped(x, [](double v) { return fast_exp(v); }); },
      py::arg("x").noconvert(), "Exponential of (n,), within 1 ulp for -708 to 709.");
  m.def(
      "log", [](const Array<double>& x) { return mapped(x, [](double v) { return fast_log(v); }); },
      py::arg("x").noconvert(), "Logarithm of positive normal numbers (n,), within 1 ulp.");
  m.def("sincos", &sincos, py::arg("x").noconvert(), py::arg("exact"),
        "Sine and cosine of (n,): the C library's, or the vector ones within 1 ulp.");
}

}  // namespace fastpg
