// A `fastpg_env` of a struct, checked. Included by env.hpp.
#pragma once

#include "env_calls.hpp"

namespace fastpg {
namespace {

template <class E>
concept Named = requires {
  { E::id } -> std::convertible_to<const char*>;
};
template <class E>
concept HasState = requires(typename E::State& s) { E::state(s, Load{nullptr, 1}); };
template <class E>
concept HasSpaces = requires {
  { E::observation_size } -> std::convertible_to<std::int64_t>;
  { E::actions.flags() } -> std::convertible_to<std::int64_t>;
};
template <class E>
concept ListsParams = requires(typename E::Params& p) { E::params(p, Load{nullptr, 1}); };
template <class E>
concept ListsOptions = requires(typename E::Options& o) { E::options(o, Load{nullptr, 1}); };

template <class E>
consteval bool parts_complete() {
  static_assert(Named<E>, "expected `static constexpr const char* id = \"Name-v0\";`");
  static_assert(
      HasState<E>,
      "expected `struct State { … };` and `static void state(auto& s, auto visit)`, which "
      "calls visit(\"name\", s.name) for each field");
  static_assert(HasSpaces<E>,
                "expected `static constexpr int observation_size = …;` and `static constexpr auto "
                "actions = fastpg::discrete(n);`, or fastpg::multi_discrete or fastpg::continuous");
  static_assert(!HasParams<E> || ListsParams<E>,
                "expected `static void params(auto& p, auto visit)`, which calls visit(\"name\", "
                "p.name, \"meaning\") for each parameter");
  static_assert(!HasOptions<E> || ListsOptions<E>,
                "expected `static void options(auto& o, auto visit)`, which calls visit(\"name\", "
                "o.name) for each number that a reset takes");
  return Named<E> && HasState<E> && HasSpaces<E> && (!HasParams<E> || ListsParams<E>) &&
         (!HasOptions<E> || ListsOptions<E>);
}

template <class E>
constexpr bool resets =
    Resets<E, decltype(std::tuple_cat(params_of<E>(nullptr), options_of<E>(nullptr)))>::value;

template <class E>
consteval bool functions_complete() {
  using Signature = SignaturesOf<E>;
  static_assert(resets<E>,
                "expected `static void reset(State& s, const Params& p, const Options& o, "
                "fastpg::Stream& rng)`; no p or o without such a struct");
  static_assert(Signature::observes,
                "expected `static void observe(const State& s, const Params& p, "
                "fastpg::Observation out)`; no p without Params");
  static_assert(Signature::steps,
                "expected `static fastpg::Step step(State& s, Action action, const Params& p, "
                "fastpg::Stream& rng)`; no p without Params; rng only where it draws; Action is "
                "int, double, or a std::array of them, as many as an action has; what "
                "`prepare` returns comes after p");
  static_assert(
      Signature::masks || !requires { &E::mask; },
      "expected `static void mask(const State& s, const Params& p, fastpg::Mask allowed)`; "
      "no p without Params");
  static_assert(!Signature::masks || decltype(E::actions)::kind != FASTPG_CONTINUOUS,
                "mask: continuous actions have none");
  return resets<E> && Signature::observes && Signature::steps;
}

// One bound of each number of an observation; empty if there is none.
template <std::int64_t Size, class Given>
std::vector<float> bounds(const Given& given) {
  if constexpr (std::is_arithmetic_v<Given>) {
    return std::vector<float>(static_cast<std::size_t>(Size), static_cast<float>(given));
  } else {
    static_assert(std::tuple_size<Given>::value == Size,
                  "observation_low, observation_high: expected a number, or a std::array of "
                  "observation_size numbers");
    return std::vector<float>(given.begin(), given.end());
  }
}

// The description of an environment, which lives as long as the library.
template <class E>
class Exported {
 public:
  Exported() noexcept {
    try {
      describe();
      made_ = true;
    } catch (const std::exception& error) {
      remember_failure(error.what());
    } catch (...) {
      remember_failure("an exception that is no std::exception");
    }
    std::copy(std::begin(last_failure), std::end(last_failure), problem_);
  }

