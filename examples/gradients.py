"""Natural and plain gradients, and PPO: gradients.py FIGURE PROCESSES; several need joblib."""

import sys

import fastpg
from fastpg.experiments.statistics import interval
from fastpg.plots import save_figure
from fastpg.plots.style import dress, key_below, line_styles, new_figure, separate_thousands

methods = {
    "plain gradient (REINFORCE, SGD)": ("reinforce", {"optimizer": "sgd", "learning_rate": 0.001}),
    "plain gradient, KL of NPG's steps": ("npg", {"cg_damping": 1e6}),
    "NPG": ("npg", {}),
    "PPO": ("ppo", {}),
}
path, jobs, figure = *[*(sys.argv[1:] or ["gradients.png"]), "1"][:2], new_figure(10.0, 4.2)
for axes, task in zip(figure.subplots(1, 2), ("CartPole-v1", "Acrobot-v1"), strict=True):
    for (name, (algorithm, options)), style in zip(methods.items(), line_styles(), strict=False):
        results = fastpg.train_many(algorithm, task, seeds=20, total_timesteps=60_000, tuned=False,
                                    n_evaluations=15, n_jobs=int(jobs), **options)  # fmt: skip
        found = [interval(returns) for returns in results.of(0).T]
        axes.plot(results.points, [each.value for each in found], label=name, **style)
        ends = [each.low for each in found], [each.high for each in found]
        axes.fill_between(results.points, *ends, color=style["color"], alpha=0.2)
        print(f"{task:12} {name:35} {found[4]} after 20,000 steps, {found[-1]} at the end")
    dress(axes, task, "environment steps", "return, IQM")
    separate_thousands(axes.xaxis)
key_below(figure, "seeds 0 to 19, with 95 % intervals")
save_figure(figure, path)
