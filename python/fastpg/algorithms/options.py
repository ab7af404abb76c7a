"""Options of algorithms: dataclass fields with a default, a range and a line of documentation."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from fastpg import arrays
from fastpg.algorithms import schedules
from fastpg.algorithms.schedules import Schedule
from fastpg.functional.solvers import MOST_CG_STEPS, SOLVERS
from fastpg.suggestions import one_of, unknown
from fastpg.values.factory import BASELINES
from fastpg.values.mlp import MOST_CRITIC_UPDATES
from fastpg.values.ridge import LEAST_RIDGE

# Limits of every option: beyond them products and squares overflow or underflow.
_LEAST, _MOST = 1e-100, 1e100

# Arguments of the algorithms and of `train`, which an error about a name lists with the options.
_ARGUMENTS = (
    "policy",
    "env",
    "policy_kwargs",
    "value_kwargs",
    "seed",
    "total_timesteps",
    "callback",
)


_THE_SAME = object()  # no default of its own with a perceptron

# Values of other options by name: without them an option has no effect. All of them are needed.
Values = Mapping[str, tuple[Any, ...]]


def option(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    choices: tuple[str, ...] | None = None,
    mlp: Any = _THE_SAME,
    only_with: tuple[Values, ...] = (),
) -> Any:
    """A dataclass field for an option.

    Args:
        default: default value; it is not checked.
        doc: one line of documentation, for `--help` and docs/api.md.
        low: least value, inclusive.
        high: greatest value, inclusive.
        above: lower bound, exclusive.
        choices: the allowed strings.
        mlp: the default with a policy that is a perceptron, if it is another.
        only_with: values of other options without which it has no effect, such as ({"baseline":
            ("linear", "mean")},); of several such sets one is enough.

    Returns:
        The field, with documentation and limits as metadata.
    """
    limits = {"low": low, "high": high, "above": above, "choices": choices}
    rest = {"doc": doc, "mlp": mlp, "only_with": only_with}
    return field(default=default, metadata=rest | limits)


def inherited(
    options_class: type[Options],
    name: str,
    default: Any,
    mlp: Any = _THE_SAME,
    only_with: tuple[Values, ...] | None = None,
) -> Any:
    """A dataclass field for an option of a base class, with another default.

    Args:
        options_class: the base class.
        name: name of the option.
        default: default value; it is not checked.
        mlp: as in `option`.
        only_with: as in `option`; None: as in the base class.

    Returns:
        The field, with documentation and limits as in the base class.
    """
    metadata = {**_specs(options_class)[name].metadata, "mlp": mlp}
    if only_with is not None:
        metadata["only_with"] = only_with
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Base of every option class: checks types, ranges and names of options."""

    def __post_init__(self) -> None:
        hints = _hints(type(self))
        for spec in dataclasses.fields(self):
            value = getattr(self, spec.name)
            if value is spec.default:  # a test checks the defaults
                continue
            checked = _check(spec.name, value, hints[spec.name], spec.metadata)
            object.__setattr__(self, spec.name, checked)

    def require_effects(self, names: Iterable[str]) -> None:
        """Raise ValueError if an option that the user gave can have no effect.

        Args:
            names: of the options given. None, False and the integer 0 turn an option off, and are
                always allowed. Defaults are not checked, nor are numbers that make another option
                neutral, such as gamma = 1.

        Raises:
            ValueError: an option that needs other values of other options.
        """
        for name in names:
            if not self.has_effect(name):
                sets, value = self._needs(name), getattr(self, name)
                others = dict.fromkeys(other for values in sets for other in values)
                got = ", ".join(f"{other}={getattr(self, other)!r}" for other in others)
                expected = " or ".join(_in_words(values) for values in sets)
                raise ValueError(f"{name}: allowed only with {expected}, got {value!r} and {got}")

    def has_effect(self, name: str) -> bool:
        """Whether an option has an effect together with the others, or is turned off.

        Args:
            name: name of the option.
        """
        value, sets = getattr(self, name), self._needs(name)
        off = value is None or value is False or (type(value) is int and value == 0)
        return off or not sets or any(self._holds(values) for values in sets)

    def _needs(self, name: str) -> tuple[Values, ...]:
        sets: tuple[Values, ...] = _specs(type(self))[name].metadata["only_with"]
        return sets

    def _holds(self, values: Values) -> bool:
        return all(getattr(self, name) in allowed for name, allowed in values.items())

    @classmethod
    def mlp_defaults(cls) -> dict[str, Any]:
        """The defaults that differ with a policy that is a perceptron, by option name."""
        both = {spec.name: spec.metadata["mlp"] for spec in dataclasses.fields(cls)}
        return {name: value for name, value in both.items() if value is not _THE_SAME}

    @classmethod
    def build(cls, owner: str, given: dict[str, Any], mlp: bool = False) -> Self:
        """Options with the given values, and defaults for the rest.

        Args:
            owner: name of the algorithm, for errors.
            given: values by option name.
            mlp: whether the policy is a perceptron.

        Returns:
            The checked options.

        Raises:
            TypeError: unknown option, or a value of the wrong type.
            ValueError: a value out of range.
        """
        own = _specs(cls)
        for name in given:
            if name not in own:
                raise TypeError(f"{owner}: {unknown('option', name, [*own, *_ARGUMENTS])}")
        return cls(**((cls.mlp_defaults() if mlp else {}) | given))


