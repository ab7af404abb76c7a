// Products with the Fisher matrix of a batch of a linear policy: F = mean_i phi phi^T (x) B_i with
// the action summed out, B_i the head's Fisher block; or F = mean_i score score^T at the actions
// taken (lecture L7). No allocation in apply().
//
// A product reads each row of the features from memory once: a block of rows stays in cache for
// u = phi^T v, w = B u and the sum of phi (x) w. It works on the head's columns(): outputs that
// follow from others are left out on the way in and filled in on the way out.
#pragma once

#include <vector>

#include "fastpg/policies/linear_policy.hpp"

namespace fastpg {

template <class Head, class T = double>
class Fisher {
 public:
  using Action = typename Head::Scalar;

  // actions: those taken, (n, action_size), or nullptr. What the arrays of dist and actions hold is
  // read here, the features in each product.
  Fisher(const Head& head, const Features<T>& features, const double* dist, const Action* actions,
         int threads)
      : head_(head),
        blocks_(features),
        threads_(threads),
        sampled_(actions != nullptr),
        data_size_(head.columns() + (sampled_ ? head.extra() : 0)),
        partial_(head.columns() * padded() + head.extra()),
        chunks_(Chunks::of(blocks_.count(), stride(), partial_)),
        data_(length(blocks_.count() * data_size_ * stride())),
        traces_(length(blocks_.count() * stride())),
        weights_(length(head.columns() * padded())),
        sums_(length(chunks_.count * (partial_ + 1))),
        scratch_(length(chunks_.count * 2 * stride())),
        products_(length(chunks_.count * scratch_size())) {
    prepare(dist, actions);
  }

  Index size() const { return linear_policy::parameter_count(head_, features().cols); }

  // While a block is in cache anyway: then trace() after the product costs nothing.
  void find_trace_in_next_product() { tracing_ = true; }

  // out = F v, both flat.
  void apply(const Vector& v, Vector& out) {
    const double scale = load_vector(v);
    const double* const extra = v.data() + size() - head_.extra();
    scale_ = scale;
    chunks_.run(threads_, operations(2 * head_.columns()),
                [&](Index chunk) { add_chunk(chunk, extra); });
    if (tracing_) trace_ = summed_trace();
    tracing_ = false;
    store_sums(scale, out);
    for (Index j = 0; j < head_.extra() && !sampled_; ++j) {
      out[size() - head_.extra() + j] = head_.extra_metric() * extra[j];
    }
  }

  double trace() {
    if (trace_ < 0.0) {
      chunks_.run(threads_, operations(1), [&](Index chunk) {
        sums_[length(chunk * (partial_ + 1) + partial_)] = 0.0;
        chunks_.for_blocks(chunk, block_operations(1), [&](Index b) { add_trace(chunk, b); });
      });
      trace_ = summed_trace();
    }
    return trace_;
  }

  // F itself, (size, size): for few parameters.
  Matrix dense() const;

  // Multiplications of dense(), and of a product, for one sample.
  double dense_cost() const {
    const auto columns = static_cast<double>(head_.columns());
    return columns * (columns + 1.0) / 2.0 * static_cast<double>(features().cols) *
           static_cast<double>(padded()) / 2.0;
  }
  double product_cost() const { return static_cast<double>(2 * head_.columns() * padded()); }

 private:
  static std::size_t length(Index count) { return static_cast<std::size_t>(count); }
  const Features<T>& features() const { return blocks_.features(); }
  Index padded() const { return row_products::padded(features().cols); }
  Index stride() const { return blocks_.size(); }
  // u and w, and room to read a vector from the last number of w.
  Index scratch_size() const { return 2 * head_.columns() * stride() + row_products::most_lanes; }
  double samples() const { return static_cast<double>(features().rows); }
  double operations(Index columns) const {
    return samples() * static_cast<double>(columns * padded());
  }
  double block_operations(Index columns) const {
    return static_cast<double>(stride() * columns) * static_cast<double>(padded() + 16);
  }
  const double* data(Index block) const { return data_.data() + block * data_size_ * stride(); }

  void prepare(const double* dist, const Action* actions) {
    const Index size = head_.distribution_size();
    chunks_.run(threads_, samples() * static_cast<double>(64 * size), [&](Index chunk) {
      Buffer<double> columns(length((size + 1) * stride()));
      double* const scratch = columns.data() + size * stride();
      chunks_.for_blocks(chunk, static_cast<double>(64 * size * stride()), [&](Index b) {
        const Index begin = blocks_.begin(b), rows = blocks_.rows(b);
        double* const to = data_.data() + b * data_size_ * stride();
        double* const trace = traces_.data() + b * stride();
        head_.load(dist + begin * size, rows, stride(), columns.data());
        if (!sampled_) {
          head_.metric_data(columns.data(), stride(), to, trace);
        } else {
          head_.score(columns.data(), actions + begin * head_.action_size(), rows, stride(), to);
          score_columns::squared_norms(head_, to, stride(), scratch, trace);
        }
      });
    });
  }

  // v into weights_ (columns, padded), divided by the power of two that is returned: float has a
  // smaller range.
  double load_vector(const Vector& v) {
    double scale = 1.0;
    if constexpr (std::is_same_v<T, float>) {
      const double largest = v.cwiseAbs().maxCoeff();
      if (largest > 0.0 && std::isfinite(largest)) scale = std::exp2(std::ilogb(largest));
    }
    const Index outputs = head_.outputs();
    for (Index c = 0; c < head_.columns(); ++c) {
      const Index a = head_.column_output(c), last = head_.opposite(c);
      T* const to = weights_.data() + c * padded();
      for (Index k = 0; k < features().cols; ++k) {
        const double relative = last < 0 ? 0.0 : v[k * outputs + last];
        to[k] = static_cast<T>((v[k * outputs + a] - relative) / scale);
      }
      std::fill(to + features().cols, to + padded(), T(0));
    }
    return scale;
  }

