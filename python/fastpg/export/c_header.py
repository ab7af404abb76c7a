"""A policy as a C header: C99 that is C++ too, without allocation; it needs libm."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpg import _core
from fastpg.export import c_parts, c_text
from fastpg.export.plan import CLIP, LOG_STD_BOUNDS, Choices, Means, Plan, comment_lines
from fastpg.policies.features import TIME_SCALE

_STEP = "long long step_index, "

_HEADER = """\
// {title}.
//
// C99 and C++; link with -lm. Everything is static: include it where it is used.
//   @forward(observation, {given}outputs)  the {outputs}, @real[@OUTPUT_SIZE]
//   @act({arguments}, action)  the most probable action
//   @sample({arguments}, {random}, action)  a random one
// An observation is const float[@OBSERVATION_SIZE], an action @action[@ACTION_SIZE].{step}
// Numbers on the stack: {stack} bytes.
//
{comments}
#ifndef FASTPG_EXPORT_@h
#define FASTPG_EXPORT_@h

#include <math.h>
#include <stddef.h>

#define @OBSERVATION_SIZE {observation_size}
#define @OUTPUT_SIZE {output_size}
#define @ACTION_SIZE {action_size}

typedef {real} @real;
typedef {action} @action;

{parts}
#endif
"""
_COMMENTS = "{comments}"
_OF_STEP = "\n// step_index is the step in the episode, from 0 on."


def c_header(plan: Plan, name: str) -> str:
    """The text of the header.

    Args:
        plan: the policy.
        name: what every name in it begins with.
    """
    choices = isinstance(plan.head, Choices)
    step = "step_index, " if plan.time else ""
    text = _HEADER.format(
        title=f"{name}: {plan.policy}, exported by fastpg {_core.__version__}",
        given=step,
        outputs=_outputs(plan),
        arguments=f"observation, {step}action_mask"
        if choices
        else f"observation, {step}".rstrip(", "),
        random="uniforms" if choices else "normals",
        stack=_stack(plan),
        step=_OF_STEP if plan.time else "",
        comments=_COMMENTS,
        observation_size=plan.observation_size,
        output_size=plan.outputs,
        action_size=plan.head.size,
        real=_float(plan.dtype),
        action=_action(plan),
        parts="\n".join([*_data(plan), *_functions(plan)]),
    )
    comments = "\n".join(f"// {line}" for line in comment_lines(plan))  # with any letters
    return c_text.named(text, name, plan.dtype).replace(_COMMENTS, comments)


def _outputs(plan: Plan) -> str:
    """What the outputs are."""
    if isinstance(plan.head, Choices):
        return "logits of all actions"
    return "means" if plan.head.log_std is not None else "means and then ln sigma"


def _float(dtype: np.dtype[Any]) -> str:
    return "float" if dtype == np.float32 else "double"


def _stack(plan: Plan) -> int:
    """Bytes of the arrays that @act has at a time, roughly."""
    return 2 * _widest(plan) * plan.dtype.itemsize + plan.outputs * (plan.dtype.itemsize + 8)


def _widest(plan: Plan) -> int:
    return max(plan.inputs, plan.monomials, *(len(layer.bias) for layer in plan.layers))


def _action(plan: Plan) -> str:
    """The type of a number of an action."""
    head = plan.head
    if isinstance(head, Means):
        if head.whole:
            return "long long" if head.dtype.kind == "i" else "unsigned long long"
        return _float(head.clipped_in(plan.dtype))
    ends = [start + count for start, count in zip(head.starts, head.counts, strict=True)]
    small = max(map(abs, head.starts + ends)) < 2**31
    return "int" if small else "long long"


def _data(plan: Plan) -> list[str]:
    parts = []
    if plan.normalizer is not None:
        mean, rest = plan.normalizer.split_mean(plan.dtype)
        inverse_std = plan.normalizer.inverse_std.astype(plan.dtype)
        parts += [
            c_text.array("@real", f"@{name}", values)
            for name, values in (("mean", mean), ("mean_rest", rest), ("inverse_std", inverse_std))
        ]
    if plan.levels:
        parts += _monomials(plan)
    for k, layer in enumerate(plan.layers):
        parts.append(c_text.array("@real", f"@weights_{k}", layer.weights))
        parts.append(c_text.array("@real", f"@bias_{k}", layer.bias))
    return [*parts, *_head_data(plan), ""]


def _monomials(plan: Plan) -> list[str]:
    """Each product as an earlier one, by its place among all, and an input."""
    parents, begin = [], 0
    size = plan.inputs
    for level in plan.levels:
        parents.append(begin + level.parent)
        begin, size = begin + size, len(level.parent)
    factors = [level.factor for level in plan.levels]
    return [
        f"#define @INPUTS {plan.inputs}",
        f"#define @PRODUCTS {plan.monomials - plan.inputs}",
        c_text.integers("int", "@parents", np.concatenate(parents).tolist()),
        c_text.integers("int", "@factors", np.concatenate(factors).tolist()),
    ]


def _head_data(plan: Plan) -> list[str]:
    head = plan.head
    if isinstance(head, Choices):
        return [
            c_text.integers("int", "@counts", head.counts),
            c_text.integers("@action", "@starts", head.starts),
        ]
    bound = head.clipped_in(plan.dtype)
    low, high = head.bounds(bound)
    parts = [
        f"typedef {_float(bound)} @bound;",
        c_text.array("@bound", "@low", low),
        c_text.array("@bound", "@high", high),
    ]
    if head.log_std is not None:
        parts.append(c_text.array("@real", "@std", np.exp(head.log_std).astype(plan.dtype)))
    return parts


def _functions(plan: Plan) -> list[str]:
    used = {layer.activation for layer in plan.layers} - {"none"}
    parts = [c_parts.DENSE, *map(c_parts.activation, sorted(used))]
    if plan.levels:
        parts.append(c_parts.MONOMIALS)
    parts.append(_forward(plan))
    step, given = (_STEP, "step_index, ") if plan.time else ("", "")
    marks = {"{step}": step, "{given}": given}
    head = c_parts.CHOICES
    if isinstance(plan.head, Means):
        head = c_parts.MEANS
        marks["{cast}"] = "(@action)rint(x)" if plan.head.whole else "x"
        constant = plan.head.log_std is not None
        marks["{std}"] = "@std[k]" if constant else "exp~(numbers[@ACTION_SIZE + k])"
    for mark, text in marks.items():
        head = head.replace(mark, text)
    return [*parts, head]


def _forward(plan: Plan) -> str:
    """The function @forward: layer by layer, from one buffer to the other."""
    lines = _input_lines(plan)
    x, other = "a", "b"
    if plan.levels:
        lines.append("@monomials(a, b);")
        x, other = other, x
    size = plan.monomials
    for k, layer in enumerate(plan.layers):
        out = "outputs" if k == len(plan.layers) - 1 else other
        width = len(layer.bias)
        lines.append(f"@dense({x}, {size}, @weights_{k}, @bias_{k}, {width}, {out});")
        if layer.activation != "none":
            lines.append(f"@{layer.activation}({out}, {width});")
        x, other, size = out, x, width
    if isinstance(plan.head, Means) and plan.head.log_std is None:
        lines.append("for (k = @ACTION_SIZE; k < @OUTPUT_SIZE; ++k) {")
        lines += [*_clip("outputs[k]", LOG_STD_BOUNDS, plan.dtype), "}"]
    buffers = f"@real a[{_widest(plan)}]"
    if len(plan.layers) > 1 or plan.levels:
        buffers += f", b[{_widest(plan)}]"
    # First of all: the limits of normalised inputs, and tanh, hide an infinity.
    check = "for (k = 0; k < @OBSERVATION_SIZE; ++k) if (!isfinite(observation[k])) return 1;"
    whole = [f"{buffers};", "int k;", check, *lines, "return 0;"]
    body = "\n".join(f"    {line}" for line in whole)
    step = _STEP if plan.time else ""
    signature = f"static inline int @forward(const float *observation, {step}@real *outputs)"
    return f"{signature}\n{{\n{body}\n}}\n"


def _clip(x: str, bounds: tuple[float, float], dtype: np.dtype[Any]) -> list[str]:
    """Lines that clip a number; one that is not a number stays so."""
    low, high = (c_text.number(bound, dtype) for bound in bounds)
    return [f"    {x} = {x} < {low} ? {low} : {x};", f"    {x} = {x} > {high} ? {high} : {x};"]


def _input_lines(plan: Plan) -> list[str]:
    """The inputs, in buffer a."""
    each = "for (k = 0; k < @OBSERVATION_SIZE; ++k)"
    lines = [f"{each} a[k] = observation[k];"]
    if plan.normalizer is not None:
        lines = [
            f"{each} {{",
            "    a[k] = (((@real)observation[k] - @mean[k]) - @mean_rest[k]) * @inverse_std[k];",
            *_clip("a[k]", (-CLIP, CLIP), plan.dtype),
            "}",
        ]
    if plan.time:
        scale = c_text.number(TIME_SCALE, plan.dtype)
        lines.append(f"a[@OBSERVATION_SIZE] = (@real)step_index / {scale};")
    return lines
