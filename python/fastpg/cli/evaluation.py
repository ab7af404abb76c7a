"""`fastpg eval`, and the evaluation that ends `fastpg train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import gymnasium
import typer
from gymnasium.vector import VectorEnv

from fastpg.algorithms import load
from fastpg.algorithms.base import Algorithm
from fastpg.cli.console import explained, show_table
from fastpg.envs import NATIVE, NativeVectorEnv
from fastpg.rollouts.copies import EnvCopies
from fastpg.rollouts.env_recipe import EnvRecipe, import_module
from fastpg.rollouts.evaluation import evaluate_policy
from fastpg.rollouts.make_env import make_env

EVAL_EPISODES = 100
EVAL_ENVS = 20


def gymnasium_env(env_id: str, num_envs: int = EVAL_ENVS) -> VectorEnv[Any, Any, Any]:
    """Gymnasium's environment of that name, even where there is a native one; else the native."""
    if env_id in NATIVE and env_id not in gymnasium.registry:
        return make_env(env_id, num_envs)
    return EnvCopies([lambda: gymnasium.make(env_id)] * num_envs)


def result_of(
    algo: Algorithm,
    env: VectorEnv[Any, Any, Any],
    name: str,
    episodes: int,
    *,
    greedy: bool,
    seed: int,
    max_episode_steps: int | None = None,
) -> tuple[str, float]:
    """What to print of it, and the mean return."""
    try:
        mean, std = evaluate_policy(
            algo,
            env,
            episodes,
            deterministic=greedy,
            seed=seed,
            max_episode_steps=max_episode_steps,
        )
    finally:
        env.close()
    kind = "greedy" if greedy else "stochastic"
    digits = _digits(float(std))
    numbers = f"{mean:{digits}} +/- {std:{digits}}"
    return f"{numbers} over {episodes} {kind} episodes of {_owner(env)}{name}", float(mean)


def _digits(std: float) -> str:
    """Returns that differ by less than 1 need more than one."""
    return ".1f" if std == 0.0 or std >= 1.0 else ".3f"


def _owner(env: VectorEnv[Any, Any, Any]) -> str:
    """Gymnasium, where its own code makes the environment, or this package."""
    if isinstance(env, NativeVectorEnv):
        return "fastpg's "
    assert isinstance(env, EnvCopies)
    spec = env.envs[0].spec
    made_by = "" if spec is None else str(spec.entry_point)
    return "Gymnasium's " if made_by.startswith("gymnasium.") else ""


def evaluate(
    path: Annotated[Path, typer.Argument(help="a checkpoint")],
    env: Annotated[
        str | None,
        typer.Option(
            help="id, or module:id, which imports the module, of another environment, as "
            "registered; default: the one trained on, with its options and wrappers"
        ),
    ] = None,
    module: Annotated[
        str | None,
        typer.Option("--import", help="module to import first, which registers the environment"),
    ] = None,
    episodes: Annotated[int, typer.Option(help="whole episodes")] = EVAL_EPISODES,
    seed: Annotated[int, typer.Option(help="of the environment")] = 0,
    stochastic: Annotated[bool, typer.Option(help="sample the actions")] = False,
    max_episode_steps: Annotated[
        int | None,
        typer.Option(
            help="steps after which an episode counts as endless; default: 10000 where the "
            "environment has no time limit"
        ),
    ] = None,
) -> None:
    """Evaluate a checkpoint on the environment it was trained on, Gymnasium's where it has one."""
    with explained():
        algo = load(path)
        if module is not None:
            import_module(module)
        made, name = _eval_env(algo, env)
        text, _ = result_of(
            algo,
            made,
            name,
            episodes,
            greedy=not stochastic,
            seed=seed,
            max_episode_steps=max_episode_steps,
        )
        show_table({"evaluation": text})


def _eval_env(algo: Algorithm, env_id: str | None) -> tuple[VectorEnv[Any, Any, Any], str]:
    """The environment to evaluate in, and its name."""
    if env_id is not None:
        return gymnasium_env(env_id), env_id
    recipe = algo.env_recipe
    if recipe is None:  # a file of 0.1.0
        if algo.env_id is None:
            raise ValueError("--env: expected an id, since the checkpoint names none")
        recipe = EnvRecipe.of_id(algo.env_id)
    return recipe.make(EVAL_ENVS), str(recipe)
