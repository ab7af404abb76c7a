// A policy that is linear in features: outputs phi(s)^T theta, theta (n_features, outputs), turned
// into a distribution by a head. Its parameters are one flat vector: theta in C order, then the
// head's own (ln sigma). Batches: features (n, n_features), distributions (n, distribution_size).
// All sums over the batch are means.
#pragma once

#include "fastpg/core/types.hpp"

namespace fastpg::linear_policy {

template <class Head>
Index parameter_count(const Head& head, Index n_features) {
  return n_features * head.outputs() + head.extra();
}

inline Eigen::Map<const Matrix> weights(const ConstVector& parameters, Index n_features,
                                        Index outputs) {
  return {parameters.data(), n_features, outputs};
}

// The distribution of every row. mask: (n, outputs) or nullptr.
template <class Head>
void distribution(const Head& head, const ConstMatrix& features, const ConstVector& parameters,
                  const bool* mask, Matrix& out) {
  out.resize(features.rows(), head.distribution_size());
  out.leftCols(head.outputs()).noalias() =
      features * weights(parameters, features.cols(), head.outputs());
  const Vector extra = parameters.tail(head.extra());
  head.distribution(out, extra, mask);
}

template <class Head>
Vector log_probs(const Head& head, const ConstMatrix& dist,
                 const Actions<typename Head::Scalar>& actions) {
  Vector out(dist.rows());
  for (Index i = 0; i < out.size(); ++i) out[i] = head.log_prob(dist, actions, i);
  return out;
}

// mean_i of phi_i (x) s_i, and of the head's own part of s_i. scores: (n, outputs + extra).
template <class Head>
Vector pull_back(const Head& head, const ConstMatrix& features, const Matrix& scores) {
  Vector out(parameter_count(head, features.cols()));
  Eigen::Map<Matrix>(out.data(), features.cols(), head.outputs()).noalias() =
      features.transpose() * scores.leftCols(head.outputs());
  out.tail(head.extra()) = scores.rightCols(head.extra()).colwise().sum().transpose();
  return out / static_cast<double>(features.rows());
}

// mean_i w_i grad ln pi(a_i|s_i).
template <class Head>
Vector score_gradient(const Head& head, const ConstMatrix& features, const ConstMatrix& dist,
                      const Actions<typename Head::Scalar>& actions, const ConstVector& weights) {
  Matrix scores;
  head.score(dist, actions, scores);
  scores.array().colwise() *= weights.array();
  return pull_back(head, features, scores);
}

// Gradient of the mean entropy.
template <class Head>
Vector entropy_gradient(const Head& head, const ConstMatrix& features, const ConstMatrix& dist) {
  Matrix scores;
  head.entropy_score(dist, scores);
  return pull_back(head, features, scores);
}

}  // namespace fastpg::linear_policy
