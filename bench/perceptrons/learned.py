"""The table of learning runs: fastpg beside stable-baselines3."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from perceptrons.runs import FASTPG, PEER, TASKS, Finished, Outcome, Run
from tables.sections import table

SIDES = (FASTPG, PEER)
Key = tuple[str, str, int]  # environment, algorithm, steps
LEGEND = (
    "Mean return of the final policy over 100 episodes: the median of the seeds, and the worst and "
    "best of them. Training: median CPU seconds."
)
MADE_WITH = "Versions with which these runs were made:"


def text(done: Finished) -> str:
    """The legend, the table, and the versions that took part."""
    if not done:
        return "No finished runs."
    rows = [_row(key, done) for key in sorted({_key(run) for run in done}, key=_place)]
    versions = sorted({outcome.versions for outcome in done.values()})
    listed = "\n".join(f"- {line}" for line in versions)
    return f"{LEGEND}\n\n{table(rows)}\n\n{MADE_WITH}\n\n{listed}"


def _key(run: Run) -> Key:
    return run.env_id, run.algorithm, run.steps


def _place(key: Key) -> tuple[int, Key]:
    order = list(TASKS)
    return (order.index(key[0]) if key[0] in order else len(order)), key


def _row(key: Key, done: Finished) -> dict[str, str]:
    env_id, algorithm, steps = key
    row = {"environment": env_id, "algorithm": algorithm, "steps": f"{steps:,}"}
    for side in SIDES:
        row[f"{side}: seeds"] = str(len(list(_outcomes(side, key, done))))
    for kind in ("greedy", "stochastic"):
        for side in SIDES:
            row[f"{side}: {kind}"] = _spread([getattr(o, kind) for o in _outcomes(side, key, done)])
    for side in SIDES:
        row[f"{side}: training"] = _seconds([o.cpu_seconds for o in _outcomes(side, key, done)])
    return row


def _outcomes(side: str, key: Key, done: Finished) -> Iterator[Outcome]:
    return (outcome for run, outcome in done.items() if run.side == side and _key(run) == key)


def _spread(returns: list[float]) -> str:
    if not returns:
        return "-"
    return f"{statistics.median(returns):z.1f} ({min(returns):z.1f} to {max(returns):z.1f})"


def _seconds(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} s" if values else "-"