  void add_chunk(Index chunk, const double* extra) {
    double* const sum = sums_.data() + chunk * (partial_ + 1);
    std::fill(sum, sum + partial_ + 1, 0.0);
    const Index columns = head_.columns();
    T* const u = products_.data() + chunk * scratch_size();
    T* const w = u + columns * stride();
    double* const scratch = scratch_.data() + chunk * 2 * stride();
    chunks_.for_blocks(chunk, block_operations(2 * columns), [&](Index b) {
      const auto x = blocks_[b];
      row_products::dots<T>(x, weights_.data(), columns, u, stride());
      if (sampled_) {
        project_on_scores(data(b), u, extra, scratch, w, sum + columns * padded());
      } else {
        head_.metric(data(b), u, stride(), scratch, w);
      }
      row_products::add_outer<T>(x, 0, w, stride(), 1, columns, sum);
      if (tracing_) add_trace(chunk, b);
    });
  }

  // w = s (s . u), and the same for the head's own parameters.
  void project_on_scores(const double* s, const T* u, const double* extra, double* projection, T* w,
                         double* own) const {
    const Index columns = head_.columns(), n = stride(), extras = head_.extra();
    const double scale = scale_;
    dispatch([=] {
      for (Index i = 0; i < n; ++i) projection[i] = 0.0;
      for (Index c = 0; c < columns; ++c) {
        for (Index i = 0; i < n; ++i) {
          projection[i] += s[c * n + i] * static_cast<double>(u[c * n + i]);
        }
      }
      for (Index j = 0; j < extras; ++j) {
        for (Index i = 0; i < n; ++i)
          projection[i] += s[(columns + j) * n + i] * (extra[j] / scale);
      }
      for (Index c = 0; c < columns; ++c) {
        for (Index i = 0; i < n; ++i) w[c * n + i] = static_cast<T>(s[c * n + i] * projection[i]);
      }
    });
    for (Index j = 0; j < extras; ++j) {
      for (Index i = 0; i < n; ++i) own[j] += s[(columns + j) * n + i] * projection[i];
    }
  }

  void add_trace(Index chunk, Index block) {
    double* const scratch = scratch_.data() + chunk * 2 * stride();
    auto* const norms = reinterpret_cast<T*>(scratch + stride());
    row_products::squared_norms(blocks_[block], norms);
    const double* const trace = traces_.data() + block * stride();
    for (Index i = 0; i < stride(); ++i) scratch[i] = trace[i] * static_cast<double>(norms[i]);
    double own = 0.0;
    for (Index j = head_.columns(); j < data_size_; ++j) {
      const double* const s = data(block) + j * stride();
      for (Index i = 0; i < stride(); ++i) own += s[i] * s[i];
    }
    sums_[length(chunk * (partial_ + 1) + partial_)] += sum_of(scratch, stride()) + own;
  }

  double summed_trace() const {
    double sum = 0.0;
    for (Index c = 0; c < chunks_.count; ++c) sum += sums_[length(c * (partial_ + 1) + partial_)];
    const double own = sampled_ ? 0.0 : head_.extra_metric() * static_cast<double>(head_.extra());
    return sum / samples() + own;
  }

  // The chunks' sums, in order, into a flat vector.
  void store_sums(double scale, Vector& out) {
    score_columns::add_up(sums_.data(), chunks_.count, partial_ + 1);
    out.setZero();
    const double factor = scale / samples();
    score_columns::spread(head_, sums_.data(), padded(), features().cols, factor, out.data());
    for (Index j = 0; j < head_.extra(); ++j) {
      out[size() - head_.extra() + j] = factor * sums_[length(head_.columns() * padded() + j)];
    }
  }

  // Entry (a, b) of the blocks B of a block of samples; false where it is zero throughout.
  bool entry(Index block, Index a, Index b, double* out) const {
    if (!sampled_) return head_.metric_entry(data(block), a, b, stride(), out);
    const double* const p = data(block) + a * stride();
    const double* const q = data(block) + b * stride();
    for (Index i = 0; i < stride(); ++i) out[i] = p[i] * q[i];
    return true;
  }

  std::vector<score_columns::Pair> pairs() const;
  void add_gram(Index block, const std::vector<score_columns::Pair>& pairs, double* entries,
                T* scaled, double* sum) const;
  void fill_extra(Matrix& out) const;

  const Head& head_;
  Blocks<T> blocks_;
  int threads_;
  bool sampled_;
  Index data_size_;  // columns of data_
  Index partial_;    // of a chunk: (columns, padded), the head's own; then the trace
  Chunks chunks_;
  Buffer<double> data_;  // (block, column, sample): the head's metric data; sampled: scores
  Buffer<double> traces_;
  Buffer<T> weights_;
  Buffer<double> sums_;
  Buffer<double> scratch_;
  Buffer<T> products_;
  double scale_ = 1.0;  // of the vector in weights_
  bool tracing_ = false;
  double trace_ = -1.0;  // not yet known
};

}  // namespace fastpg

#include "fastpg/policies/fisher_dense.hpp"
