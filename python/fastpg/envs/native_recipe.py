"""How native environments were made, as JSON values, and making them again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from fastpg import arrays
from fastpg.envs.catalogue import NATIVE, NativeSpec, native_spec
from fastpg.envs.episodes import mode_of
from fastpg.envs.make import make_vec
from fastpg.envs.parameters import description, parameters
from fastpg.envs.vector import MOST_ENVS, NativeVectorEnv
from fastpg.suggestions import unknown

# What decides the numbers of an environment; the autoreset mode does not, where `reset` is used.
_DECISIVE = ("id", "kernel", "num_envs", "exact", "max_episode_steps", "parameters")


@dataclass(frozen=True, kw_only=True)
class NativeRecipe:
    """Everything but the state of native environments.

    Attributes:
        id: their id; None if they were not made by id, so that they cannot be made again.
        kernel: name of their kernel.
        num_envs: number of environments.
        exact: as in `make_vec`.
        autoreset_mode: name of the mode.
        max_episode_steps: time limit in steps; None: no limit.
        parameters: values by name: a list with one value for all environments, or one for each.
        module: the module that registers a user's environment; None: fastpg's own, or unknown.
    """

    id: str | None
    kernel: str
    num_envs: int
    exact: bool
    autoreset_mode: str
    max_episode_steps: int | None
    parameters: dict[str, list[Any]]
    module: str | None = None

    @classmethod
    def of(cls, env: NativeVectorEnv) -> Self:
        """The recipe of environments.

        Args:
            env: native environments.

        Returns:
            The recipe.
        """
        differing = env.parameters_differ
        rows = [parameters(env.native, i) for i in range(env.num_envs if differing else 1)]
        values = {name: [row[name] for row in rows] for name in rows[0]}
        return cls(
            id=env.env_id,
            kernel=env.environment.kernel,
            num_envs=env.num_envs,
            exact=env.native.exact,
            autoreset_mode=env.metadata["autoreset_mode"].name,
            max_episode_steps=env.max_episode_steps,
            parameters={name: _one_if_alike(each) for name, each in values.items()},
            module=NATIVE[env.env_id].module if env.env_id in NATIVE else None,
        )

    def make(self, num_threads: int | None = None) -> NativeVectorEnv:
        """Make the environments again.

        Args:
            num_threads: as in `make_vec`.

        Returns:
            New environments, which were never reset.

        Raises:
            TypeError, ValueError: no id, or values that `make_vec` or `set_attr` refuses.
        """
        if self.id is None:
            raise ValueError(f"environment: expected an id of the {self.kernel}, got none")
        limit = -1 if self.max_episode_steps is None else self.max_episode_steps
        env = make_vec(
            self.id,
            self.num_envs,
            autoreset_mode=self.autoreset_mode,
            exact=self.exact,
            max_episode_steps=limit,
            num_threads=num_threads,
            **{name: each[0] for name, each in self.parameters.items()},
        )
        for name, each in self.parameters.items():
            if len(each) > 1:
                env.set_attr(name, each)
        return env

    def require_like(self, env: NativeVectorEnv) -> None:
        """Raise ValueError unless environments give the same numbers as these.

        Args:
            env: native environments.

        Raises:
            ValueError: they differ; the message has the first difference.
        """
        other = NativeRecipe.of(env)
        for name in _DECISIVE:
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                raise ValueError(
                    f"env: expected the checkpoint's {_shown(name, mine, theirs)}, "
                    f"got {_shown(name, theirs, mine)}"
                )

    def state(self) -> dict[str, Any]:
        """JSON values for `restore`, by the names of the attributes."""
        return dataclasses.asdict(self)

    @classmethod
    def restore(cls, state: Any) -> Self:
        """The recipe with a `state`.

        Args:
            state: values by the names of the attributes.

        Returns:
            The recipe.

        Raises:
            KeyError, TypeError, ValueError: a value is missing, or has the wrong type or range.
        """
        given = {"module": None, **state}  # files of 0.1 have no module
        known = {field.name: given[field.name] for field in dataclasses.fields(cls)}
        usual: Mapping[str, Any] = {}
        if known["id"] is not None:
            spec = _spec(known["id"], known["module"])
            if known["kernel"] != spec.environment.kernel:
                raise ValueError(f"environment: {known['id']} is no {known['kernel']!r}")
            usual = description(spec.environment.kernel)[0]
        count = arrays.integer("environment: num_envs", known["num_envs"], 1, MOST_ENVS)
        arrays.boolean("environment: exact", known["exact"])
        mode_of(known["autoreset_mode"])
        if known["max_episode_steps"] is not None:
            arrays.integer("environment: max_episode_steps", known["max_episode_steps"], 1)
        for name, each in arrays.keywords("environment: parameters", known["parameters"]).items():
            if name not in usual:
                raise ValueError(unknown("parameter", name, usual))
            if not isinstance(each, list) or len(each) not in (1, count):
                raise ValueError(f"{name}: expected a list of 1 or {count} values, got {each!r}")
        return cls(**known)


def _spec(env_id: Any, module: Any) -> NativeSpec:
    """The row of an id; this imports no module."""
    if module is not None and env_id not in NATIVE:
        raise ValueError(f"environment: {env_id} is registered by {module!r}: import it first")
    return native_spec(env_id)


def _one_if_alike(each: list[Any]) -> list[Any]:
    return each[:1] if all(value == each[0] for value in each) else each


def _shown(name: str, value: Any, other: Any) -> str:
    """A value of the recipe; of the parameters only those that differ."""
    if name == "parameters":
        value = {key: given for key, given in value.items() if other.get(key) != given}
    return f"{name} {value!r}"
