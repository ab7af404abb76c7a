#include "bound_env.hpp"
#include "eigen_views.hpp"
#include "fastpg/rollout/streamed.hpp"

namespace fastpg {
namespace {

constexpr Index most_parameters = 1 << 14;  // the Fisher matrix is dense

template <class Actor>
void require_streamable(const Actor& actor, const VectorEnv& env) {
  require_fit(actor, env);
  require(!actor.deterministic(), "actor: expected one that draws its actions");
  const auto head = head_of(actor);
  const Index size = actor.linear().map().size() * head.outputs() + head.extra();
  require(size <= most_parameters, "actor: expected at most " + std::to_string(most_parameters) +
                                       " parameters, since the Fisher matrix is dense, got " +
                                       std::to_string(size));
}

const double* checked_weights(const std::optional<Array<double>>& weights, const VectorEnv& env,
                              bool time) {
  if (!weights) return nullptr;
  const VectorView view = vector_view("value_weights", *weights);
  require_size("value_weights", view.size(),
               ValueFeatures::size(env.shape().observation_size, time));
  return view.data();
}

py::dict statistics_dict(StreamedStatistics&& s, bool value_moments) {
  if (s.not_finite != nullptr) {
    throw py::value_error(std::string(s.not_finite) + ": expected finite values over the batch");
  }
  const auto k = static_cast<py::ssize_t>(s.ends.count());
  py::dict out;
  out["sample_count"] = s.samples;
  out["gradient"] = to_array(s.gradient);
  out["score_mean"] = to_array(s.mean_score);
  out["advantage_mean"] = s.advantage_mean;
  out["advantage_std"] = s.advantage_std;
  out["fisher"] = to_array(s.fisher);
  out["entropy"] = s.entropy;
  out["episode_returns"] = take(std::move(s.ends.returns), {k});
  out["episode_lengths"] = take(std::move(s.ends.lengths), {k});
  out["value_moments"] = py::none();
  if (value_moments) {
    out["value_moments"] = py::make_tuple(
        to_array(s.value_moments.mean), to_array(s.value_moments.comoment), s.value_moments.weight);
  }
  return out;
}

template <class Actor>
py::dict streamed(BoundVectorEnv& self, const Actor& actor, const LaneStream& stream,
                  std::uint64_t first_step, const StreamSettings& settings, bool keep) {
  require_streamable(actor, self.env);
  using Storage = RolloutStorage<typename Actor::Action>;
  Storage::require_samples(settings.steps, self.env.num_envs());
  std::optional<Storage> kept;
  if (keep) {
    kept.emplace(self.env.num_envs(), self.env.shape().observation_size, actor.action_size());
  }
  Storage* const storage = keep ? &*kept : nullptr;
  StreamedStatistics statistics = unlocked([&] {
    return collect_statistics(self.env, actor, stream, first_step, settings, self.threads, storage);
  });
  py::dict out = statistics_dict(std::move(statistics), settings.value_moments);
  out["rollout"] = py::none();
  if (keep) out["rollout"] = rollout_dict(std::move(*kept));
  return out;
}

py::dict bound_collect_statistics(BoundVectorEnv& self, const AnyActor& any, py::ssize_t steps,
                                  std::uint64_t seed, Purpose purpose, std::uint64_t first_step,
                                  double gamma, double gae_lambda,
                                  const std::optional<Array<double>>& value_weights,
                                  bool value_time, bool value_moments, bool keep) {
  const SoleUse guard(self.busy);
  require(steps >= 1, "steps: expected at least 1, got " + std::to_string(steps));
  require_unit_interval("gamma", gamma);
  require_unit_interval("gae_lambda", gae_lambda);
  const double* const weights = checked_weights(value_weights, self.env, value_time);
  const StreamSettings settings{steps, gamma, gae_lambda, weights, value_time, value_moments};
  return std::visit(
      [&](const auto* actor) {
        require(actor != nullptr, "actor: expected one, got None");
        return streamed(self, *actor, LaneStream(seed, purpose), first_step, settings, keep);
      },
      any);
}

}  // namespace

void bind_streamed(py::module_& m) {
  m.def("collect_statistics", &bound_collect_statistics, py::arg("env"),
        py::arg("actor").none(false), py::arg("steps"), py::arg("seed"), py::arg("purpose"),
        py::arg("first_step"), py::arg("gamma"), py::arg("gae_lambda"),
        py::arg("value_weights").noconvert(), py::arg("value_time"), py::arg("value_moments"),
        py::arg("keep"),
        "Steps of every lane, and the batch's gradient, Fisher matrix and co-moments of values.");
}

}  // namespace fastpg
