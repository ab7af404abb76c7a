// Products with the Fisher matrix of a batch of a linear policy: F = mean_i phi phi^T (x) B_i with
// the action summed out, B_i the head's Fisher block; or F = mean_i score score^T at the actions
// taken (lecture L7). No allocation in apply().
//
// The batch is kept with samples innermost, in pieces that stay in the first cache: every inner
// loop then runs along contiguous samples.
#pragma once

#include "fastpg/policies/linear_policy.hpp"

namespace fastpg {

template <class Head>
class Fisher {
 public:
  Fisher(const Head& head, const ConstMatrix& features, const ConstMatrix& dist)
      : head_(head),
        features_(features),
        data_(head.metric_data(dist)),
        weighted_(piece, head.outputs()),
        projection_(piece),
        trace_(computed_trace()) {}

  Fisher(const Head& head, const ConstMatrix& features, const ConstMatrix& dist,
         const Actions<typename Head::Scalar>& actions)
      : Fisher(head, features, dist) {
    Matrix scores;
    head.score(dist, actions, scores);
    data_ = scores;
    sampled_ = true;
    trace_ = computed_trace();
  }

  Index size() const { return linear_policy::parameter_count(head_, features_.cols()); }

  // out = F v, both flat.
  void apply(const Vector& v, Vector& out) {
    out.setZero();
    for (Index begin = 0; begin < features_.rows(); begin += piece) {
      add_piece(begin, std::min(piece, features_.rows() - begin), v, out);
    }
    out /= samples();
    if (!sampled_) out.tail(head_.extra()) = head_.extra_metric() * v.tail(head_.extra());
  }

  double trace() const { return trace_; }

  // F itself, (size, size): for few parameters.
  Eigen::MatrixXd dense() const {
    const Index k = features_.cols();
    const Index outputs = head_.outputs();
    Eigen::MatrixXd out = Eigen::MatrixXd::Zero(size(), size());
    Vector column;
    for (Index a = 0; a < outputs; ++a) {
      for (Index b = 0; b <= a; ++b) {
        if (!block(a, b, column)) continue;
        const Eigen::MatrixXd gram = features_.transpose() * (column.asDiagonal() * features_);
        for (Index p = 0; p < k; ++p) {
          for (Index q = 0; q < k; ++q) {
            out(p * outputs + a, q * outputs + b) = gram(p, q);
            out(q * outputs + b, p * outputs + a) = gram(p, q);
          }
        }
      }
    }
    out /= samples();
    fill_extra(out);
    return out;
  }

 private:
  static constexpr Index piece = 128;

  double samples() const { return static_cast<double>(features_.rows()); }

  double computed_trace() const {
    const Vector norms = features_.rowwise().squaredNorm();
    double sum = 0.0;
    Vector column;
    for (Index a = 0; a < head_.outputs(); ++a) {
      block(a, a, column);
      sum += norms.dot(column);
    }
    for (Index j = head_.outputs(); sampled_ && j < data_.cols(); ++j) {
      sum += data_.col(j).squaredNorm();
    }
    const double extra = sampled_ ? 0.0 : head_.extra_metric() * static_cast<double>(head_.extra());
    return sum / samples() + extra;
  }

  // Entry (a, b) of B over all states; false where it is zero throughout.
  bool block(Index a, Index b, Vector& out) const {
    if (!sampled_) return head_.metric_column(data_, a, b, out);
    out = data_.col(a).cwiseProduct(data_.col(b));
    return true;
  }

  void fill_extra(Eigen::MatrixXd& out) const {
    const Index own = head_.extra();
    if (!sampled_) {
      out.bottomRightCorner(own, own).diagonal().setConstant(head_.extra_metric());
      return;
    }
    const auto scores = data_.rightCols(own);
    out.bottomRightCorner(own, own) = scores.transpose() * scores / samples();
    for (Index a = 0; a < head_.outputs(); ++a) {
      const Eigen::MatrixXd cross =
          features_.transpose() * (data_.col(a).asDiagonal() * scores) / samples();
      for (Index p = 0; p < features_.cols(); ++p) {
        out.row(p * head_.outputs() + a).tail(own) = cross.row(p);
        out.col(p * head_.outputs() + a).tail(own) = cross.row(p).transpose();
      }
    }
  }

  // u = phi^T v an output; exact: w = B u; sampled: w = s (s . u). out += phi (x) w.
  void add_piece(Index begin, Index count, const Vector& v, Vector& out) {
    const Index outputs = head_.outputs();
    for (Index a = 0; a < outputs; ++a) {
      auto u = weighted_.col(a).head(count);
      u.setZero();
      for (Index k = 0; k < features_.cols(); ++k) {
        u += v[k * outputs + a] * features_.col(k).segment(begin, count);
      }
    }
    if (sampled_) {
      project_on_scores(begin, count, v, out);
    } else {
      head_.metric(data_, begin, count, weighted_, projection_);
    }
    for (Index a = 0; a < outputs; ++a) {
      const auto w = weighted_.col(a).head(count);
      for (Index k = 0; k < features_.cols(); ++k) {
        out[k * outputs + a] += features_.col(k).segment(begin, count).dot(w);
      }
    }
  }

  void project_on_scores(Index begin, Index count, const Vector& v, Vector& out) {
    const Index outputs = head_.outputs();
    auto projection = projection_.head(count).array();
    projection.setZero();
    for (Index a = 0; a < outputs; ++a) {
      projection +=
          data_.col(a).segment(begin, count).array() * weighted_.col(a).head(count).array();
    }
    for (Index j = 0; j < head_.extra(); ++j) {
      projection +=
          v[size() - head_.extra() + j] * data_.col(outputs + j).segment(begin, count).array();
    }
    for (Index a = 0; a < outputs; ++a) {
      weighted_.col(a).head(count).array() =
          data_.col(a).segment(begin, count).array() * projection;
    }
    for (Index j = 0; j < head_.extra(); ++j) {
      out[size() - head_.extra() + j] +=
          data_.col(outputs + j).segment(begin, count).dot(projection.matrix());
    }
  }

  const Head& head_;
  Eigen::MatrixXd features_;
  Eigen::MatrixXd data_;  // exact: the head's metric data; sampled: scores (n, outputs + extra)
  Eigen::MatrixXd weighted_;
  Vector projection_;
  bool sampled_ = false;
  double trace_;
};

}  // namespace fastpg