@dataclass(frozen=True)
class Described:
    """An option as `--help` shows it.

    Attributes:
        name: name of the option.
        hint: its type annotation.
        default: its default.
        doc: its line of documentation, with the default for a perceptron if that is another.
        limits: its range or choices in words; None if any value of the type is allowed.
    """

    name: str
    hint: Any
    default: Any
    doc: str
    limits: str | None

    @property
    def takes_none(self) -> bool:
        """Whether None is allowed."""
        return isinstance(self.hint, types.UnionType) and type(None) in typing.get_args(self.hint)

    @property
    def is_schedule(self) -> bool:
        """Whether the value may be a schedule, which changes during learning."""
        return _is_schedule(self.hint)

    @property
    def plain(self) -> type:
        """The type of the option, without None; str for a schedule."""
        if self.is_schedule:
            return str
        members = typing.get_args(self.hint) if self.takes_none else (self.hint,)
        kind: type = next(member for member in members if member is not type(None))
        return kind


def described(options_class: type[Options]) -> list[Described]:
    """Describe every option of a class.

    Args:
        options_class: the class.

    Returns:
        One description per option, in the order of the fields.
    """
    hints = _hints(options_class)
    return [
        Described(
            spec.name,
            hints[spec.name],
            spec.default,
            _doc(spec.metadata),
            _range_text(spec.metadata),
        )
        for spec in dataclasses.fields(options_class)
    ]


def _in_words(values: Values) -> str:
    return " and ".join(
        f"{name}={' or '.join(repr(value) for value in allowed)}"
        for name, allowed in values.items()
    )


def _specs(options_class: type[Options]) -> dict[str, dataclasses.Field[Any]]:
    return {spec.name: spec for spec in dataclasses.fields(options_class)}


_HINTS: dict[type[Options], dict[str, Any]] = {}


def _hints(options_class: type[Options]) -> dict[str, Any]:
    if options_class not in _HINTS:
        _HINTS[options_class] = typing.get_type_hints(options_class)
    return _HINTS[options_class]


def _doc(metadata: typing.Mapping[str, Any]) -> str:
    doc: str = metadata["doc"]
    mlp = metadata["mlp"]
    return doc if mlp is _THE_SAME else f"{doc}; with policy mlp the default is {mlp}"


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


LINEAR = ({"baseline": ("linear",)},)
MLP = ({"baseline": ("mlp",)},)
FITTED = ({"baseline": ("linear", "mlp", "mean")},)


@dataclass(frozen=True, kw_only=True)
class CommonOptions(Options):
    """Options of every algorithm."""

    n_envs: int = option(
        16, "number of environments stepped together, if env is an id or a callable", low=1
    )
    num_threads: int | None = option(
        None,
        "threads of the kernels; results do not depend on it; None: FASTPG_NUM_THREADS, or 1",
        low=1,
        high=256,
    )
    gamma: float = option(0.98, "discount factor", low=0.0, high=1.0)
    ent_coef: Schedule = option(0.0, "weight of the entropy bonus, per step", low=0.0)
    baseline: str = option(
        "linear",
        "value function: linear in features of the observation, a perceptron (mlp), mean of each "
        "step, or none",
        choices=BASELINES,
        mlp="mlp",
    )
    ridge: float = option(
        0.1, "ridge penalty of the linear baseline", low=LEAST_RIDGE, only_with=LINEAR
    )
    baseline_memory: float = option(
        0.8,
        "decay of earlier batches in the fit of the linear or mean baseline; 0 forgets them",
        low=0.0,
        high=1.0,
        only_with=({"baseline": ("linear", "mean")},),
    )
    baseline_time: bool = option(
        False,
        "add the step in the episode to the inputs of the linear or mlp baseline",
        only_with=({"baseline": ("linear", "mlp")},),
    )
    baseline_batch: int = option(
        0,
        "extra steps per environment, to fit the baseline before each gradient; 0: it is fitted "
        "to earlier iterations",
        low=0,
        only_with=FITTED,
    )


