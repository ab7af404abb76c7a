"""`fastpg enjoy`."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import gymnasium
import typer

from fastpg import arrays, playing
from fastpg.algorithms import load
from fastpg.algorithms.base import Algorithm
from fastpg.arrays import Floats
from fastpg.cli.console import INTERRUPTED, explained, show_table, writable
from fastpg.cli.evaluation import ModuleOfEnv, OtherEnv
from fastpg.cli.models import model_file
from fastpg.files import replace_file
from fastpg.playing.drawn_env import draw_without_display, frames_per_second
from fastpg.playing.gif import FPS
from fastpg.rollouts.env_recipe import EnvRecipe, import_module

Played = tuple[Floats, Any]  # returns and lengths
Play = Callable[..., Played]

_MOST_LISTED = 20  # episodes with a row of their own


def enjoy(
    path: Annotated[Path, typer.Argument(help="a checkpoint, or a run folder")],
    env: OtherEnv = None,
    module: ModuleOfEnv = None,
    gif: Annotated[
        Path | None, typer.Option(help="file to write; without it, a window shows the episodes")
    ] = None,
    episodes: Annotated[int, typer.Option(help="number of episodes")] = 1,
    seed: Annotated[int, typer.Option(help="seed of the environment and of actions")] = 0,
    fps: Annotated[
        float | None,
        typer.Option(help="pictures per second; default: those of the environment"),
    ] = None,
    stochastic: Annotated[
        bool, typer.Option(help="sample actions instead of taking the most probable")
    ] = False,
    max_steps: Annotated[
        int | None,
        typer.Option(
            help="steps after which an episode is cut off; default: the environment's time limit, "
            "or 1000 if it has none"
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="replace the GIF if it exists")] = False,
) -> None:
    """Show a policy in its environment, in a window or as a GIF (pip install '.[render]')."""
    with explained({"n_episodes": "--episodes", "fps": "--fps", "max_steps": "--max-steps"}):
        target = None if gif is None else _gif_file(gif, force)
        algo = load(model_file(path))
        if module is not None:
            import_module(module)
        recipe = _recipe(algo, env)
        rate = None if fps is None else arrays.between("fps", fps, *FPS)
        play = functools.partial(
            playing.play,
            algo,
            n_episodes=episodes,
            deterministic=not stochastic,
            seed=seed,
            max_steps=max_steps,
        )
        if target is None:
            returns, lengths = _in_window(recipe, rate, play)
            show_table(_rows(str(recipe), returns, lengths))
            return
        film, (returns, lengths) = _filmed(recipe, rate, play)
        replace_file(target, film.content())
        saved = {"saved": f"{target} ({_described(film, target)})"}
        show_table(_rows(str(recipe), returns, lengths) | saved)


def _in_window(recipe: EnvRecipe, fps: float | None, play: Play) -> Played:
    env = playing.make_drawn(recipe, "human")
    if fps is not None:
        _set_rate(env, fps)
    return _closing(env, lambda: play(env=env))


def _filmed(recipe: EnvRecipe, fps: float | None, play: Play) -> tuple[playing.Gif, Played]:
    draw_without_display()
    env = playing.make_drawn(recipe)
    film = playing.Gif(frames_per_second(env) if fps is None else fps)
    return film, _closing(env, lambda: play(env=env, see=film.add))


def _closing(env: gymnasium.Env[Any, Any], play: Callable[[], Played]) -> Played:
    """Play and close the environment; Ctrl-C ends the command."""
    try:
        return play()
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    finally:
        env.close()


def _gif_file(gif: Path, force: bool) -> Path:
    if gif.suffix.lower() != ".gif":
        raise ValueError(f"--gif: expected a file name that ends with .gif, got {gif}")
    return writable(gif, force=force, option="--gif")


def _recipe(algo: Algorithm, env_id: str | None) -> EnvRecipe:
    """How to make the environment: the one named, else that of the training."""
    if env_id is not None:
        module, _, name = env_id.rpartition(":")
        if module:
            import_module(module)
        return EnvRecipe.of_id(name)
    if algo.env_recipe is not None:
        return algo.env_recipe
    if algo.env_id is None:
        raise ValueError("--env: expected an id, since the checkpoint names none")
    return EnvRecipe.of_id(algo.env_id)  # a file of 0.1.0


def _set_rate(env: gymnasium.Env[Any, Any], fps: float) -> None:
    """Show a window's pictures at another rate; its drawer reads it from the metadata."""
    for drawer in (env.unwrapped, env):  # the second one for `HumanRendering`
        drawer.metadata = {**drawer.metadata, "render_fps": fps}


def _rows(name: str, returns: Floats, lengths: Any) -> dict[str, str]:
    rows = {"environment": name}
    episodes = zip(returns.tolist(), lengths.tolist(), strict=True)
    for k, (total, length) in enumerate(itertools.islice(episodes, _MOST_LISTED)):
        rows[f"episode {k + 1}"] = f"return {total:,.1f} in {length:,} steps"
    if len(returns) > 1:
        rows["mean return"] = f"{returns.mean():,.1f} over {len(returns)} episodes"
    return rows


def _described(film: playing.Gif, path: Path) -> str:
    assert film.shape is not None
    height, width = film.shape[:2]
    size = path.stat().st_size / 1024
    return f"{film.frames:,} pictures of {width} x {height}, {film.seconds:.1f} s, {size:,.0f} KiB"
