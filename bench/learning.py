"""Learning with default settings, judged on Gymnasium's own environment.

python bench/learning.py makes the table of the README (20 seeds, the default number of steps);
that of docs/learning.md is made by the command it names, with --write docs/learning.md.
With --tuned it prints the table of the tuned settings instead, or of those in a file.
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
from fastpg.naming import one_of
from fastpg.train_by_name import build, timesteps
from fastpg.tuned import TunedSettings, built_in, read_file, tuned_settings

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


def final_returns(
    algo: fastpg.training.Algorithm, env_id: str, seed: int, kinds: tuple[bool, ...] = (True, False)
) -> list[float]:
    """Mean returns on Gymnasium's own environment, of each kind: greedy, or stochastic."""
    env = SyncVectorEnv([lambda: gymnasium.make(env_id)] * LOOK_EPISODES)
    returns = [
        fastpg.evaluate_policy(algo, env, EPISODES, deterministic=greedy, seed=seed)[0]
        for greedy in kinds
    ]
    env.close()
    return returns


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


def chosen_rows(file: str | None, only: list[str] | None) -> list[TunedSettings]:
    """The tuned settings to try: all of a file, or of the package, or those of some names."""
    table = built_in() if file is None else read_file(file)
    names = [f"{algorithm}:{env_id}" for algorithm, env_id in table]
    wanted = [one_of("--only", name, names) for name in only or names]
    return [row for name, row in zip(names, table.values(), strict=True) if name in wanted]


def run_tuned(algorithm: str, env_id: str, file: str | None, seed: int) -> tuple[float, float]:
    """Mean greedy return on Gymnasium's environment, and seconds of training."""
    row = tuned_settings(algorithm, env_id, file)
    start = time.perf_counter()
    algo = build(algorithm, env_id, row, seed=seed)
    algo.learn(timesteps(algorithm, row))
    seconds = time.perf_counter() - start
    return final_returns(algo, env_id, seed, (True,))[0], seconds


def tuned_row(row: TunedSettings, runs: list[tuple[float, float]]) -> str:
    """A row of Markdown."""
    returns, seconds = np.array(runs).T
    level = gymnasium.spec(row.env_id).reward_threshold if row.level is None else row.level
    reached, among = "-", "-"
    if level is not None:
        count = int((returns >= level).sum())
        low, high = interval(count, len(runs))
        reached, among = f"{count} of {len(runs)}", f"{100 * low:.1f} to {100 * high:.1f} %"
    return (
        f"| {row.algorithm} | {row.env_id} | {timesteps(row.algorithm, row):,} "
        f"| {'-' if level is None else f'{level:g}'} | {reached} | {among} "
        f"| {np.median(returns):.1f} | {returns.min():.1f} | {np.median(seconds):.2f} s |"
    )


def print_tuned(rows: list[TunedSettings], seeds: range, workers: int) -> None:
    """A table of Markdown, a row for each algorithm and environment as it comes."""
    print(
        "| algorithm | environment | steps | level | seeds at it | 95 % interval | median "
        "| worst | training |\n|---|---|---|---|---|---|---|---|---|"
    )
    with ProcessPoolExecutor(workers) as pool:
        for row in rows:
            arguments = (row.algorithm, row.env_id, row.file)
            jobs = [pool.submit(run_tuned, *arguments, seed) for seed in seeds]
            print(tuned_row(row, [job.result() for job in jobs]), flush=True)


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
    if given.first_seed:
        command += f" --first-seed {given.first_seed}"
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
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--tuned",
        nargs="?",
        const=True,
        metavar="FILE",
        help="the table of the tuned settings, or of a file of such settings",
    )
    parser.add_argument(
        "--only", nargs="+", metavar="ALGORITHM:ENV", help="some of the tuned settings"
    )
    given = parser.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    if given.tuned is not None:
        file = None if given.tuned is True else given.tuned
        print_tuned(chosen_rows(file, given.only), seeds, given.workers)
        return
    if given.only is not None:
        parser.error("--only: goes only with --tuned")
    totals = {
        v: given.total_timesteps or DEFAULT_TIMESTEPS[VARIANTS[v][0]] for v in given.algorithms
    }
    outcomes: dict[str, list[Outcome]] = {}
    with ProcessPoolExecutor(given.workers) as pool:
        for variant in given.algorithms:
            jobs = [pool.submit(run, variant, given.env, seed, totals[variant]) for seed in seeds]
            outcomes[variant] = [job.result() for job in jobs]
    text = table(outcomes, totals, gymnasium.spec(given.env).reward_threshold)
    print(text)
    if given.write is not None:
        given.write.write_text(page(given, text, outcomes))


if __name__ == "__main__":
    main()
