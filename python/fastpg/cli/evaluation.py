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
from fastpg.cli.models import model_file
from fastpg.envs import NativeVectorEnv, is_only_native
from fastpg.rollouts.copies import EnvCopies
from fastpg.rollouts.env_recipe import EnvRecipe, import_module
from fastpg.rollouts.evaluation import evaluate_policy
from fastpg.rollouts.make_env import make_env

EVAL_EPISODES = 100
EVAL_ENVS = 20
_FLAGS = {
    "n_eval_episodes": "--episodes",
    "seed": "--seed",
    "max_episode_steps": "--max-episode-steps",
}

# Options of the commands that take a policy to an environment.
OtherEnv = Annotated[
    str | None,
    typer.Option(
        help="id of another environment, as registered; module:id imports the module first; "
        "default: the training environment, with its options and wrappers"
    ),
]
ModuleOfEnv = Annotated[
    str | None,
    typer.Option("--import", help="module to import first, which registers the environment"),
]


def gymnasium_env(env_id: str) -> VectorEnv[Any, Any, Any]:
    """`EVAL_ENVS` copies of Gymnasium's environment of an id; native only if Gymnasium has none.

    Args:
        env_id: a registered id.

    Returns:
        The environments.

    Raises:
        ValueError, gymnasium.error.Error: the id is unknown or cannot be made.
    """
    if is_only_native(env_id):
        return make_env(env_id, EVAL_ENVS)
    return EnvCopies([lambda: gymnasium.make(env_id)] * EVAL_ENVS)


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
    """Evaluate an algorithm and close the environment.

    Args:
        algo: the algorithm.
        env: vector environment.
        name: name of the environment, for the text.
        episodes: number of whole episodes.
        greedy: the most probable actions instead of sampled ones.
        seed: seed of the environments.
        max_episode_steps: as in `evaluate_policy`.

    Returns:
        The text to print, and the mean return.

    Raises:
        EndlessEpisodeError: an episode does not end.
    """
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
    digits = _digits(std)
    numbers = f"{mean:{digits}} +/- {std:{digits}}"
    return f"{numbers} over {episodes} {kind} episodes of {_owner(env)}{name}", mean


def _digits(std: float) -> str:
    """Format of a return: one decimal, or three if their deviation is below 1."""
    return ".1f" if std == 0.0 or std >= 1.0 else ".3f"


def _owner(env: VectorEnv[Any, Any, Any]) -> str:
    """Whose environment it is, for the text: fastpg's, Gymnasium's, or "" for any other."""
    if isinstance(env, NativeVectorEnv):
        return "" if env.environment.from_user else "fastpg's "
    assert isinstance(env, EnvCopies)
    spec = env.envs[0].spec
    made_by = "" if spec is None else str(spec.entry_point)
    return "Gymnasium's " if made_by.startswith("gymnasium.") else ""


def evaluate(
    path: Annotated[Path, typer.Argument(help="a checkpoint, or a run folder")],
    env: OtherEnv = None,
    module: ModuleOfEnv = None,
    episodes: Annotated[int, typer.Option(help="number of whole episodes")] = EVAL_EPISODES,
    seed: Annotated[int, typer.Option(help="seed of the environments")] = 0,
    stochastic: Annotated[
        bool, typer.Option(help="sample actions instead of taking the most probable")
    ] = False,
    max_episode_steps: Annotated[
        int | None,
        typer.Option(
            help="steps after which an episode counts as endless; default: 10000 if the "
            "environment has no time limit"
        ),
    ] = None,
) -> None:
    """Evaluate a checkpoint on its training environment (Gymnasium's version, if there is one)."""
    with explained(_FLAGS):
        file = model_file(path)
        algo = load(file)
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
        show_table({"model": f"{file}, step {algo.num_timesteps:,}", "evaluation": text})


def _eval_env(algo: Algorithm, env_id: str | None) -> tuple[VectorEnv[Any, Any, Any], str]:
    """The evaluation environment and its name."""
    if env_id is not None:
        return gymnasium_env(env_id), env_id
    recipe = algo.env_recipe
    if recipe is None:  # a file of 0.1.0
        if algo.env_id is None:
            raise ValueError("--env: expected an id, since the checkpoint names none")
        recipe = EnvRecipe.of_id(algo.env_id)
    recipe = recipe.for_evaluation()
    return recipe.make(EVAL_ENVS), str(recipe)
