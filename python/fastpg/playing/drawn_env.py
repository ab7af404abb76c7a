"""Environments with pictures, and errors where there are none."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.envs.registration import load_env_creator
from gymnasium.error import DependencyNotInstalled
from gymnasium.wrappers import HumanRendering

from fastpg.envs import native_spec
from fastpg.envs.rendering import keep_signals
from fastpg.rollouts.env_recipe import EnvRecipe

Frame = npt.NDArray[np.uint8]

_RENDERERS = ("pygame", "mujoco", "glfw", "OpenGL")  # modules whose errors are of drawing
_USUAL_FPS = 30.0  # where an environment does not say


class NoPictureError(RuntimeError):
    """An environment that cannot be drawn, or not on this machine."""


def make_drawn(recipe: EnvRecipe, render_mode: str = "rgb_array") -> gymnasium.Env[Any, Any]:
    """One environment with pictures, the same as `recipe.make` makes without.

    Args:
        recipe: how to make the environment.
        render_mode: "rgb_array" for pictures, or "human" for a window.

    Returns:
        The environment.

    Raises:
        ValueError: the environment cannot be made again, or has no such pictures.
        NoPictureError: a window without a display, or the environment cannot be made here.
        gymnasium.error.Error: the environment needs a package that is missing.
    """
    env_id = recipe.require_id()
    keep_signals()
    if render_mode == "human":
        _require_display(env_id)
    try:
        return _made(recipe, env_id, render_mode)
    except (ValueError, TypeError, OSError, ImportError, gymnasium.error.Error):
        raise
    except Exception as error:  # a renderer that fails when it is imported may raise anything
        raise _cannot(env_id, error) from error


def _made(recipe: EnvRecipe, env_id: str, render_mode: str) -> gymnasium.Env[Any, Any]:
    if recipe.is_native:  # its pictures are arrays, which a wrapper shows in a window
        env = recipe.make_one(native_spec(env_id).registered_id, render_mode="rgb_array")
        return HumanRendering(env) if render_mode == "human" else env
    _require_mode(env_id, render_mode)
    return recipe.make_one(render_mode=render_mode)


def _require_mode(env_id: str, render_mode: str) -> None:
    """Raise ValueError if the environment's class lists its render modes without this one."""
    creator: Any = gymnasium.registry[env_id].entry_point
    if isinstance(creator, str):
        creator = load_env_creator(creator)
    metadata = getattr(creator, "metadata", None)
    if not isinstance(metadata, dict):  # a function; its environment is checked when it is drawn
        return
    modes = list(metadata.get("render_modes", ()))
    by_wrapper = render_mode == "human" and "rgb_array" in modes
    if render_mode not in modes and not by_wrapper:
        raise ValueError(
            f"{env_id}: expected an environment with the render mode {render_mode!r}, got one with "
            f"{', '.join(map(repr, modes)) or 'none'}"
        )


def frames_per_second(env: gymnasium.Env[Any, Any]) -> float:
    """The rate at which an environment's pictures are in real time.

    Args:
        env: the environment.

    Returns:
        `render_fps` of its metadata; 30 if it has none.
    """
    rate = (env.metadata or {}).get("render_fps")
    usable = isinstance(rate, int | float) and not isinstance(rate, bool) and 0 < rate < 1e4
    return float(rate) if usable and rate is not None else _USUAL_FPS


def draw(env: gymnasium.Env[Any, Any]) -> Frame:
    """The picture of an environment's current state.

    Args:
        env: made with render_mode="rgb_array", and reset.

    Returns:
        (height, width, 3), uint8.

    Raises:
        NoPictureError: the environment draws nothing, or drawing fails on this machine.
        ImportError: a package is missing.
    """
    with drawing(env):
        frame: Any = env.render()
    if (
        not isinstance(frame, np.ndarray)
        or frame.ndim != 3
        or frame.shape[2] != 3
        or frame.dtype != np.uint8
    ):
        got = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else repr(frame)
        raise NoPictureError(
            f"{_name(env)} cannot be drawn: expected uint8 pictures (height, width, 3), got {got}"
        )
    return frame


@contextmanager
def drawing(env: gymnasium.Env[Any, Any], *, alone: bool = True) -> Iterator[None]:
    """Turn the errors of renderers into one that names the environment and a remedy.

    Args:
        env: the environment that is drawn.
        alone: whether the body only draws, so that each of its errors is a renderer's.

    Raises:
        NoPictureError: drawing fails on this machine.
        ImportError: a package is missing.
    """
    try:
        yield
    except DependencyNotInstalled as error:
        remedy = "pip install '.[render]'" if "pygame" in str(error) else _after_run(str(error))
        raise ImportError(f"pictures of {_name(env)} need a package: {remedy}") from error
    except Exception as error:
        if not alone and type(error).__module__.partition(".")[0] not in _RENDERERS:
            raise
        raise _cannot(_name(env), error) from error


def _cannot(name: str, error: Exception) -> NoPictureError:
    hint = ""
    if _uses_mujoco(name):
        hint = "; without a display, MuJoCo needs the environment variable MUJOCO_GL=egl or osmesa"
    return NoPictureError(f"{name} cannot be drawn ({type(error).__name__}: {error}){hint}")


def _after_run(text: str) -> str:
    """The command in Gymnasium's message, such as: run `pip install "gymnasium[box2d]"`."""
    parts = text.split("`")
    return parts[1] if len(parts) > 1 else text


def _name(env: gymnasium.Env[Any, Any]) -> str:
    return type(env.unwrapped).__name__ if env.spec is None else env.spec.id


def _uses_mujoco(name: str) -> bool:
    spec = gymnasium.registry.get(name)
    return spec is not None and "mujoco" in str(spec.entry_point)


def _require_display(env_id: str) -> None:
    """Raise NoPictureError if no window can be shown: GLFW, of MuJoCo, would end the process."""
    if not sys.platform.startswith("linux"):
        return
    displays = ["DISPLAY", "WAYLAND_DISPLAY"]
    if not _uses_mujoco(env_id):
        displays.append("SDL_VIDEODRIVER")
    if not any(map(os.environ.get, displays)):
        raise NoPictureError("a window needs a display, and there is none: --gif FILE writes a GIF")


def draw_without_display() -> None:
    """Set environment variables so that pictures are drawn in memory, for the whole process.

    Without them SDL looks for a display and prints that it found none, and MuJoCo takes GLFW, which
    aborts the process without one. Variables that the user has set are kept.
    """
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    if sys.platform.startswith("linux"):
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
        os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
        if not any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY"))):
            os.environ.setdefault("MUJOCO_GL", "egl")
