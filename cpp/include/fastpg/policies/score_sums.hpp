// What a natural step needs of a batch (lectures L1, L7), summed piece by piece with samples
// innermost: scores, scores times advantages, the Fisher matrix with the action summed out, the
// entropy. Nothing of a piece is kept.
#pragma once

#include <algorithm>
#include <vector>

#include "fastpg/core/column_products.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/core/isa.hpp"
#include "fastpg/core/memory.hpp"
#include "fastpg/core/sums.hpp"
#include "fastpg/core/types.hpp"
#include "fastpg/policies/score_columns.hpp"

namespace fastpg {

// The sums are one array of `size` numbers, so that those of several parts can be added up.
template <class Head>
class ScoreSums {
 public:
  ScoreSums(const Head& head, Index features) : head_(head), features_(features) {
    Buffer<double> data(static_cast<std::size_t>(head.columns() * column_products::most_lanes),
                        0.0);
    double out[column_products::most_lanes];
    for (Index a = 0; a < head.columns(); ++a) {
      for (Index b = 0; b <= a; ++b) {
        if (head.metric_entry(data.data(), a, b, column_products::most_lanes, out)) {
          pairs_.push_back({a, b});
        }
      }
    }
  }

  using Pair = score_columns::Pair;

  const Head& head() const { return head_; }
  Index features() const { return features_; }
  const std::vector<Pair>& pairs() const { return pairs_; }

  Index parameters() const { return features_ * head_.outputs() + head_.extra(); }
  Index gram_size() const { return features_ * features_; }
  Index score_size() const { return head_.columns() * features_ + head_.extra(); }

  // (pair, features, features), upper triangles; scores and scores times advantages, each
  // (columns, features) and the head's own; entropy.
  Index scores_at() const { return static_cast<Index>(pairs_.size()) * gram_size(); }
  Index weighted_at() const { return scores_at() + score_size(); }
  Index entropy_at() const { return weighted_at() + score_size(); }
  Index size() const { return entropy_at() + 1; }

  // mean of the scores, or of the scores times the advantages, in the order of the parameters.
  Vector mean_score(const double* sums, double samples) const {
    return flat(sums + scores_at()) / samples;
  }
  Vector gradient(const double* sums, double samples) const {
    return flat(sums + weighted_at()) / samples;
  }

  Matrix fisher(const double* sums, double samples) const {
    Matrix out = Matrix::Zero(parameters(), parameters());
    for (const Pair& pair : pairs_) {
      score_columns::spread_gram(head_, pair, sums, features_, features_, 1.0 / samples, out);
      sums += gram_size();
      checkpoint_after(static_cast<double>(gram_size()));
    }
    out.bottomRightCorner(head_.extra(), head_.extra())
        .diagonal()
        .setConstant(head_.extra_metric());
    return out;
  }

 private:
  Vector flat(const double* sums) const {
    Vector out = Vector::Zero(parameters());
    score_columns::spread(head_, sums, features_, features_, 1.0, out.data());
    std::copy_n(sums + head_.columns() * features_, head_.extra(),
                out.data() + features_ * head_.outputs());
    return out;
  }

  const Head& head_;
  Index features_;
  std::vector<Pair> pairs_;
};

// Adds pieces to such sums: memory for one piece, of a thread of its own.
template <class Head>
class ScorePieces {
 public:
  static constexpr Index most = 128;  // samples of a piece; as many apart are columns

  explicit ScorePieces(const ScoreSums<Head>& sums)
      : sums_(sums),
        features_(room(sums.features())),
        weighted_features_(room(sums.features())),
        distribution_(room(sums.head().distribution_size())),
        scores_(room(2 * scores())),
        metric_(room(sums.head().columns())) {}

  // Feature k of the piece goes to features()[k * most …].
  double* features() { return features_.data(); }
  // Then the outputs of the policy: output a to outputs()[a * most …].
  double* outputs() { return distribution_.data(); }

  // own: the head's parameters. to: the sums.
  void add(const double* own, const typename Head::Scalar* actions, const double* advantages,
           Index count, double* to) {
    const Head& head = sums_.head();
    const Index padded = column_products::padded(count);
    clear(sums_.features(), count, padded, features_.data());
    clear(head.outputs(), count, padded, distribution_.data());
    head.normalize(distribution_.data(), own, nullptr, count, most);
    add_scores(actions, advantages, count, padded, to);
    add_grams(padded, to);
    head.entropy(distribution_.data(), most, row_);
    to[sums_.entropy_at()] += sum_of(row_, count);
  }

 private:
  static Buffer<double> room(Index count) {
    return Buffer<double>(static_cast<std::size_t>(count * most), 0.0);
  }
  Index scores() const { return sums_.head().columns() + sums_.head().extra(); }

  static void clear(Index column_count, Index from, Index to, double* values) {
    for (Index k = 0; k < column_count; ++k)
      std::fill(values + k * most + from, values + k * most + to, 0.0);
  }

  void add_scores(const typename Head::Scalar* actions, const double* advantages, Index count,
                  Index padded, double* to) {
    const Head& head = sums_.head();
    double* const plain = scores_.data();
    double* const weighted = plain + scores() * most;
    head.score(distribution_.data(), actions, count, most, plain);
    clear(scores(), count, padded, plain);
    clear(scores(), count, padded, weighted);
    dispatch([=, size = scores()] { weigh(plain, advantages, size, count, weighted); });
    add_to(plain, count, padded, to + sums_.scores_at());
    add_to(weighted, count, padded, to + sums_.weighted_at());
  }

  void add_to(const double* scores, Index count, Index padded, double* to) const {
    const Index columns = sums_.head().columns(), size = sums_.features();
    column_products::add(scores, columns, features_.data(), size, most, padded, to, size);
    for (Index j = 0; j < sums_.head().extra(); ++j) {
      to[columns * size + j] += sum_of(scores + (columns + j) * most, count);
    }
  }

  void add_grams(Index padded, double* to) {
    sums_.head().metric_data(distribution_.data(), most, metric_.data(), row_);
    for (const auto& pair : sums_.pairs()) {
      sums_.head().metric_entry(metric_.data(), pair.a, pair.b, most, row_);
      const double* const phi = features_.data();
      double* const out = weighted_features_.data();
      dispatch([=, this] {
        for (Index k = 0; k < sums_.features(); ++k) {
          weigh(phi + k * most, row_, 1, padded, out + k * most);
        }
      });
      column_products::add_upper(out, phi, sums_.features(), most, padded, to);
      to += sums_.gram_size();
      checkpoint_after(static_cast<double>(sums_.gram_size()) * most);
    }
  }

  static void weigh(const double* __restrict columns, const double* __restrict weights,
                    Index column_count, Index count, double* __restrict out) {
    for (Index k = 0; k < column_count; ++k) {
      for (Index i = 0; i < count; ++i) out[k * most + i] = columns[k * most + i] * weights[i];
    }
  }

  const ScoreSums<Head>& sums_;
  Buffer<double> features_;
  Buffer<double> weighted_features_;
  Buffer<double> distribution_;
  Buffer<double> scores_;  // then those times the advantages
  Buffer<double> metric_;
  double row_[most];
};

}  // namespace fastpg
