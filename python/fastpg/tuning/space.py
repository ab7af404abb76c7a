"""What is searched: ranges of options, by default those that stand beside the options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.catalogue import find
from fastpg.algorithms.option_fields import specs_of
from fastpg.algorithms.option_texts import described
from fastpg.experiments.trial import Trial
from fastpg.policies.factory import is_mlp
from fastpg.suggestions import unknown
from fastpg.tuning.ranges import Range, range_of

DEFAULT = "default"  # in a search: the options that are searched by default

Search = Mapping[str, Any] | Iterable[str] | None


def search_space(algorithm: str, policy: Any = "linear") -> dict[str, str]:
    """The options that `tune` searches by default, and their ranges.

    Args:
        algorithm: its name, as in `fastpg.train`.
        policy: "linear", "mlp" or a policy.

    Returns:
        Ranges by option, as `--search` takes them; argument `search` of `tune` takes this dict too.
            `tune` itself also searches those that have an effect only with other options, such as
            critic_learning_rate with baseline="mlp", if these are given.

    Raises:
        ValueError: unknown algorithm.
    """
    kind = find(algorithm)
    options = kind.options_class.build(kind.__name__, {}, is_mlp(policy))
    texts = _default_ranges(kind, policy)
    return {name: text for name, text in texts.items() if options.is_read(name)}


def _default_ranges(kind: type[Algorithm], policy: Any) -> dict[str, str]:
    """The ranges beside the options."""
    mlp = is_mlp(policy)
    texts = {
        spec.name: spec.mlp_search if mlp else spec.search for spec in described(kind.options_class)
    }
    return {name: text for name, text in texts.items() if text is not None}


def ranges_of(trial: Trial, search: Search) -> dict[str, Range]:
    """The ranges of a search.

    Args:
        trial: what all trials share; the options among its arguments are fixed.
        search: argument `search` of `tune`.

    Returns:
        Ranges by name of the option.

    Raises:
        TypeError, ValueError: no option, one that is fixed, or a wrong range.
    """
    kind = find(trial.algorithm)
    given = _named(search)
    usual = _default_ranges(kind, trial.arguments.get("policy", "linear"))
    known = [spec.name for spec in described(kind.options_class) if spec.name != "num_threads"]
    ranges: dict[str, Range] = {}
    if DEFAULT in given:
        del given[DEFAULT]
        free = {name: text for name, text in usual.items() if name not in trial.arguments}
        ranges = {name: range_of(kind.options_class, name, text) for name, text in free.items()}
    for name, one in given.items():
        if name not in known:
            raise ValueError(f"search: {unknown('option', name, known)}")
        if name in trial.arguments:
            raise ValueError(f"search: expected options that are not fixed, got {name}")
        if one is None and name not in usual:
            raise ValueError(f"search: expected a range for {name}, which has none by default")
        ranges[name] = range_of(kind.options_class, name, usual[name] if one is None else one)
    found = {}
    for name, one in ranges.items():
        if _may_have_effect(trial, one, ranges):
            found[name] = one
        elif name in given:
            raise ValueError(f"search: {name} has no effect with the other options")
    if not found:
        raise ValueError("search: expected at least one option, got none")
    return found


def _named(search: Search) -> dict[str, Any]:
    """Ranges by option; None where none is given."""
    if search is None:
        return {DEFAULT: None}
    if isinstance(search, Mapping):
        return dict(search)
    if isinstance(search, str) or not isinstance(search, Iterable):
        raise TypeError(f"search: expected ranges by option, or names of options, got {search!r}")
    return dict.fromkeys(search)


def _may_have_effect(trial: Trial, one: Range, ranges: Mapping[str, Range]) -> bool:
    """Whether an option is read beside the fixed ones, or beside others that are searched."""
    if one.name in settings_in_effect(trial, {one.name: _any_value(one)}):
        return True
    needed = specs_of(find(trial.algorithm).options_class)[one.name]["only_with"]
    return any(name in ranges for values in needed for name in values)


def _any_value(one: Range) -> Any:
    return one.choices[-1] if one.choices is not None else one.value(one.high)


def settings_in_effect(trial: Trial, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a trial without those that the others leave without effect.

    Args:
        trial: what all trials share.
        settings: values by option.
    """
    kind: type[Algorithm] = find(trial.algorithm)
    names = {spec.name for spec in described(kind.options_class)}
    tuned = {} if trial.tuned is None else dict(trial.tuned.options)
    fixed = {name: value for name, value in trial.arguments.items() if name in names}
    mlp = is_mlp(trial.arguments.get("policy", "linear"))
    built = kind.options_class.build(kind.__name__, {**tuned, **fixed, **settings}, mlp)
    return {name: value for name, value in settings.items() if built.is_read(name)}


def first_draws(algo: Algorithm, ranges: Mapping[str, Range]) -> dict[str, Any]:
    """What the first trial would have to draw to have the settings of an algorithm.

    Args:
        algo: built without anything that is searched.
        ranges: by name of the option.

    Returns:
        Draws by option; values that the ranges do not have are left out.
    """
    draws = {name: one.drawn(algo.in_effect(name)) for name, one in ranges.items()}
    kept = {name: draw for name, draw in draws.items() if draw is not None}
    none = [n for n, one in ranges.items() if one.choices and None in one.choices]
    return kept | {n: None for n in none if algo.in_effect(n) is None}
