// The parameters of an environment where they stand. E::visit lists them, once: it calls
// visit(name, field, meaning) for each, and everything else follows from that list.
#pragma once

#include <array>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "fastpg/envs/kernel.hpp"

namespace fastpg {

struct ParameterField {
  const char* name;
  const char* meaning;
  std::variant<bool*, double*, Choice*, std::span<double>> at;
};

using ParameterFields = std::vector<ParameterField>;

template <class E>
ParameterFields fields_of(typename E::Params& params) {
  ParameterFields fields;
  E::visit(params, [&fields]<class Field>(const char* name, Field& field, const char* meaning) {
    if constexpr (requires { std::span<double>(field); }) {
      fields.push_back({name, meaning, std::span<double>(field)});
    } else {
      fields.push_back({name, meaning, &field});
    }
  });
  return fields;
}

std::vector<Parameter> described(const ParameterFields& fields);

// Null where there is none of this name.
const ParameterField* find_field(const ParameterFields& fields, const std::string& name);

ParameterValue value_of(const ParameterField& field);

// std::invalid_argument for a value of another type, or out of range.
void assign(const ParameterFields& fields, const std::string& name, const ParameterValue& value);

// Whether all values are the same.
bool alike(const ParameterFields& a, const ParameterFields& b);

// One value, or one for each of `lanes` environments.
void require_one_or_each(const std::string& name, std::size_t values, Lane lanes);

}  // namespace fastpg
