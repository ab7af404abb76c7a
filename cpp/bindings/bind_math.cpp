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
    const py::gil_scoped_release unlocked;
    if (exact) {
      ExactMath::sincos(x.data(), s, c, x.size());
    } else {
      FastMath::sincos(x.data(), s, c, x.size());
    }
  }
  return py::make_tuple(sine, cosine);
}

}  // namespace

void bind_math(py::module_& m) {
  m.def("sincos", &sincos, py::arg("x").noconvert(), py::arg("exact"),
        "Sine and cosine of (n,): the C library's, or the vector ones within 1 ulp.");
}

}  // namespace fastpg
