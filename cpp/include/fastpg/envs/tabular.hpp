// A finite MDP as an environment: the state is an index, the observation a row of a feature table.
// Terminal states end an episode, and so does the last step before the horizon, as in the lecture.
#pragma once

#include <limits>
#include <vector>

#include "fastpg/envs/kernel.hpp"
#include "fastpg/tabular/transitions.hpp"

namespace fastpg {

class TabularKernel final : public EnvironmentKernel {
 public:
  static constexpr std::int64_t no_horizon = std::numeric_limits<std::int64_t>::max();

  // rewards: (states, actions); features: row-major (states, observation_size); terminal: (states).
  TabularKernel(Transitions transitions, const ConstMatrix& rewards, const ConstVector& start,
                std::vector<float> features, std::vector<std::uint8_t> terminal,
                std::int64_t horizon)
      : transitions_(std::move(transitions)),
        rewards_(rewards),
        features_(std::move(features)),
        terminal_(std::move(terminal)),
        horizon_(horizon) {
    const Index n = transitions_.states();
    require_size("terminal", static_cast<Index>(terminal_.size()), n);
    require_size("r (rows)", rewards_.rows(), n);
    require_size("r (columns)", rewards_.cols(), transitions_.actions());
    require_size("start", start.size(), n);
    require(!features_.empty() && static_cast<Index>(features_.size()) % n == 0,
            "features: expected a row for each state");
    require(horizon >= 1, "horizon: expected at least 1");
    double sum = 0.0;
    for (Index s = 0; s < n; ++s) {
      require(start[s] >= 0.0, "start: expected probabilities");
      sum += start[s];
      if (start[s] > 0.0) {
        starts_.push_back(static_cast<double>(s));
        cumulative_.push_back(sum);
      }
    }
    require(std::abs(sum - 1.0) <= Transitions::tolerance, "start: expected a sum of 1");
  }

  EnvironmentShape shape() const override {
    const auto observation =
        static_cast<Lane>(features_.size()) / static_cast<Lane>(transitions_.states());
    return {1, observation, static_cast<std::int32_t>(transitions_.actions()), 1, {0.0, 0.0}, true};
  }

  void reset(ResetBounds, Pcg64& stream, double* state) const override {
    const auto at = std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, stream.uniform());
    *state = starts_[static_cast<std::size_t>(at - cumulative_.begin())];
  }

  void observe(LaneBlock block, float* observations, Lane stride) const override {
    const Lane size = shape().observation_size;
    for (Lane i = 0; i < block.count; ++i) {
      const float* const row = &features_[static_cast<std::size_t>(index(block, i) * size)];
      for (Lane k = 0; k < size; ++k) observations[k * stride + i] = row[k];
    }
  }

  void step(LaneBlock block, ActionsView actions, double* rewards,
            bool* terminated) const override {
    const auto* const* const chosen = std::get_if<const std::int32_t*>(&actions);
    require(chosen != nullptr, "actions: expected another dtype");
    for (Lane i = 0; i < block.count; ++i) {
      const Index s = index(block, i);
      const Index a = (*chosen)[i];
      const Lane lane = block.lane(i);
      rewards[i] = rewards_(s, a);
      block.data[i] =
          transitions_.draw(s * transitions_.actions() + a, block.streams[lane].uniform());
      terminated[i] = block.elapsed[lane] + 1 >= horizon_ || terminal_[index(block, i)] != 0;
    }
  }

  std::vector<Parameter> parameters(Lane) const override { return {}; }
  std::vector<ParameterValue> parameter(const std::string&) const override { return {}; }
  void set_parameter(const std::string& name, const std::vector<ParameterValue>&, Lane) override {
    require(false, name + ": no such parameter");
  }

 private:
  // A state set by hand may be any number: the nearest index is taken.
  Index index(LaneBlock block, Lane i) const {
    const double last = static_cast<double>(transitions_.states() - 1);
    const double given = block.data[i];
    return given > 0.0 ? static_cast<Index>(std::min(given, last) + 0.5) : 0;  // NaN: the first
  }

  Transitions transitions_;
  Matrix rewards_;
  std::vector<float> features_;
  std::vector<std::uint8_t> terminal_;
  std::int64_t horizon_;
  std::vector<double> starts_;
  std::vector<double> cumulative_;
};

}  // namespace fastpg
