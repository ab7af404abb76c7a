"""Words of `fastpg sweep` and `fastpg tune`: options of the algorithm, and seeds."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from fastpg.algorithms.catalogue import ALGORITHMS, find
from fastpg.algorithms.option_texts import described, read_text
from fastpg.cli.options import OF_POLICY, OF_VALUES
from fastpg.suggestions import unknown

_NAMES = tuple(ALGORITHMS)
NAMES = f"{', '.join(_NAMES[:-1])} or {_NAMES[-1]}"  # of the algorithms, for help
OPTIONS = {spec.name for kind in ALGORITHMS.values() for spec in described(kind.options_class)}


def seeds_in(text: str) -> int | range | list[int]:
    """Seeds: a number, a range such as 0:1000, or several with commas.

    Args:
        text: as on the command line.

    Raises:
        ValueError: another form.
    """
    if re.fullmatch(r"\d+", text):
        return int(text)
    if found := re.fullmatch(r"(\d+):(\d+)", text):
        return range(int(found[1]), int(found[2]))
    if re.fullmatch(r"\d+(,\d+)*", text):
        return [int(part) for part in text.split(",")]
    raise ValueError(f"seeds: expected a number, a range such as 0:1000, or 1,2,3, got {text!r}")


def values(algorithm: str, words: list[str]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Options of the algorithm with one value, and those with several.

    Args:
        algorithm: its name.
        words: such as --target-kl .003 .01.

    Raises:
        ValueError: an unknown option, one that is given twice or without a value, or a wrong value.
    """
    known = {spec.name: spec for spec in described(find(algorithm).options_class)}
    found = {
        name: [read_text(known[name], text) for text in texts]
        for name, texts in _texts(known, words).items()
    }
    fixed = {name: values[0] for name, values in found.items() if len(values) == 1}
    return fixed, {name: values for name, values in found.items() if len(values) > 1}


def _texts(known: Collection[str], words: list[str]) -> dict[str, list[str]]:
    """The words after each option."""
    found: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            flag, _, value = word[2:].partition("=")
            name = flag.replace("-", "_")
            if name in (*OF_POLICY, *OF_VALUES):
                raise ValueError(
                    f"{_flag(name)}: expected an option of the algorithm, got one of the policy or "
                    "of the value function: fastpg train takes it, and so do policy_kwargs and "
                    "value_kwargs in Python"
                )
            if name not in known:
                raise ValueError(unknown("option", name, known))
            if name in found:
                raise ValueError(f"{_flag(name)}: expected once, with all its values")
            found[name] = [value] if value else []
        elif found:
            found[next(reversed(found))].append(word)
        else:
            raise ValueError(f"expected an option before {word!r}")
    for name, texts in found.items():
        if not texts:
            raise ValueError(f"{_flag(name)}: expected at least one value")
    return found


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
