// A `fastpg_env` of any fields. Its functions follow the contract, but give any numbers.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "bytes.hpp"
#include "fastpg/env.h"

namespace fuzz {

// Each array is as long as its count says, if the count is allowed; so that one that is read
// further, or in spite of its count, is read out of its bounds.
class Described {
 public:
  explicit Described(Bytes& bytes) : bytes_(bytes) {
    fill_header();
    fill_sizes();
    fill_actions();
    fill_numbers(env.parameter_count, env.parameters);
    fill_numbers(env.option_count, env.options);
    fill_functions();
  }
  Described(const Described&) = delete;
  Described& operator=(const Described&) = delete;

  fastpg_env env{};
  int releases = 0;

 private:
  static Described& of(void* context) { return *static_cast<Described*>(context); }
  bool rarely() { return bytes_.byte() % 16 == 15; }

  template <class T, class Make>
  const T* array(std::int64_t count, std::int64_t most, Make&& make) {
    if (rarely()) return nullptr;
    const std::int64_t length = count >= 0 && count <= most ? count : 0;
    // An allocation of its own: make_shared would put more behind the elements.
    const std::shared_ptr<T[]> made(new T[static_cast<std::size_t>(length)]());
    for (std::int64_t k = 0; k < length; ++k) made[k] = make(k);
    kept_.push_back(made);
    return made.get();
  }

  const char* text(std::int64_t k) {
    if (rarely()) {
      if (rarely()) return nullptr;
      return texts_.emplace_back(bytes_.text()).c_str();
    }
    return texts_.emplace_back("n" + std::to_string(k)).c_str();
  }

  std::int64_t size(std::int64_t most) {
    return rarely() ? bytes_.integer(most) : 1 + bytes_.byte() % 5;
  }

  void fill_header() {
    env.version = rarely() ? bytes_.value<std::uint32_t>() : FASTPG_ENV_VERSION;
    env.size = rarely() ? bytes_.value<std::uint32_t>() : sizeof(fastpg_env);
    env.name = text(0);
    env.max_episode_steps = bytes_.integer((std::int64_t{1} << 31) - 1);
    env.reward_threshold = bytes_.number();
    env.draws_in_steps = rarely() ? bytes_.integer(1) : bytes_.byte() % 2;
  }

  void fill_sizes() {
    env.state_size = size(1024);
    env.state_names = array<const char*>(env.state_size, 1024, [&](auto k) { return text(k); });
    env.observation_size = size(4096);
    env.observation_names =
        array<const char*>(env.observation_size, 4096, [&](auto k) { return text(k); });
    const auto low = [&](auto) { return rarely() ? static_cast<float>(bytes_.number()) : -1.0f; };
    const auto high = [&](auto) { return rarely() ? static_cast<float>(bytes_.number()) : 1.0f; };
    env.observation_low = array<float>(env.observation_size, 4096, low);
    env.observation_high = array<float>(env.observation_size, 4096, high);
  }

  void fill_actions() {
    env.action_kind = rarely() ? bytes_.integer(2) : bytes_.byte() % 3;
    env.action_size = env.action_kind == FASTPG_DISCRETE && !rarely() ? 1 : size(1024);
    const auto count = [&](auto) {
      return rarely() ? bytes_.integer(1 << 20) : 1 + bytes_.byte() % 4;
    };
    env.action_counts = array<std::int64_t>(env.action_size, 1024, count);
    const auto bound = [&](auto) { return rarely() ? bytes_.number() : 0.0; };
    env.action_low = array<double>(env.action_size, 1024, bound);
    env.action_high = array<double>(env.action_size, 1024, bound);
  }

  void fill_numbers(std::int64_t& count, const fastpg_number*& numbers) {
    count = rarely() ? bytes_.integer(1024) : bytes_.byte() % 3;
    numbers = array<fastpg_number>(count, 1024, [&](std::int64_t k) {
      fastpg_number one{text(k), rarely() ? nullptr : "meaning", 0.0, -8.0, 8.0, 0};
      if (rarely()) one.value = bytes_.number();
      if (rarely()) one.low = bytes_.number();
      if (rarely()) one.high = bytes_.number();
      if (rarely()) one.integer = bytes_.integer(1);
      return one;
    });
  }

