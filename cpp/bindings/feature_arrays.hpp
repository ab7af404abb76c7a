// The observations of a feature map as they come from Python.
#pragma once

#include "fastpg/core/thread_pool.hpp"
#include "fastpg/features/feature_map.hpp"
#include "unlocked.hpp"

namespace fastpg {

// phi (n, size) of observations (n, d) at steps (n,).
inline Array<double> mapped(const FeatureMap& map, const Array<float>& observations,
                            const Array<std::int64_t>& step_index, int num_threads) {
  const int threads = checked_threads(num_threads);
  require_ndim("observations", observations, 2);
  require_ndim("step_index", step_index, 1);
  require_size("observations (columns)", observations.shape(1), map.observation_size());
  require_size("step_index", step_index.size(), observations.shape(0));
  require_finite("observations", observations);
  Array<double> out({observations.shape(0), map.size()});
  double* const features = out.mutable_data();
  const float* const from = observations.data();
  const std::int64_t* const steps = step_index.data();
  const py::ssize_t rows = out.shape(0);
  unlocked([&] { map.rows(from, steps, rows, threads, features); });
  return out;
}

}  // namespace fastpg
