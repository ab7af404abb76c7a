#include "check.hpp"
#include "fastpg/core/normal.hpp"
#include "fastpg/features/feature_map.hpp"

using namespace fastpg;

namespace {

std::vector<double> row(const FeatureMap& map, std::vector<float> observation, std::int64_t h) {
  std::vector<double> features(static_cast<std::size_t>(map.size()));
  map.rows(observation.data(), &h, 1, 1, features.data());
  return features;
}

}  // namespace

CASE(identity_by_hand) {
  CHECK((row(FeatureMap::identity(2, false), {2, 3}, 50) == std::vector<double>{2, 3, 1}));
  CHECK((row(FeatureMap::identity(2, true), {2, 3}, 50) == std::vector<double>{2, 3, 0.5, 1}));
}

CASE(polynomial_by_hand) {
  CHECK((row(FeatureMap::polynomial(2, false, 3), {2, 3}, 0) ==
         std::vector<double>{1, 2, 3, 4, 6, 9, 8, 12, 18, 27}));
}

CASE(normalised_inputs_are_clipped) {
  FeatureMap map = FeatureMap::identity(2, false);
  map.set_normalizer({1, 0}, {2, 1000});
  CHECK((row(map, {2, 3}, 0) == std::vector<double>{2, 10, 1}));
}

CASE(normal_quantile_by_table) {
  CHECK(normal_quantile(0.5) == 0.0);
  CHECK_CLOSE(normal_quantile(0.975), 1.959963984540054, 1e-15);
  CHECK_CLOSE(normal_quantile(1e-10), -6.361340902404056, 1e-14);
  CHECK_CLOSE(normal_quantile(0.1) + normal_quantile(0.9), 0.0, 1e-15);
}

CASE(many_normal_quantiles_are_those_of_one) {
  std::vector<double> values;
  for (int i = 1; i < 1000; ++i) values.push_back(i / 1000.0);
  values.push_back(0x1p-33);
  values.push_back(1.0 - 0x1p-33);
  const std::vector<double> p = values;
  normal_quantiles(values.data(), static_cast<std::ptrdiff_t>(values.size()));
  for (std::size_t i = 0; i < p.size(); ++i) CHECK(values[i] == normal_quantile(p[i]));
}
