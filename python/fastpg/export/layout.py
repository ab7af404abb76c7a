"""How observations and actions are laid out, in lines of ASCII for the exported file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gymnasium import spaces
from gymnasium.spaces.utils import flatdim

Space = spaces.Space[Any]

_MOST_LETTERS = 300


def observation_lines(space: Space) -> list[str]:
    """What the numbers of a flat observation are, a line for each part of the space.

    Args:
        space: of one observation.

    Returns:
        Lines such as "0 to 3: observation['position']: Box (4,)".
    """
    lines, begin = [], 0
    for name, leaf in _leaves("observation", space):
        end = begin + int(flatdim(leaf))
        if end > begin:
            columns = f"{begin}" if end == begin + 1 else f"{begin} to {end - 1}"
            lines.append(_plain(f"{columns}: {name}: {_text(leaf)}"))
        begin = end
    return lines


def action_line(space: Space) -> str:
    """What an action is.

    Args:
        space: of one action.
    """
    return _plain(str(space))


def _leaves(name: str, space: Space) -> Iterator[tuple[str, Space]]:
    if isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from _leaves(f"{name}[{key!r}]", part)
    elif isinstance(space, spaces.Tuple):
        for k, part in enumerate(space.spaces):
            yield from _leaves(f"{name}[{k}]", part)
    else:
        yield name, space


def _text(leaf: Space) -> str:
    if isinstance(leaf, spaces.Discrete):
        first = int(leaf.start)
        return f"one-hot code of an integer from {first} to {first + int(leaf.n) - 1}"
    if isinstance(leaf, spaces.MultiDiscrete):
        counts, starts = leaf.nvec.ravel().tolist(), leaf.start.ravel().tolist()
        since = f", which count from {starts}" if any(starts) else ""
        return f"one-hot codes, one after the other, of integers with {counts} values{since}"
    if isinstance(leaf, spaces.MultiBinary):
        return f"flags, 0 or 1, of shape {leaf.shape}"
    order = ", the last index fastest" if len(leaf.shape or ()) > 1 else ""
    return f"numbers of shape {leaf.shape}{order}"


def _plain(text: str) -> str:
    """One line of ASCII of limited length."""
    line = ascii(" ".join(text.split()))[1:-1]
    return line if len(line) <= _MOST_LETTERS else f"{line[:_MOST_LETTERS]} ..."
