#include <cstdlib>

#include "fastpg/core/isa.hpp"
#include "pybind.hpp"

namespace fastpg {
namespace {

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#elif defined(_MSC_VER)
  return "msvc " + std::to_string(_MSC_VER);
#else
  return "unknown";
#endif
}

std::string architecture() {
#if defined(__x86_64__) || defined(_M_X64)
  return "x86-64";
#elif defined(__aarch64__) || defined(_M_ARM64)
  return "arm64";
#else
  return "other";
#endif
}

std::vector<std::string> supported_names() {
  std::vector<std::string> names;
  for (const Isa isa : supported_isas()) names.emplace_back(name(isa));
  return names;
}

}  // namespace

// The widest set of this machine, or the one that the environment variable names.
void bind_build(py::module_& m) {
  const char* const forced = std::getenv("FASTPG_ISA");
  const bool is_forced = forced != nullptr && *forced != '\0';
  active_isa = is_forced ? isa_named(forced) : supported_isas().back();
  py::dict info;
  info["architecture"] = architecture();
  info["compiler"] = compiler();
  info["isa"] = name(active_isa);
  info["isa_reason"] = is_forced ? "FASTPG_ISA" : "the widest of this machine";
  info["isas"] = supported_names();
  m.attr("build") = info;
}

}  // namespace fastpg
