"""Learning with default settings, judged on Gymnasium's own environment.

python bench/learning.py makes the table of the README (20 seeds, the default number of steps);
that of docs/learning.md is made by the command it names, with --write docs/learning.md.
With --presets it prints the table of the presets instead.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import SyncVectorEnv

import fastpg
from fastpg.algorithms import ALGORITHMS, DEFAULT_TIMESTEPS

EPISODES = 100
LOOK_EPISODES = 20

# A row of the table: the algorithm, and options that are not its defaults.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "reinforce": ("reinforce", {}),
    "npg": ("npg", {}),
    "trpo": ("trpo", {}),
    "ppo": ("ppo", {}),
    "ppo-penalty": ("ppo", {"objective": "kl_penalty"}),
}


@dataclass(frozen=True)
class Outcome:
    """One training run. Returns are of the final policy, on Gymnasium's environment."""

    greedy: float
    stochastic: float
    steps_to_threshold: float  # native exact environment, greedy episodes; inf: never
    seconds_to_threshold: float  # training alone
    seconds: float  # training alone
    finite: bool  # no iteration met a number that was not


def run(variant: str, env_id: str, seed: int, total_timesteps: int) -> Outcome:
    """Train, looking at the policy after every update; the looking is not timed."""
    name, options = VARIANTS[variant]
    threshold = gymnasium.spec(env_id).reward_threshold
    algo = ALGORITHMS[name]("linear", env_id, seed=seed, **options)
    first = (np.inf, np.inf)
    looking = 0.0
    start = time.perf_counter()

    def look(record: fastpg.records.Record) -> None:
        nonlocal first, looking
        if np.isfinite(first[0]):
            return
        begin = time.perf_counter()
        mean, _ = fastpg.evaluate_policy(algo, env_id, LOOK_EPISODES, seed=seed)
        if mean >= threshold:
            first = (float(record["time/total_timesteps"]), begin - start - looking)
        looking += time.perf_counter() - begin

    algo.learn(total_timesteps, look)
    seconds = time.perf_counter() - start - looking
    finite = all(r["train/status"] != "not_finite" for r in algo.history)
    return Outcome(*final_returns(algo, env_id, seed), *first, seconds, finite)


def final_returns(algo: fastpg.training.Algorithm, env_id: str, seed: int) -> tuple[float, float]:
    """Mean greedy and stochastic return on Gymnasium's own environment."""
    env = SyncVectorEnv([lambda: gymnasium.make(env_id)] * LOOK_EPISODES)
    greedy, stochastic = (
        fastpg.evaluate_policy(algo, env, EPISODES, deterministic=greedy, seed=seed)[0]
        for greedy in (True, False)
    )
    env.close()
    return greedy, stochastic


def interval(successes: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z = 1.959963984540054
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def table(outcomes: dict[str, list[Outcome]], totals: dict[str, int], threshold: float) -> str:
    """Markdown, a row for each variant."""
    lines = [
        f"| algorithm | steps | seeds at {threshold:.0f}, greedy | worst | seeds at "
        f"{threshold:.0f}, greedy and stochastic | 95 % interval | steps to {threshold:.0f} "
        f"| time to {threshold:.0f} | whole training |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, runs in outcomes.items():
        greedy = np.array([r.greedy for r in runs])
        both = np.minimum(greedy, [r.stochastic for r in runs]) >= threshold
        low, high = interval(int(both.sum()), len(runs))
        steps, to, whole = (
            float(np.median([getattr(r, field) for r in runs]))
            for field in ("steps_to_threshold", "seconds_to_threshold", "seconds")
        )
        lines.append(
            f"| {name} | {totals[name]:,} | {(greedy >= threshold).sum()} of {len(runs)} "
            f"| {greedy.min():.1f} | {both.sum()} of {len(runs)} "
            f"| {100 * low:.1f} to {100 * high:.1f} % | {_or_never(steps, ',.0f')} "
            f"| {_or_never(1e3 * to, '.0f', ' ms')} | {1e3 * whole:.0f} ms |"
        )
    return "\n".join(lines)


def run_preset(name: str, seed: int) -> tuple[float, float]:
    """Mean greedy return on Gymnasium's environment, and seconds of training."""
    start = time.perf_counter()
    algo = fastpg.train_preset(name, seed=seed)
    seconds = time.perf_counter() - start
    return final_returns(algo, fastpg.PRESETS[name].env_id, seed)[0], seconds


def preset_row(name: str, seeds: int) -> str:
    """A row of Markdown."""
    preset = fastpg.PRESETS[name]
    returns, seconds = np.array([run_preset(name, seed) for seed in range(seeds)]).T
    reached = int((returns >= preset.threshold).sum())
    low, high = interval(reached, seeds)
    return (
        f"| {name} | {preset.env_id} | {preset.total_timesteps:,} | {preset.threshold:.0f} "
        f"| {reached} of {seeds} | {100 * low:.1f} to {100 * high:.1f} % "
        f"| {np.median(returns):.1f} | {returns.min():.1f} | {np.median(seconds):.2f} s |"
    )


def print_presets(seeds: int) -> None:
    """A table of Markdown, a row for each preset as it comes."""
    print("| preset | environment | steps | level | seeds at it | 95 % interval | median | worst "
          "| training |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for name in fastpg.PRESETS:
        print(preset_row(name, seeds), flush=True)


def _or_never(value: float, format_spec: str, unit: str = "") -> str:
    return f"{value:{format_spec}}{unit}" if np.isfinite(value) else "never"


PAGE = """# Learning with default settings

`{command}` makes this table on {env_id}.
Returns are means over {episodes} episodes of Gymnasium's own environment with the final policy;
"steps to" is the median count of environment steps after which {look} greedy episodes first average
that much. Times are medians of training alone.

{table}

Runs in which a step met a number that was not finite: {not_finite}.
"""


def page(given: argparse.Namespace, text: str, outcomes: dict[str, list[Outcome]]) -> str:
    """The table as a page of the docs, with the command that makes it."""
    command = f"python bench/learning.py --seeds {given.seeds}"
    if given.algorithms != list(VARIANTS):
        command += f" --algorithms {' '.join(given.algorithms)}"
    if given.total_timesteps:
        command += f" --total-timesteps {given.total_timesteps}"
    return PAGE.format(
        command=command,
        env_id=given.env,
        episodes=EPISODES,
        look=LOOK_EPISODES,
        table=text,
        not_finite=sum(not r.finite for runs in outcomes.values() for r in runs),
    )


def main() -> None:
    """Print the table, and write the page where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--algorithms", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--env", default="CartPole-v1")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--total-timesteps", type=int, help="instead of each algorithm's default")
    parser.add_argument("--workers", type=int, default=1, help="processes; times are noisier")
    parser.add_argument("--write", type=Path, help="write the page to this file")
    parser.add_argument("--presets", action="store_true", help="the table of the presets")
    given = parser.parse_args()
    if given.presets:
        print_presets(given.seeds)
        return
    totals = {
        v: given.total_timesteps or DEFAULT_TIMESTEPS[VARIANTS[v][0]] for v in given.algorithms
    }
    outcomes: dict[str, list[Outcome]] = {}
    with ProcessPoolExecutor(given.workers) as pool:
        for variant in given.algorithms:
            jobs = [
                pool.submit(run, variant, given.env, seed, totals[variant])
                for seed in range(given.seeds)
            ]
            outcomes[variant] = [job.result() for job in jobs]
    text = table(outcomes, totals, gymnasium.spec(given.env).reward_threshold)
    print(text)
    if given.write is not None:
        given.write.write_text(page(given, text, outcomes))


if __name__ == "__main__":
    main()
