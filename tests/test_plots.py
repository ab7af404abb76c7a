"""Learning curves and diagnostics: what stands in the figures, never their pixels."""

import itertools
import sys

import numpy as np
import pytest

import fastpg
from fastpg import plots
from fastpg.algorithms import ALGORITHMS
from fastpg.plots.style import COLOURS
from processes import python
from runs import config, folder, record, records

RETURN = "rollout/ep_rew_mean"


def lines_of(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def data(line):
    return line.get_xdata().tolist(), line.get_ydata().tolist()


def legend_of(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def seeded(tmp_path, name, factors, **options):
    """Runs of one configuration whose returns are 10 k times a factor."""
    return [
        folder(
            tmp_path / f"{name}-{seed}",
            [record(k, **{RETURN: 10.0 * k * factor}) for k in range(1, 6)],
            config(name, seed=seed, **options),
        )
        for seed, factor in enumerate(factors)
    ]


def test_one_run(tmp_path):
    figure = plots.learning_curves(folder(tmp_path / "run", records(), config()))
    (axes,) = figure.axes
    lines = lines_of(axes)
    assert data(lines["NPG"]) == ([100, 200, 300, 400, 500], [10, 20, 30, 40, 50])
    assert axes.get_title(loc="left") == "Return on CartPole-v1"
    assert axes.get_xlabel() == "environment steps"
    assert axes.get_ylabel() == "return, mean of the last 100 episodes"
    assert legend_of(figure) == ["NPG", "threshold of CartPole-v1: 475"]
    threshold = lines["threshold of CartPole-v1: 475"]
    assert set(threshold.get_ydata()) == {475.0}
    assert axes.get_legend() is None  # it is outside of the data


def test_seeds_are_one_curve_with_median_and_range(tmp_path):
    figure = plots.learning_curves(seeded(tmp_path, "npg", (1.0, 5.0, 2.0)))
    (axes,) = figure.axes
    assert data(lines_of(axes)["NPG (3 seeds)"])[1] == [20, 40, 60, 80, 100]
    (band,) = axes.collections
    corners = band.get_paths()[0].vertices
    assert corners[:, 1].min() == 10.0
    assert corners[:, 1].max() == 250.0
    assert figure.legends[0].get_title().get_text() == "line: median; band: smallest to largest"


def test_runs_with_other_records_meet_where_all_have_values(tmp_path):
    rows = [record(k, steps=150, **{RETURN: 150.0 * k}) for k in (1, 2)]
    runs = [
        folder(tmp_path / "a", rows, config(seed=0)),
        folder(tmp_path / "b", [record(k, **{RETURN: 100.0 * k}) for k in (1, 4)], config(seed=1)),
    ]
    (axes,) = plots.learning_curves(runs).axes
    assert data(lines_of(axes)["NPG (2 seeds)"]) == ([150, 300], [150, 300])  # both return = steps
    far = [folder(tmp_path / "c", [record(9)], config(seed=2))]
    with pytest.raises(ValueError, match="expected runs with a common part of the axis 'steps'"):
        plots.learning_curves([*runs, *far])


def test_groups_are_named_by_what_differs(tmp_path):
    runs = [
        *seeded(tmp_path / "a", "trpo", (1.0, 2.0), target_kl=0.01, num_threads=1),
        *seeded(tmp_path / "b", "trpo", (3.0,), target_kl=0.02, num_threads=2),
        *seeded(tmp_path / "c", "ppo", (1.0,)),
        tmp_path / "d.csv",
    ]
    (folder(tmp_path / "d", records(), csv_only=True) / "records.csv").rename(tmp_path / "d.csv")
    figure = plots.learning_curves(runs)
    names = ["TRPO, target_kl=0.01 (2 seeds)", "TRPO, target_kl=0.02", "PPO", "d.csv"]
    assert legend_of(figure)[:4] == names
    (axes,) = figure.axes
    assert [line.get_color() for line in axes.get_lines()[:4]] == list(COLOURS[:4])


NEIGHBOURS = {
    "env_kwargs": (
        {"env": lambda: fastpg.make_vec("Pendulum-v1", 4, g=9.81)},
        {"env": lambda: fastpg.make_vec("Pendulum-v1", 4, g=1.62)},
        ["NPG, g=9.81", "NPG, g=1.62"],
    ),
    "time limit": (
        {"env": lambda: fastpg.make_vec("CartPole-v1", 4, max_episode_steps=100)},
        {"env": lambda: fastpg.make_vec("CartPole-v1", 4)},
        ["NPG, max_episode_steps=100", "NPG, max_episode_steps=500"],
    ),
    "normalisation": (
        {"policy_kwargs": {}}, {"policy_kwargs": {"normalize_observations": True}},
        ["NPG, normalized=False", "NPG, normalized=True"],
    ),
    "degree": (
        {"policy_kwargs": {"features": "polynomial", "features_kwargs": {"degree": 2}}},
        {"policy_kwargs": {"features": "polynomial", "features_kwargs": {"degree": 3}}},
        ["NPG, degree=2", "NPG, degree=3"],
    ),
    "activation": (
        {"policy": "mlp", "policy_kwargs": {"activation_fn": "tanh"}},
        {"policy": "mlp", "policy_kwargs": {"activation_fn": "relu"}},
        ["NPG, activation_fn=tanh", "NPG, activation_fn=relu"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", NEIGHBOURS)
def test_runs_that_differ_in_more_than_their_seed_are_two_curves(kind, tmp_path):
    first, second, names = NEIGHBOURS[kind]
    algorithms, folders = [], []
    for seed in range(2):
        for k, given in enumerate((first, second)):
            arguments = {"policy": "linear", "env": "CartPole-v1", **given}
            if callable(arguments["env"]):
                arguments["env"] = arguments["env"]()
            else:
                arguments["n_envs"] = 4
            policy, env = arguments.pop("policy"), arguments.pop("env")
            algo = fastpg.NPG(policy, env, seed=seed, n_steps=64, **arguments)
            folders.append(tmp_path / f"{k}-{seed}")
            algorithms.append(algo.learn(1024, log=folders[-1]))
    for runs in (algorithms, folders):
        (axes,) = plots.learning_curves(runs).axes
        assert [name for name in lines_of(axes) if "threshold" not in name][:2] == [
            f"{name} (2 seeds)" for name in names
        ]


def test_evaluations_within_a_file_of_records(tmp_path):
    """`JsonLinesLogger` writes both, and so does the progress.csv of stable-baselines3."""
    from fastpg import loggers

    path = tmp_path / "x.jsonl"
    fastpg.NPG("linear", "CartPole-v1", seed=0, n_envs=4, n_steps=64).learn(
        2048, log=loggers.JsonLinesLogger(path), eval_freq=512, n_eval_episodes=2
    )
    other = tmp_path / "progress.csv"
    other.write_text(
        "eval/mean_reward,rollout/ep_rew_mean,time/iterations,time/time_elapsed,"
        "time/total_timesteps\n,20.0,1,1,2048\n150.0,,,,4000\n,30.0,2,2,4096\n250.0,,,,6000\n"
        ",40.0,3,3,6144\n"
    )
    for file, count in ((path, 4), (other, 2)):
        (axes,) = plots.learning_curves(file, evaluations=True).axes
        (bars,) = axes.containers
        assert len(data(bars.lines[0])[0]) == count
    (axes,) = plots.learning_curves(other, x="iterations").axes
    assert data(axes.get_lines()[0]) == ([1, 2, 3], [20, 30, 40])


def test_no_groups_and_labels(tmp_path):
    runs = seeded(tmp_path, "npg", (1.0, 2.0, 3.0))
    alone = plots.learning_curves(runs, group=False)
    assert legend_of(alone)[:3] == ["NPG, seed 0", "NPG, seed 1", "NPG, seed 2"]
    named = plots.learning_curves(runs, labels=["old", "new", "old"])
    assert legend_of(named)[:2] == ["old (2 seeds)", "new"]
    assert data(lines_of(named.axes[0])["old (2 seeds)"])[1] == [20, 40, 60, 80, 100]
    with pytest.raises(ValueError, match="labels: expected 3, one for each run, got 1"):
        plots.learning_curves(runs, labels=["x"])


def test_a_panel_for_each_environment(tmp_path):
    runs = [
        folder(tmp_path / env_id, records(), config("npg", env_id))
        for env_id in ("CartPole-v1", "Pendulum-v1", "Acrobot-v1", "MountainCar-v0")
    ]
    figure = plots.learning_curves(runs)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [f"Return on {run.name}" for run in runs]
    colours = {lines_of(axes)["NPG"].get_color() for axes in figure.axes}
    assert len(colours) == 1
    assert legend_of(figure).count("NPG") == 1
    assert len(lines_of(figure.axes[1])) == 1  # Pendulum has no threshold


@pytest.mark.parametrize(
    ("x", "label", "first"),
    [("steps", "environment steps", 100), ("seconds", "seconds of training", 0.5),
     ("iterations", "iterations", 1)],
)  # fmt: skip
def test_axes(x, label, first):
    (axes,) = plots.learning_curves(records(), x=x, y="kl").axes
    assert axes.get_xlabel() == label
    assert axes.get_ylabel() == "KL divergence of the step (nats)"
    (line,) = axes.get_lines()
    assert data(line)[0][0] == first
    assert data(line)[1] == [0.01 / k for k in range(1, 6)]


def test_thousands_are_separated_and_minus_signs_are_true():
    rows = [record(k, steps=100_000, **{RETURN: -1000.0 * k}) for k in range(1, 11)]
    figure = plots.learning_curves(rows)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert "1,000,000" in [tick.get_text() for tick in axes.get_xticklabels()]
    assert "\u221210,000" in [tick.get_text() for tick in axes.get_yticklabels()]


def test_smoothing_is_a_mean_of_the_last_records():
    (axes,) = plots.learning_curves(records(), smooth=3).axes
    assert data(axes.get_lines()[0])[1] == pytest.approx([10, 15, 20, 30, 40])
    assert axes.get_xlabel() == "environment steps (means of 3 records)"


def test_a_huge_value_does_not_spoil_the_means_after_it():
    rows = records(9, **{"train/kl": 1.0})
    rows[1]["train/kl"] = 1e30
    (axes,) = plots.learning_curves(rows, y="kl", smooth=3).axes
    assert data(axes.get_lines()[0])[1][4:] == [1.0] * 5


def test_evaluations(tmp_path):
    evaluations = [
        {"time/total_timesteps": t, "eval/mean_reward": 0.5 * t, "eval/std_reward": 7.0}
        for t in (200, 400)
    ]
    path = folder(tmp_path / "run", records(), config(), evaluations)
    (axes,) = plots.learning_curves(path, evaluations=True).axes
    (bars,) = axes.containers
    assert bars.get_label() == "NPG: evaluations"
    assert data(bars.lines[0]) == ([200, 400], [100, 200])
    spans = [segment[:, 1].tolist() for segment in bars.lines[2][0].get_segments()]
    assert spans == [[93.0, 107.0], [193.0, 207.0]]
    with pytest.raises(ValueError, match=r"expected a run with evaluations, .*eval_freq=STEPS"):
        plots.learning_curves(records(), evaluations=True)
    with pytest.raises(ValueError, match="evaluations: expected with y=rollout/ep_rew_mean or"):
        plots.learning_curves(path, y="kl", evaluations=True)
    (axes,) = plots.learning_curves(path, y="eval/mean_reward").axes
    assert data(axes.get_lines()[0]) == ([200, 400], [100, 200])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"x": "secnds"}, ValueError, "unknown x 'secnds'; did you mean 'seconds'"),
        ({"y": "rollout/ep_rew_men"}, ValueError, "did you mean 'rollout/ep_rew_mean'"),
        ({"smooth": 0}, ValueError, "smooth"),
        ({"smooth": 1.5}, TypeError, "smooth"),
        ({"evaluations": "yes"}, TypeError, "evaluations"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        plots.learning_curves(records(), **arguments)
    if "x" in arguments or "smooth" in arguments:
        with pytest.raises(error, match=message):
            plots.diagnostics(records(), **arguments)


def test_no_runs():
    with pytest.raises(ValueError, match="runs: expected at least one, got none"):
        plots.learning_curves([])


def panels_of(figure):
    return {axes.get_title(loc="left"): axes for axes in figure.axes}


ALL = ["Return", "KL of the step", "What limited the step"]
PANELS = {
    "npg": [*ALL, "Signal share", "Residual of the linear solve", "Explained variance", "Entropy",
            "Sigma", "Clipped actions", "Time"],
    "trpo": [*ALL, "Signal share", "Residual of the linear solve", "Explained variance", "Entropy",
             "Sigma", "Clipped actions", "Time"],
    "ppo": [*ALL, "Explained variance", "Entropy", "Sigma", "Clipped ratios", "Clipped actions",
            "Time"],
    "reinforce": [*ALL, "Explained variance", "Entropy", "Sigma", "Clipped actions", "Time"],
}  # fmt: skip


@pytest.mark.parametrize("name", ALGORITHMS)
def test_diagnostics_of_real_runs(name):
    algo = fastpg.train(name, "Pendulum-v1", total_timesteps=20_000, seed=0, tuned=False)
    figure = plots.diagnostics(algo, smooth=2)
    panels = panels_of(figure)
    assert list(panels) == PANELS[name]
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    assert all(axes.get_xlabel() == "environment steps" for axes in figure.axes)
    assert f"{name.upper()} on Pendulum-v1, seed 0" in figure.get_suptitle()
    history = algo.history
    kl = lines_of(panels["KL of the step"])
    assert data(kl["KL"])[1][0] == history[0]["train/kl"]
    if "train/target_kl" in history[0]:
        bounds = [r["train/target_kl"] for r in history]
        means = [bounds[0], *(0.5 * (a + b) for a, b in itertools.pairwise(bounds))]
        assert data(kl["bound"])[1] == pytest.approx(means)  # smoothed as the KL is
    entropy = panels["Entropy"].get_lines()
    assert data(entropy[0])[1] == [-r["train/entropy_loss"] for r in history]  # the paler line
    assert len(entropy) == 2


def test_what_limited_each_step():
    rows = records(5)
    rows[1]["train/step_limited_by"] = "line_search"
    rows[2] |= {"train/step_limited_by": "none", "train/status": "no_improvement"}
    rows[3]["train/step_limited_by"] = "something new"
    axes = panels_of(plots.diagnostics(rows))["What limited the step"]
    texts = [label.get_text() for label in axes.get_yticklabels()]
    assert texts == [
        "KL bound\n40 % of iterations",
        "line search\n20 % of iterations",
        "no step: no improvement\n20 % of iterations",
        "something new\n20 % of iterations",
    ]
    marks = [(data(line)[0], set(data(line)[1])) for line in axes.get_lines()]
    assert marks == [([100, 500], {0}), ([200], {1}), ([300], {2}), ([400], {3})]


def test_the_time_of_the_parts_is_stacked_in_milliseconds():
    axes = panels_of(plots.diagnostics(records()))["Time"]
    tops = [part.get_paths()[0].vertices[:, 1].max() for part in axes.collections]
    assert tops == pytest.approx([1.0, 3.0])
    assert axes.get_ylabel() == "milliseconds per iteration"


def test_scales():
    """One huge KL, and an explained variance far below 0, do not flatten the rest."""
    rows = records(9)
    for row in rows:
        row |= {"train/kl": 0.01, "train/explained_variance": 0.5}
    linear = panels_of(plots.diagnostics(rows))
    assert linear["KL of the step"].get_yscale() == "linear"
    assert linear["KL of the step"].get_ylim()[0] == 0.0
    rows[4] |= {"train/kl": 5.0, "train/explained_variance": -300.0, "train/cg_residual": 1e-9}
    changed = panels_of(plots.diagnostics(rows))
    assert changed["KL of the step"].get_yscale() == "log"
    assert changed["Explained variance"].get_ylim() == (-1.05, 1.05)
    assert "cut off below" in changed["Explained variance"].get_ylabel()
    assert changed["Residual of the linear solve"].get_yscale() == "log"


def test_the_tolerance_of_the_linear_solve(tmp_path):
    rows = [record(k, **{"train/cg_residual": 1e-12}) for k in (1, 2)]
    run = folder(tmp_path / "run", rows, config(cg_tol=1e-10))
    axes = panels_of(plots.diagnostics(run))["Residual of the linear solve"]
    assert set(lines_of(axes)["tolerance"].get_ydata()) == {1e-10}


def test_records_of_other_programs_have_no_diagnostics():
    rows = [{"time/total_timesteps": k, "a/b": 1.0} for k in range(3)]
    with pytest.raises(ValueError, match="expected records of training, found none"):
        plots.diagnostics(rows)


def test_one_record_is_a_dot():
    (axes,) = plots.learning_curves(records(1)).axes
    assert axes.get_lines()[0].get_marker() == "o"
    plots.diagnostics(records(1)).draw_without_rendering()


def test_many_curves_differ_and_the_legend_fits(tmp_path):
    labels = [f"configuration number {k}" for k in range(12)]
    figure = plots.learning_curves([records()] * 12, labels=labels)
    looks = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].get_lines()}
    assert len(looks) == 12
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width
    assert box.y1 <= figure.axes[0].get_window_extent().y0


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "PNG"])
def test_saving(tmp_path, suffix):
    figure = plots.learning_curves(records())
    path = plots.save_figure(figure, tmp_path / f"x.{suffix}")
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix.lower()]
    assert path.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [path]


