"""Runs for tests of pictures: their records, written as the files that a run has."""

import csv
import json
import math

KEYS = ("time/total_timesteps", "time/iterations", "time/time_elapsed")


def record(k, steps=100, **values):
    """The record of iteration k, counted from 1."""
    return {
        "time/total_timesteps": k * steps,
        "time/iterations": k,
        "time/time_elapsed": 0.5 * k,
        "rollout/ep_rew_mean": 10.0 * k,
        "rollout/ep_rew_min": 5.0 * k,
        "rollout/ep_rew_max": 20.0 * k,
        "train/kl": 0.01 / k,
        "train/target_kl": 0.012,
        "train/status": "accepted",
        "train/step_limited_by": "target_kl",
        "train/entropy_loss": -1.0 / k,
        "time/collect": 0.001,
        "time/update": 0.002,
        **values,
    }


def records(count=5, **values):
    return [record(k, **values) for k in range(1, count + 1)]


def lines(rows):
    """JSON lines without numbers that are not finite, as a run leaves them out."""
    kept = ({k: v for k, v in row.items() if v == v and v != math.inf} for row in rows)
    return "".join(json.dumps(row) + "\n" for row in kept)


def folder(path, rows, config=None, evaluations=(), csv_only=False):
    """A run folder."""
    path.mkdir(parents=True)
    if csv_only:
        names = list(dict.fromkeys(name for row in rows for name in row))
        with (path / "records.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
    else:
        (path / "records.jsonl").write_text(lines(rows))
    if config is not None:
        (path / "config.json").write_text(json.dumps(config))
    if evaluations:
        (path / "evaluations.jsonl").write_text(lines(evaluations))
    return path


def config(algorithm="npg", env_id="CartPole-v1", seed=0, **options):
    return {"algorithm": algorithm, "env_id": env_id, "seed": seed, "options": options}
