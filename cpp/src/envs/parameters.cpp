#include "fastpg/envs/parameters.hpp"

#include <algorithm>

#include "fastpg/core/checks.hpp"

namespace fastpg {
namespace {

ParameterValue read(const bool* field) { return *field; }
ParameterValue read(const double* field) { return *field; }
ParameterValue read(const Choice* field) { return std::string(field->names[field->index]); }
ParameterValue read(std::span<const double> field) {
  return std::vector<double>(field.begin(), field.end());
}

template <class T>
const T& expect(const std::string& name, const ParameterValue& value) {
  const T* const held = std::get_if<T>(&value);
  require(held != nullptr, {name, ": expected a value of another type"});
  return *held;
}

void write(const std::string& name, const ParameterValue& value, bool* field) {
  *field = expect<bool>(name, value);
}
void write(const std::string& name, const ParameterValue& value, double* field) {
  *field = expect<double>(name, value);
  require_finite(name.c_str(), field, 1);
}
void write(const std::string& name, const ParameterValue& value, Choice* field) {
  const auto& wanted = expect<std::string>(name, value);
  const auto at = std::find(field->names.begin(), field->names.end(), wanted);
  require(at != field->names.end(), {name, ": unknown value '", wanted, "'"});
  field->index = static_cast<std::size_t>(at - field->names.begin());
}
void write(const std::string& name, const ParameterValue& value, std::span<double> field) {
  const auto& numbers = expect<std::vector<double>>(name, value);
  const auto size = static_cast<Lane>(field.size());
  require_size(name.c_str(), static_cast<Lane>(numbers.size()), size);
  require_finite(name.c_str(), numbers.data(), size);
  std::copy(numbers.begin(), numbers.end(), field.begin());
}

}  // namespace

ParameterValue value_of(const ParameterField& field) {
  return std::visit([](auto at) { return read(at); }, field.at);
}

std::vector<Parameter> described(const ParameterFields& fields) {
  std::vector<Parameter> out;
  for (const ParameterField& field : fields) {
    out.push_back({field.name, value_of(field), {}, field.meaning});
    if (const auto* const choice = std::get_if<Choice*>(&field.at)) {
      out.back().choices.assign((*choice)->names.begin(), (*choice)->names.end());
    }
  }
  return out;
}

const ParameterField* find_field(const ParameterFields& fields, const std::string& name) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const ParameterField& field) { return name == field.name; });
  return found == fields.end() ? nullptr : &*found;
}

void assign(const ParameterFields& fields, const std::string& name, const ParameterValue& value) {
  const ParameterField* const field = find_field(fields, name);
  require(field != nullptr, {name, ": no such parameter"});
  std::visit([&](auto at) { write(name, value, at); }, field->at);
}

bool alike(const ParameterFields& a, const ParameterFields& b) {
  return std::equal(a.begin(), a.end(), b.begin(),
                    [](const ParameterField& one, const ParameterField& other) {
                      return value_of(one) == value_of(other);
                    });
}

void require_one_or_each(const std::string& name, std::size_t values, Lane lanes) {
  require(values == 1 || values == static_cast<std::size_t>(lanes),
          {name, ": expected one value or one a lane, got ", values});
}

}  // namespace fastpg
