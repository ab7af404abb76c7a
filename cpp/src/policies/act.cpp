#include "fastpg/policies/act.hpp"

#include "fastpg/policies/policy.hpp"

namespace fastpg {

bool act(const Distribution& distribution, const Architecture& architecture, const FeatureMap& map,
         const double* parameters, const float* observations, const std::int64_t* steps, Index n,
         const std::uint8_t* mask, const LaneStream* stream, std::uint64_t draw,
         WritableActions actions) {
  Buffer<double> phi(length(n * map.size()));
  map.rows(observations, steps, n, 1, phi.data());
  const auto sparse = sparse_rows(architecture, phi.data(), n, map.size());
  const std::unique_ptr<Network> network = architecture.at(
      distribution.logits(), Features(phi.data(), n, map.size(), sparse ? &*sparse : nullptr));
  BatchPolicy policy(distribution, *network);
  Matrix dist(n, distribution.size());
  distributions(policy, parameters, mask, 1, dist.data());
  if (!distribution.sound(dist.data(), n)) return false;
  if (stream == nullptr) {
    distribution.mode(dist, actions);
    return true;
  }
  Matrix uniforms(n, distribution.action_size());
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < uniforms.cols(); ++j) {
      uniforms(i, j) =
          stream->uniform(static_cast<std::uint32_t>(i), draw, static_cast<std::uint32_t>(j));
    }
  }
  distribution.sample(dist, uniforms, actions);
  return true;
}

}  // namespace fastpg
