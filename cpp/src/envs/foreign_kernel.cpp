// Calls of the user's functions, and the checks of what they give.
#include <algorithm>
#include <cmath>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/normal.hpp"
#include "fastpg/envs/foreign.hpp"
#include "fastpg/envs/parameters.hpp"

namespace fastpg {
namespace {

static_assert(sizeof(Pcg64) == sizeof(fastpg_stream) && sizeof(Lane) == sizeof(std::int64_t));

Pcg64& stream_of(fastpg_stream* stream) { return *reinterpret_cast<Pcg64*>(stream); }

// On (0, 1): the middle of one of 2^52 equal parts; those of 2^53 would be rounded, the last to 1.
double inside(fastpg_stream* stream) {
  return static_cast<double>(stream_of(stream).next() >> 12) * 0x1p-52 + 0x1p-53;
}

// Without bias: bits in the incomplete last range of n are drawn again.
std::int64_t below(fastpg_stream* stream, std::int64_t n) {
  if (n < 1) return 0;
  const auto range = static_cast<std::uint64_t>(n);
  const std::uint64_t incomplete = (0 - range) % range;
  while (true) {
    const std::uint64_t bits = stream_of(stream).next();
    if (bits >= incomplete) return static_cast<std::int64_t>(bits % range);
  }
}

constexpr fastpg_draws draws{
    [](fastpg_stream* stream) -> std::uint64_t { return stream_of(stream).next(); },
    [](fastpg_stream* stream) { return stream_of(stream).uniform(); },
    [](fastpg_stream* stream) {
      double value = inside(stream);
      normal_quantiles(&value, 1);
      return value;
    },
    [](fastpg_stream* stream) { return -std::log1p(-stream_of(stream).uniform()); },
    below,
};

// Flags of one choice of one environment become 0 or 1.
bool some_allowed(std::uint8_t* flags, Lane count, Lane stride) {
  std::uint8_t some = 0;
  for (Lane k = 0; k < count; ++k) {
    std::uint8_t& flag = flags[k * stride];
    flag = flag != 0 ? 1 : 0;
    some = static_cast<std::uint8_t>(some | flag);
  }
  return some != 0;
}

double checked(const fastpg_number& parameter, const ParameterValue& given) {
  const std::string name = parameter.name;
  const auto* const value = std::get_if<double>(&given);
  require(value != nullptr, {name, ": expected a number"});
  require(
      *value >= parameter.low && *value <= parameter.high,
      {name, ": expected a number from ", parameter.low, " to ", parameter.high, ", got ", *value});
  require(parameter.integer == 0 || *value == std::floor(*value),
          {name, ": expected a whole number, got ", *value});
  return *value;
}

}  // namespace

ForeignKernel::ForeignKernel(std::shared_ptr<const ForeignEnv> env)
    : env_(std::move(env)), params_(1) {
  for (const fastpg_number& parameter : env_->parameters()) {
    params_.front().push_back(parameter.value);
  }
}

const std::vector<double>& ForeignKernel::params(Lane lane) const {
  return params_[params_.size() == 1 ? 0 : static_cast<std::size_t>(lane)];
}

// streams: that of the first entry, or of the first environment where the block lists them.
fastpg_block ForeignKernel::given_block(LaneBlock part, fastpg_stream* streams) const {
  return {part.data, part.stride, part.count, params(part.lane(0)).data(),
          streams,   part.lanes,  &draws,     0};
}

template <class Call>
void ForeignKernel::for_parts(const char* name, LaneBlock block, Call&& call) const {
  const Lane most = params_.size() == 1 ? block.count : 1;
  for (Lane begin = 0; begin < block.count; begin += most) {
    const LaneBlock part = block.part(begin, most);
    auto* const streams = reinterpret_cast<fastpg_stream*>(part.streams);
    const bool offset = streams != nullptr && part.lanes == nullptr;
    fastpg_block given = given_block(part, offset ? streams + part.first : streams);
    env_->require_success(name, call(&given, begin), given, part);
  }
}

void ForeignKernel::fail(LaneBlock block, Lane entry, const std::string& wrong) const {
  const Lane lane = block.lane(entry);
  throw EnvironmentError(env_->name() + ": environment " + std::to_string(lane) + ": " + wrong,
                         lane);
}

template <class T>
void ForeignKernel::require_numbers(LaneBlock block, const std::string& what,
                                    const T* values) const {
  for (Lane i = 0; i < block.count; ++i) {
    if (std::isfinite(values[i])) continue;
    const auto value = static_cast<double>(values[i]);
    fail(block, i, text_of({what, ": expected a finite number, got ", value}));
  }
}

// Into memory of its own first, so that a failure leaves the state as it was.
void ForeignKernel::reset(Lane lane, ResetOptions options, Pcg64& stream, double* state,
                          Lane stride) const {
  const fastpg_env& calls = env_->calls();
  std::vector<double> fresh(static_cast<std::size_t>(calls.state_size));
  LaneBlock block{fresh.data(), 1, 1};
  block.first = lane;
  fastpg_block given = given_block(block, reinterpret_cast<fastpg_stream*>(&stream));
  env_->require_success("reset", calls.reset(calls.context, &given, options.data()), given, block);
  for (Lane k = 0; k < calls.state_size; ++k) {
    state[k * stride] = fresh[static_cast<std::size_t>(k)];
  }
}

void ForeignKernel::observe(LaneBlock block, float* observations, Lane stride) const {
  const fastpg_env& calls = env_->calls();
  for_parts("observe", block, [&](fastpg_block* part, Lane begin) {
    return calls.observe(calls.context, part, observations + begin, stride);
  });
  for (Lane k = 0; k < calls.observation_size; ++k) {
    const float* const values = observations + k * stride;
    if (all_finite(values, block.count)) continue;
    require_numbers(block, "observe: number " + std::to_string(k), values);
  }
}

void ForeignKernel::step(LaneBlock block, ActionsView actions, double* rewards,
                         bool* terminated) const {
  const fastpg_env& calls = env_->calls();
  auto* const flags = reinterpret_cast<std::uint8_t*>(terminated);
  const Lane size = calls.action_size;
  const bool discrete = calls.action_kind != FASTPG_CONTINUOUS;
  std::vector<double> widened;
  if (!discrete && actions.is_float32()) {
    const float* const given = actions.as<float>();
    widened.assign(given, given + block.count * size);
    actions = widened.data();
  }
  const std::int32_t* const choices = discrete ? actions.as<std::int32_t>() : nullptr;
  const double* const numbers = discrete ? nullptr : actions.as<double>();
  for_parts("step", block, [&](fastpg_block* part, Lane begin) {
    return calls.step(calls.context, part, discrete ? choices + begin * size : nullptr,
                      discrete ? nullptr : numbers + begin * size, rewards + begin, flags + begin);
  });
  for (Lane i = 0; i < block.count; ++i) flags[i] = flags[i] != 0 ? 1 : 0;
  if (!all_finite(rewards, block.count)) require_numbers(block, "step: reward", rewards);
}

void ForeignKernel::masks(LaneBlock block, std::uint8_t* allowed, Lane stride) const {
  const fastpg_env& calls = env_->calls();
  for_parts("mask", block, [&](fastpg_block* part, Lane begin) {
    return calls.mask(calls.context, part, allowed + begin, stride);
  });
  Lane first = 0;
  for (const std::int32_t count : shape().action_counts) {
    for (Lane i = 0; i < block.count; ++i) {
      if (some_allowed(allowed + first * stride + i, count, stride)) continue;
      fail(block, i, "mask: expected at least one allowed action in each choice, got none");
    }
    first += count;
  }
}

std::vector<Parameter> ForeignKernel::parameters(Lane lane) const {
  const std::vector<double>& values = params(lane);
  std::vector<Parameter> out;
  for (const fastpg_number& parameter : env_->parameters()) {
    const char* const meaning = parameter.meaning == nullptr ? "" : parameter.meaning;
    out.push_back({parameter.name, values[out.size()], {}, meaning});
  }
  return out;
}

std::vector<ParameterValue> ForeignKernel::parameter(const std::string& name) const {
  std::vector<ParameterValue> out;
  for (const auto& values : params_) out.emplace_back(values[index(name)]);
  return out;
}

void ForeignKernel::set_parameter(const std::string& name,
                                  const std::vector<ParameterValue>& values, Lane lanes) {
  require_one_or_each(name, values.size(), lanes);
  const std::size_t at = index(name);
  const fastpg_number& parameter = env_->parameters()[at];
  std::vector<std::vector<double>> changed = params_;
  if (values.size() > changed.size()) changed.resize(values.size(), params_.front());
  for (std::size_t i = 0; i < changed.size(); ++i) {
    changed[i][at] = checked(parameter, values[values.size() == 1 ? 0 : i]);
  }
  const auto alike = [&](const auto& params) { return params == changed.front(); };
  if (std::all_of(changed.begin(), changed.end(), alike)) changed.resize(1);
  params_ = std::move(changed);
}

std::size_t ForeignKernel::index(const std::string& name) const {
  const auto known = env_->parameters();
  const auto found = std::find_if(known.begin(), known.end(),
                                  [&](const fastpg_number& one) { return name == one.name; });
  require(found != known.end(), {name, ": no such parameter"});
  return static_cast<std::size_t>(found - known.begin());
}

}  // namespace fastpg
