// Checks that throw: std::invalid_argument reaches Python as ValueError. A message is written only
// where one fails.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace fastpg {

// A part of a message: text, which must outlive it, or a number.
class MessagePart {
 public:
  MessagePart(const char* text) : text_(text) {}
  MessagePart(const std::string& text) : text_(text.c_str()) {}
  template <std::integral Integer>
    requires(!std::same_as<Integer, bool> && !std::same_as<Integer, char>)
  MessagePart(Integer number) : integer_(static_cast<std::int64_t>(number)) {}
  MessagePart(double number) : real_(number), is_real_(true) {}

  std::string text() const;

 private:
  const char* text_ = nullptr;
  std::int64_t integer_ = 0;
  double real_ = 0.0;
  bool is_real_ = false;
};

using Message = std::initializer_list<MessagePart>;

std::string text_of(Message parts);

[[noreturn]] void refuse(Message parts);
[[noreturn]] void refuse(const char* message);

inline void require(bool condition, const char* message) {
  if (!condition) refuse(message);
}

inline void require(bool condition, Message parts) {
  if (!condition) refuse(parts);
}

void require_size(const char* name, std::ptrdiff_t got, std::ptrdiff_t expected);
void require_unit_interval(const char* name, double value);

bool all_finite(const float* values, std::ptrdiff_t count);
bool all_finite(const double* values, std::ptrdiff_t count);
// False where one is NaN, too.
bool all_at_most(const double* values, std::ptrdiff_t count, double bound);

using Lengths = std::span<const std::ptrdiff_t>;

// "(2, 3)".
std::string tuple_text(Lengths numbers);
// The place of a number in an array of this shape.
std::string index_text(std::ptrdiff_t flat, Lengths shape);

void require_finite(const char* name, const float* values, Lengths shape);
void require_finite(const char* name, const double* values, Lengths shape);

template <class T>
void require_finite(const char* name, const T* values, std::ptrdiff_t count) {
  require_finite(name, values, Lengths(&count, 1));
}

template <class T>
void require_finite(const char* name, const T* values, std::ptrdiff_t rows,
                    std::ptrdiff_t columns) {
  const std::ptrdiff_t shape[] = {rows, columns};
  require_finite(name, values, shape);
}

}  // namespace fastpg
