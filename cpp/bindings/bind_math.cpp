#include "fastpg/core/elementwise.hpp"
#include "unlocked.hpp"

namespace fastpg {
namespace {

using Elementwise = void (*)(const double*, py::ssize_t, double*);

template <Elementwise function>
Array<double> elementwise_of(const Array<double>& x) {
  require_ndim("x", x, 1);
  const py::ssize_t size = x.size();
  Array<double> out(size);
  const double* const from = x.data();
  double* const to = out.mutable_data();
  unlocked([&] { function(from, size, to); });
  return out;
}

py::tuple sincos(const Array<double>& x, bool exact) {
  require_ndim("x", x, 1);
  const py::ssize_t size = x.size();
  Array<double> sine(size), cosine(size);
  const double* const from = x.data();
  double* const s = sine.mutable_data();
  double* const c = cosine.mutable_data();
  unlocked([&] { sincos_of(from, size, exact, s, c); });
  return py::make_tuple(sine, cosine);
}

}  // namespace

void bind_math(py::module_& m) {
  m.def("exp", &elementwise_of<exp_of>, py::arg("x").noconvert(),
        "Exponential of (n,), within 1 ulp for -708 to 709.");
  m.def("log", &elementwise_of<log_of>, py::arg("x").noconvert(),
        "Logarithm of positive normal numbers (n,), within 1 ulp.");
  m.def("sincos", &sincos, py::arg("x").noconvert(), py::arg("exact"),
        "Sine and cosine of (n,): the C library's, or the vector ones within 1 ulp.");
}

}  // namespace fastpg
