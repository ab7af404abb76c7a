"""`fastpg plot`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import gymnasium
import typer

from fastpg.algorithms import load
from fastpg.algorithms.base import Algorithm
from fastpg.arrays import Floats
from fastpg.cli.console import explained, note, show_table, writable
from fastpg.cli.evaluation import ModuleOfEnv
from fastpg.cli.models import model_file
from fastpg.rollouts.collect import EndlessEpisodeError, collect
from fastpg.rollouts.env_recipe import import_module
from fastpg.suggestions import one_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Kinds of pictures, and the options that belong to each alone.
KINDS = {
    "learning": ("y", "eval", "label", "no_group"),
    "diagnostics": (),
    "policy": ("axes", "action", "component", "ranges", "module"),
}
_OVER_TIME = ("x", "smooth")  # options of learning and diagnostics
_EPISODES = 5  # whose observations the picture of a policy shows


def plot(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="run folders, checkpoints, files of records (.csv, .jsonl) or Monitor files of "
            "stable-baselines3; with --kind policy one checkpoint"
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help=".png, .svg or .pdf; default: ./KIND.png"),
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            help="learning: curves of several runs; diagnostics: what happened inside one run; "
            "policy: its actions over two numbers of the observation"
        ),
    ] = "learning",
    x: Annotated[
        str | None, typer.Option(help="steps, seconds or iterations; default: steps")
    ] = None,
    y: Annotated[
        str | None,
        typer.Option(help="key of the records, as in docs/records.md; default: ep_rew_mean"),
    ] = None,
    smooth: Annotated[
        int | None, typer.Option(help="number of records in a moving mean; default: 1")
    ] = None,
    evaluations: Annotated[
        bool, typer.Option("--eval", help="add the evaluations of the runs")
    ] = False,
    label: Annotated[
        list[str] | None,
        typer.Option(help="name in the legend, one for each run; equal names are one curve"),
    ] = None,
    no_group: Annotated[
        bool, typer.Option("--no-group", help="draw seeds of one configuration as several curves")
    ] = False,
    axes: Annotated[
        str | None,
        typer.Option(help="two numbers of the observation, such as 2,3; default: 0,1"),
    ] = None,
    action: Annotated[int | None, typer.Option(help="draw the probability of this action")] = None,
    component: Annotated[
        int | None, typer.Option(help="which number of a Box action; default: 0")
    ] = None,
    ranges: Annotated[
        str | None,
        typer.Option(help="LOW,HIGH,LOW,HIGH of the two axes; default: where the policy goes"),
    ] = None,
    module: ModuleOfEnv = None,
    force: Annotated[
        bool, typer.Option("--force", help="replace the picture if it exists")
    ] = False,
) -> None:
    """Draw learning curves, the inside of a run, or a policy (pip install '.[plot]')."""
    given: dict[str, Any] = {
        "x": x,
        "y": y,
        "smooth": smooth,
        "eval": evaluations or None,
        "label": label or None,
        "no_group": no_group or None,
        "axes": axes,
        "action": action,
        "component": component,
        "ranges": ranges,
        "module": module,
    }
    with explained(dict.fromkeys(("x", "y", "x, y"), "--axes") if kind == "policy" else ()):
        from fastpg import plots  # only this command needs it
        from fastpg.plots.saving import format_of

        options = _options(one_of("kind", kind, KINDS), given)
        path = writable(out or Path(f"{kind}.png"), force=force)
        format_of(path)
        figure = _draw(kind, runs, options)
        plots.save_figure(figure, path)
        show_table({"saved": str(path)})


def _options(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, if they all belong to this kind."""
    known = {**dict.fromkeys(KINDS[kind])}
    if kind != "policy":
        known |= dict.fromkeys(_OVER_TIME)
    found = {name: value for name, value in given.items() if value is not None}
    for name in found:
        if name not in known:
            spelled = "import" if name == "module" else name.replace("_", "-")
            kinds = [k for k in KINDS if name in KINDS[k] or (name in _OVER_TIME and k != "policy")]
            raise ValueError(f"--{spelled}: expected with --kind {' or '.join(kinds)}, got {kind}")
    return found


def _draw(kind: str, runs: list[Path], given: dict[str, Any]) -> Figure:
    from fastpg import plots

    if kind != "learning" and len(runs) != 1:
        raise ValueError(f"--kind {kind}: expected one run, got {len(runs)}")
    if kind == "policy":
        return _policy(runs[0], given)
    read = [plots.read_run(run) for run in runs]
    for run in read:
        if run.skipped:
            lines = "line that is no record" if run.skipped == 1 else "lines that are no records"
            note(f"{run.name}: left out {run.skipped:,} {lines}")
    over_time = {name: given[name] for name in _OVER_TIME if name in given}
    if kind == "diagnostics":
        return plots.diagnostics(read[0], **over_time)
    return plots.learning_curves(
        read,
        **over_time,
        **({"y": given["y"]} if "y" in given else {}),
        evaluations="eval" in given,
        labels=given.get("label"),
        group="no_group" not in given,
    )


def _policy(path: Path, given: dict[str, Any]) -> Figure:
    from fastpg import plots

    if "module" in given:
        import_module(given["module"])
    algo = load(model_file(path))
    x, y = _numbers("axes", given.get("axes", "0,1"), int, 2)
    limits = None
    if "ranges" in given:
        low_x, high_x, low_y, high_y = _numbers("ranges", given["ranges"], float, 4)
        limits = ((low_x, high_x), (low_y, high_y))
    return plots.policy_map(
        algo,
        x,
        y,
        ranges=limits,
        visited=_visited(algo),
        action=given.get("action"),
        component=given.get("component", 0),
    )


def _numbers(name: str, text: str, kind: type, count: int) -> list[Any]:
    try:
        found = [kind(part) for part in text.split(",")]
    except ValueError:
        found = []
    if len(found) != count:
        raise ValueError(f"--{name}: expected {count} numbers with commas, got {text!r}")
    return found


def _visited(algo: Algorithm) -> Floats | None:
    """Observations of greedy episodes (n, d); None if the environment cannot be made."""
    recipe = algo.env_recipe
    try:
        if recipe is None:
            raise ValueError("the checkpoint names no environment")
        env = recipe.make(_EPISODES)
        rollout = collect(env, algo.policy, n_episodes=_EPISODES, seed=0, deterministic=True)
        env.close()
    except (ValueError, ImportError, EndlessEpisodeError, gymnasium.error.Error) as error:
        note(f"no visited observations are drawn: {' '.join(str(error).split())}")
        return None
    found: Floats = rollout.observations[rollout.valid].astype("float64")
    return found
