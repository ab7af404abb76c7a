// Networks without inputs and parameters: the linear one, and the multilayer perceptron.

#include "fastpg/core/checks.hpp"
#include "fastpg/networks/linear.hpp"
#include "fastpg/networks/mlp.hpp"
#include "pybind.hpp"

namespace fastpg {
namespace {

constexpr Index most_width = 1 << 24;
constexpr std::size_t most_layers = 256;
constexpr double most_parameters = 1 << 30;

void require_width(const char* name, Index width) {
  require(width >= 1 && width <= most_width,
          {name, ": expected an integer in [1, 16777216], got ", width});
}

// Before anything is allocated, and before a product of widths can overflow.
void require_parameters(const MlpShape& shape) {
  double count = 0.0;
  Index fan_in = shape.inputs;
  const auto add = [&](Index fan_out) {
    count += (static_cast<double>(fan_in) + 1.0) * static_cast<double>(fan_out);
    fan_in = fan_out;
  };
  std::for_each(shape.hidden.begin(), shape.hidden.end(), add);
  add(shape.outputs);
  require(count <= most_parameters, "hidden: expected at most 1073741824 parameters");
}

MlpArchitecture mlp(Index inputs, std::vector<Index> hidden, Index outputs, Activation activation) {
  require_width("inputs", inputs);
  require_width("outputs", outputs);
  require(hidden.size() <= most_layers,
          {"hidden: expected at most 256 layers, got ", hidden.size()});
  for (const Index width : hidden) require_width("hidden", width);
  MlpShape shape{inputs, std::move(hidden), outputs, activation};
  require_parameters(shape);
  return MlpArchitecture(std::move(shape));
}

}  // namespace

void bind_networks(py::module_& m) {
  py::native_enum<Activation>(m, "Activation", "enum.Enum", "Between the layers of a perceptron.")
      .value("tanh", Activation::tanh)
      .value("relu", Activation::relu)
      .value("elu", Activation::elu)
      .value("silu", Activation::silu)
      .finalize();
  py::class_<Architecture, std::shared_ptr<Architecture>> base(m, "Network",
                                                               "Sizes and layers of a network.");
  construct_in_new(base);
  base.def_property_readonly("inputs", by_reference(&Architecture::inputs))
      .def_property_readonly("outputs", by_reference(&Architecture::outputs))
      .def_property_readonly("parameters", by_reference(&Architecture::parameters));
  py::class_<LinearArchitecture, Architecture, std::shared_ptr<LinearArchitecture>> linear(
      m, "Linear", "phi^T theta, theta (inputs, outputs) in C order.");
  construct_in_new(linear);
  linear.def(py::init([](Index inputs, Index outputs) {
               require_width("inputs", inputs);
               require_width("outputs", outputs);
               return std::make_shared<LinearArchitecture>(inputs, outputs);
             }),
             py::arg("inputs"), py::arg("outputs"));
  py::class_<MlpArchitecture, Architecture, std::shared_ptr<MlpArchitecture>> perceptron(
      m, "Mlp", "Layer by layer W (fan_in, fan_out) in C order, then the bias.");
  construct_in_new(perceptron);
  perceptron
      .def(py::init(
               [](Index inputs, std::vector<Index> hidden, Index outputs, Activation activation) {
                 return std::make_shared<MlpArchitecture>(
                     mlp(inputs, std::move(hidden), outputs, activation));
               }),
           py::arg("inputs"), py::arg("hidden"), py::arg("outputs"), py::arg("activation"))
      .def_property_readonly("hidden", [](const MlpArchitecture& n) { return n.shape().hidden; })
      .def_property_readonly("activation",
                             [](const MlpArchitecture& n) { return n.shape().activation; });
}

}  // namespace fastpg
