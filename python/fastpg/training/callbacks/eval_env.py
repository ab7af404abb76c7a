"""The environments of an evaluation during training: never those of the training."""

from __future__ import annotations

from typing import Any

from gymnasium.vector import VectorEnv

from fastpg.envs import NativeVectorEnv
from fastpg.rollouts.copies import EnvCopies
from fastpg.rollouts.env_recipe import EnvRecipe
from fastpg.rollouts.instances import innermost
from fastpg.rollouts.make_env import make_env

Environments = VectorEnv[Any, Any, Any]


def make_eval_env(algo: Any, given: Any, count: int) -> Environments:
    """Make the environments of an evaluation.

    Args:
        algo: the algorithm that learns.
        given: an id, an environment or a callable; None: the training environment made anew, as
            `EvalCallback` says.
        count: number of copies.

    Returns:
        The environments.

    Raises:
        TypeError, ValueError: `given` is no environment, that of the training, or one with other
            spaces; or it is None and the training environment cannot be made again.
    """
    made = _made_anew(algo, count) if given is None else make_env(given, count)
    if algo.env is not None and _shared(made, algo.env):
        raise ValueError("eval_env: expected an environment of its own, got that of the training")
    algo.require_spaces(made)
    return made


def _shared(one: Environments, other: Environments) -> bool:
    """Whether two vector environments hold the same environment."""
    return not {id(env) for env in innermost(one)}.isdisjoint(map(id, innermost(other)))


def _made_anew(algo: Any, count: int) -> Environments:
    recipe: EnvRecipe | None = algo.env_recipe
    obstacle = "its file does not describe it" if recipe is None else recipe.obstacle
    differs = recipe is not None and bool(recipe.training_only)
    # First by the user's own callables: what these do to an environment, no recipe knows.
    if not differs and (made := _by_callables(algo.env, count)) is not None:
        return made
    if recipe is not None and obstacle is None:
        recipe = recipe.for_evaluation()
        if isinstance(algo.env, NativeVectorEnv):  # `make` would take Gymnasium's, if it has one
            return recipe.make_native(recipe.id or "", count)
        return recipe.make(count)
    raise ValueError(
        "eval_env: expected an environment, since that of the training cannot be made again: "
        f"{obstacle}"
    )


def _by_callables(env: Any, count: int) -> Environments | None:
    """Environments by the callables of the training's; None if they give the same ones again."""
    makers = getattr(env, "env_fns", None)  # of a vector environment without wrappers
    if not makers or env is not env.unwrapped:
        return None
    try:
        first = makers[0]()
        if any(first.unwrapped is other for other in innermost(env)):
            return None
        made = EnvCopies([lambda: first, *(makers[k % len(makers)] for k in range(1, count))])
    except Exception as error:  # of the user's, whatever it is
        raise ValueError(
            "eval_env: expected an environment, since that of the training cannot be made again: "
            f"its callable raises {type(error).__name__}: {error}"
        ) from error
    return None if _shared(made, env) else made
