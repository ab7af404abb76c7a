"""`fastpg check`."""

from __future__ import annotations

import warnings
from typing import Annotated

import typer
from rich.console import Console

from fastpg.cli.console import Settings, fail
from fastpg.rollouts.check_env import check_env


def check(
    env: Annotated[
        str, typer.Argument(help="id of the environment; module:id imports the module first")
    ],
    n_steps: Annotated[int, typer.Option(help="steps of each of the two passes")] = 200,
    seed: Annotated[int, typer.Option(help="seed of the resets and the actions")] = 0,
) -> None:
    """Check that an environment can be trained: errors, and warnings about likely mistakes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            check_env(env, n_steps, seed)
        except Exception as error:  # the environment may raise anything
            if Settings.debug:
                raise
            fail(f"{type(error).__name__}: {' '.join(str(error).split())}")
    console = Console(soft_wrap=True, highlight=False)
    for each in caught:
        console.print(f"warning: {each.message}", markup=False)
    console.print(f"{env} can be trained; {len(caught)} warnings", markup=False)
