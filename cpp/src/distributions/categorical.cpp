#include "fastpg/distributions/categorical.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "fastpg/core/checks.hpp"
#include "fastpg/core/exp_gap.hpp"
#include "fastpg/core/interruption.hpp"
#include "fastpg/distributions/softmax_columns.hpp"
#include "fastpg/distributions/transposed.hpp"

namespace fastpg {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double highest_log = 1e-9;  // of a probability: 0, up to rounding

bool within(const std::int32_t* actions, Index n, Index stride, std::uint32_t bound) {
  return dispatch([=] {
    std::uint32_t bad = 0;
    for (Index i = 0; i < n; ++i) {
      bad |= static_cast<std::uint32_t>(actions[i * stride]) < bound ? 0u : 1u;
    }
    return bad == 0;
  });
}

[[noreturn]] void throw_bad_action(const std::int32_t* actions, Index n, Index stride,
                                   Index count) {
  Index i = 0;
  while (i + 1 < n && actions[i * stride] >= 0 && actions[i * stride] < count) ++i;
  refuse(
      {"actions: expected values in [0, ", count, "), got ", actions[i * stride], " at index ", i});
}

Index total(const std::vector<Index>& choices) {
  require(!choices.empty(), "choices: expected at least one, got none");
  Index sum = 0;
  for (const Index count : choices) {
    require(count >= 1 && count <= (1 << 20),
            {"choices: expected integers in [1, 1048576], got ", count});
    sum += count;
  }
  return sum;
}

// The action of one choice by the inverse CDF; log_pi: (count,).
template <class Row>
Index draw(const Row& log_pi, Index count, double uniform) {
  double remaining = uniform;
  Index last = 0;
  for (Index a = 0; a < count; ++a) {
    const double p = std::exp(log_pi[a]);
    if (p > 0.0) last = a;
    remaining -= p;
    if (remaining < 0.0) return a;
  }
  return last;
}

}  // namespace

Categorical::Categorical(std::vector<Index> choices)
    : choices_(std::move(choices)), logits_(total(choices_)) {
  Index begin = 0;
  for (const Index count : choices_) {
    begins_.push_back(begin);
    for (Index a = 0; a + 1 < count; ++a) {
      logits_.add(begin + a, begin + count - 1);
      choice_of_.push_back(static_cast<Index>(begins_.size()) - 1);
    }
    begin += count;
  }
  for (Index c = 0; c < action_size(); ++c) {
    const Index columns = count(c) > 2 ? count(c) : count(c) - 1;
    for (Index a = 0; a < columns; ++a) root_.push_back({c, a});
  }
}

void Categorical::check_actions(const Actions& actions, Index n) const {
  for (Index c = 0; c < action_size(); ++c) {
    const std::int32_t* const first = actions.choices() + c;
    const auto bound = static_cast<std::uint32_t>(count(c));
    if (!within(first, n, action_size(), bound)) {
      throw_bad_action(first, n, action_size(), count(c));
    }
  }
}

void Categorical::check_distribution(const char* name, const double* dist, Index n) const {
  if (sound(dist, n)) return;
  const double* const end = dist + n * outputs();
  const double* const bad =
      std::find_if(dist, end, [](double value) { return !(value <= highest_log); });
  if (bad == end) refuse({name, ": expected logarithms of probabilities, got others"});
  refuse({name, ": expected logarithms of probabilities, got ", *bad});
}

void Categorical::check_mask(const std::uint8_t* mask, Index n) const {
  for (Index i = 0; i < n; ++i) {
    const std::uint8_t* at = mask + i * outputs();
    for (const Index actions : choices_) {
      const bool none = std::all_of(at, at + actions, [](std::uint8_t flag) { return flag == 0; });
      if (none) {
        refuse({"mask: expected at least one allowed action in each choice, got none in row ", i});
      }
      at += actions;
    }
  }
}

