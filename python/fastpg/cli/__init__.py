"""The command line: fastpg train, eval, lecture, info."""

from __future__ import annotations

import dataclasses
import inspect
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import gymnasium
import numpy as np
import typer
from gymnasium.vector import VectorEnv
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from fastpg import _core
from fastpg.algorithms import ALGORITHMS, load
from fastpg.algorithms.base import Algorithm, Callback
from fastpg.algorithms.settings import TunedSettings, built_in
from fastpg.algorithms.train import build, settings_for, timesteps
from fastpg.cli.options import OF_POLICY, keywords, parameters
from fastpg.envs import NATIVE, NativeVectorEnv
from fastpg.rollouts.collect import EndlessEpisodeError
from fastpg.rollouts.copies import EnvCopies
from fastpg.rollouts.env_recipe import EnvRecipe, import_module
from fastpg.rollouts.evaluation import evaluate_policy
from fastpg.rollouts.make_env import make_env
from fastpg.suggestions import unknown
from fastpg.training.diagnosis import diagnose
from fastpg.training.metrics import Metrics

EVAL_EPISODES = 100
_EVAL_ENVS = 20
INTERRUPTED = 130  # 128 + SIGINT, as shells count

_EXPLAINED = (
    ValueError,
    TypeError,
    OSError,
    ImportError,
    EndlessEpisodeError,
    gymnasium.error.Error,
)

app = typer.Typer(
    name="fastpg",
    help="Policy gradients on a CPU.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help shows long option names whole
    pretty_exceptions_enable=False,
)


class AlgorithmGroup(typer.core.TyperGroup):
    """`fastpg train`: names the nearest algorithm when one is unknown."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command of the first argument."""
        if args and args[0] not in ALGORITHMS:
            _fail(unknown("algorithm", args[0], ALGORITHMS))
        return super().resolve_command(ctx, args)


