// The fields of State, Params and Options: their names, and their values in arrays of doubles.
// Included by env.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "env.h"

namespace fastpg {

// Names without linkage outside of the file: environments of the same name in two libraries of one
// process share nothing.
namespace {

// Whole numbers up to this magnitude are doubles.
constexpr double largest_whole = 9007199254740992.0;  // 2^53

template <class T>
constexpr bool is_field =
    std::is_same_v<T, double> || std::is_same_v<T, float> || (std::integral<T> && sizeof(T) <= 8);
template <class T, std::size_t N>
constexpr bool is_field<std::array<T, N>> = is_field<T>;

template <class T>
constexpr double lowest() {
  if (std::floating_point<T>) return -std::numeric_limits<double>::infinity();
  return std::max(-largest_whole, static_cast<double>(std::numeric_limits<T>::lowest()));
}

template <class T>
constexpr double highest() {
  if (std::floating_point<T>) return std::numeric_limits<double>::infinity();
  return std::min(largest_whole, static_cast<double>(std::numeric_limits<T>::max()));
}

template <class Value>
[[noreturn]] void refuse_field(const char* name, const std::string& expected, Value value) {
  throw std::range_error(std::string(name) + ": expected " + expected + ", got " +
                         std::to_string(value));
}

template <class T>
T from_double(const char* name, double value) {
  if constexpr (std::integral<T>) {
    const bool within = value >= lowest<T>() && value <= highest<T>();
    if (!within || static_cast<double>(static_cast<std::int64_t>(value)) != value) {
      refuse_field(name,
                   "a whole number from " + std::to_string(static_cast<std::int64_t>(lowest<T>())) +
                       " to " + std::to_string(static_cast<std::int64_t>(highest<T>())),
                   value);
    }
  }
  return static_cast<T>(value);
}

template <class T>
double to_double(const char* name, T value) {
  const double number = static_cast<double>(value);
  if constexpr (std::integral<T> && sizeof(T) == 8) {
    if (number > largest_whole || number < -largest_whole || static_cast<T>(number) != value) {
      refuse_field(name, "a magnitude of at most 2^53", value);
    }
  }
  return number;
}

// Calls visit(part) for a number, or for each number of an array.
template <class T, class Visit>
void for_parts(T& field, Visit&& visit) {
  using Field = std::remove_const_t<T>;
  static_assert(is_field<Field>,
                "a field is a double, a float, an integer or a bool, or a std::array of these");
  if constexpr (std::is_arithmetic_v<Field>) {
    visit(field);
  } else {
    for (auto& part : field) for_parts(part, visit);
  }
}

// Visitors: `state`, `params` and `options` of an environment call them with each field. Those of
// parameters and options also get a meaning and a range. A visitor counts the fields that it has
// seen: it cannot be copied, so that no helper function counts on its own.
struct NotCopied {
  NotCopied() = default;
  NotCopied(const NotCopied&) = delete;
  NotCopied& operator=(const NotCopied&) = delete;
};

// Fields take their values from every stride-th double.
struct Load {
  const double* next;
  std::int64_t stride;
  [[no_unique_address]] NotCopied only_one{};

  template <class T, class... More>
  void operator()(const char* name, T& field, More...) {
    for_parts(field, [&](auto& part) {
      part = from_double<std::remove_reference_t<decltype(part)>>(name, *next);
      next += stride;
    });
  }
};

// Fields put their values into every stride-th double.
struct Store {
  double* next;
  std::int64_t stride;
  [[no_unique_address]] NotCopied only_one{};

  template <class T>
  void operator()(const char* name, const T& field) {
    for_parts(field, [&](auto part) {
      *next = to_double(name, part);
      next += stride;
    });
  }
};

// Names, defaults and ranges of fields, and which bytes of their struct they cover.
struct Described {
  std::vector<std::string> names;
  std::vector<fastpg_number> numbers;
  std::vector<std::pair<const char*, std::size_t>> bytes;  // begin and alignment; of numbers

  // Once all fields are there.
  void finish() {
    for (std::size_t k = 0; k < names.size(); ++k) numbers[k].name = names[k].c_str();
  }
};

// Describes fields: name, field, then a meaning, a range, both or none.
struct Describe {
  Described* out;

  template <class T, class Low, class High>
    requires std::is_arithmetic_v<Low> && std::is_arithmetic_v<High>
  void operator()(const char* name, const T& field, Low low, High high) {
    (*this)(name, field, nullptr, static_cast<double>(low), static_cast<double>(high));
  }

  template <class T>
  void operator()(const char* name, const T& field, const char* meaning = nullptr,
                  double low = -std::numeric_limits<double>::infinity(),
                  double high = std::numeric_limits<double>::infinity()) {
    int index = 0;
    for_parts(field, [&](const auto& part) {
      using Part = std::remove_cvref_t<decltype(part)>;
      const bool single = std::is_arithmetic_v<T>;
      out->names.push_back(single ? name : std::string(name) + "_" + std::to_string(index++));
      out->numbers.push_back({nullptr, meaning, to_double(name, part),
                              std::max(low, lowest<Part>()), std::min(high, highest<Part>()),
                              std::integral<Part>});
      out->bytes.push_back({reinterpret_cast<const char*>(&part), sizeof(Part)});
    });
  }
};

// Whether fields cover a struct, apart from the gaps that the alignment of numbers needs.
inline bool covers(Described fields, const void* begin, std::size_t size, std::size_t alignment) {
  const char* at = static_cast<const char*>(begin);
  fields.bytes.push_back({at + size, alignment});
  std::sort(fields.bytes.begin(), fields.bytes.end());
  for (const auto& [next, width] : fields.bytes) {
    if (next < at || static_cast<std::size_t>(next - at) >= width) return false;
    at = next + width;
  }
  return true;
}

template <class E>
concept HasParams = requires { typename E::Params; };
template <class E>
concept HasOptions = requires { typename E::Options; };

// The arguments that come from Params and Options: none without such a struct.
template <class E>
auto params_of(const fastpg_block* block) {
  if constexpr (HasParams<E>) {
    typename E::Params params{};
    E::params(params, Load{block->params, 1});
    return std::tuple<typename E::Params>(params);
  } else {
    return std::tuple<>();
  }
}

template <class E>
auto options_of(const double* values) {
  if constexpr (HasOptions<E>) {
    typename E::Options options{};
    E::options(options, Load{values, 1});
    return std::tuple<typename E::Options>(options);
  } else {
    return std::tuple<>();
  }
}

}  // namespace
}  // namespace fastpg
