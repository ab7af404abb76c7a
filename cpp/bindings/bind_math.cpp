#include "fastpg/core/exp_log.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/math.hpp"
#include "unlocked.hpp"

namespace fastpg {
namespace {

// work(numbers, index of the first, count) for consecutive parts of an array.
template <class Work>
void in_pieces(const Array<double>& x, Work&& work) {
  constexpr py::ssize_t piece = 1 << 16;
  const double* const from = x.data();
  const py::ssize_t size = x.size();
  unlocked([&] {
    for (py::ssize_t begin = 0; begin < size; begin += piece) {
      work(from + begin, begin, std::min(piece, size - begin));
      checkpoint();
    }
  });
}

py::tuple sincos(const Array<double>& x, bool exact) {
  require_ndim("x", x, 1);
  Array<double> sine(x.size());
  Array<double> cosine(x.size());
  double* const s = sine.mutable_data();
  double* const c = cosine.mutable_data();
  in_pieces(x, [&](const double* from, py::ssize_t begin, py::ssize_t count) {
    if (exact) {
      ExactMath::sincos(from, s + begin, c + begin, count);
    } else {
      FastMath::sincos(from, s + begin, c + begin, count);
    }
  });
  return py::make_tuple(sine, cosine);
}

template <class Function>
Array<double> mapped(const Array<double>& x, Function&& function) {
  require_ndim("x", x, 1);
  Array<double> out(x.size());
  double* const values = out.mutable_data();
  in_pieces(x, [&](const double* from, py::ssize_t begin, py::ssize_t count) {
    double* const to = values + begin;
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
