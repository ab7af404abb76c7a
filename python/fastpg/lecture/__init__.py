"""The numbered systems of the lecture as checks with figures; `fastpg lecture` runs them."""

from collections.abc import Mapping
from types import MappingProxyType

from fastpg.lecture import (
    kakade,
    l01,
    l02,
    l03,
    l04,
    l05,
    l06,
    l07,
    l08,
    l09,
    l10,
    l11,
    l12,
)
from fastpg.lecture.formulas import Formula, Kernel
from fastpg.lecture.system import Check, Example, Result, System
from fastpg.public_names import suggest_names
from fastpg.suggestions import one_of

__all__ = ["SYSTEMS", "Check", "Example", "Formula", "Kernel", "Result", "System", "find"]

SYSTEMS: Mapping[str, System] = MappingProxyType(
    {
        module.SYSTEM.number: module.SYSTEM
        for module in (l01, l02, l03, l04, l05, l06, l07, l08, l09, l10, l11, l12, kakade)
    }
)


def find(number: str) -> tuple[System, ...]:
    """The systems with a given number.

    Args:
        number: "L1" to "L12", also "1" to "12", "Kakade" or "all"; upper or lower case.

    Returns:
        One system, or all of them.

    Raises:
        ValueError: unknown number; the message suggests the nearest known one.
        TypeError: not a string.
    """
    if number == "all":
        return tuple(SYSTEMS.values())
    wanted = {key.lower(): system for key, system in SYSTEMS.items()}
    if isinstance(number, str) and number.isdecimal():
        number = f"L{int(number)}"
    if not isinstance(number, str) or number.lower() not in wanted:
        one_of("system", number, [*SYSTEMS, "all"])
    return (wanted[number.lower()],)


suggest_names(__name__)
