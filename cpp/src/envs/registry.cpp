#include "fastpg/envs/registry.hpp"

#include <algorithm>

#include "fastpg/core/checks.hpp"
#include "fastpg/envs/foreign.hpp"

namespace fastpg {

using MakeKernel = std::unique_ptr<EnvironmentKernel>(bool exact);

// A new environment is a file beside this one and two lines here.
MakeKernel make_acrobot;
MakeKernel make_cartpole;
MakeKernel make_mountain_car;
MakeKernel make_mountain_car_continuous;
MakeKernel make_pendulum;

namespace {

struct Entry {
  const char* name;
  MakeKernel* make;
};

constexpr Entry entries[] = {
    {"Acrobot", &make_acrobot},          {"CartPole", &make_cartpole},
    {"MountainCar", &make_mountain_car}, {"MountainCarContinuous", &make_mountain_car_continuous},
    {"Pendulum", &make_pendulum},
};

}  // namespace

bool is_native(const std::string& name) {
  return std::any_of(std::begin(entries), std::end(entries),
                     [&](const Entry& entry) { return name == entry.name; });
}

std::unique_ptr<EnvironmentKernel> make_kernel(const std::string& name, bool exact) {
  std::string known;
  for (const Entry& entry : entries) {
    if (name == entry.name) return entry.make(exact);
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  if (auto env = find_foreign(name)) return std::make_unique<ForeignKernel>(std::move(env));
  refuse({"name: no environment '", name, "'; expected one of ", known});
}

}  // namespace fastpg