def test_saving_to_other_names(tmp_path):
    figure = plots.learning_curves(records())
    for name in ("x.jpg", "x"):
        with pytest.raises(ValueError, match=r"expected a file name that ends with .png, .svg"):
            plots.save_figure(figure, tmp_path / name)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        plots.save_figure(figure, tmp_path / "file" / "x.png")
    plots.save_figure(figure, tmp_path / "new" / "x.png")
    assert (tmp_path / "new" / "x.png").exists()


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"figures need matplotlib: pip install '.\[plot\]'"):
        plots.learning_curves(records())


ALONE = """
import sys
import matplotlib
from matplotlib import rcParams
from matplotlib.colors import to_hex
rcParams.update({"text.color": "white", "axes.facecolor": "black", "lines.linewidth": 9.0})
before = dict(rcParams)
from fastpg import LinearSoftmax, plots
rows = [{"time/total_timesteps": k, "rollout/ep_rew_mean": k, "train/kl": 0.1} for k in range(1, 4)]
figures = [
    plots.learning_curves(rows),
    plots.diagnostics(rows),
    plots.policy_map(LinearSoftmax(2, 2), ranges=((0, 1), (0, 1)), resolution=3),
]
for k, figure in enumerate(figures):
    plots.save_figure(figure, f"{k}.png")
print("matplotlib.pyplot" in sys.modules, dict(rcParams) == before)
texts = [t for figure in figures for t in figure.findobj(matplotlib.text.Text) if t.get_text()]
print(len(texts) > 50, any(to_hex(t.get_color()) == "#ffffff" for t in texts))
print({axes.get_facecolor() for figure in figures for axes in figure.axes})
"""


def test_pyplot_and_its_state_are_left_alone(tmp_path):
    """No display, a backend that needs one, and a dark style: the figures stay light."""
    done = python(ALONE, cwd=tmp_path, MPLBACKEND="TkAgg", DISPLAY="")
    assert done.stdout == "False True\nTrue False\n{(1.0, 1.0, 1.0, 1.0)}\n", done.stderr


def test_importing_plots_loads_no_matplotlib():
    code = "import sys, fastpg.plots, fastpg.cli; print('matplotlib' in sys.modules)"
    done = python(code)
    assert done.stdout == "False\n", done.stderr


def test_nan_is_no_value():
    rows = records(3)
    rows[0]["train/explained_variance"] = np.nan
    assert "Explained variance" not in panels_of(plots.diagnostics(rows))
