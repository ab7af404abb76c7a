#include "fastpg/core/checks.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "fastpg/core/isa.hpp"

namespace fastpg {
namespace {

// The fewest digits that give the same number back. (std::to_chars needs macOS 13.3.)
std::string digits(double number) {
  if (std::isnan(number)) return "nan";
  char written[32];
  for (int precision = 15; precision <= 17; ++precision) {
    std::snprintf(written, sizeof(written), "%.*g", precision, number);
    if (std::strtod(written, nullptr) == number) break;
  }
  return written;
}

template <class T>
bool finite(const T* values, std::ptrdiff_t count) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits exponent = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
  return dispatch([=] {
    Bits bad = 0;
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      bad |= (std::bit_cast<Bits>(values[i]) & exponent) == exponent ? Bits{1} : Bits{0};
    }
    return bad == 0;
  });
}

template <class T>
void require_finite_of(const char* name, const T* values, Lengths shape) {
  std::ptrdiff_t count = 1;
  for (const std::ptrdiff_t length : shape) count *= length;
  if (finite(values, count)) return;
  const T* const bad =
      std::find_if(values, values + count, [](T value) { return !std::isfinite(value); });
  refuse({name, ": expected finite values, got ", static_cast<double>(*bad), " at index ",
          index_text(bad - values, shape)});
}

}  // namespace

std::string MessagePart::text() const {
  if (text_ != nullptr) return text_;
  return is_real_ ? digits(real_) : std::to_string(integer_);
}

std::string text_of(Message parts) {
  std::string text;
  for (const MessagePart& part : parts) text += part.text();
  return text;
}

void refuse(Message parts) { throw std::invalid_argument(text_of(parts)); }
void refuse(const char* message) { throw std::invalid_argument(message); }

void require_size(const char* name, std::ptrdiff_t got, std::ptrdiff_t expected) {
  require(got == expected, {name, ": expected size ", expected, ", got ", got});
}

void require_unit_interval(const char* name, double value) {
  require(value >= 0.0 && value <= 1.0, {name, ": expected a number in [0, 1], got ", value});
}

bool all_finite(const float* values, std::ptrdiff_t count) { return finite(values, count); }
bool all_finite(const double* values, std::ptrdiff_t count) { return finite(values, count); }

bool all_at_most(const double* values, std::ptrdiff_t count, double bound) {
  return dispatch([=] {
    std::uint64_t bad = 0;
    for (std::ptrdiff_t i = 0; i < count; ++i) bad |= values[i] <= bound ? 0u : 1u;
    return bad == 0;
  });
}

std::string tuple_text(Lengths numbers) {
  std::string text = "(";
  for (const std::ptrdiff_t number : numbers) {
    if (text.size() > 1) text.append(" ");
    text.append(std::to_string(number)).append(",");
  }
  if (numbers.size() > 1) text.pop_back();
  return text.append(")");
}

std::string index_text(std::ptrdiff_t flat, Lengths shape) {
  std::vector<std::ptrdiff_t> index(shape.size());
  for (std::size_t k = index.size(); k-- > 0; flat /= shape[k]) index[k] = flat % shape[k];
  return tuple_text(index);
}

void require_finite(const char* name, const float* values, Lengths shape) {
  require_finite_of(name, values, shape);
}
void require_finite(const char* name, const double* values, Lengths shape) {
  require_finite_of(name, values, shape);
}

}  // namespace fastpg