@dataclass(frozen=True, kw_only=True)
class CriticOptions(Options):
    """Options of the algorithms that fit a value network after the policy's step: all but PPO."""

    critic_learning_rate: Schedule = option(
        1e-3, "step size of the optimizer of the mlp baseline", above=0.0, only_with=MLP
    )
    n_critic_updates: int = option(
        10,
        "passes over the samples of an iteration in the fit of the mlp baseline",
        low=1,
        high=MOST_CRITIC_UPDATES,
        only_with=MLP,
    )
    batch_size: int = option(
        128,
        "samples per minibatch of that fit; sizes differ by at most one",
        low=1,
        only_with=MLP,
    )


@dataclass(frozen=True, kw_only=True)
class StepOptions(CommonOptions):
    """Options of the algorithms that collect a fixed number of steps: NPG, TRPO and PPO."""

    n_envs: int = inherited(CommonOptions, "n_envs", 4)
    n_steps: int | None = option(
        None, "steps per environment and iteration; None: about 2,048 samples in all", low=1
    )
    gamma: float = inherited(CommonOptions, "gamma", 0.985, mlp=0.99)
    gae_lambda: float = option(
        0.97, "lambda of generalised advantage estimation (GAE)", low=0.0, high=1.0, mlp=0.95
    )
    ent_coef: Schedule = inherited(CommonOptions, "ent_coef", 0.03, mlp=0.0)
    value_target: str = option(
        "mc",
        "targets of the baseline's fit: A + V (lambda), or discounted returns (mc)",
        choices=("lambda", "mc"),
        mlp="lambda",
    )
    ridge: float = inherited(CommonOptions, "ridge", 0.2)
    baseline_memory: float = inherited(CommonOptions, "baseline_memory", 0.6)
    normalize_reward: bool = option(
        False,
        "divide rewards by the running standard deviation of discounted returns; records and "
        "evaluation keep the rewards as they are",
        mlp=True,
    )
    clip_reward: float | None = option(
        None, "bound of the magnitude of rewards, after normalize_reward; None: none", above=0.0
    )
    normalize_advantage: bool = option(True, "scale advantages to mean 0 and standard deviation 1")


_CONJUGATE_GRADIENT = ({"solver": ("auto", "cg")},)  # auto may choose it


@dataclass(frozen=True, kw_only=True)
class NaturalOptions(CriticOptions, StepOptions):
    """Options of NPG and TRPO."""

    target_kl: Schedule | None = option(
        None,
        "bound on KL(old | new) of an update, in nats; None: lin_0.012 with kl_per=step, lin_1 "
        "with trajectory",
        above=0.0,
    )
    kl_per: str = option(
        "step",
        "unit of target_kl: mean KL per step, or per trajectory (that times the mean episode "
        "length)",
        choices=("step", "trajectory"),
    )
    max_step_size: float | None = option(
        None, "upper bound of eta, the multiplier of the natural gradient", above=0.0
    )
    fisher: str = option(
        "exact",
        "Fisher matrix: expectation over actions (exact), or the actions taken (sampled)",
        choices=("exact", "sampled"),
    )
    fisher_subsample: float = option(
        1.0, "fraction of the samples from which F is computed", above=0.0, high=1.0
    )
    solver: str = option(
        "auto", "auto: cholesky for at most 64 parameters, cg for more", choices=SOLVERS
    )
    cg_max_steps: int = option(
        20,
        "maximum number of conjugate gradient iterations",
        low=1,
        high=MOST_CG_STEPS,
        mlp=15,
        only_with=_CONJUGATE_GRADIENT,
    )
    cg_tol: float = option(
        1e-10,
        "relative residual at which conjugate gradient stops",
        low=0.0,
        only_with=_CONJUGATE_GRADIENT,
    )
    cg_damping: float = option(
        1e-4, "damping added to F, relative to the mean of its diagonal", low=0.0, mlp=0.1
    )
