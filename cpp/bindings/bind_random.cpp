#include "fastpg/core/pcg64.hpp"
#include "fastpg/core/philox.hpp"
#include "unlocked.hpp"

namespace fastpg {
namespace {

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  return Philox4x32::generate(counter, key);
}

Array<double> pcg64_uniform(const Array<std::uint32_t>& entropy, py::ssize_t count, double low,
                            double high) {
  require_ndim("entropy", entropy, 1);
  if (count < 0) refuse({"count: expected at least 0, got ", count});
  Pcg64 stream(SeedSequence({entropy.data(), static_cast<std::size_t>(entropy.size())}));
  Array<double> out(count);
  double* const u = out.mutable_data();
  unlocked([&] {
    Pace pace(8.0);
    for (py::ssize_t i = 0; i < count; ++i, pace.turn()) u[i] = stream.uniform(low, high);
  });
  return out;
}

Array<double> uniforms(const LaneStream& stream, py::ssize_t lanes, std::uint64_t step,
                       py::ssize_t dimensions, std::uint32_t first_lane) {
  if (lanes < 0) refuse({"lanes: expected at least 0, got ", lanes});
  if (dimensions < 1) {
    refuse({"dimensions: expected at least 1, got ", dimensions});
  }
  constexpr py::ssize_t most = py::ssize_t{1} << 48;
  require(lanes <= most / dimensions,
          {"lanes: expected at most 2^48 uniforms, got ", lanes, " x ", dimensions});
  Array<double> out({lanes, dimensions});
  double* u = out.mutable_data();
  unlocked([&] {
    Pace pace(16.0);
    for (py::ssize_t i = 0; i < lanes; ++i) {
      for (py::ssize_t j = 0; j < dimensions; ++j, pace.turn()) {
        *u++ = stream.uniform(first_lane + static_cast<std::uint32_t>(i), step,
                              static_cast<std::uint32_t>(j));
      }
    }
  });
  return out;
}

}  // namespace

void bind_random(py::module_& m) {
  py::native_enum<RandomStream>(m, "RandomStream", "enum.Enum",
                                "What a stream of random numbers is for.")
      .value("action", RandomStream::action)
      .value("shuffle", RandomStream::shuffle)
      .value("evaluation", RandomStream::evaluation)
      .value("prediction", RandomStream::prediction)
      .value("value_shuffle", RandomStream::value_shuffle)
      .value("initialization", RandomStream::initialization)
      .value("bootstrap", RandomStream::bootstrap)
      .finalize();
  py::class_<LaneStream> stream(m, "LaneStream", "The random numbers of a seed for one purpose.");
  construct_in_new(stream);
  stream
      .def(constructor<LaneStream, std::uint64_t, RandomStream>(), py::arg("seed"),
           py::arg("purpose"))
      .def("uniforms", &uniforms, py::arg("lanes"), py::arg("step"), py::arg("dimensions") = 1,
           py::arg("first_lane") = 0,
           "Uniform doubles in (0, 1), (lanes, dimensions), of consecutive lanes at one step.");
  m.def("philox4x32", &philox4x32, py::arg("counter"), py::arg("key"),
        "One block of Philox 4x32-10.");
  m.def("pcg64_uniform", &pcg64_uniform, py::arg("entropy").noconvert(), py::arg("count"),
        py::arg("low") = 0.0, py::arg("high") = 1.0,
        "Uniform doubles of NumPy's PCG64 seeded by SeedSequence with these 32-bit words.");
}

}  // namespace fastpg
