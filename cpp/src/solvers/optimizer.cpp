#include "fastpg/solvers/optimizer.hpp"

#include <bit>
#include <cmath>

#include "fastpg/core/isa.hpp"

namespace fastpg {
namespace {

// A rule gives the step of parameter i along a gradient, and moves what the optimizer keeps of it.
// Square roots and divisions are rounded correctly in every instruction set: the same bits.
struct SgdRule {
  double learning_rate;

  double operator()(Index, double g) const { return g * learning_rate; }
};

// Moments begin at zero, for which they are corrected. After some hundreds of steps that of the
// mean is 1, and a division is left out.
template <bool corrects_mean>
struct AdamRule {
  double learning_rate, correction1, correction2;
  double* m;
  double* v;

  double operator()(Index i, double g) const {
    m[i] += (1.0 - Adam::beta1) * (g - m[i]);
    v[i] += (1.0 - Adam::beta2) * (g * g - v[i]);
    const double mean = corrects_mean ? m[i] / correction1 : m[i];
    return learning_rate * mean / (std::sqrt(v[i] / correction2) + Adam::epsilon);
  }
};

struct RmsPropRule {
  double learning_rate;
  double* v;

  double operator()(Index i, double g) const {
    v[i] = RmsProp::alpha * v[i] + (1.0 - RmsProp::alpha) * g * g;
    return learning_rate * g / (std::sqrt(v[i]) + RmsProp::epsilon);
  }
};

template <class Use>
auto with_rule(Sgd&, double learning_rate, Use&& use) {
  return use(SgdRule{learning_rate});
}

template <class Use>
auto with_rule(Adam& adam, double learning_rate, Use&& use) {
  const auto count = static_cast<double>(adam.count);
  const double correction1 = 1.0 - std::pow(Adam::beta1, count);
  const double correction2 = 1.0 - std::pow(Adam::beta2, count);
  double* const m = adam.mean.data();
  double* const v = adam.square.data();
  if (correction1 == 1.0) return use(AdamRule<false>{learning_rate, 1.0, correction2, m, v});
  return use(AdamRule<true>{learning_rate, correction1, correction2, m, v});
}

template <class Use>
auto with_rule(RmsProp& rms_prop, double learning_rate, Use&& use) {
  return use(RmsPropRule{learning_rate, rms_prop.square.data()});
}

template <class Method>
void take_step(Method& method, MutableVector gradient, double learning_rate) {
  ++method.count;
  with_rule(method, learning_rate, [g = gradient.data(), n = method.size()](auto next) {
    dispatch([=] {
      for (Index i = 0; i < n; ++i) g[i] = next(i, g[i]);
    });
  });
}

template <class Method>
bool move_along(Method& method, const Vector& gradient, double scale, double learning_rate,
                Vector& parameters) {
  ++method.count;
  const double* const g = gradient.data();
  double* const p = parameters.data();
  return with_rule(method, learning_rate, [=, n = method.size()](auto next) {
    // Of numbers without a sign, those that are not finite included, bits have the same order.
    constexpr auto most = std::bit_cast<std::int64_t>(most_parameter);
    return dispatch([=] {
      std::int64_t beyond = 0;
      for (Index i = 0; i < n; ++i) {
        p[i] += next(i, g[i] * scale);
        beyond |= std::int64_t{std::bit_cast<std::int64_t>(std::abs(p[i])) > most};
      }
      return beyond == 0;
    });
  });
}

}  // namespace

void Sgd::step(MutableVector gradient, double learning_rate) {
  take_step(*this, gradient, learning_rate);
}

bool Sgd::ascend(const Vector& gradient, double scale, double learning_rate, Vector& parameters) {
  return move_along(*this, gradient, scale, learning_rate, parameters);
}

void Adam::step(MutableVector gradient, double learning_rate) {
  take_step(*this, gradient, learning_rate);
}

bool Adam::ascend(const Vector& gradient, double scale, double learning_rate, Vector& parameters) {
  return move_along(*this, gradient, scale, learning_rate, parameters);
}

void RmsProp::step(MutableVector gradient, double learning_rate) {
  take_step(*this, gradient, learning_rate);
}

bool RmsProp::ascend(const Vector& gradient, double scale, double learning_rate,
                     Vector& parameters) {
  return move_along(*this, gradient, scale, learning_rate, parameters);
}

}  // namespace fastpg
