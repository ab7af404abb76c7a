"""Options of algorithms: dataclass fields with a default, a range and a line of documentation."""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from typing import Any, Self

from fastpg import arrays
from fastpg.algorithms import schedules
from fastpg.algorithms.schedules import Schedule
from fastpg.functional.solvers import MOST_CG_STEPS, SOLVERS
from fastpg.suggestions import one_of, unknown
from fastpg.values.factory import BASELINES
from fastpg.values.ridge import LEAST_RIDGE

# Of any option: beyond them products and squares overflow or vanish, and nothing is learned.
_LEAST, _MOST = 1e-100, 1e100

# Of the algorithms and of `train`: known names too, where a misspelt one is explained.
_ARGUMENTS = ("policy", "env", "policy_kwargs", "seed", "total_timesteps", "callback")


def option(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    choices: tuple[str, ...] | None = None,
) -> Any:
    """A dataclass field; `low` and `high` are inclusive, `above` is not."""
    limits = {"low": low, "high": high, "above": above, "choices": choices}
    return field(default=default, metadata={"doc": doc, **limits})


@dataclass(frozen=True, kw_only=True)
class Options:
    """Base of every option class: checks types and ranges, and names what is unknown."""

    def __post_init__(self) -> None:
        hints = _hints(type(self))
        for spec in dataclasses.fields(self):
            value = getattr(self, spec.name)
            if value is spec.default:  # checked by the tests
                continue
            checked = _check(spec.name, value, hints[spec.name], spec.metadata)
            object.__setattr__(self, spec.name, checked)
        self.check_together()

    def check_together(self) -> None:
        """Raise ValueError where options that do not belong together are given."""

    def only_with(self, condition: bool, what: str, *names: str) -> None:
        """Raise ValueError, naming both sides, if an option is given without its condition."""
        for name in names:
            if not condition and getattr(self, name) is not None:
                raise ValueError(f"{name}: goes only with {what}, got {getattr(self, name)!r}")

    @classmethod
    def build(cls, owner: str, given: dict[str, Any]) -> Self:
        """The options with some values given; an unknown name raises TypeError."""
        own = [spec.name for spec in dataclasses.fields(cls)]
        for name in given:
            if name not in own:
                raise TypeError(f"{owner}: {unknown('option', name, [*own, *_ARGUMENTS])}")
        return cls(**given)


@dataclass(frozen=True)
class Described:
    """An option as `--help` shows it."""

    name: str
    hint: Any
    default: Any
    doc: str
    limits: str | None

    @property
    def takes_none(self) -> bool:
        """Whether None is among the values."""
        return isinstance(self.hint, types.UnionType) and type(None) in typing.get_args(self.hint)

    @property
    def is_schedule(self) -> bool:
        """Whether the value may change while learning goes on."""
        return _is_schedule(self.hint)

    @property
    def plain(self) -> type:
        """The type of the values that are not None; str for a schedule."""
        if self.is_schedule:
            return str
        members = typing.get_args(self.hint) if self.takes_none else (self.hint,)
        kind: type = next(member for member in members if member is not type(None))
        return kind


def described(options_class: type[Options]) -> list[Described]:
    """Every option of a class, in order."""
    hints = _hints(options_class)
    return [
        Described(
            spec.name,
            hints[spec.name],
            spec.default,
            spec.metadata["doc"],
            _range_text(spec.metadata),
        )
        for spec in dataclasses.fields(options_class)
    ]


_HINTS: dict[type[Options], dict[str, Any]] = {}


def _hints(options_class: type[Options]) -> dict[str, Any]:
    if options_class not in _HINTS:
        _HINTS[options_class] = typing.get_type_hints(options_class)
    return _HINTS[options_class]


def _range_text(limits: typing.Mapping[str, Any]) -> str | None:
    low, high, above = limits["low"], limits["high"], limits["above"]
    if limits["choices"]:
        return " or ".join(limits["choices"])
    if above is not None:
        return f"above {above:g}" + ("" if high is None else f", at most {high:g}")
    if low is None:
        return None
    return f"at least {low:g}" if high is None else f"in [{low:g}, {high:g}]"


def _check(name: str, value: Any, hint: Any, limits: typing.Mapping[str, Any]) -> Any:
    members = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and types.NoneType in members:
        return None
    if _is_schedule(hint):
        return _check_schedule(name, value, limits)
    kind = next(member for member in members if member is not types.NoneType)
    if kind is bool:
        return arrays.boolean(name, value)
    if kind is str:
        return one_of(name, value, limits["choices"])
    if kind is int:
        return arrays.integer(name, value, limits["low"], limits["high"])
    return _check_range(name, arrays.number(name, value), limits)


