// Any `fastpg_env` is refused with std::invalid_argument, or becomes environments that work; where
// one of its functions fails or gives what it may not, everything is as before.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <memory>

#include "described.hpp"
#include "fastpg/core/checks.hpp"
#include "fastpg/envs/foreign.hpp"
#include "fastpg/envs/vector_env.hpp"

using namespace fastpg;

namespace {

void require_true(bool condition) {
  if (!condition) std::abort();
}

bool same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

bool same(const VectorEnv::Snapshot& a, const VectorEnv::Snapshot& b) {
  const auto bits = [](double x, double y) { return same(x, y); };
  const auto words = [](const Pcg64& x, const Pcg64& y) { return x.words() == y.words(); };
  return std::equal(a.states.begin(), a.states.end(), b.states.begin(), bits) &&
         std::equal(a.streams.begin(), a.streams.end(), b.streams.begin(), words) &&
         a.elapsed == b.elapsed && a.status == b.status &&
         std::equal(a.episode_returns.begin(), a.episode_returns.end(), b.episode_returns.begin(),
                    bits);
}

// Whether work() succeeded. Where it does not, nothing has changed.
template <class Work>
bool succeeds(VectorEnv& env, Work&& work) {
  const VectorEnv::Snapshot before = env.snapshot();
  try {
    work();
    return true;
  } catch (const EnvironmentError& error) {
    require_true(error.environment() >= 0 && error.environment() < env.num_envs());
    require_true(same(before, env.snapshot()));
    return false;
  }
}

// Exactly as long as a step needs, so that more would be written out of bounds.
class Outputs {
 public:
  explicit Outputs(const VectorEnv& env)
      : lanes_(static_cast<std::size_t>(env.num_envs())),
        observations_(new float[lanes_ * size(env)]),
        finals_(new float[lanes_ * size(env)]),
        rewards_(new double[lanes_]),
        flags_{make(), make(), make()} {}

  StepOutputs view() {
    return {observations_.get(), rewards_.get(), flags_[0].get(),
            flags_[1].get(),     finals_.get(),  flags_[2].get()};
  }
  void check(const VectorEnv& env) const {
    for (std::size_t i = 0; i < lanes_; ++i) require_true(std::isfinite(rewards_[i]));
    for (std::size_t i = 0; i < lanes_ * size(env); ++i) {
      require_true(std::isfinite(observations_[i]));
    }
  }

 private:
  static std::size_t size(const VectorEnv& env) {
    return static_cast<std::size_t>(env.shape().observation_size);
  }
  std::unique_ptr<bool[]> make() const { return std::make_unique<bool[]>(lanes_); }

  std::size_t lanes_;
  std::unique_ptr<float[]> observations_, finals_;
  std::unique_ptr<double[]> rewards_;
  std::unique_ptr<bool[]> flags_[3];
};

class Run {
 public:
  Run(std::unique_ptr<EnvironmentKernel> kernel, const fastpg_env& described, fuzz::Bytes& bytes)
      : described_(described),
        bytes_(bytes),
        env_(std::move(kernel), 1 + bytes.byte() % 4,
             described.max_episode_steps == 0 ? VectorEnv::no_limit : described.max_episode_steps),
        outputs_(env_) {}

  void go() {
    if (!reset_all()) return;
    for (int k = 0; k < 12; ++k) {
      switch (bytes_.byte() % 6) {
        case 0:
          set_parameter();
          break;
        case 1:
          reset_all();
          break;
        case 2:
          masks();
          break;
        default:
          step();
      }
    }
  }

 private:
  bool reset_all() {
    std::vector<double> options(env_.shape().reset_defaults.begin(),
                                env_.shape().reset_defaults.end());
    for (double& option : options) option = bytes_.flag() ? option : bytes_.number();
    return succeeds(env_, [&] {
      env_.or_unchanged([&] {
        for (Lane i = 0; i < env_.num_envs(); ++i) env_.reset(i, options);
        env_.observe_rows(env_.states(), outputs_.view().observations);
      });
    });
  }

  void step() {
    const Autoreset mode = static_cast<Autoreset>(bytes_.byte() % 3);
    if (mode == Autoreset::disabled && env_.any_ended() && !reset_all()) return;
    const std::size_t size = static_cast<std::size_t>(env_.num_envs() * env_.shape().action_size);
    std::vector<std::int32_t> choices(size);
    std::vector<double> numbers(size);
    std::vector<float> floats(size);
    for (std::size_t k = 0; k < size; ++k) {
      const std::size_t of = k % static_cast<std::size_t>(env_.shape().action_size);
      if (env_.shape().discrete()) choices[k] = bytes_.byte() % env_.shape().action_counts[of];
      numbers[k] = floats[k] = static_cast<float>(bytes_.value<std::int8_t>());
    }
    const ActionsView actions = env_.shape().discrete() ? ActionsView(choices.data())
                                : bytes_.flag()         ? ActionsView(floats.data())
                                                        : ActionsView(numbers.data());
    if (succeeds(env_, [&] { env_.step(actions, mode, outputs_.view(), 1); })) outputs_.check(env_);
  }

  void masks() {
    if (!env_.shape().masked) return;
    const std::size_t size = static_cast<std::size_t>(env_.num_envs() * env_.shape().mask_size());
    const auto rows = std::make_unique<std::uint8_t[]>(size);
    const bool given = succeeds(env_, [&] { env_.mask_rows(rows.get()); });
    for (std::size_t k = 0; given && k < size; ++k) require_true(rows[k] <= 1);
  }

  void set_parameter() {
    const std::string name =
        bytes_.byte() % 8 == 0 || described_.parameter_count == 0
            ? bytes_.text()
            : described_.parameters[bytes_.byte() % described_.parameter_count].name;
    std::vector<ParameterValue> values(bytes_.flag() ? 1 : bytes_.byte() % 6);
    for (ParameterValue& value : values) {
      value =
          bytes_.byte() % 16 == 0 ? ParameterValue(bytes_.text()) : ParameterValue(bytes_.number());
    }
    try {
      env_.kernel().set_parameter(name, values, env_.num_envs());
    } catch (const std::invalid_argument& error) {
      require_true(error.what()[0] != '\0' || name.empty() || name[0] == '\0');
    }
    for (Lane i = 0; i < env_.num_envs(); ++i) env_.kernel().parameters(i);
  }

  const fastpg_env& described_;
  fuzz::Bytes& bytes_;
  VectorEnv env_;
  Outputs outputs_;
};

// Whether the environment was accepted.
bool used(const fuzz::Described& described, fuzz::Bytes& bytes) {
  std::shared_ptr<const ForeignEnv> env;
  try {
    env = std::make_shared<ForeignEnv>(described.env);
  } catch (const std::invalid_argument& error) {
    require_true(error.what()[0] != '\0');
    return false;
  }
  register_foreign(env);
  require_true(find_foreign(env->name()) == env);
  Run(std::make_unique<ForeignKernel>(env), described.env, bytes).go();
  // Another of this name takes its place, so that it is released here.
  fastpg_env other = described.env;
  other.release = nullptr;
  register_foreign(std::make_shared<ForeignEnv>(other));
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, size);
  fuzz::Described described(bytes);
  const bool accepted = used(described, bytes);
  require_true(described.releases == (accepted && described.env.release != nullptr ? 1 : 0));
  return 0;
}
