#include "fastpg/solvers/surrogate.hpp"

#include <algorithm>

#include "fastpg/core/exp_log.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/sums.hpp"

namespace fastpg {

template <class Function>
void Surrogate::for_blocks(Function&& f) {
  const auto cost = static_cast<double>(150 * distribution().size());
  const double a_block =
      static_cast<double>(stride()) *
      (cost + static_cast<double>(distribution().outputs()) * network().column_cost());
  const double operations = static_cast<double>(network().samples()) * cost;
  chunks_.run(threads_, operations, [&](Index chunk) {
    chunks_.for_blocks(chunk, a_block, [&](Index b) { f(chunk, b); });
  });
}

Surrogate::Surrogate(const BatchPolicy& policy, const Actions& actions, const double* advantages,
                     const double* old_dist, const std::uint8_t* mask, double ent_coef, int threads)
    : policy_(policy),
      chunks_(policy.chunks(0)),
      threads_(threads),
      actions_(actions),
      advantages_(advantages),
      mask_(mask),
      ent_coef_(ent_coef),
      old_(length(network().block_count() * distribution().size() * stride())),
      old_log_(length(network().block_count() * stride())),
      new_(length(chunks_.count * distribution().size() * stride())),
      scratch_(length(chunks_.count * stride())),
      sums_(length(chunks_.count)) {
  const Index size = distribution().size();
  for_blocks([&](Index, Index b) {
    const Index begin = network().begin(b), rows = network().rows(b);
    double* const old = old_.data() + b * size * stride();
    distribution().load(old_dist + begin * size, rows, stride(), old);
    distribution().log_prob(old, actions.from(begin), rows, stride(),
                            old_log_.data() + b * stride());
  });
}

LineSearchPoint Surrogate::evaluate(const Vector& parameters) {
  policy_.set(parameters.data());
  std::fill(sums_.begin(), sums_.end(), Sums{});
  for_blocks([this](Index chunk, Index b) { add_block(chunk, b); });
  Sums all;
  for (const Sums& part : sums_) {
    all.objective += part.objective;
    all.entropy += part.entropy;
    all.kl += part.kl;
  }
  const auto n = static_cast<double>(network().samples());
  const double bonus = ent_coef_ == 0.0 ? 0.0 : ent_coef_ * (all.entropy / n);
  return {all.objective / n + bonus, all.kl / n};
}

void Surrogate::project(Vector& parameters) const {
  distribution().project(parameters.tail(distribution().own_parameters()));
}

void Surrogate::add_block(Index chunk, Index b) {
  const Index rows = network().rows(b), size = distribution().size() * stride();
  double* const dist = new_.data() + chunk * size;
  double* const scratch = scratch_.data() + chunk * stride();
  Sums& sums = sums_[length(chunk)];
  policy_.evaluate(b, mask_, dist);
  sums.objective += weighted_sum(b, dist, scratch);
  if (ent_coef_ != 0.0) {
    distribution().entropy(dist, stride(), scratch);
    sums.entropy += sum_of(scratch, rows);
  }
  distribution().kl(old_.data() + b * size, dist, stride(), scratch);
  sums.kl += sum_of(scratch, rows);
}

double Surrogate::weighted_sum(Index b, const double* dist, double* terms) const {
  const Index begin = network().begin(b), rows = network().rows(b);
  distribution().log_prob(dist, actions_.from(begin), rows, stride(), terms);
  const double* const old_log = old_log_.data() + b * stride();
  const double* const advantages = advantages_ + begin;
  dispatch([=] {
    for (Index i = 0; i < rows; ++i) terms[i] = fast_exp(terms[i] - old_log[i]) * advantages[i];
  });
  return sum_of(terms, rows);
}

}  // namespace fastpg
