#include <limits>
#include <new>

#include "fastpg/core/thread_pool.hpp"
#include "fastpg/estimators/bootstrap.hpp"
#include "fastpg/estimators/resampling.hpp"
#include "unlocked.hpp"

namespace fastpg {
namespace {

void require_resamples(py::ssize_t tasks, py::ssize_t runs, py::ssize_t resamples) {
  const auto within = [](const char* name, py::ssize_t got, py::ssize_t low, py::ssize_t high) {
    require(low <= got && got <= high,
            {name, ": expected a number in [", low, ", ", high, "], got ", got});
  };
  constexpr py::ssize_t most = RunDraws::most_runs;
  within("tasks", tasks, 1, most);
  within("runs", runs, 1, most);
  within("resamples", resamples, 0, std::numeric_limits<py::ssize_t>::max() / 8);
}

Array<double> bound_bootstrap(const Array<double>& scores, ScoreStatistic statistic,
                              std::uint64_t seed, py::ssize_t resamples, int num_threads) {
  const int threads = checked_threads(num_threads);
  require_ndim("scores", scores, 2);
  require_resamples(scores.shape(0), scores.shape(1), resamples);
  require_finite("scores", scores);
  Array<double> out(resamples);
  const Scores given{scores.data(), scores.shape(0), scores.shape(1)};
  double* const found = out.mutable_data();
  unlocked([&] { bootstrap(given, statistic, seed, resamples, threads, found); });
  return out;
}

Array<std::int32_t> bound_resample_counts(py::ssize_t tasks, py::ssize_t runs, std::uint64_t seed,
                                          std::uint64_t first, py::ssize_t resamples,
                                          int num_threads) {
  const int threads = checked_threads(num_threads);
  require_resamples(tasks, runs, resamples);
  if (resamples > std::numeric_limits<py::ssize_t>::max() / 8 / tasks / runs)
    throw std::bad_alloc();
  auto out =
      take<std::int32_t>(Buffer<std::int32_t>(static_cast<std::size_t>(resamples * tasks * runs)),
                         {resamples, tasks, runs});
  std::int32_t* const counts = out.mutable_data();
  unlocked([&] { resample_counts(tasks, runs, seed, first, resamples, threads, counts); });
  return out;
}

}  // namespace

void bind_bootstrap(py::module_& m) {
  py::native_enum<ScoreStatistic>(m, "ScoreStatistic", "enum.Enum", "Of scores over runs.")
      .value("iqm", ScoreStatistic::iqm)
      .value("mean", ScoreStatistic::mean)
      .value("median", ScoreStatistic::median)
      .finalize();
  m.def("bootstrap", &bound_bootstrap, py::arg("scores").noconvert(), py::arg("statistic"),
        py::arg("seed"), py::arg("resamples"), py::arg("num_threads"),
        "A statistic of resamples (resamples,) of scores (tasks, runs).");
  m.def("resample_counts", &bound_resample_counts, py::arg("tasks"), py::arg("runs"),
        py::arg("seed"), py::arg("first"), py::arg("resamples"), py::arg("num_threads"),
        "How often `bootstrap` draws each run in some resamples, (resamples, tasks, runs).");
}

}  // namespace fastpg
