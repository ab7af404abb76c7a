"""The values of an option that trials may have."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastpg import arrays
from fastpg.algorithms.option_fields import Options, specs_of, type_hints
from fastpg.algorithms.option_texts import Described, described, read_text
from fastpg.algorithms.option_values import checked

_TEXT = re.compile(r"(?P<prefix>lin_|pow[1-9]\d?_)?(?P<low>[^:,]+):(?P<high>[^:,]+)(:(?P<way>.+))?")
_DIGITS = 3  # of the drawn values
_EXPECTED = "LOW:HIGH, LOW:HIGH:log, LOW:HIGH:STEP, or values with commas"


@dataclass(frozen=True)
class Range:
    """Values of an option that trials may have.

    Attributes:
        name: of the option.
        low, high: bounds, inclusive; integers if the option is one.
        log: whether the logarithm is drawn uniformly.
        step: distance of the values from one another; None: any between the bounds.
        prefix: "lin_" or the like, before a number that starts a falling schedule.
        choices: the values themselves, instead of bounds.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    step: float | None = None
    prefix: str = ""
    choices: tuple[Any, ...] | None = None

    def value(self, drawn: Any) -> Any:
        """The value of the option.

        Args:
            drawn: a choice, or a number between the bounds; a float without a step is rounded, to
                three digits with `log`, otherwise to a thousandth of the range.
        """
        if self.choices is not None or isinstance(drawn, int):
            return drawn
        number = float(drawn) if self.step is not None else self._rounded(float(drawn))
        return f"{self.prefix}{number!r}" if self.prefix else number

    def _rounded(self, drawn: float) -> float:
        if self.log:
            near = float(f"{drawn:.{_DIGITS}g}")
        else:
            near = round(drawn, _DIGITS - math.floor(math.log10(self.high - self.low)))
        return min(max(near, self.low), self.high)

    def drawn(self, value: Any) -> Any:
        """What would have to be drawn for a value of the option; None if the range has it not.

        Args:
            value: of the option.
        """
        if self.choices is not None:
            same = [each for each in self.choices if each == value and type(each) is type(value)]
            return same[0] if same else None
        if self.prefix:
            if not isinstance(value, str) or not value.startswith(self.prefix):
                return None
            value = float(value.removeprefix(self.prefix))
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (whole or isinstance(value, float)) or not self.low <= value <= self.high:
            return None
        return value

    def text(self) -> str:
        """The range as `--search` takes it."""
        if self.choices is not None:
            return ",".join("none" if each is None else _shown(each) for each in self.choices)
        way = ":log" if self.log else "" if self.step is None else f":{_shown(self.step)}"
        return f"{self.prefix}{_shown(self.low)}:{_shown(self.high)}{way}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def range_of(options_class: type[Options], name: str, given: Any) -> Range:
    """A range as the user gives it, within what the option allows.

    Args:
        options_class: the options of the algorithm.
        name: of the option, which it has.
        given: a text as `--search` takes it: "0.001:0.1:log", "lin_0.001:0.1:log", "0.9:1:0.01",
            "64,128"; a tuple (low, high), (low, high, "log") or (low, high, step); a list of
            values; or a FloatDistribution, IntDistribution or CategoricalDistribution of Optuna.

    Returns:
        The range.

    Raises:
        TypeError, ValueError: another form, bounds that do not grow, or values that the option does
            not take.
    """
    spec = next(each for each in described(options_class) if each.name == name)
    where = f"search[{name!r}]"
    try:
        found = _read(spec, given)
        for value in _extremes(found):
            checked(name, value, type_hints(options_class)[name], specs_of(options_class)[name])
    except (TypeError, ValueError) as error:
        raise type(error)(f"{where}: {error}") from error
    return found


def _extremes(found: Range) -> tuple[Any, ...]:
    """Values that are in the range of the option if all are."""
    if found.choices is not None:
        return found.choices
    ends = (found.low, found.high)
    return tuple(f"{found.prefix}{end!r}" for end in ends) if found.prefix else ends


