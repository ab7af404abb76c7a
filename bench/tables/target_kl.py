"""Return of TRPO against target_kl, with default options: a table and a figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from tables.runs import EPISODES, final_return, over_seeds
from tables.sections import table
from tables.tasks import TASKS

HEADING = "TRPO: return against target_kl"
LABELS = {
    "cartpole": "CartPole-v1",
    "acrobot": "Acrobot-v1",
    "pendulum-cubic": "Pendulum-v1, cubic polynomials",
}
TARGETS = (0.001, 0.003, 0.01, 0.03, 0.1)  # initial bounds in nats per step, which fall to 0
SEEDS = 10

_FIGURE = Path("figures/target_kl.png")  # relative to the folder of the page

_TEXT = f"""`target_kl` is the schedule "lin_X", which falls linearly from X to 0. All other options
are the defaults. Returns are means of {EPISODES} greedy episodes. In the figure, points are medians
over seeds, and bands show the quartiles.

"""

Returns = npt.NDArray[np.float64]


def run(name: str, timesteps: int, target: float, seed: int) -> float:
    """The final greedy return."""
    task = TASKS[name]
    algo = task.algorithm("trpo", seed, target_kl=f"lin_{target}")
    return final_return(algo.learn(timesteps), task.env_id, seed)


def text(given_steps: int | None, seeds: range, workers: int, page: Path | None) -> str:
    """The table; with a page, the figure too."""
    steps = {name: TASKS[name].timesteps("trpo", given_steps) for name in LABELS}
    jobs = [(name, steps[name], target) for name in LABELS for target in TARGETS]
    flat = np.array(over_seeds(run, jobs, seeds, workers))
    returns = dict(zip(LABELS, flat.reshape(len(LABELS), len(TARGETS), -1), strict=True))
    rows = [
        _row(name, steps[name], target, of_target)
        for name in LABELS
        for target, of_target in zip(TARGETS, returns[name], strict=True)
    ]
    if page is None:
        return _TEXT + table(rows)
    draw(returns, steps, page.parent / _FIGURE)
    return f"{_TEXT}![Return against target_kl]({_FIGURE.as_posix()})\n\n{table(rows)}"


def _row(name: str, timesteps: int, target: float, returns: Returns) -> dict[str, str]:
    task = TASKS[name]
    low, median, high = np.quantile(returns, [0.25, 0.5, 0.75])
    return {
        "environment": LABELS[name],
        "steps": f"{timesteps:,}",
        "target_kl": f'"lin_{target}"',
        "level": f"{task.level:g}",
        "seeds at it": f"{(returns >= task.level).sum()} of {len(returns)}",
        "median": f"{median:z.1f}",
        "quartiles": f"{low:z.1f} to {high:z.1f}",
        "worst": f"{returns.min():z.1f}",
    }


def draw(returns: dict[str, Returns], steps: dict[str, int], path: Path) -> None:
    """A panel for each environment; (targets, seeds) returns by name."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.6), dpi=90, layout="constrained")
    for axes, (name, of_env) in zip(figure.subplots(1, len(returns)), returns.items(), strict=True):
        low, median, high = np.quantile(of_env, [0.25, 0.5, 0.75], axis=1)
        axes.fill_between(TARGETS, low, high, alpha=0.25, linewidth=0, label="quartiles")
        axes.plot(TARGETS, median, marker="o", label="median")
        axes.axhline(TASKS[name].level, color="0.4", linestyle="--", linewidth=1, label="level")
        axes.set_xscale("log")
        axes.set_title(f"{LABELS[name]}\n{steps[name]:,} steps", fontsize="medium")
        axes.set_xlabel("target_kl at the start (nats)")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel(f"return (sum of rewards,\nmean of {EPISODES} greedy episodes)")
    parts, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(parts, names, loc="outside lower center", ncols=3, frameon=False)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