void Categorical::check_allowed(const Actions& actions, const std::uint8_t* mask, Index n) const {
  for (Index i = 0; i < n; ++i) {
    for (Index c = 0; c < action_size(); ++c) {
      const std::int32_t action = actions.choices()[i * action_size() + c];
      if (mask[i * outputs() + begin(c) + action] == 0) {
        refuse({"actions: expected actions that the mask allows, got ", action, " in row ", i});
      }
    }
  }
}

bool Categorical::sound(const double* dist, Index n) const {
  return all_at_most(dist, n * outputs(), highest_log);
}

void Categorical::load(const double* dist, Index rows, Index stride, double* columns) const {
  transposed::load(dist, rows, outputs(), stride, -infinity, columns);
}

// Logits become ln pi; a masked action gets -inf.
void Categorical::normalize(double* logits, const double*, const std::uint8_t* mask, Index rows,
                            Index stride) const {
  if (mask != nullptr) {
    for (Index a = 0; a < outputs(); ++a) {
      for (Index i = 0; i < rows; ++i) {
        if (mask[i * outputs() + a] == 0) logits[a * stride + i] = -infinity;
      }
    }
  }
  for (Index c = 0; c < action_size(); ++c) {
    double* const first = logits + begin(c) * stride;
    const Index actions = count(c);
    dispatch([=] { softmax::normalize(first, actions, stride); });
  }
}

void Categorical::sample(const ConstMatrix& dist, const ConstMatrix& uniforms,
                         WritableActions actions) const {
  std::int32_t* out = std::get<std::int32_t*>(actions);
  Pace pace(8.0 * static_cast<double>(outputs()));
  for (Index i = 0; i < dist.rows(); ++i, pace.turn()) {
    for (Index c = 0; c < action_size(); ++c) {
      const auto log_pi = dist.row(i).segment(begin(c), count(c));
      *out++ = static_cast<std::int32_t>(draw(log_pi, count(c), uniforms(i, c)));
    }
  }
}

void Categorical::mode(const ConstMatrix& dist, WritableActions actions) const {
  std::int32_t* out = std::get<std::int32_t*>(actions);
  Pace pace(2.0 * static_cast<double>(outputs()));
  for (Index i = 0; i < dist.rows(); ++i, pace.turn()) {
    for (Index c = 0; c < action_size(); ++c) {
      Index best = 0;
      dist.row(i).segment(begin(c), count(c)).maxCoeff(&best);
      *out++ = static_cast<std::int32_t>(best);
    }
  }
}

void Categorical::log_prob(const double* log_pi, const Actions& given, Index rows, Index stride,
                           double* out) const {
  const std::int32_t* const actions = given.choices();
  std::fill(out, out + stride, 0.0);
  if (few()) {
    const Index count = outputs();
    dispatch([=] {
      for (Index a = 0; a < count; ++a) {
        for (Index i = 0; i < rows; ++i) {
          const double taken_one = log_pi[a * stride + i], before = out[i];
          out[i] = actions[i] == a ? taken_one : before;
        }
      }
    });
    return;
  }
  for (Index i = 0; i < rows; ++i) {
    for (Index c = 0; c < action_size(); ++c) out[i] += log_pi[taken(actions, i, c) * stride + i];
  }
}

// 1 - pi of the action taken, -pi of the others.
void Categorical::score(const double* log_pi, const Actions& actions, Index rows, Index stride,
                        double* out) const {
  for (Index c = 0; c < action_size(); ++c) {
    const softmax::Taken taken{actions.choices() + c, action_size(), rows};
    const double* const from = log_pi + begin(c) * stride;
    double* const to = out + first_logit(c) * stride;
    const Index actions_of_choice = count(c);
    if (actions_of_choice == 1) continue;
    dispatch([=] { softmax::score(from, taken, actions_of_choice, stride, to); });
  }
}

void Categorical::entropy(const double* log_pi, Index stride, double* out) const {
  const Index actions = outputs();
  dispatch([=] { softmax::entropy(log_pi, actions, stride, out); });
}

