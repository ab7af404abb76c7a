#include "fastpg/envs/tabular.hpp"

#include <algorithm>
#include <cmath>

#include "fastpg/core/checks.hpp"

namespace fastpg {

TabularKernel::TabularKernel(Transitions transitions, const ConstMatrix& rewards,
                             const ConstVector& start, std::vector<float> features,
                             std::vector<std::uint8_t> terminal, std::int64_t horizon)
    : transitions_(std::move(transitions)),
      rewards_(rewards),
      features_(std::move(features)),
      terminal_(std::move(terminal)),
      horizon_(horizon),
      action_count_(static_cast<std::int32_t>(transitions_.actions())) {
  const Index n = transitions_.states();
  require_size("terminal", static_cast<Index>(terminal_.size()), n);
  require_size("r (rows)", rewards_.rows(), n);
  require_size("r (columns)", rewards_.cols(), transitions_.actions());
  require_size("start", start.size(), n);
  require(!features_.empty() && static_cast<Index>(features_.size()) % n == 0,
          "features: expected a row for each state");
  require(horizon >= 1, "horizon: expected at least 1");
  set_start(start);
}

void TabularKernel::set_start(const ConstVector& start) {
  double sum = 0.0;
  for (Index s = 0; s < start.size(); ++s) {
    require(start[s] >= 0.0, "start: expected probabilities");
    sum += start[s];
    if (start[s] > 0.0) {
      starts_.push_back(static_cast<double>(s));
      cumulative_.push_back(sum);
    }
  }
  require(std::abs(sum - 1.0) <= Transitions::tolerance, "start: expected a sum of 1");
}

EnvironmentShape TabularKernel::shape() const {
  const auto observation =
      static_cast<Lane>(features_.size()) / static_cast<Lane>(transitions_.states());
  return {1, observation, std::span(&action_count_, 1), 1, {}, true};
}

void TabularKernel::reset(Lane, ResetOptions, Pcg64& stream, double* state, Lane) const {
  const auto at = std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, stream.uniform());
  *state = starts_[static_cast<std::size_t>(at - cumulative_.begin())];
}

void TabularKernel::observe(LaneBlock block, float* observations, Lane stride) const {
  const Lane size = shape().observation_size;
  for (Lane i = 0; i < block.count; ++i) {
    const float* const row = &features_[static_cast<std::size_t>(index(block, i) * size)];
    for (Lane k = 0; k < size; ++k) observations[k * stride + i] = row[k];
  }
}

void TabularKernel::step(LaneBlock block, ActionsView actions, double* rewards,
                         bool* terminated) const {
  const std::int32_t* const chosen = actions.as<std::int32_t>();
  for (Lane i = 0; i < block.count; ++i) {
    const Index s = index(block, i);
    const Index a = chosen[i];
    const Lane lane = block.lane(i);
    rewards[i] = rewards_(s, a);
    block.data[i] =
        transitions_.draw(s * transitions_.actions() + a, block.streams[lane].uniform());
    terminated[i] = block.elapsed[lane] + 1 >= horizon_ || terminal_[index(block, i)] != 0;
  }
}

void TabularKernel::set_parameter(const std::string& name, const std::vector<ParameterValue>&,
                                  Lane) {
  require(false, {name, ": no such parameter"});
}

// A state set by hand may be any number: the nearest index is taken.
Index TabularKernel::index(LaneBlock block, Lane i) const {
  const double last = static_cast<double>(transitions_.states() - 1);
  const double given = block.data[i];
  return given > 0.0 ? static_cast<Index>(std::min(given, last) + 0.5) : 0;  // NaN: the first
}

}  // namespace fastpg
