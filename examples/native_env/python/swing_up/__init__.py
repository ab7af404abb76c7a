"""Cart-pole swing-up in C++: the import registers "SwingUp-v0"."""

from pathlib import Path

import fastpg

__all__ = ["ENV"]

ENV = fastpg.load_env(Path(__file__).parent / "swing_up", module=__name__)
