#include <optional>

#include "fastpg/core/checks.hpp"
#include "unlocked.hpp"

namespace fastpg {
namespace {

void end_kernels(std::optional<double> seconds) {
  if (!seconds) {
    kernels_end = Watch::Clock::time_point::max();
    return;
  }
  require(*seconds >= 0.0 && *seconds <= 1e6,
          {"seconds: expected None or a number in [0, 1e6], got ", *seconds});
  const auto wait = std::chrono::duration<double>(*seconds);
  kernels_end = Watch::Clock::now() + std::chrono::duration_cast<Watch::Clock::duration>(wait);
}

}  // namespace

void bind_interrupts(py::module_& m) {
  m.def("end_kernels", &end_kernels, py::arg("seconds"),
        "Long kernels of this thread raise KeyboardInterrupt so many seconds from now; None: no "
        "more.");
}

}  // namespace fastpg
