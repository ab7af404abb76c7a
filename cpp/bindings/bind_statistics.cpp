#include <vector>

#include "fastpg/core/checks.hpp"
#include "fastpg/estimators/following_values.hpp"
#include "fastpg/estimators/statistics.hpp"
#include "unlocked.hpp"

namespace fastpg {
namespace {

void require_numbers(const char* name, const Array<double>& values) {
  require_ndim(name, values, 1);
  require(values.size() >= 1, std::string(name) + ": expected at least one number, got none");
  require_finite(name, values.data(), values.size());
}

Array<double> bound_standardize(const Array<double>& values) {
  require_numbers("values", values);
  Array<double> out(values.size());
  const double* const from = values.data();
  double* const to = out.mutable_data();
  const py::ssize_t size = out.size();
  unlocked([&] { standardize(from, size, to); });
  return out;
}

py::tuple bound_prediction_error(const Array<double>& values, const Array<double>& targets) {
  require_numbers("values", values);
  require_numbers("targets", targets);
  require_same_shape("targets", targets, values);
  std::vector<double> scratch(static_cast<std::size_t>(values.size()));
  const double* const predicted = values.data();
  const double* const wanted = targets.data();
  const PredictionError error = unlocked([&] {
    const auto size = static_cast<py::ssize_t>(scratch.size());
    return prediction_error(predicted, wanted, size, scratch.data());
  });
  return py::make_tuple(error.explained_variance, error.mean_square);
}

Array<double> bound_following_values(const Array<double>& values, const Array<double>& last_values,
                                     const Array<std::int64_t>& end_rows,
                                     const Array<std::int64_t>& end_columns,
                                     const Array<double>& final_values) {
  require_ndim("values", values, 2);
  const py::ssize_t rows = values.shape(0), columns = values.shape(1);
  require(values.size() >= 1, "values: expected at least one number, got none");
  require_size("last_values", last_values.size(), columns);
  require_size("end_columns", end_columns.size(), end_rows.size());
  require_size("final_values", final_values.size(), end_rows.size());
  Array<double> out({rows, columns});
  const EndValues ends{end_rows.size(), end_rows.data(), end_columns.data(), final_values.data()};
  require(following_values({rows, columns}, values.data(), last_values.data(), ends,
                           out.mutable_data()),
          "end_rows, end_columns: expected places in the rollout");
  return out;
}

}  // namespace

void bind_statistics(py::module_& m) {
  m.def("standardize", &bound_standardize, py::arg("values").noconvert(),
        "(n,) with mean 0 and standard deviation 1; zeros of a constant.");
  m.def("prediction_error", &bound_prediction_error, py::arg("values").noconvert(),
        py::arg("targets").noconvert(), "(explained variance, mean squared error) of (n,).");
  m.def("following_values", &bound_following_values, py::arg("values").noconvert(),
        py::arg("last_values").noconvert(), py::arg("end_rows").noconvert(),
        py::arg("end_columns").noconvert(), py::arg("final_values").noconvert(),
        "V of the state that really followed, (T, N), in a rollout without gaps.");
}

}  // namespace fastpg
