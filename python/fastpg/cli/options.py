"""Options of the command line: for the run, the policy and the algorithm."""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from fastpg.algorithms import ALGORITHMS, DEFAULT_TIMESTEPS
from fastpg.algorithms.option_texts import Described, described
from fastpg.cli import config
from fastpg.envs import NATIVE
from fastpg.policies.features import MAPS
from fastpg.policies.mlp import ACTIVATIONS

ENV_HELP = (
    f"environment: {', '.join(NATIVE)} (native), or any other id registered with Gymnasium; "
    "module:id imports the module first"
)

# Options of the policy, which are keys of policy_kwargs.
OF_POLICY = (
    "features",
    "features_kwargs",
    "net_arch",
    "activation_fn",
    "normalize_observations",
    "log_std_init",
    "state_dependent_std",
)


# Options of the value network, and their keys of value_kwargs.
OF_VALUES = {
    "value_net_arch": "net_arch",
    "value_activation_fn": "activation_fn",
    "value_normalize_observations": "normalize_observations",
}


def parameters(name: str) -> list[inspect.Parameter]:
    """The parameters of the command `fastpg train NAME`, for typer.

    Args:
        name: name of the algorithm.

    Returns:
        The context and `env`, then the options of the run, the policy, the value network and the
            algorithm.
    """
    plain = inspect.Parameter.POSITIONAL_OR_KEYWORD
    env = Annotated[str, typer.Argument(help=ENV_HELP)]
    return [
        inspect.Parameter("ctx", plain, annotation=typer.Context),
        inspect.Parameter("env", plain, annotation=env),
        *_of_the_run(name),
        *_of_the_policy(),
        *_of_the_values(),
        *(_of_the_algorithm(spec) for spec in described(ALGORITHMS[name].options_class)),
    ]


def _of_the_run(name: str) -> list[inspect.Parameter]:
    steps = DEFAULT_TIMESTEPS[name]
    return [
        _option("total_timesteps", int, steps, "environment steps to train for"),
        _option("seed", int, 0, "seed of everything random"),
        _option(
            "tuned",
            Path | None,
            None,
            "TOML file of tuned settings; they take precedence over the built-in ones, and "
            "options of the command line over both",
        ),
        _option("no_tuned", bool, False, "use the defaults below, no tuned settings", "--no-tuned"),
        _option(
            "config",
            Path | None,
            None,
            "TOML file of options by name, such as total_timesteps = 50000; those of the command "
            "line take precedence",
            callback=config.apply,
            is_eager=True,
        ),
        _option("out", Path | None, None, "checkpoint file; default: ./ALGORITHM-ENV-SEED.npz"),
        _option(
            "run",
            Path | None,
            None,
            "folder of the run: configuration, records, checkpoints and policies (docs/runs.md)",
        ),
        _option(
            "resume",
            bool,
            False,
            "go on with the run in --run, if it holds one: the same command starts a run, and goes "
            "on with it; a larger --total-timesteps extends it",
            "--resume",
        ),
        _option(
            "eval_freq",
            int | None,
            None,
            "environment steps from one evaluation during training to the next, which --run keeps; "
            "default: none",
        ),
        _option("n_eval_episodes", int, 10, "greedy episodes of such an evaluation"),
        _option("force", bool, False, "replace the checkpoint file if it exists", "--force"),
    ]


def _of_the_policy() -> list[inspect.Parameter]:
    names = ", ".join(MAPS)
    return [
        _option("policy", str, "linear", "kind of policy: linear, or mlp, a multilayer perceptron"),
        _option("features", str, "identity", f"features of the policy: {names}"),
        _option(
            "features_kwargs",
            list[str] | None,
            None,
            "arguments of the features, such as degree=3 or n_features=200,nu=2.0",
            metavar="NAME=VALUE",
        ),
        _option(
            "net_arch",
            str,
            "64,64",
            "widths of the hidden layers of a perceptron, with commas; none: no hidden layer",
        ),
        _option("activation_fn", str, "tanh", f"of a perceptron: {' or '.join(ACTIVATIONS)}"),
        _option(
            "normalize_observations",
            bool,
            False,
            "normalise observations by their running mean and standard deviation; default with "
            "policy mlp: yes",
        ),
        _option(
            "log_std_init",
            float | None,
            None,
            "initial ln sigma, in [-10, 2], for Box action spaces only; default: 0",
        ),
        _option(
            "state_dependent_std",
            bool,
            False,
            "sigma by the perceptron, another in each state, for Box action spaces only",
        ),
    ]


def _of_the_values() -> list[inspect.Parameter]:
    return [
        _option(
            "value_net_arch",
            str | None,
            None,
            "widths of the hidden layers of the mlp baseline, as for net_arch; default: those of a "
            "perceptron's policy, else 64,64",
        ),
        _option(
            "value_activation_fn",
            str | None,
            None,
            f"of the mlp baseline: {' or '.join(ACTIVATIONS)}; default: that of a perceptron's "
            "policy, else tanh",
        ),
        _option(
            "value_normalize_observations",
            bool | None,
            None,
            "normalise the observations of the mlp baseline; default: as the policy",
        ),
    ]


def _of_the_algorithm(spec: Described) -> inspect.Parameter:
    doc = spec.doc if spec.limits is None else f"{spec.doc}; {spec.limits}"
    kind = spec.plain.__name__
    if spec.is_schedule:
        doc, kind = f"{doc}; {SCHEDULE_HELP}", "schedule"
    if spec.takes_none:
        default = "none" if spec.default is None else str(spec.default)
        reader = _or_none(spec.plain)
        return _option(spec.name, Any, default, doc, parser=reader, metavar=f"<{kind} or none>")
    if spec.is_schedule:
        return _option(spec.name, str, str(spec.default), doc, metavar="<schedule>")
    default = str(spec.default) if spec.plain is str else spec.default
    return _option(spec.name, spec.plain, default, doc)


SCHEDULE_HELP = (
    "a schedule: a number; lin_X, which falls linearly from X to 0; or pow8_X, which falls as X "
    "r^8, where r is the fraction of training that remains"
)


def _option(
    field: str, hint: Any, default: Any, doc: str, *flags: str, **extra: Any
) -> inspect.Parameter:
    annotation = Annotated[hint, typer.Option(*flags, help=doc, **extra)]
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(field, kind, default=default, annotation=annotation)


def _or_none(kind: type) -> Callable[[str], Any]:
    """A parser of values of a type, or "none"."""

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


def keywords(given: Iterable[str]) -> dict[str, Any]:
    """Parse keywords.

    Args:
        given: strings "name=value" or "name=value,name=value", with values as in TOML.

    Returns:
        Values by name.

    Raises:
        ValueError: a string of another form.
    """
    found = {}
    for text in (part for each in given for part in each.split(",")):
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise ValueError(f"--features-kwargs: expected NAME=VALUE, got {text!r}")
        try:
            found[name] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            raise ValueError(
                f"--features-kwargs: expected a number, true or false for {name}, got {value!r}"
            ) from None
    return found