def _read(spec: Described, given: Any) -> Range:
    if isinstance(given, str):
        return _from_text(spec, given)
    if isinstance(given, tuple):
        if len(given) not in (2, 3):
            raise ValueError(f"expected (low, high), and 'log' or a step, got {given!r}")
        return _between(spec, *given)
    if isinstance(given, list):
        return _among(spec, given)
    if hasattr(given, "choices"):
        return _among(spec, list(given.choices))
    if all(hasattr(given, each) for each in ("low", "high", "log", "step")):
        return _between(spec, given.low, given.high, "log" if given.log else given.step)
    raise TypeError(f"expected {_EXPECTED}, a tuple, a list or a distribution, got {given!r}")


def _from_text(spec: Described, text: str) -> Range:
    found = _TEXT.fullmatch(text)
    if found is None:
        if ":" in text:
            raise ValueError(f"expected {_EXPECTED}, got {text!r}")
        return _among(spec, [read_text(spec, part.strip()) for part in text.split(",")])
    prefix, way = found["prefix"] or "", found["way"]
    if prefix and not spec.is_schedule:
        raise ValueError(f"expected numbers, since {spec.name} is no schedule, got {text!r}")
    try:
        low, high = _number(spec, found["low"]), _number(spec, found["high"])
        step = way if way in (None, "log") else _number(spec, way)
    except ValueError:
        raise ValueError(f"expected {_EXPECTED}, got {text!r}") from None
    return _between(spec, low, high, step, prefix)


def _number(spec: Described, text: str) -> float:
    """A number of the option's kind; 1e3 is no integer."""
    return int(text) if spec.plain is int else float(text)


def _between(spec: Described, low: Any, high: Any, way: Any = None, prefix: str = "") -> Range:
    whole = spec.plain is int
    if not whole and spec.plain is not float and not spec.is_schedule:
        raise ValueError(f"expected values in a list, since they are no numbers, got {low!r} …")
    ends = [_end(end, whole) for end in (low, high)]
    log = isinstance(way, str)
    if log and way != "log":
        raise ValueError(f"expected 'log' or a step, got {way!r}")
    if not ends[0] < ends[1]:
        raise ValueError(f"expected a low end below the high one, got {low!r} and {high!r}")
    if log and not ends[0] > 0:
        raise ValueError(f"expected a low end above 0 with log, got {low!r}")
    step = None if log or way is None else _end(way, whole)
    if step is not None:
        count = (ends[1] - ends[0]) / step if step > 0 else 0.0
        if round(count) < 1 or abs(count - round(count)) > 1e-9 * count:
            raise ValueError(f"expected a step that divides the range, got {way!r}")
    return Range(spec.name, ends[0], ends[1], log, step, prefix)


def _end(value: Any, whole: bool) -> float:
    if whole:
        return arrays.integer("bound", value, -(2**53), 2**53)
    return arrays.number("bound", value)


def _among(spec: Described, values: list[Any]) -> Range:
    if not values:
        raise ValueError("expected at least one value, got none")
    for value in values:
        if not (value is None or isinstance(value, bool | int | float | str)):
            raise TypeError(f"expected numbers, texts, true, false or None, got {value!r}")
    kind = spec.plain
    same = [float(v) if kind is float and isinstance(v, int) else v for v in values]
    if len({(type(value), value) for value in same}) < len(same):
        raise ValueError(f"expected different values, got {values!r}")
    return Range(spec.name, choices=tuple(same))


def distributions(ranges: Mapping[str, Range]) -> dict[str, Any]:
    """Ranges as Optuna's distributions.

    Args:
        ranges: by name of the option.

    Returns:
        A distribution of each.
    """
    from optuna import distributions as of_optuna  # of the extra `tune`

    def one(found: Range) -> Any:
        if found.choices is not None:
            return of_optuna.CategoricalDistribution(found.choices)
        if isinstance(found.low, int):
            step = 1 if found.step is None else int(found.step)
            return of_optuna.IntDistribution(found.low, int(found.high), log=found.log, step=step)
        return of_optuna.FloatDistribution(found.low, found.high, log=found.log, step=found.step)

    return {name: one(found) for name, found in ranges.items()}
