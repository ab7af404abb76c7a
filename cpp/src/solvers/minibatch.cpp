#include "fastpg/solvers/minibatch.hpp"

#include <algorithm>
#include <cmath>

#include "fastpg/core/exp_log.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/layout.hpp"
#include "fastpg/core/sums.hpp"
#include "fastpg/estimators/statistics.hpp"

namespace fastpg {
namespace {

void divide(Vector& vector, double by) {
  double* const numbers = vector.data();
  dispatch([=, n = vector.size()] {
    for (Index i = 0; i < n; ++i) numbers[i] /= by;
  });
}

}  // namespace

void PpoSums::add(const PpoSums& other) {
  policy_loss += other.policy_loss;
  entropy += other.entropy;
  clip_fraction += other.clip_fraction;
  approx_kl += other.approx_kl;
}

Minibatch::Workspace::Workspace(const Distribution& distribution, Index stride)
    : columns(length(distribution.size() * stride)),
      scores(length(distribution.score_size() * stride)),
      other(length(std::max(distribution.score_size(), distribution.size()) * stride)),
      scratch(length(3 * stride)) {}

Minibatch::Minibatch(const BatchPolicy& policy, const PpoSamples& samples, const double* old_dist,
                     const PpoSettings& settings, int threads)
    : distribution_(policy.distribution()),
      all_(samples),
      all_old_dist_(old_dist),
      settings_(settings),
      threads_(threads),
      network_(policy.network().subset(settings.batch_size)),
      policy_(distribution_, *network_),
      advantages_(settings.batch_size),
      old_dist_(length(settings.batch_size * distribution_.size())),
      mask_(length(samples.mask == nullptr ? 0 : settings.batch_size * distribution_.outputs())) {
  const std::size_t numbers = length(settings.batch_size * distribution_.action_size());
  if (distribution_.discrete()) {
    actions_.emplace<Buffer<std::int32_t>>(numbers);
  } else {
    actions_.emplace<Buffer<double>>(numbers);
  }
}

Actions Minibatch::actions() const {
  return {std::visit([](const auto& rows) { return Actions::Data(rows.data()); }, actions_),
          distribution_.action_size()};
}

double Minibatch::operations() const {
  return static_cast<double>(settings_.batch_size * (distribution_.size() + 8)) *
         (network_->column_cost() + 64.0);
}

void Minibatch::gather(const Index* order, Index size) {
  size_ = size;
  network_->choose(order, size);
  gather_rows(order);
  // One sample alone keeps its advantage: it would become zero.
  if (settings_.normalize_advantage && size > 1) {
    standardize(advantages_.data(), size, advantages_.data());
  }
}

void Minibatch::gather_rows(const Index* order) {
  const auto copy = [&](const auto* from, Index width, auto* to) {
    fastpg::gather_rows(from, order, size_, width, to, width);
  };
  const Index outputs = distribution_.outputs(), dist = distribution_.size();
  std::visit(
      [&]<class T>(Buffer<T>& to) {
        copy(std::get<const T*>(all_.actions.data), distribution_.action_size(), to.data());
      },
      actions_);
  copy(all_.advantages, 1, advantages_.data());
  copy(all_old_dist_, dist, old_dist_.data());
  if (all_.mask != nullptr) copy(all_.mask, outputs, mask_.data());
  checkpoint_after(static_cast<double>(4 * size_ * (dist + outputs)));
}

bool Minibatch::differentiate(const Vector& parameters, PpoSums& sums) {
  policy_.set(parameters.data());
  const Index own = distribution_.own_parameters(), sum_size = network_->sum_size();
  const Index partial = sum_size + own;
  const Chunks chunks = policy_.chunks(partial);
  sums_.assign(length(chunks.count * partial), 0.0);
  while (work_.size() < length(chunks.count)) work_.emplace_back(distribution_, stride());
  for (Workspace& work : work_) work.logged = {}, work.kl = 0.0;
  work_.front().logged = sums;
  const double a_block =
      static_cast<double>(stride() * distribution_.size()) * (network_->column_cost() + 64.0);
  chunks.run(threads_, a_block * static_cast<double>(network_->block_count()), [&](Index chunk) {
    double* const to = sums_.data() + chunk * partial;
    Buffer<float> memory(length(network_->memory_size()));
    chunks.for_blocks(chunk, a_block,
                      [&](Index b) { add_block(b, work_[length(chunk)], memory.data(), to); });
  });
  sums = {};
  double kl = 0.0;
  for (const Workspace& work : work_) {
    sums.add(work.logged);
    kl += work.kl;
  }
  add_up(sums_.data(), chunks.count, partial);
  gradient_.resize(parameters.size());
  network_->store(sums_.data(), 1.0, gradient_.data());
  gradient_.tail(own) = Eigen::Map<const Vector>(sums_.data() + sum_size, own);
  divide(gradient_, static_cast<double>(size_));
  return !(kl > settings_.target_kl * static_cast<double>(size_));
}

// The sums over one block: of J^T score, then of the distribution's own scores.
void Minibatch::add_block(Index block, Workspace& work, float* memory, double* sums) {
  const Index begin = network_->begin(block), rows = network_->rows(block);
  policy_.forward_into(block, all_.mask == nullptr ? nullptr : mask_.data(), work.columns.data(),
                       memory);
  const double* const columns = work.columns.data();
  distribution_.score(columns, actions().from(begin), rows, stride(), work.scores.data());
  double* const old = work.other.data();
  distribution_.load(old_dist_.data() + begin * distribution_.size(), rows, stride(), old);
  weigh_scores(block, old, work);
  if (std::isfinite(settings_.target_kl)) {
    distribution_.kl(old, columns, stride(), work.scratch.data());
    work.kl += sum_of(work.scratch.data(), rows);
  }
  if (settings_.objective == PpoObjective::kl_penalty_exact && settings_.kl_coef != 0.0) {
    distribution_.kl_score(old, columns, stride(), old);
    add_scores(settings_.kl_coef, work);
  }
  if (settings_.ent_coef != 0.0) {
    distribution_.entropy_score(columns, stride(), work.scratch.data(), work.other.data());
    add_scores(settings_.ent_coef, work);
  }
  distribution_.entropy(columns, stride(), work.scratch.data());
  work.logged.entropy += sum_of(work.scratch.data(), rows);
  network_->add_back_from(memory, block, work.scores.data(), sums);
  const Index logits = distribution_.logits().count();
  for (Index j = 0; j < distribution_.own_parameters(); ++j) {
    sums[network_->sum_size() + j] += sum_of(work.scores.data() + (logits + j) * stride(), rows);
  }
}

void Minibatch::add_scores(double factor, Workspace& work) const {
  double* const to = work.scores.data();
  const double* const from = work.other.data();
  const Index size = score_size() * stride();
  dispatch([=] {
    for (Index j = 0; j < size; ++j) to[j] += factor * from[j];
  });
}

// Multiplies each score by w A (0 where clipped), plus kl_coef under the sampled penalty.
void Minibatch::weigh_scores(Index block, const double* old, Workspace& work) const {
  const Index begin = network_->begin(block), rows = network_->rows(block), n = stride();
  double* const log_ratio = work.scratch.data();
  double* const ratio = log_ratio + n;
  double* const weight = ratio + n;
  distribution_.log_prob(old, actions().from(begin), rows, n, ratio);
  distribution_.log_prob(work.columns.data(), actions().from(begin), rows, n, log_ratio);
  dispatch([=] {
    for (Index i = 0; i < rows; ++i) {
      log_ratio[i] -= ratio[i];
      ratio[i] = fast_exp(log_ratio[i]);
    }
  });
  const bool clipping = settings_.objective == PpoObjective::clip;
  const double eps = settings_.clip_range;
  for (Index i = 0; i < rows; ++i) {
    const double advantage = advantages_[begin + i];
    const double plain = ratio[i] * advantage;
    const double clipped = std::min(std::max(ratio[i], 1.0 - eps), 1.0 + eps) * advantage;
    const bool active = !clipping || plain <= clipped;
    weight[i] = active ? plain : 0.0;
    work.logged.policy_loss -= active ? plain : clipped;
    work.logged.clip_fraction += clipping && std::abs(ratio[i] - 1.0) > eps;
    work.logged.approx_kl += (ratio[i] - 1.0) - log_ratio[i];
  }
  const double more =
      settings_.objective == PpoObjective::kl_penalty_sampled ? settings_.kl_coef : 0.0;
  double* const scores = work.scores.data();
  const Index count = score_size();
  dispatch([=] {
    for (Index a = 0; a < count; ++a) {
      for (Index i = 0; i < rows; ++i) scores[a * n + i] *= weight[i] + more;
    }
  });
}

}  // namespace fastpg
