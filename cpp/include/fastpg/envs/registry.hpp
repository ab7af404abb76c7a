// The environments by name: the library's own, then those of users.
#pragma once

#include <memory>
#include <string>

#include "fastpg/envs/kernel.hpp"

namespace fastpg {

// exact: the C library's mathematics; else the library's own, see FastMath. std::invalid_argument,
// with the names there are, for another.
std::unique_ptr<EnvironmentKernel> make_kernel(const std::string& name, bool exact);

// Whether the library has an environment of this name.
bool is_native(const std::string& name);

}  // namespace fastpg