  const fastpg_env* env() const { return made_ ? &env_ : nullptr; }
  const char* problem() const { return problem_; }

 private:
  void describe() {
    env_.version = FASTPG_ENV_VERSION;
    env_.size = sizeof(fastpg_env);
    env_.name = E::id;
    describe_state();
    describe_observations();
    describe_actions();
    describe_numbers();
    env_.reward_threshold = std::nan("");
    if constexpr (requires { E::max_episode_steps; }) env_.max_episode_steps = E::max_episode_steps;
    if constexpr (requires { E::reward_threshold; }) env_.reward_threshold = E::reward_threshold;
    set_functions();
  }

  void describe_state() {
    typename E::State state{};
    E::state(state, Describe{&state_});
    if (!covers(state_, &state, sizeof(state), alignof(typename E::State))) {
      throw std::invalid_argument(
          "state: expected each field of State once, in the order of the struct");
    }
    for (const std::string& name : state_.names) state_names_.push_back(name.c_str());
    env_.state_size = static_cast<std::int64_t>(state_names_.size());
    env_.state_names = state_names_.data();
  }

  void describe_observations() {
    constexpr std::int64_t size = E::observation_size;
    env_.observation_size = size;
    if constexpr (requires { E::observation_low; }) low_ = bounds<size>(E::observation_low);
    if constexpr (requires { E::observation_high; }) high_ = bounds<size>(E::observation_high);
    env_.observation_low = low_.empty() ? nullptr : low_.data();
    env_.observation_high = high_.empty() ? nullptr : high_.data();
    if constexpr (requires { E::observation_names; }) {
      static_assert(std::size(E::observation_names) == size,
                    "observation_names: expected observation_size names");
      env_.observation_names = std::data(E::observation_names);
    }
  }

  void describe_actions() {
    using Given = decltype(E::actions);
    env_.action_kind = Given::kind;
    env_.action_size = static_cast<std::int64_t>(Given::size);
    env_.action_counts = action_.counts.data();
    env_.action_low = action_.low.data();
    env_.action_high = action_.high.data();
    env_.draws_in_steps = Calls<E>::draws_in_steps ? 1 : 0;
  }

  void describe_numbers() {
    if constexpr (HasParams<E>) {
      typename E::Params params{};
      E::params(params, Describe{&params_});
    }
    if constexpr (HasOptions<E>) {
      typename E::Options options{};
      E::options(options, Describe{&options_});
    }
    params_.finish();
    options_.finish();
    env_.parameter_count = static_cast<std::int64_t>(params_.numbers.size());
    env_.parameters = params_.numbers.data();
    env_.option_count = static_cast<std::int64_t>(options_.numbers.size());
    env_.options = options_.numbers.data();
  }

  void set_functions() {
    env_.reset = Calls<E>::reset;
    env_.observe = Calls<E>::observe;
    env_.step = Calls<E>::step;
    if constexpr (SignaturesOf<E>::masks) env_.mask = Calls<E>::mask;
    env_.message = Calls<E>::message;
  }

  bool made_ = false;
  char problem_[sizeof(last_failure)] = "";
  fastpg_env env_{};
  Described state_, params_, options_;
  std::vector<const char*> state_names_;
  std::vector<float> low_, high_;
  std::remove_const_t<decltype(E::actions)> action_ = E::actions;
};

// In place of one that is not complete: no error beyond those above.
struct Refused {
  const fastpg_env* env() const { return nullptr; }
  const char* problem() const { return ""; }
};

template <class E>
consteval bool complete() {
  if constexpr (parts_complete<E>()) {
    return functions_complete<E>();
  } else {
    return false;
  }
}

template <class E>
const auto& exported() {
  static const std::conditional_t<complete<E>(), Exported<E>, Refused> made;
  return made;
}

}  // namespace
}  // namespace fastpg
