// Environments of the user, given as functions: see fastpg/env.h, the C interface.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fastpg/env.h"
#include "fastpg/envs/kernel.hpp"

namespace fastpg {

// A `fastpg_env` that was checked. Its `release` is called when the last user is gone.
class ForeignEnv {
 public:
  static constexpr std::int64_t most_state = 1024, most_observation = 4096, most_actions = 1 << 20,
                                most_flags = 4096, most_numbers = 1024;

  // std::invalid_argument, which names the field, for sizes, ranges or pointers that are wrong.
  explicit ForeignEnv(const fastpg_env& env);
  ForeignEnv(const ForeignEnv&) = delete;
  ForeignEnv& operator=(const ForeignEnv&) = delete;
  ~ForeignEnv();

  const fastpg_env& calls() const { return env_; }
  std::string name() const { return env_.name; }
  EnvironmentShape shape() const;
  std::span<const fastpg_number> parameters() const;
  std::span<const fastpg_number> options() const;

  // Throws EnvironmentError for a status other than 0 of a call named `call`.
  void require_success(const char* call, std::int64_t status, const fastpg_block& block,
                       LaneBlock lanes) const;

 private:
  fastpg_env env_;
  std::vector<std::int32_t> action_counts_;
  std::vector<double> reset_defaults_;
};

class ForeignKernel final : public EnvironmentKernel {
 public:
  explicit ForeignKernel(std::shared_ptr<const ForeignEnv> env);

  EnvironmentShape shape() const override { return env_->shape(); }
  void reset(Lane lane, ResetOptions options, Pcg64& stream, double* state,
             Lane stride) const override;
  void observe(LaneBlock block, float* observations, Lane stride) const override;
  void step(LaneBlock block, ActionsView actions, double* rewards, bool* terminated) const override;
  void masks(LaneBlock block, std::uint8_t* allowed, Lane stride) const override;

  std::vector<Parameter> parameters(Lane lane) const override;
  std::vector<ParameterValue> parameter(const std::string& name) const override;
  void set_parameter(const std::string& name, const std::vector<ParameterValue>& values,
                     Lane lanes) override;

 private:
  const std::vector<double>& params(Lane lane) const;
  fastpg_block given_block(LaneBlock part, fastpg_stream* streams) const;
  // call(block, begin) of parts whose environments have the same parameters.
  template <class Call>
  void for_parts(const char* name, LaneBlock block, Call&& call) const;
  [[noreturn]] void fail(LaneBlock block, Lane entry, const std::string& wrong) const;
  template <class T>
  void require_numbers(LaneBlock block, const std::string& what, const T* values) const;
  std::size_t index(const std::string& name) const;

  std::shared_ptr<const ForeignEnv> env_;
  std::vector<std::vector<double>> params_;  // one for all environments, or one for each
};

// Makes an environment known under its name, or takes the place of an earlier one of this name.
void register_foreign(std::shared_ptr<const ForeignEnv> env);
// Null where there is none.
std::shared_ptr<const ForeignEnv> find_foreign(const std::string& name);

}  // namespace fastpg