train_app = typer.Typer(
    cls=AlgorithmGroup,
    help="Train a policy and save it. Options: `fastpg train ALGORITHM --help`.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(train_app, name="train")


def _fail(message: str) -> NoReturn:
    Console(stderr=True, soft_wrap=True, highlight=False).print(f"error: {message}", markup=False)
    raise typer.Exit(2)


@contextmanager
def _explained() -> Iterator[None]:
    """Errors that the user can mend become one line and exit code 2."""
    try:
        yield
    except _EXPLAINED as error:
        _fail(" ".join(str(error).split()))


def gymnasium_env(env_id: str, num_envs: int = _EVAL_ENVS) -> VectorEnv[Any, Any, Any]:
    """Gymnasium's environment of that name, even where there is a native one; else the native."""
    if env_id in NATIVE and env_id not in gymnasium.registry:
        return make_env(env_id, num_envs)
    return EnvCopies([lambda: gymnasium.make(env_id)] * num_envs)


def _checkpoint_path(out: Path | None, default: str, force: bool) -> Path:
    path = Path(default) if out is None else out
    path = path if path.suffix == ".npz" else path.with_name(path.name + ".npz")
    if path.exists() and not force:
        raise FileExistsError(f"{path} exists: --force replaces it, --out names another file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"--out: no folder {path.parent}")
    return path


def _file_part(env_id: str) -> str:
    """An id in the name of a file: "ALE/Pong-v5" as ALE-Pong-v5."""
    return env_id.replace("/", "-").replace(":", "-")


@contextmanager
def _progress(total: int) -> Iterator[Callback]:
    """A live line on standard error, as a callback of `learn`."""
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps  return {task.fields[mean]}  {task.fields[fps]} steps/s"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("train", total=total, mean="-", fps="-")

        def show(record: Metrics) -> None:
            progress.update(
                task,
                completed=float(record["time/total_timesteps"]),
                mean=_mean(record),
                fps=f"{record['time/fps']:,.0f}",
            )

        yield show


def _mean(record: Metrics) -> str:
    """The mean return of a record; "-" until an episode has ended."""
    mean = float(record.get("rollout/ep_rew_mean", math.nan))
    return "-" if math.isnan(mean) else f"{mean:.1f}"


def _evaluation(
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


def _table(rows: dict[str, str]) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in rows.items():
        table.add_row(key, value)
    Console(highlight=False).print(table)


def _train(name: str, env_id: str, given: dict[str, Any]) -> None:
    """Train with the options that were given, tuned settings, and the defaults."""
    seed, total = given.pop("seed", 0), given.pop("total_timesteps", None)
    out, force = given.pop("out", None), given.pop("force", False)
    policy, file = given.pop("policy", "linear"), given.pop("tuned", None)
    no_tuned = given.pop("no_tuned", False)
    with _explained():
        if no_tuned and file is not None:
            raise ValueError("--no-tuned: expected without --tuned, got both")
        path = _checkpoint_path(out, f"{name}-{_file_part(env_id)}-{seed}.npz", force)
        settings = settings_for(name, env_id, policy, file or not no_tuned)
        policy_kwargs = _policy_kwargs(given, settings)
        algo = build(
            name, env_id, settings, seed=seed, policy=policy, policy_kwargs=policy_kwargs, **given
        )
    told = _told(settings, file, f"{name} on {env_id}")
    _learn_and_report(
        algo, env_id, timesteps(name, settings, total), path, told, tuned=settings is not None
    )


def _policy_kwargs(given: dict[str, Any], settings: TunedSettings | None) -> dict[str, Any] | None:
    """Those given, taken out, and the tuned ones beside them; None where none were given."""
    own = {key: given.pop(key) for key in OF_POLICY if key in given}
    if not own:
        return None
    if "features_kwargs" in own:
        own["features_kwargs"] = keywords(own["features_kwargs"])
    tuned = {} if settings is None else dict(settings.policy_kwargs)
    if "features" in own:
        tuned.pop("features_kwargs", None)  # of the other map
    return tuned | own


def _told(settings: TunedSettings | None, file: Path | None, name: str) -> str:
    """What the summary says of the settings."""
    if settings is not None:
        return f"{settings}; --no-tuned: the defaults"
    return "the defaults" + ("" if file is None else f"; {file} has none for {name}")


def _learn_and_report(
    algo: Algorithm, env_id: str, total: int, path: Path, settings: str, *, tuned: bool
) -> None:
    """Learn, save, evaluate, and print the summary; `tuned` settings need not be named again."""
    interrupted, score = False, None
    start = time.perf_counter()
    with _explained():
        try:
            with _progress(total) as show:
                algo.learn(total, show)
        except KeyboardInterrupt:
            interrupted = True
        elapsed = time.perf_counter() - start
        algo.save(path)
        try:
            env = gymnasium_env(env_id)
            evaluation, score = _evaluation(
                algo, env, env_id, EVAL_EPISODES, greedy=True, seed=algo.seed
            )
        except KeyboardInterrupt:
            interrupted, evaluation = True, "interrupted"
        except EndlessEpisodeError as error:
            evaluation = f"none: {error}"
        notes = [] if interrupted else diagnose(algo, score=score, tuned=not tuned)
        _table(
            {
                "settings": settings,
                "steps": f"{algo.num_timesteps:,}" + (" (interrupted)" if interrupted else ""),
                "wall time": f"{elapsed:.3f} s",
                "steps/s": f"{algo.num_timesteps / elapsed:,.0f}",
                "evaluation": evaluation,
                "saved": str(path),
            }
            | ({"note": "\n".join(notes)} if notes else {})
        )
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def _train_command(name: str) -> Callable[..., None]:
    """A function whose signature lists the options of an algorithm, for typer to read."""
    listed = parameters(name)

    def run(ctx: typer.Context, env: str, **values: Any) -> None:
        for extra in ctx.args:
            if extra.startswith("-"):
                spelled = extra.lstrip("-").split("=")[0].replace("-", "_")
                _fail(unknown("option", spelled, values))
            _fail(f"expected one environment, got another argument {extra!r}")
        _train(name, env, {key: values[key] for key in values if _is_given(ctx, key)})

    run.__signature__ = inspect.Signature(listed)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in listed}
    run.__doc__ = (ALGORITHMS[name].__doc__ or "").partition("\n\n")[0]
    return run


def _is_given(ctx: typer.Context, key: str) -> bool:
    """Whether a value is the user's, not a default: tuned settings stand between the two."""
    source = ctx.get_parameter_source(key)
    return source is not None and not source.name.startswith("DEFAULT")


for _name in ALGORITHMS:
    train_app.command(
        _name, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
    )(_train_command(_name))


@app.command(
    hidden=True, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def train_preset() -> None:
    """Of version 0.1.0."""
    _fail(
        "train-preset is no more: expected fastpg train ALGORITHM ENV, which uses the tuned "
        "settings of the environment, as fastpg train trpo Pendulum-v1"
    )


@app.command("eval")
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
    with _explained():
        algo = load(path)
        if module is not None:
            import_module(module)
        made, name = _eval_env(algo, env)
        text, _ = _evaluation(
            algo,
            made,
            name,
            episodes,
            greedy=not stochastic,
            seed=seed,
            max_episode_steps=max_episode_steps,
        )
        _table({"evaluation": text})


def _eval_env(algo: Algorithm, env_id: str | None) -> tuple[VectorEnv[Any, Any, Any], str]:
    """The environment to evaluate in, and its name."""
    if env_id is not None:
        return gymnasium_env(env_id), env_id
    recipe = algo.env_recipe
    if recipe is None:  # a file of 0.1.0
        if algo.env_id is None:
            raise ValueError("--env: expected an id, since the checkpoint names none")
        recipe = EnvRecipe.of_id(algo.env_id)
    return recipe.make(_EVAL_ENVS), str(recipe)


@app.command()
def lecture(
    system: Annotated[str, typer.Argument(help="L1 to L12, Kakade, or all")] = "all",
    out: Annotated[Path, typer.Option(help="folder of the figures and tables")] = Path("lecture"),
) -> None:
    """Print both sides of the lecture's identities; write a figure and a CSV for each system."""
    from fastpg import lecture as systems  # it is not short, and no other command needs it

    holds = True
    with _explained():
        chosen = systems.find(system)
        out.mkdir(parents=True, exist_ok=True)
        for each in chosen:
            result = each.run()
            _show_checks(each, result, each.write(result, out))
            holds = holds and result.holds
    if not holds:
        raise typer.Exit(1)


def _show_checks(system: Any, result: Any, written: list[Path]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{system.number}  {system.title}", markup=False, style="bold")
    table = Table(box=None, pad_edge=False, header_style="")
    table.add_column("identity", overflow="fold")
    for heading in ("left", "", "right", ""):
        table.add_column(heading, no_wrap=True)
    for check in result.checks:
        sides = (f"{check.left:.10g}", check.relation, f"{check.right:.10g}")
        verdict = "holds" if check.holds else "FAILS"
        within = f" within {check.slack:.2g}" if check.slack > 0.0 else ""
        table.add_row(Text(check.text), *sides, verdict + within)
    Console(highlight=False, width=max(console.width, 110)).print(table)
    console.print(f"wrote {' and '.join(map(str, written))}\n", markup=False)


@app.command()
def info(
    path: Annotated[Path | None, typer.Argument(help="a checkpoint")] = None,
) -> None:
    """What is installed, or what a checkpoint holds."""
    with _explained():
        _table(_installed() if path is None else _checkpoint_info(load(path)))


def _installed() -> dict[str, str]:
    return {
        "fastpg": _core.__version__,
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "gymnasium": gymnasium.__version__,
        "algorithms": ", ".join(ALGORITHMS),
        "tuned settings": ", ".join(f"{name} {env_id}" for name, env_id in built_in()),
        "native environments": ", ".join(NATIVE),
    }


def _checkpoint_info(algo: Algorithm) -> dict[str, str]:
    last = algo.history[-1] if algo.history else {}
    changed = {
        name: value
        for name, value in dataclasses.asdict(algo.options).items()
        if value != getattr(algo.options_class(), name)
    }
    return {
        "algorithm": algo.name,
        "environment": algo.env_id or "unnamed",
        "policy": repr(algo.policy),
        "steps": f"{algo.num_timesteps:,}",
        "iterations": str(len(algo.history)),
        "mean return": f"{_mean(last)} (last 100 episodes)",
        "seed": str(algo.seed),
        "options changed": ", ".join(f"{k}={v}" for k, v in changed.items()) or "none",
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the `fastpg` command."""
    app(args=list(arguments) if arguments is not None else None)
