"""When episodes end and environments are reset: time limits and autoreset modes."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from fastpg import _core, arrays
from fastpg.suggestions import one_of

MODES = {
    AutoresetMode.NEXT_STEP: _core.Autoreset.next_step,
    AutoresetMode.SAME_STEP: _core.Autoreset.same_step,
    AutoresetMode.DISABLED: _core.Autoreset.disabled,
}


def mode_of(mode: AutoresetMode | str) -> AutoresetMode:
    """The autoreset mode with a name.

    Args:
        mode: a mode, or its name or value, such as "NEXT_STEP" or "NextStep".

    Returns:
        The mode.

    Raises:
        ValueError: an unknown name.
        TypeError: neither a mode nor a string.
    """
    if isinstance(mode, AutoresetMode):
        return mode
    names = {member.value: member for member in AutoresetMode}
    names.update({member.name: member for member in AutoresetMode})
    return names[one_of("autoreset_mode", mode, names)]


def time_limit(given: Any, registered: int | None) -> int | None:
    """The time limit of an episode in steps.

    Args:
        given: in [1, 2^31 - 1]; None: the registered limit; -1: none.
        registered: the limit for None; None: no limit.

    Returns:
        The limit, or None for no limit.

    Raises:
        ValueError: out of range.
        TypeError: not an integer.
    """
    if given is None:
        return registered
    if isinstance(given, int | np.integer) and not isinstance(given, bool) and given == -1:
        return None
    return arrays.integer("max_episode_steps", given, 1, 2**31 - 1)