// d H / d logits = -pi (ln pi + H) a choice.
void Categorical::entropy_score(const double* log_pi, Index stride, double* scratch,
                                double* out) const {
  for (Index c = 0; c < action_size(); ++c) {
    const double* const from = log_pi + begin(c) * stride;
    double* const to = out + first_logit(c) * stride;
    const Index actions = count(c);
    dispatch([=] { softmax::entropy_score(from, actions, stride, scratch, to); });
  }
}

// sum_a p ln(p / q) + q - p: each term is >= 0 up to rounding, and the sum of q - p is zero.
void Categorical::kl(const double* old_log, const double* new_log, Index stride,
                     double* out) const {
  const Index actions = outputs();
  dispatch([=] { softmax::kl(old_log, new_log, actions, stride, out); });
}

// pi_old - pi_new.
void Categorical::kl_score(const double* old_log, const double* new_log, Index stride,
                           double* out) const {
  for (Index c = 0; c < action_size(); ++c) {
    const double* const before = old_log + begin(c) * stride;
    const double* const after = new_log + begin(c) * stride;
    double* const to = out + first_logit(c) * stride;
    const Index size = (count(c) - 1) * stride;
    dispatch([=] {
      for (Index j = 0; j < size; ++j) to[j] = fast_exp(before[j]) - fast_exp(after[j]);
    });
  }
}

// pi; of a choice of two, pi_0 pi_1, which is the whole of its block.
void Categorical::fisher_data(const double* log_pi, Index stride, double* data,
                              double* trace) const {
  std::fill(trace, trace + stride, 0.0);
  for (Index c = 0; c < action_size(); ++c) {
    const double* const from = log_pi + begin(c) * stride;
    double* const to = data + first_logit(c) * stride;
    const Index actions = count(c);
    dispatch([=] { softmax::fisher_data(from, actions, stride, to, trace); });
  }
}

// u relative to the last action's: pi (u - sum_b pi_b u_b) a choice.
void Categorical::fisher_product(const double* data, const double* u, Index stride, double* scratch,
                                 double* w) const {
  for (Index c = 0; c < action_size(); ++c) {
    const Index first = first_logit(c) * stride, logits = count(c) - 1;
    const double* const pi = data + first;
    const double* const from = u + first;
    double* const to = w + first;
    if (logits == 1) {
      dispatch([=] {
        for (Index i = 0; i < stride; ++i) to[i] = pi[i] * from[i];
      });
    } else {
      dispatch([=] { softmax::fisher_product(pi, from, logits, stride, scratch, to); });
    }
  }
}

bool Categorical::fisher_entry(const double* data, Index a, Index b, Index stride,
                               double* out) const {
  const Index choice = choice_of(a);
  if (choice != choice_of(b)) return false;
  const double* const p = data + a * stride;
  const double* const q = data + b * stride;
  const double diagonal = a == b ? 1.0 : 0.0;
  if (count(choice) == 2) {
    std::copy(p, p + stride, out);
  } else {
    dispatch([=] {
      for (Index i = 0; i < stride; ++i) out[i] = p[i] * (diagonal - q[i]);
    });
  }
  return true;
}

// The score of each action times the square root of its probability; of a choice of two, sqrt of
// pi_0 pi_1, which is the whole.
void Categorical::fisher_root(const double* data, Index column, Index stride, double* out) const {
  const Root& root = root_[static_cast<std::size_t>(column)];
  const Index choice = root.choice, action = root.action;
  std::fill_n(out, logits_.count() * stride, 0.0);
  const double* const pi = data + first_logit(choice) * stride;
  double* const to = out + first_logit(choice) * stride;
  const Index logits = count(choice) - 1;
  dispatch([=] {
    if (logits == 1) {
      for (Index i = 0; i < stride; ++i) to[i] = std::sqrt(pi[i]);
    } else {
      softmax::fisher_root(pi, logits, action, stride, to);
    }
  });
}

// The output of the action taken. Within bounds even if another thread changed it since the check.
Index Categorical::taken(const std::int32_t* actions, Index i, Index c) const {
  const Index action = actions[i * action_size() + c];
  return begin(c) + (action >= 0 && action < count(c) ? action : 0);
}

}  // namespace fastpg
