// Actions of a policy outside of rollouts.
#pragma once

#include "fastpg/core/philox.hpp"
#include "fastpg/distributions/distribution.hpp"
#include "fastpg/features/feature_map.hpp"
#include "fastpg/networks/architecture.hpp"

namespace fastpg {

// Of row-major observations (n, d) at steps (n,). mask: (n, outputs) or nullptr. stream: nullptr
// for the most probable actions, else where the numbers of row i at `draw` come from. False where
// the products of features and parameters are not finite.
bool act(const Distribution& distribution, const Architecture& architecture, const FeatureMap& map,
         const double* parameters, const float* observations, const std::int64_t* steps, Index n,
         const std::uint8_t* mask, const LaneStream* stream, std::uint64_t draw,
         WritableActions actions);

}  // namespace fastpg
