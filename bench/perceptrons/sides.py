"""Both sides, asked in turn; the peer may be absent."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from comparison.partner import Partner, partner

WORKER = "perceptrons.worker"


class Sides:
    """fastpg and its peer: what disturbs the machine disturbs both."""

    def __init__(self, ours: Partner, peer: Partner | None) -> None:
        self.ours, self.peer = ours, peer
        self._ours_first = True

    def ask(self, command: str, *arguments: Any) -> tuple[Any, Any]:
        """Both answers, None without a peer; who is asked first changes every time."""
        order = [self.ours] if self.peer is None else [self.ours, self.peer]
        order = order if self._ours_first else order[::-1]
        self._ours_first = not self._ours_first
        answers = {side: side.ask(command, *arguments) for side in order}
        return answers[self.ours], None if self.peer is None else answers[self.peer]

    def medians(self, rounds: int, command: str, *arguments: Any) -> tuple[float, float | None]:
        """Medians of numbers, over several rounds."""
        found = [self.ask(command, *arguments) for _ in range(rounds)]
        ours, peers = zip(*found, strict=True)
        return statistics.median(ours), None if self.peer is None else statistics.median(peers)


@contextmanager
def sides(ours: str, peer: str | None) -> Iterator[Sides]:
    """Both workers, until the end of the block."""
    with ExitStack() as stack:
        us = stack.enter_context(partner(ours, WORKER, "ours"))
        them = None if peer is None else stack.enter_context(partner(peer, WORKER, "peer"))
        yield Sides(us, them)
