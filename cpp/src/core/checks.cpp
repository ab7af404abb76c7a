#include "fastpg/core/checks.hpp"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "fastpg/core/isa.hpp"

namespace fastpg {
namespace {

// The shortest digits that give the same number back.
std::string digits(double number) {
  if (std::isnan(number)) return "nan";
  char written[32];
  return {written, std::to_chars(written, written + sizeof(written), number).ptr};
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
void require_finite_of(const char* name, const T* values, std::ptrdiff_t rows,
                       std::ptrdiff_t columns) {
  const std::ptrdiff_t count = rows * (columns == 0 ? 1 : columns);
  if (finite(values, count)) return;
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    if (std::isfinite(values[i])) continue;
    refuse({name, ": expected finite values, got ", static_cast<double>(values[i]), " at index ",
            index_text(i, columns)});
  }
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

void require_finite(const char* name, const float* values, std::ptrdiff_t rows,
                    std::ptrdiff_t columns) {
  require_finite_of(name, values, rows, columns);
}

void require_finite(const char* name, const double* values, std::ptrdiff_t rows,
                    std::ptrdiff_t columns) {
  require_finite_of(name, values, rows, columns);
}

std::string index_text(std::ptrdiff_t flat, std::ptrdiff_t columns) {
  if (columns == 0) return text_of({"(", flat, ",)"});
  return text_of({"(", flat / columns, ", ", flat % columns, ")"});
}

}  // namespace fastpg
