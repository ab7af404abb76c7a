// Value networks: their values, the gradient of their loss, and their fit.
#include "fastpg/networks/initialization.hpp"
#include "policy_results.hpp"
#include "value_batch.hpp"

namespace fastpg {

py::object ValueBatch::fit(const Array<double>& theta, Optimizer& optimizer, std::uint64_t seed,
                           std::uint64_t first_epoch, const ValueFitSettings& settings) const {
  Vector parameters = checked_theta(theta);
  require_optimizer(optimizer);
  const double* const wanted = targets();
  const std::unique_ptr<Optimizer> moved = optimizer.copy();
  const ValueFit found = unlocked([&] {
    const std::unique_ptr<Network> own = network();
    return fit_values({*own, wanted, *moved, parameters}, settings,
                      LaneStream(seed, RandomStream::value_shuffle), first_epoch, threads_);
  });
  if (!found.finite) return named(found, theta);
  optimizer.assign(*moved);
  return named(found, to_array(parameters));
}

namespace {

ValueFitSettings value_fit_settings(double learning_rate, std::optional<double> max_grad_norm,
                                    std::optional<double> clip_range_vf, py::ssize_t n_epochs,
                                    py::ssize_t batch_size) {
  require(learning_rate >= 0.0 && std::isfinite(learning_rate),
          {"learning_rate: expected a finite number of at least 0, got ", learning_rate});
  require_iterations("n_epochs", n_epochs, 1'000'000);
  require(batch_size >= 1, {"batch_size: expected at least 1, got ", batch_size});
  return {learning_rate, positive_or_infinity("max_grad_norm", max_grad_norm),
          positive_or_infinity("clip_range_vf", clip_range_vf), n_epochs, batch_size};
}

Array<double> bound_orthogonal(Index rows, Index columns, double gain, std::uint64_t seed,
                               std::uint32_t index) {
  constexpr Index most = 1 << 24;
  constexpr double most_numbers = 1 << 30;
  for (const Index count : {rows, columns}) {
    require(count >= 1 && count <= most,
            {"rows, columns: expected integers in [1, 16777216], got ", count});
  }
  require(static_cast<double>(rows) * static_cast<double>(columns) <= most_numbers,
          "rows, columns: expected at most 1073741824 numbers");
  require(std::isfinite(gain), "gain: expected a finite number");
  return to_array(unlocked([&] { return orthogonal(rows, columns, gain, seed, index); }));
}

}  // namespace

void bind_value_networks(py::module_& m) {
  const auto array = [](const char* argument) { return py::arg(argument).noconvert(); };
  const auto targets = py::arg_v(py::arg("targets").noconvert(), py::none());
  const auto threads = py::arg_v("num_threads", 1);
  m.def("orthogonal", &bound_orthogonal, py::arg("rows"), py::arg("columns"), py::arg("gain"),
        py::arg("seed"), py::arg("index"),
        "(rows, columns): gain times orthonormal rows or columns, whichever are fewer.");
  py::class_<ValueFitSettings> settings(m, "ValueFitSettings", "Of the fit of a value network.");
  construct_in_new(settings);
  settings.def(constructor_by(&value_fit_settings), py::kw_only(), py::arg("learning_rate"),
               py::arg("max_grad_norm"), py::arg("clip_range_vf"), py::arg("n_epochs"),
               py::arg("batch_size"));
  py::class_<ValueBatch> batch(m, "ValueBatch", "Inputs and targets of a value network.");
  construct_in_new(batch);
  batch
      .def(constructor<ValueBatch, std::shared_ptr<Architecture>, Array<double>,
                       std::optional<Array<double>>, int>(),
           py::arg("network").none(false), array("inputs"), targets, threads)
      .def_static("of_observations", &ValueBatch::of, py::arg("network").none(false),
                  py::arg("features").none(false), array("observations"), array("step_index"),
                  targets, threads, "Of observations (n, d) at steps (n,).")
      .def("values", of_unmoved(&ValueBatch::values), array("value_theta"), "(n,).")
      .def("loss_gradient", of_unmoved(&ValueBatch::loss_gradient), array("value_theta"),
           "(P,): gradient of mean (v - y)^2.")
      .def("fit", of_unmoved(&ValueBatch::fit), array("value_theta"),
           py::arg("value_optimizer").none(false), py::arg("seed"), py::arg("first_epoch"),
           py::arg("settings").none(false), "A ValueFit.");
}

}  // namespace fastpg
