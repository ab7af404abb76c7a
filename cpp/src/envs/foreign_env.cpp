// What a `fastpg_env` says, checked, and the environments that are known by name.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>
#include <set>

#include "fastpg/core/checks.hpp"
#include "fastpg/envs/foreign.hpp"

namespace fastpg {
namespace {

void require_between(const std::string& field, std::int64_t value, std::int64_t low,
                     std::int64_t high) {
  require(value >= low && value <= high,
          {field, ": expected ", low, " to ", high, ", got ", value});
}

void require_pointer(const std::string& field, const void* pointer) {
  require(pointer != nullptr, {field, ": expected a pointer, got null"});
}

bool is_identifier(const char* name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (name == nullptr || !letter(*name)) return false;
  return std::all_of(name, name + std::strlen(name),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// Distinct identifiers.
class Names {
 public:
  explicit Names(const char* field) : field_(field) {}
  void add(const char* name) {
    require(is_identifier(name), {field_, ": expected identifiers, got ", (name ? name : "null")});
    require(seen_.insert(name).second,
            {field_, ": expected each name once, got '", name, "' twice"});
  }

 private:
  const char* field_;
  std::set<std::string> seen_;
};

void check_numbers(const char* field, std::int64_t count, const fastpg_number* numbers) {
  require_between(std::string(field) + " (number)", count, 0, ForeignEnv::most_numbers);
  if (count > 0) require_pointer(field, numbers);
  Names names(field);
  for (std::int64_t k = 0; k < count; ++k) {
    const fastpg_number& number = numbers[k];
    names.add(number.name);
    const std::string name = std::string(field) + ": " + number.name;
    require(
        std::isfinite(number.value) && number.low <= number.value && number.value <= number.high,
        {name, ": expected a finite default between low and high"});
    require_between(name + ".integer", number.integer, 0, 1);
    require(number.integer == 0 || number.value == std::floor(number.value),
            {name, ": expected a whole number as default"});
  }
}

template <class Real>
void check_bounds(const char* field, std::int64_t size, const Real* low, const Real* high) {
  for (std::int64_t k = 0; k < size; ++k) {
    const Real least = low == nullptr ? -INFINITY : low[k];
    const Real most = high == nullptr ? INFINITY : high[k];
    if (least <= most) continue;
    refuse({field, ": expected low <= high at index ", k});
  }
}

void check_names(const char* field, std::int64_t size, const char* const* names) {
  Names seen(field);
  for (std::int64_t k = 0; names != nullptr && k < size; ++k) seen.add(names[k]);
}

void check_actions(const fastpg_env& env) {
  require_between("action_kind", env.action_kind, FASTPG_DISCRETE, FASTPG_CONTINUOUS);
  const std::int64_t most = env.action_kind == FASTPG_DISCRETE ? 1 : ForeignEnv::most_numbers;
  require_between("action_size", env.action_size, 1, most);
  if (env.action_kind == FASTPG_CONTINUOUS) {
    require_pointer("action_low", env.action_low);
    require_pointer("action_high", env.action_high);
    check_bounds("action_low, action_high", env.action_size, env.action_low, env.action_high);
    require(env.mask == nullptr, "mask: expected null for continuous actions");
    return;
  }
  require_pointer("action_counts", env.action_counts);
  std::int64_t total = 0;
  for (std::int64_t k = 0; k < env.action_size; ++k) {
    require_between("action_counts", env.action_counts[k], 1, ForeignEnv::most_actions);
    total += env.action_counts[k];
  }
  require_between("action_counts (sum)", total, 1,
                  env.mask == nullptr ? ForeignEnv::most_actions : ForeignEnv::most_flags);
}

void check_version(const fastpg_env& env) {
  require(env.version == FASTPG_ENV_VERSION,
          {"version: expected ", FASTPG_ENV_VERSION, ", got ", env.version,
           ": compile the environment against this fastpg's env.h"});
  require(env.size >= sizeof(fastpg_env),
          {"size: expected at least ", sizeof(fastpg_env), ", got ", env.size});
}

void check(const fastpg_env& env) {
  check_version(env);
  require(env.name != nullptr && *env.name != '\0', "name: expected an id, got none");
  require_between("state_size", env.state_size, 1, ForeignEnv::most_state);
  check_names("state_names", env.state_size, env.state_names);
  require_between("observation_size", env.observation_size, 1, ForeignEnv::most_observation);
  check_names("observation_names", env.observation_size, env.observation_names);
  check_bounds("observation_low, observation_high", env.observation_size, env.observation_low,
               env.observation_high);
  check_actions(env);
  require_between("draws_in_steps", env.draws_in_steps, 0, 1);
  check_numbers("parameters", env.parameter_count, env.parameters);
  check_numbers("options", env.option_count, env.options);
  require_between("max_episode_steps", env.max_episode_steps, 0, (std::int64_t{1} << 31) - 1);
  require_pointer("reset", reinterpret_cast<const void*>(env.reset));
  require_pointer("observe", reinterpret_cast<const void*>(env.observe));
  require_pointer("step", reinterpret_cast<const void*>(env.step));
}

struct Registry {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<const ForeignEnv>> envs;
};

// Never destroyed: at the end of the process the functions may be gone before.
Registry& registry() {
  static Registry* const made = new Registry;
  return *made;
}

}  // namespace

ForeignEnv::ForeignEnv(const fastpg_env& env) : env_(env) {
  check(env);
  for (std::int64_t k = 0; env.action_kind != FASTPG_CONTINUOUS && k < env.action_size; ++k) {
    action_counts_.push_back(static_cast<std::int32_t>(env.action_counts[k]));
  }
  for (const fastpg_number& option : options()) reset_defaults_.push_back(option.value);
}

ForeignEnv::~ForeignEnv() {
  if (env_.release != nullptr) env_.release(env_.context);
}

EnvironmentShape ForeignEnv::shape() const {
  return {env_.state_size,
          env_.observation_size,
          action_counts_,
          env_.action_size,
          reset_defaults_,
          env_.draws_in_steps != 0,
          env_.action_kind == FASTPG_MULTI_DISCRETE,
          env_.mask != nullptr,
          true};
}

std::span<const fastpg_number> ForeignEnv::parameters() const {
  return {env_.parameters, static_cast<std::size_t>(env_.parameter_count)};
}

std::span<const fastpg_number> ForeignEnv::options() const {
  return {env_.options, static_cast<std::size_t>(env_.option_count)};
}

void ForeignEnv::require_success(const char* call, std::int64_t status, const fastpg_block& block,
                                 LaneBlock lanes) const {
  if (status == 0) return;
  const Lane entry = std::clamp(block.failed, std::int64_t{0}, lanes.count - 1);
  const char* const words = env_.message == nullptr ? nullptr : env_.message(env_.context, status);
  throw EnvironmentError(name() + ": " + call + " failed in environment " +
                             std::to_string(lanes.lane(entry)) + ": " +
                             (words == nullptr ? "status " + std::to_string(status) : words),
                         lanes.lane(entry));
}

void register_foreign(std::shared_ptr<const ForeignEnv> env) {
  Registry& known = registry();
  const std::scoped_lock lock(known.mutex);
  std::swap(known.envs[env->name()], env);  // the earlier one is released after the lock
}

std::shared_ptr<const ForeignEnv> find_foreign(const std::string& name) {
  Registry& known = registry();
  const std::scoped_lock lock(known.mutex);
  const auto found = known.envs.find(name);
  return found == known.envs.end() ? nullptr : found->second;
}

}  // namespace fastpg
