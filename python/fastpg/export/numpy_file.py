"""A policy as a Python file that needs NumPy alone."""

from __future__ import annotations

import base64
import inspect
import io
import pprint
import textwrap

import numpy as np

from fastpg import _core
from fastpg.export import standalone
from fastpg.export.plan import (
    CLIP,
    LOG_STD_BOUNDS,
    Choices,
    Means,
    Numbers,
    Plan,
    comment_lines,
)
from fastpg.policies.features import TIME_SCALE

_FILE = '''"""{title}.

{text}
"""

{comments}

{code}

POLICY = {kind}(
{settings},
    numbers=\'\'\'
{numbers}
\'\'\',
)
{names}
'''
_OF_CHOICES = (
    "predict(observation, action_mask=None) returns the most probable action, sample(observation, "
    "rng, action_mask=None) a random one, log_probs(observation, action_mask=None) the logarithms "
    "of the probabilities. The mask has 1 where an action is allowed."
)
_OF_MEANS = (
    "predict(observation) returns the mean, within the bounds of the actions, sample(observation, "
    "rng) a random action, outputs(observation) the means without bounds, log_std(observation) ln "
    "sigma; where that is the same in every state, LOG_STD has it."
)
_OF_ALL = (
    "rng is a numpy.random.Generator. An observation is flat, ({size},); n of them, (n, {size}), "
    "give n actions. The file needs NumPy alone."
)
_OF_TIME = "All take step_index=, the step in the episode, one integer or (n,); it is 0 by default."
_NAMES_OF_CHOICES = """\
predict, sample, log_probs = POLICY.predict, POLICY.sample, POLICY.log_probs"""
_NAMES_OF_MEANS = """\
predict, sample, outputs = POLICY.predict, POLICY.sample, POLICY.outputs
log_std, LOG_STD = POLICY.log_std, POLICY.numbers.get("log_std")"""


def numpy_file(plan: Plan, name: str) -> str:
    """The text of the file.

    Args:
        plan: the policy.
        name: of the policy, for the docstring.
    """
    discrete = isinstance(plan.head, Choices)
    sentences = [_OF_CHOICES if discrete else _OF_MEANS, _OF_ALL.format(size=plan.observation_size)]
    if plan.time:
        sentences.append(_OF_TIME)
    return _FILE.format(
        title=f"{name}: {plan.policy}, exported by fastpg {_core.__version__}",
        text=textwrap.fill(" ".join(sentences), 100),
        comments="\n".join(f"# {line}" for line in comment_lines(plan)),
        code=_code(),
        kind=(standalone.Discrete if discrete else standalone.Gaussian).__name__,
        settings=_settings(plan),
        numbers=_packed(_arrays(plan)),
        names=_NAMES_OF_CHOICES if discrete else _NAMES_OF_MEANS,
    )


def _code() -> str:
    """The text of `standalone` after its docstring."""
    return inspect.getsource(standalone).partition('"""\n\n')[2].rstrip()


def _settings(plan: Plan) -> str:
    head = plan.head
    given = {
        "observation_size": plan.observation_size,
        "time_scale": TIME_SCALE if plan.time else 0.0,
        "clip": CLIP,
        "activations": [layer.activation for layer in plan.layers],
        "levels": len(plan.levels),
        "shape": head.shape,
        "dtype": head.dtype.str,
    }
    return textwrap.indent(
        ",\n".join(f"{key}={pprint.pformat(value)}" for key, value in given.items()), "    "
    )


def _arrays(plan: Plan) -> dict[str, Numbers]:
    found: dict[str, Numbers] = {}
    if plan.normalizer is not None:
        found |= {"mean": plan.normalizer.mean, "inverse_std": plan.normalizer.inverse_std}
    for k, level in enumerate(plan.levels):
        found |= {f"parent{k}": level.parent, f"factor{k}": level.factor}
    return found | _layers(plan) | _of_head(plan.head)


def _layers(plan: Plan) -> dict[str, Numbers]:
    last, columns = plan.layers[-1].without_equal_outputs()
    found = {} if columns is None else {"columns": columns}
    for k, layer in enumerate([*plan.layers[:-1], last]):
        found |= {f"weights{k}": layer.weights, f"bias{k}": layer.bias}
    return found


def _of_head(head: Choices | Means) -> dict[str, Numbers]:
    if isinstance(head, Choices):
        starts = np.array(head.starts, dtype=head.dtype)
        return {"counts": np.array(head.counts), "starts": starts}
    bounds = {"low": head.low, "high": head.high}
    if head.log_std is None:
        return bounds | {"log_std_bounds": np.array(LOG_STD_BOUNDS)}
    return bounds | {"log_std": head.log_std}


def _packed(arrays: dict[str, Numbers]) -> str:
    """An .npz archive as lines of base64."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return base64.encodebytes(buffer.getvalue()).decode().rstrip()