  void fill_functions() {
    env.context = this;
    env.reset = rarely() ? nullptr : reset;
    env.observe = rarely() ? nullptr : observe;
    env.step = rarely() ? nullptr : step;
    env.mask = bytes_.byte() % 4 == 0 ? mask : nullptr;
    env.message = bytes_.flag() ? message : nullptr;
    env.release = rarely() ? nullptr : release;
  }

  // 0, or rarely a failure in some entry.
  std::int64_t status(fastpg_block* block) {
    if (!rarely()) return 0;
    block->failed = bytes_.integer(block->count);
    return bytes_.integer(1);
  }

  double drawn(const fastpg_block* block, std::int64_t entry) {
    fastpg_stream* const stream = fastpg_stream_of(block, entry);
    switch (bytes_.byte() % 5) {
      case 0:
        return static_cast<double>(block->draws->bits(stream));
      case 1:
        return block->draws->normal(stream);
      case 2:
        return block->draws->exponential(stream);
      case 3:
        return static_cast<double>(block->draws->integer(stream, bytes_.integer(INT64_MAX - 1)));
      default:
        return block->draws->uniform(stream);
    }
  }

  double any_number() { return rarely() ? bytes_.number() : 0.25; }
  double parameters(const fastpg_block* block) const {
    double sum = 0.0;
    for (std::int64_t k = 0; k < env.parameter_count; ++k) sum += block->params[k];
    return sum;
  }

  static std::int64_t reset(void* context, fastpg_block* block, const double* options) {
    Described& self = of(context);
    double sum = 0.0;
    for (std::int64_t k = 0; k < self.env.option_count; ++k) sum += options[k];
    for (std::int64_t k = 0; k < self.env.state_size; ++k) {
      for (std::int64_t i = 0; i < block->count; ++i) {
        block->state[k * block->stride + i] = sum + self.drawn(block, i) + self.parameters(block);
      }
    }
    return self.status(block);
  }

  static std::int64_t observe(void* context, fastpg_block* block, float* out, std::int64_t stride) {
    Described& self = of(context);
    const std::int64_t last = self.env.state_size - 1;
    for (std::int64_t k = 0; k < self.env.observation_size; ++k) {
      for (std::int64_t i = 0; i < block->count; ++i) {
        const double seen = block->state[std::min(k, last) * block->stride + i];
        out[k * stride + i] = static_cast<float>(self.any_number() + (seen > 0.0 ? 1.0 : 0.0));
      }
    }
    return self.status(block);
  }

  static std::int64_t step(void* context, fastpg_block* block, const std::int32_t* choices,
                           const double* numbers, double* rewards, std::uint8_t* terminated) {
    Described& self = of(context);
    const std::int64_t size = self.env.action_size;
    for (std::int64_t i = 0; i < block->count; ++i) {
      double sum = self.env.draws_in_steps != 0 ? self.drawn(block, i) : 0.0;
      for (std::int64_t k = 0; k < size; ++k) {
        sum += choices != nullptr ? choices[i * size + k] : numbers[i * size + k];
      }
      block->state[i] += sum + self.parameters(block);
      rewards[i] = self.any_number();
      terminated[i] = self.rarely() ? self.bytes_.byte() : 0;
    }
    return self.status(block);
  }

  static std::int64_t mask(void* context, fastpg_block* block, std::uint8_t* allowed,
                           std::int64_t stride) {
    Described& self = of(context);
    std::int64_t flags = 0;
    for (std::int64_t k = 0; k < self.env.action_size; ++k) flags += self.env.action_counts[k];
    for (std::int64_t k = 0; k < flags; ++k) {
      for (std::int64_t i = 0; i < block->count; ++i) {
        allowed[k * stride + i] = self.rarely() ? self.bytes_.byte() : 1;
      }
    }
    return self.status(block);
  }

  static const char* message(void* context, std::int64_t) {
    Described& self = of(context);
    if (self.rarely()) return nullptr;
    self.message_ = self.bytes_.text();
    return self.message_.c_str();
  }

  static void release(void* context) { ++of(context).releases; }

  Bytes& bytes_;
  std::deque<std::string> texts_;
  std::vector<std::shared_ptr<void>> kept_;
  std::string message_;
};

}  // namespace fuzz
