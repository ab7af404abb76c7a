// A batch of a value network: its inputs and the targets of its fit.
#pragma once

#include <numeric>

#include "fastpg/solvers/value_fit.hpp"
#include "feature_arrays.hpp"
#include "policy_arrays.hpp"

namespace fastpg {

// Its arrays are checked here, once, as those of PolicyBatch.
class ValueBatch {
 public:
  ValueBatch(std::shared_ptr<const Architecture> network, Array<double> inputs,
             std::optional<Array<double>> targets, int num_threads)
      : network_(std::move(network)),
        inputs_(std::move(inputs)),
        targets_(std::move(targets)),
        features_(features_of(inputs_)),
        threads_(checked_threads(num_threads)) {
    require_size("network (outputs)", network_->outputs(), 1);
    if (network_->inputs() != features_.cols) {
      require_size("inputs (columns)", features_.cols, network_->inputs());
    }
    require_finite("inputs", features_.data, features_.rows, features_.cols);
    if (!targets_) return;
    wanted_ = vector_data("targets", *targets_, rows());
    require_finite("targets", wanted_, rows());
  }

  // Of observations (n, d) at steps (n,).
  static ValueBatch of(std::shared_ptr<const Architecture> network, const FeatureMap& map,
                       const Array<float>& observations, const Array<std::int64_t>& step_index,
                       std::optional<Array<double>> targets, int num_threads) {
    Array<double> inputs = mapped(map, observations, step_index, num_threads);
    return ValueBatch(std::move(network), std::move(inputs), std::move(targets), num_threads);
  }

  void require_unmoved() const {
    if (!unmoved(inputs_, features_.data, rows() * features_.cols)) refuse_moved("inputs");
    if (targets_ && !unmoved(*targets_, wanted_, rows())) refuse_moved("targets");
  }

  Index rows() const { return features_.rows; }
  int threads() const { return threads_; }

  // On a network of its own: another thread may use the batch too.
  std::unique_ptr<Network> network() const { return network_->at(value_logit(), features_); }

  const double* targets() const {
    require(targets_.has_value(), "targets: expected a batch that was made with them");
    return wanted_;
  }

  Vector checked_theta(const Array<double>& theta) const {
    return finite_vector("value_theta", theta, network_->parameters());
  }
  void require_optimizer(const Optimizer& optimizer) const {
    require_size("value_optimizer", optimizer.size(), network_->parameters());
  }

  Array<double> values(const Array<double>& theta) const {
    const Vector parameters = checked_theta(theta);
    Array<double> out(rows());
    double* const found = out.mutable_data();
    unlocked([&] { network_values(*network(), parameters.data(), threads_, found); });
    if (!all_finite(found, rows())) {
      require_finite_features(features_);
      refuse("observations, value_theta: the values of the network are not finite");
    }
    return out;
  }

  // (P,): of mean (v - y)^2.
  Array<double> loss_gradient(const Array<double>& theta) const {
    const Vector parameters = checked_theta(theta);
    const double* const wanted = targets();
    const Vector gradient = unlocked([&] {
      std::vector<Index> order(static_cast<std::size_t>(rows()));
      std::iota(order.begin(), order.end(), Index{0});
      ValueMinibatch all(*network(), wanted, nullptr, 0.0, rows(), threads_);
      all.differentiate(order.data(), rows(), parameters, -1.0);
      return std::move(all.gradient());
    });
    if (!gradient.allFinite()) refuse_overflow("inputs, targets");
    return to_array(gradient);
  }

  // The optimizer is changed unless something is not finite.
  py::object fit(const Array<double>& theta, Optimizer& optimizer, std::uint64_t seed,
                 std::uint64_t first_epoch, const ValueFitSettings& settings) const;

 private:
  std::shared_ptr<const Architecture> network_;
  Array<double> inputs_;
  std::optional<Array<double>> targets_;
  const double* wanted_ = nullptr;
  Features features_;
  int threads_;
};

// The value network of PPO's epochs, if there is one: copies of what is learned, until end().
class PpoValues {
 public:
  PpoValues(const ValueBatch* batch, const std::optional<Array<double>>& theta,
            Optimizer* optimizer, Index rows)
      : optimizer_(optimizer) {
    require((batch != nullptr) == theta.has_value() && (batch != nullptr) == (optimizer != nullptr),
            "value_batch, value_theta, value_optimizer: expected all of them, or None for all");
    if (batch == nullptr) return;
    batch->require_unmoved();
    require_size("value_batch", batch->rows(), rows);
    batch->require_optimizer(*optimizer);
    before_ = parameters_ = batch->checked_theta(*theta);
    moved_ = optimizer->copy();
    network_ = batch->network();
    task_.emplace(ValueTask{*network_, batch->targets(), *moved_, parameters_});
  }
  PpoValues(const PpoValues&) = delete;
  PpoValues& operator=(const PpoValues&) = delete;

  const ValueTask* task() const { return task_ ? &*task_ : nullptr; }

  // The parameters, and the optimizer moved where they are kept; None without a value network.
  py::object end(bool finite) {
    if (!task_) return py::none();
    if (finite) optimizer_->assign(*moved_);
    return to_array(finite ? parameters_ : before_);
  }

 private:
  Optimizer* optimizer_;
  Vector before_, parameters_;
  std::unique_ptr<Optimizer> moved_;
  std::unique_ptr<Network> network_;
  std::optional<ValueTask> task_;
};

}  // namespace fastpg