def _is_schedule(hint: Any) -> bool:
    return bool(hint in (Schedule, Schedule | None))


def _check_schedule(name: str, value: Any, limits: typing.Mapping[str, Any]) -> Schedule:
    schedule = schedules.checked(name, value)
    if not callable(schedule):
        _check_range(name, schedules.start(schedule), limits)
    return schedule


def _check_range(name: str, value: float, limits: typing.Mapping[str, Any]) -> float:
    low, high, above = limits["low"], limits["high"], limits["above"]
    bad_low = low is not None and value < low
    bad_high = high is not None and value > high
    if bad_low or bad_high or (above is not None and value <= above):
        raise ValueError(f"{name}: expected a number {_range_text(limits)}, got {value!r}")
    if value > _MOST:
        raise ValueError(f"{name}: expected a number of at most {_MOST:g}, got {value!r}")
    if above is not None and value < _LEAST:
        raise ValueError(f"{name}: expected a number of at least {_LEAST:g}, got {value!r}")
    return value


@dataclass(frozen=True, kw_only=True)
class CommonOptions(Options):
    """What every algorithm has."""

    n_envs: int = option(16, "environments stepped together; goes with an id", low=1)
    num_threads: int | None = option(
        None, "threads, which change no bit; None: FASTPG_NUM_THREADS, or 1", low=1, high=256
    )
    gamma: float = option(0.98, "discount", low=0.0, high=1.0)
    ent_coef: Schedule = option(0.0, "weight of the entropy bonus, per step", low=0.0)
    baseline: str = option(
        "linear", "value baseline; mean: of each step in the episode", choices=BASELINES
    )
    ridge: float = option(0.1, "penalty of the linear baseline's regression", low=LEAST_RIDGE)
    baseline_memory: float = option(
        0.8, "decay of earlier batches in the baseline's fit; 0 forgets them", low=0.0, high=1.0
    )
    baseline_time: bool = option(False, "whether the linear baseline sees the step in the episode")
    baseline_batch: int = option(
        0,
        "steps per environment that fit the baseline before each gradient; 0: earlier "
        "iterations do",
        low=0,
    )


@dataclass(frozen=True, kw_only=True)
class StepOptions(CommonOptions):
    """What algorithms that collect by steps have."""

    n_envs: int = option(4, "environments stepped together; goes with an id", low=1)
    n_steps: int | None = option(
        None, "steps per environment and iteration; None: about 2,048 samples in all", low=1
    )
    gamma: float = option(0.985, "discount", low=0.0, high=1.0)
    gae_lambda: float = option(0.97, "lambda of the advantage estimate", low=0.0, high=1.0)
    ent_coef: Schedule = option(0.03, "weight of the entropy bonus, per step", low=0.0)
    value_target: str = option(
        "mc",
        "what the baseline is fitted to: A + V (lambda), or the discounted return (mc)",
        choices=("lambda", "mc"),
    )
    ridge: float = option(0.2, "penalty of the linear baseline's regression", low=LEAST_RIDGE)
    baseline_memory: float = option(
        0.6, "decay of earlier batches in the baseline's fit; 0 forgets them", low=0.0, high=1.0
    )
    normalize_advantage: bool = option(True, "advantages to mean 0 and standard deviation 1")


@dataclass(frozen=True, kw_only=True)
class NaturalOptions(StepOptions):
    """What the second-order algorithms have."""

    target_kl: Schedule | None = option(
        None,
        "KL(old | new) of a step, in nats; None: lin_0.012 per step, lin_1 per trajectory",
        above=0.0,
    )
    kl_per: str = option(
        "step",
        "what target_kl is a mean over; trajectory: mean step KL times the mean episode length",
        choices=("step", "trajectory"),
    )
    max_step_size: float | None = option(
        None, "upper bound of the multiplier of the natural direction", above=0.0
    )
    fisher: str = option(
        "exact", "action summed out (exact) or taken (sampled)", choices=("exact", "sampled")
    )
    fisher_subsample: float = option(
        1.0, "share of the samples that F is made of", above=0.0, high=1.0
    )
    solver: str = option(
        "auto", "auto: cholesky for at most 64 parameters, cg for more", choices=SOLVERS
    )
    cg_max_steps: int = option(20, "most conjugate gradient iterations", low=1, high=MOST_CG_STEPS)
    cg_tol: float = option(1e-10, "relative residual at which they stop", low=0.0)
    cg_damping: float = option(1e-4, "damping, relative to the mean diagonal of F", low=0.0)
