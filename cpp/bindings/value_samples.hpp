// The samples of the linear value baseline as they come from Python.
#pragma once

#include "fastpg/core/checks.hpp"
#include "fastpg/values/value_features.hpp"
#include "unlocked.hpp"

namespace fastpg {

inline ValueSamples value_samples(const Array<float>& observations,
                                  const Array<std::int64_t>& step_index, bool time) {
  require_ndim("observations", observations, 2);
  if (observations.size() == 0) {
    refuse({"observations: expected at least one element, got shape ", shape_text(observations)});
  }
  require_ndim("step_index", step_index, 1);
  require_size("step_index", step_index.size(), observations.shape(0));
  return {observations.data(), step_index.data(), observations.shape(0), observations.shape(1),
          time};
}

}  // namespace fastpg
