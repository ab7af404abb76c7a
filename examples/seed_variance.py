"""Four algorithms with 50 seeds, and pairs of groups of five seeds: seed_variance.py FIGURE."""

import sys

import numpy as np

import fastpg
from fastpg.plots import save_figure
from fastpg.plots.style import COLOURS, dress, new_figure

rng, figure = np.random.default_rng(0), new_figure(12.0, 3.6)
tasks = ("CartPole-v1", "Acrobot-v1", "Pendulum-v1", "MountainCarContinuous-v0")
for axes, task in zip(figure.subplots(1, 4), tasks, strict=True):
    for k, name in enumerate(("reinforce", "npg", "trpo", "ppo")):
        results = fastpg.train_many(name, task, seeds=50, total_timesteps=60_000, eval_env=task)
        final = results.final[0]
        five = rng.permuted(np.tile(final, (10_000, 1)), axis=1)[:, :10].reshape(-1, 2, 5)
        apart = np.abs(np.diff(five.mean(axis=2), axis=1)[:, 0])
        pair = five[np.argmin(np.abs(apart - np.quantile(apart, 0.9)))].mean(axis=1)
        axes.plot(k + rng.uniform(-0.2, 0.2, 50), final, ".", color=COLOURS[k], alpha=0.4)
        axes.plot([k + 0.35] * 2, pair, "_-", color="black", markersize=9)
        print(task, name, *np.round((final.min(), final.max(), *np.quantile(apart, (0.5, 0.9))), 1))
    dress(axes, task, "", "return of the final policy")
    axes.set_xticks(range(4), ["REINFORCE", "NPG", "TRPO", "PPO"], rotation=30)
figure.suptitle("60,000 steps, seeds 0 to 49; black: means of two groups of five seeds")
save_figure(figure, sys.argv[1] if len(sys.argv) > 1 else "seed_variance.png")
