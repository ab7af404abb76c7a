"""The command line: fastpg train, train-preset, eval, lecture, info."""

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
from fastpg.algorithms import ALGORITHMS, DEFAULT_TIMESTEPS, load
from fastpg.collection import EndlessEpisodeError
from fastpg.envs import NATIVE, NativeVectorEnv
from fastpg.evaluation import evaluate_policy
from fastpg.naming import unknown
from fastpg.options import described
from fastpg.presets import PRESETS, find_preset
from fastpg.records import Record
from fastpg.rollouts.copies import EnvCopies
from fastpg.rollouts.env_recipe import EnvRecipe, import_module
from fastpg.rollouts.make_env import make_env
from fastpg.training import Algorithm, Callback

EVAL_EPISODES = 100
_EVAL_ENVS = 20
_ENV_HELP = (
    f"environment: {', '.join(NATIVE)} (native), any other id registered with Gymnasium, or "
    "module:id, which imports the module"
)
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

        def show(record: Record) -> None:
            progress.update(
                task,
                completed=float(record["time/total_timesteps"]),
                mean=_mean(record),
                fps=f"{record['time/fps']:,.0f}",
            )

        yield show


def _mean(record: Record) -> str:
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
) -> str:
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
    return f"{numbers} over {episodes} {kind} episodes of {_owner(env)}{name}"


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
    total, seed, policy = given.pop("total_timesteps"), given.pop("seed"), given.pop("policy")
    out, force = given.pop("out"), given.pop("force")
    with _explained():
        path = _checkpoint_path(out, f"{name}-{_file_part(env_id)}-{seed}.npz", force)
        algo = ALGORITHMS[name](policy, env_id, seed=seed, **given)
    _learn_and_report(algo, env_id, total, path)


def _learn_and_report(algo: Algorithm, env_id: str, total: int, path: Path) -> None:
    """Learn, save, evaluate, and print the summary."""
    interrupted = False
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
            evaluation = _evaluation(algo, env, env_id, EVAL_EPISODES, greedy=True, seed=algo.seed)
        except KeyboardInterrupt:
            interrupted, evaluation = True, "interrupted"
        except EndlessEpisodeError as error:
            evaluation = f"none: {error}"
        _table(
            {
                "steps": f"{algo.num_timesteps:,}" + (" (interrupted)" if interrupted else ""),
                "wall time": f"{elapsed:.3f} s",
                "steps/s": f"{algo.num_timesteps / elapsed:,.0f}",
                "evaluation": evaluation,
                "saved": str(path),
            }
        )
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def _or_none(kind: type) -> Callable[[str], Any]:
    """Reads a value of a type, or "none"."""

    def read(text: str) -> Any:
        if text.lower() == "none":
            return None
        if kind is bool:
            if text.lower() not in ("true", "false"):
                raise typer.BadParameter(f"expected true, false or none, got {text!r}")
            return text.lower() == "true"
        try:
            return kind(text)
        except ValueError:
            raise typer.BadParameter(f"expected {kind.__name__} or none, got {text!r}") from None

    return read


def _train_command(name: str) -> Callable[..., None]:
    """A function whose signature lists the options of an algorithm, for typer to read."""

    def run(ctx: typer.Context, env: str, **given: Any) -> None:
        known = [p.name for p in parameters if p.name not in ("ctx", "env")]
        for extra in ctx.args:
            if extra.startswith("-"):
                spelled = extra.lstrip("-").split("=")[0].replace("-", "_")
                _fail(unknown("option", spelled, known))
            _fail(f"expected one environment, got another argument {extra!r}")
        _train(name, env, given)

    def parameter(
        field: str, hint: Any, default: Any, doc: str, *flags: str, **extra: Any
    ) -> inspect.Parameter:
        annotation = Annotated[hint, typer.Option(*flags, help=doc, **extra)]
        kind = inspect.Parameter.KEYWORD_ONLY
        return inspect.Parameter(field, kind, default=default, annotation=annotation)

    plain = inspect.Parameter.POSITIONAL_OR_KEYWORD
    steps = DEFAULT_TIMESTEPS[name]
    parameters = [
        inspect.Parameter("ctx", plain, annotation=typer.Context),
        inspect.Parameter(
            "env",
            plain,
            annotation=Annotated[str, typer.Argument(help=_ENV_HELP)],
        ),
        parameter("total_timesteps", int, steps, "environment steps"),
        parameter("seed", int, 0, "of everything random"),
        parameter("policy", str, "linear", "policy"),
        parameter("out", Path | None, None, "where to save; default: ./ALGORITHM-ENV-SEED.npz"),
        parameter("force", bool, False, "replace that file if it exists", "--force"),
    ]
    for spec in described(ALGORITHMS[name].options_class):
        doc = spec.doc if spec.limits is None else f"{spec.doc}; {spec.limits}"
        if spec.takes_none:
            default = "none" if spec.default is None else str(spec.default)
            reader, shape = _or_none(spec.plain), f"<{spec.plain.__name__} or none>"
            extra = {"parser": reader, "metavar": shape}
            parameters.append(parameter(spec.name, Any, default, doc, **extra))
        else:
            default = str(spec.default) if spec.plain is str else spec.default
            parameters.append(parameter(spec.name, spec.plain, default, doc))
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    run.__doc__ = (ALGORITHMS[name].__doc__ or "").partition("\n\n")[0]
    return run


for _name in ALGORITHMS:
    train_app.command(
        _name, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
    )(_train_command(_name))


_PRESET_LIST = "; ".join(f"{name}: {preset.doc}" for name, preset in PRESETS.items())


@app.command(help=f"Train with settings known to learn. {_PRESET_LIST}.")
def train_preset(
    name: Annotated[str, typer.Argument(help=f"preset: {', '.join(PRESETS)}")],
    total_timesteps: Annotated[
        int | None, typer.Option(help="environment steps; default: the preset's")
    ] = None,
    seed: Annotated[int, typer.Option(help="of everything random")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="where to save; default: ./PRESET-SEED.npz")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="replace that file if it exists")] = False,
) -> None:
    """Train with the settings of a preset."""
    with _explained():
        preset = find_preset(name)
        path = _checkpoint_path(out, f"{name}-{seed}.npz", force)
        algo = preset.build(seed)
        total = preset.total_timesteps if total_timesteps is None else total_timesteps
    _learn_and_report(algo, preset.env_id, total, path)


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
        text = _evaluation(
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
        "presets": ", ".join(PRESETS),
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
