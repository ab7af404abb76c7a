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
                std::int64_t horizon);

  EnvironmentShape shape() const override;
  void reset(Lane, ResetOptions options, Pcg64& stream, double* state, Lane stride) const override;
  void observe(LaneBlock block, float* observations, Lane stride) const override;
  void step(LaneBlock block, ActionsView actions, double* rewards, bool* terminated) const override;

  std::vector<Parameter> parameters(Lane) const override { return {}; }
  std::vector<ParameterValue> parameter(const std::string&) const override { return {}; }
  void set_parameter(const std::string& name, const std::vector<ParameterValue>& values,
                     Lane lanes) override;

 private:
  void set_start(const ConstVector& start);
  Index index(LaneBlock block, Lane i) const;

  Transitions transitions_;
  Matrix rewards_;
  std::vector<float> features_;
  std::vector<std::uint8_t> terminal_;
  std::int64_t horizon_;
  std::int32_t action_count_;
  std::vector<double> starts_;
  std::vector<double> cumulative_;
};

}  // namespace fastpg
