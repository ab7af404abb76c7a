"""TRPO's return against target_kl, gae_lambda and batch size: sensitivity.py FIGURE."""

import sys

import fastpg
from fastpg.experiments.statistics import interval
from fastpg.plots import save_figure
from fastpg.plots.style import COLOURS, dress, key_below, new_figure

kls = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
grids = {  # option, values, their labels and what they are
    "target_kl": ([f"lin_{kl}" for kl in kls], kls, "target_kl at the start, falling to 0"),
    "gae_lambda": (at := [0.0, 0.5, 0.8, 0.9, 0.95, 0.97, 0.99, 1.0], at, "gae_lambda"),
    "n_steps": (n := [2**k for k in range(5, 12)], [4 * k for k in n], "samples of an iteration"),
}
figure = new_figure(11.0, 5.6)
for k, (task, steps) in enumerate({"CartPole-v1": 20_000, "Acrobot-v1": 50_000}.items()):
    for m, (option, (values, labels, name)) in enumerate(grids.items()):
        axes, shared = figure.add_subplot(2, 3, 3 * k + m + 1), {"tuned": False, "seeds": 20}
        grid = {option: values}
        results = fastpg.train_many("trpo", task, total_timesteps=steps, grid=grid, **shared)
        found, names = [interval(final) for final in results.final], [f"{x:g}" for x in labels]
        low, high = [each.low for each in found], [each.high for each in found]
        axes.plot(names, [each.value for each in found], ".-", color=COLOURS[0], label="IQM")
        axes.fill_between(names, low, high, color=COLOURS[0], alpha=0.2, label="95 % interval")
        dress(axes, f"{task}, {steps:,} steps", name, "return of the final policy")
        print(task, option, dict(zip(names, map(str, found), strict=True)))
key_below(figure, "TRPO, other options at their defaults, seeds 0 to 19")
save_figure(figure, sys.argv[1] if len(sys.argv) > 1 else "sensitivity.png")
