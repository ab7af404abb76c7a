"""Functions of a C header, in C99 that is C++ too. Marks are those of `c_text.named`."""

from __future__ import annotations

DENSE = """\
// out = x W + bias; weights: W, (inputs, outputs) in C order.
static inline void @dense(
    const @real *x, int inputs, const @real *weights, const @real *bias, int outputs, @real *out)
{
    int j, k;
    for (j = 0; j < outputs; ++j) out[j] = bias[j];
    for (k = 0; k < inputs; ++k, weights += outputs) {
        for (j = 0; j < outputs; ++j) out[j] += x[k] * weights[j];
    }
}
"""

_ACTIVATION = """\
static inline void @{name}(@real *z, int count)
{{
    int i;
    for (i = 0; i < count; ++i) z[i] = {value};
}}
"""

_VALUES = {
    "sin": "sin~(z[i])",
    "tanh": "tanh~(z[i])",
    "relu": "z[i] < 0 ? 0 : z[i]",
    "elu": "z[i] > 0 ? z[i] : expm1~(z[i])",
    "silu": "z[i] / (1 + exp~(-z[i]))",
}


def activation(name: str) -> str:
    """The function that applies an activation in place.

    Args:
        name: of the activation.
    """
    return _ACTIVATION.format(name=name, value=_VALUES[name])


MONOMIALS = """\
// Products of the inputs x, degree by degree: each is an earlier one times an input.
static inline void @monomials(const @real *x, @real *out)
{
    int k;
    for (k = 0; k < @INPUTS; ++k) out[k] = x[k];
    for (k = 0; k < @PRODUCTS; ++k) out[@INPUTS + k] = out[@parents[k]] * x[@factors[k]];
}
"""

CHOICES = """\
// ln pi of every action, -HUGE_VAL where it is not allowed. Returns what @act does.
static inline int @log_probs(
    const @real *logits, const unsigned char *action_mask, double *log_probs)
{
    int choice, a, begin = 0;
    for (choice = 0; choice < @ACTION_SIZE; ++choice) {
        const int end = begin + @counts[choice];
        double largest = -HUGE_VAL, sum = 0;
        for (a = begin; a < end; ++a) {
            log_probs[a] = action_mask == NULL || action_mask[a] ? (double)logits[a] : -HUGE_VAL;
            if (log_probs[a] > largest) largest = log_probs[a];
        }
        for (a = begin; a < end; ++a) {
            log_probs[a] -= largest;
            sum += exp(log_probs[a]);
        }
        sum = log(sum);
        if (!isfinite(sum)) return 1;
        for (a = begin; a < end; ++a) log_probs[a] -= sum;
        begin = end;
    }
    return 0;
}

// The most probable action; of equally probable ones the first. action_mask: @OUTPUT_SIZE flags,
// not 0 where an action is allowed; NULL allows all. Returns 0; or 1, and leaves the action as it
// was, where a choice has no allowed action or a number is not finite.
static inline int @act(
    const float *observation, {step}const unsigned char *action_mask, @action *action)
{
    @real logits[@OUTPUT_SIZE];
    double log_probs[@OUTPUT_SIZE];
    int choice, a, best, begin = 0;
    if (@forward(observation, {given}logits)) return 1;
    if (@log_probs(logits, action_mask, log_probs)) return 1;
    for (choice = 0; choice < @ACTION_SIZE; ++choice) {
        best = begin;
        for (a = begin; a < begin + @counts[choice]; ++a) {
            if (log_probs[a] > log_probs[best]) best = a;
        }
        action[choice] = best - begin + @starts[choice];
        begin += @counts[choice];
    }
    return 0;
}

// A random action. uniforms: @ACTION_SIZE numbers in (0, 1). The rest is as in @act.
static inline int @sample(
    const float *observation, {step}const unsigned char *action_mask, const double *uniforms,
    @action *action)
{
    @real logits[@OUTPUT_SIZE];
    double log_probs[@OUTPUT_SIZE];
    int choice, a, last, begin = 0;
    if (@forward(observation, {given}logits)) return 1;
    if (@log_probs(logits, action_mask, log_probs)) return 1;
    for (choice = 0; choice < @ACTION_SIZE; ++choice) {
        double remaining = uniforms[choice];
        last = begin;
        for (a = begin; a < begin + @counts[choice] && remaining >= 0; ++a) {
            const double p = exp(log_probs[a]);
            if (p > 0) last = a;
            remaining -= p;
        }
        action[choice] = last - begin + @starts[choice];
        begin += @counts[choice];
    }
    return 0;
}
"""

MEANS = """\
// The action within its bounds. Returns what @act does.
static inline int @bounded(const @real *numbers, @action *action)
{
    int k;
    for (k = 0; k < @ACTION_SIZE; ++k) {
        if (!isfinite(numbers[k])) return 1;
    }
    for (k = 0; k < @ACTION_SIZE; ++k) {
        @bound x = numbers[k];
        x = x < @low[k] ? @low[k] : x;
        x = x > @high[k] ? @high[k] : x;
        action[k] = {cast};
    }
    return 0;
}

// The mean, within the bounds. Returns 0; or 1, and leaves the action as it was, where a number is
// not finite.
static inline int @act(const float *observation, {step}@action *action)
{
    @real means[@OUTPUT_SIZE];
    if (@forward(observation, {given}means)) return 1;
    return @bounded(means, action);
}

// A random action, within the bounds. normals: @ACTION_SIZE standard normal numbers. The rest is as
// in @act.
static inline int @sample(
    const float *observation, {step}const @real *normals, @action *action)
{
    @real numbers[@OUTPUT_SIZE];
    int k;
    if (@forward(observation, {given}numbers)) return 1;
    for (k = 0; k < @ACTION_SIZE; ++k) numbers[k] += {std} * normals[k];
    return @bounded(numbers, action);
}
"""
