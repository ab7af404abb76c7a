#include "fastpg/policies/fisher.hpp"

#include <algorithm>

#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/sums.hpp"

namespace fastpg {

Fisher::Fisher(const BatchPolicy& policy, const double* dist, const Actions& actions, int threads)
    : policy_(policy),
      threads_(threads),
      sampled_(actions.given()),
      logits_(distribution().logits().count()),
      data_size_(logits_ + (sampled_ ? own() : 0)),
      partial_(network().sum_size() + own()),
      chunks_(policy.chunks(partial_)),
      data_(length(network().block_count() * data_size_ * stride())),
      traces_(length(network().block_count() * stride())),
      sums_(length(chunks_.count * (partial_ + 1))),
      scratch_(length(chunks_.count * 2 * stride())),
      products_(length(chunks_.count * scratch_size())) {
  prepare(dist, actions);
}

void Fisher::apply(const Vector& v, Vector& out) {
  policy_.network().set_direction(v.data());
  const double* const own_vector = v.data() + own_begin();
  chunks_.run(threads_, operations(2 * logits_),
              [&](Index chunk) { add_chunk(chunk, own_vector); });
  if (tracing_) trace_ = summed_trace();
  tracing_ = false;
  store_sums(out);
  for (Index j = 0; j < own() && !sampled_; ++j) {
    out[own_begin() + j] = distribution().own_fisher() * own_vector[j];
  }
}

double Fisher::trace() {
  if (trace_ < 0.0) {
    chunks_.run(threads_, operations(1), [&](Index chunk) {
      sums_[length(chunk * (partial_ + 1) + partial_)] = 0.0;
      chunks_.for_blocks(chunk, block_operations(1), [&](Index b) { add_trace(chunk, b); });
    });
    trace_ = summed_trace();
  }
  return trace_;
}

double Fisher::dense_cost() const {
  const auto columns = static_cast<double>(logits_);
  return columns * (columns + 1.0) / 2.0 * network().gram_cost();
}

void Fisher::prepare(const double* dist, const Actions& actions) {
  const Index size = distribution().size();
  chunks_.run(threads_, samples() * static_cast<double>(64 * size), [&](Index chunk) {
    Buffer<double> columns(length((size + 1) * stride()));
    double* const scratch = columns.data() + size * stride();
    chunks_.for_blocks(chunk, static_cast<double>(64 * size * stride()), [&](Index b) {
      const Index begin = network().begin(b), rows = network().rows(b);
      double* const to = data_.data() + b * data_size_ * stride();
      double* const trace = traces_.data() + b * stride();
      distribution().load(dist + begin * size, rows, stride(), columns.data());
      if (!sampled_) {
        distribution().fisher_data(columns.data(), stride(), to, trace);
      } else {
        distribution().score(columns.data(), actions.from(begin), rows, stride(), to);
        squared_score_norms(to, scratch, trace);
      }
    });
  });
}

// |s_i|^2 over all outputs: a reference is minus the sum of its logits, which stand side by side.
void Fisher::squared_score_norms(const double* scores, double* rest, double* out) const {
  const FreeLogits& logits = distribution().logits();
  std::fill_n(out, stride(), 0.0);
  std::fill_n(rest, stride(), 0.0);
  for (Index c = 0; c < logits_; ++c) {
    const double* const s = scores + c * stride();
    for (Index i = 0; i < stride(); ++i) {
      out[i] += s[i] * s[i];
      rest[i] += s[i];
    }
    const bool last = c + 1 == logits_ || logits.reference(c + 1) != logits.reference(c);
    if (logits.reference(c) < 0 || !last) continue;
    for (Index i = 0; i < stride(); ++i) out[i] += rest[i] * rest[i];
    std::fill_n(rest, stride(), 0.0);
  }
}

void Fisher::add_chunk(Index chunk, const double* own_vector) {
  double* const sum = sums_.data() + chunk * (partial_ + 1);
  std::fill(sum, sum + partial_ + 1, 0.0);
  double* const u = products_.data() + chunk * scratch_size();
  double* const w = u + logits_ * stride();
  double* const scratch = scratch_.data() + chunk * 2 * stride();
  chunks_.for_blocks(chunk, block_operations(2 * logits_), [&](Index b) {
    network().along(b, u);
    if (sampled_) {
      project_on_scores(data(b), u, own_vector, scratch, w, sum + network().sum_size());
    } else {
      distribution().fisher_product(data(b), u, stride(), scratch, w);
    }
    network().add_back(b, w, sum);
    if (tracing_) add_trace(chunk, b);
  });
}

// w = s (s . u), and the same for the distribution's own parameters.
void Fisher::project_on_scores(const double* s, const double* u, const double* own_vector,
                               double* projection, double* w, double* own_sums) const {
  const Index columns = logits_, n = stride(), others = own();
  dispatch([=] {
    for (Index i = 0; i < n; ++i) projection[i] = 0.0;
    for (Index c = 0; c < columns; ++c) {
      for (Index i = 0; i < n; ++i) projection[i] += s[c * n + i] * u[c * n + i];
    }
    for (Index j = 0; j < others; ++j) {
      for (Index i = 0; i < n; ++i) projection[i] += s[(columns + j) * n + i] * own_vector[j];
    }
    for (Index c = 0; c < columns; ++c) {
      for (Index i = 0; i < n; ++i) w[c * n + i] = s[c * n + i] * projection[i];
    }
  });
  for (Index j = 0; j < others; ++j) {
    for (Index i = 0; i < n; ++i) own_sums[j] += s[(columns + j) * n + i] * projection[i];
  }
}

// The trace of J^T B J at each sample: by that of B where all outputs' derivatives have one norm,
// else |J^T R|^2 of B = R R^T. out: (2, stride), the second row scratch.
void Fisher::network_traces(Index chunk, Index block, double* out) {
  double* const norms = out + stride();
  if (network().squared_norms(block, norms)) {
    const double* const trace = traces_.data() + block * stride();
    for (Index i = 0; i < stride(); ++i) out[i] = trace[i] * norms[i];
    return;
  }
  if (sampled_) return network().gradient_norms(block, data(block), out);
  std::fill_n(out, stride(), 0.0);
  double* const column = products_.data() + chunk * scratch_size();
  for (Index k = 0; k < distribution().fisher_root_size(); ++k) {
    distribution().fisher_root(data(block), k, stride(), column);
    network().gradient_norms(block, column, norms);
    for (Index i = 0; i < network().rows(block); ++i) out[i] += norms[i];
  }
}

void Fisher::add_trace(Index chunk, Index block) {
  double* const scratch = scratch_.data() + chunk * 2 * stride();
  network_traces(chunk, block, scratch);
  double own_trace = 0.0;
  for (Index j = logits_; j < data_size_; ++j) {
    const double* const s = data(block) + j * stride();
    for (Index i = 0; i < stride(); ++i) own_trace += s[i] * s[i];
  }
  sums_[length(chunk * (partial_ + 1) + partial_)] += sum_of(scratch, stride()) + own_trace;
}

double Fisher::summed_trace() const {
  double sum = 0.0;
  for (Index c = 0; c < chunks_.count; ++c) sum += sums_[length(c * (partial_ + 1) + partial_)];
  const double own_trace =
      sampled_ ? 0.0 : distribution().own_fisher() * static_cast<double>(own());
  return sum / samples() + own_trace;
}

// The chunks' sums, in order, into a flat vector.
void Fisher::store_sums(Vector& out) {
  add_up(sums_.data(), chunks_.count, partial_ + 1);
  const double factor = 1.0 / samples();
  network().store(sums_.data(), factor, out.data());
  for (Index j = 0; j < own(); ++j) {
    out[own_begin() + j] = factor * sums_[length(network().sum_size() + j)];
  }
}

}  // namespace fastpg
