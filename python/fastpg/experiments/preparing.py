"""The arguments of an experiment, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fastpg import arrays
from fastpg.algorithms.train import Tuned, settings_for, timesteps
from fastpg.envs.user_env import portable
from fastpg.experiments.settings import Setting
from fastpg.experiments.trial import Trial
from fastpg.rollouts.make_env import close_made
from fastpg.training.metrics import MOST_COUNT
from fastpg.training.plan import require_a_step_of_each


def shared_trial(
    algorithm: str,
    env: Any,
    eval_env: Any,
    tuned: Tuned,
    total_timesteps: int | None,
    n_evaluations: int,
    n_eval_episodes: int,
    deterministic: bool,
    arguments: dict[str, Any],
) -> Trial:
    """What all settings share, checked; the arguments are those of `train_many`.

    Returns:
        A trial without the arguments of a setting.

    Raises:
        TypeError, ValueError: a wrong argument.
    """
    env, eval_env = portable(env), portable(eval_env)
    for name, given in (("env", env), ("eval_env", eval_env)):
        if hasattr(given, "step") and not isinstance(given, type):
            raise TypeError(f"{name}: expected an id or a callable that makes one, got {given!r}")
    found = settings_for(algorithm, env, arguments.get("policy", "linear"), tuned)
    steps = timesteps(algorithm, found, total_timesteps)
    total = arrays.integer("total_timesteps", steps, 1, MOST_COUNT)
    count = arrays.integer("n_evaluations", n_evaluations, 1, MOST_COUNT)
    return Trial(
        setting=0,
        algorithm=algorithm,
        env=env,
        tuned=found,
        arguments=arguments,
        total_timesteps=total,
        points=tuple(-(-total * (p + 1) // count) for p in range(count)),
        n_eval_episodes=arrays.integer("n_eval_episodes", n_eval_episodes, 1, MOST_COUNT),
        eval_env=eval_env,
        deterministic=arrays.boolean("deterministic", deterministic),
    )


def trials_of(trial: Trial, settings: Sequence[Setting], tuned: Tuned) -> list[Trial]:
    """The trial of each setting; one that names a policy has the tuned settings of that policy.

    Args:
        trial: what all settings share.
        settings: the settings.
        tuned: argument `tuned` of `train_many`.

    Raises:
        TypeError, ValueError: a setting with a wrong policy.
    """
    trials = [trial.of(k, setting.arguments) for k, setting in enumerate(settings)]
    return [
        replace(each, tuned=settings_for(each.algorithm, each.env, each.arguments["policy"], tuned))
        if "policy" in setting.arguments
        else each
        for setting, each in zip(settings, trials, strict=True)
    ]


def require_arguments(setting: Setting, trial: Trial, seed: int) -> None:
    """Raise the errors of a constructor, before anything is trained.

    Args:
        setting: for the errors.
        trial: the trial of the setting.
        seed: any of the seeds.

    Raises:
        TypeError, ValueError: an argument that `train_many` does not have, or a wrong one.
    """
    given = trial.arguments
    for name in ("seed", "callback", "log", "eval_freq"):
        if name in given:
            raise TypeError(f"{name}: is no argument of train_many")
    try:
        algo = trial.built(seed)
        env = algo.env
        assert env is not None, "an algorithm that was just made has environments"
        close_made(env, trial.env)
        require_a_step_of_each(trial.total_timesteps, env.num_envs)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{error} (setting {setting.name})") from error
