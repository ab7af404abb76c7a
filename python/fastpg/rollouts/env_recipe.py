"""How an environment was made, as JSON values, and making it again."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import gymnasium
from gymnasium.envs.registration import EnvSpec, WrapperSpec, load_env_creator
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv

from fastpg import arrays
from fastpg.envs import NATIVE, NativeVectorEnv, is_only_native, make_vec
from fastpg.envs.parameters import parameters
from fastpg.rollouts.collect import is_plain
from fastpg.rollouts.copies import EnvCopies
from fastpg.rollouts.make_env import require_registered
from fastpg.rollouts.masks import has_usual_workers
from fastpg.rollouts.registered_wrappers import time_limit_and_wrappers
from fastpg.rollouts.wrapper_chain import ObstacleError, chain_of, examples

_OWN_WRAPPERS = "gymnasium.wrappers."
_TRAINING_ONLY = "training_only"  # attribute of the environments, too
_ENV_HINT, _IMPORT_HINT = "name one with --env", "give --import"  # of the command line


@dataclass(frozen=True, kw_only=True)
class EnvRecipe:
    """The data with which `gymnasium.make` or `make_vec` makes an environment again.

    Attributes:
        id: registered id, without a module.
        module: module that registers the id, if the user named one.
        kwargs: keywords of the environment; for a native one the parameters that differ from their
            defaults.
        max_episode_steps: time limit in steps; None: no limit.
        wrappers: wrappers of Gymnasium around what the id makes, innermost first: class, as
            module:name, and keywords.
        obstacle: why the environment cannot be made again from this data; None if it can.
        training_only: keywords that evaluations do not use, such as a longer time limit.
        holds_those_of_id: whether `wrappers` start with those that the id itself makes, as in older
            files.
    """

    id: str | None
    module: str | None = None
    kwargs: dict[str, Any] = dataclasses.field(default_factory=dict)
    max_episode_steps: int | None = None
    wrappers: tuple[tuple[str, dict[str, Any]], ...] = ()
    obstacle: str | None = None
    training_only: tuple[str, ...] = ()
    holds_those_of_id: bool = False

    @classmethod
    def of(cls, env: VectorEnv[Any, Any, Any]) -> Self:
        """The recipe of the environments in a vector environment.

        Args:
            env: any vector environment.

        Returns:
            The recipe; if they cannot be made again, `obstacle` is the reason.
        """
        names = getattr(env, _TRAINING_ONLY, ())
        return dataclasses.replace(cls._of(env), training_only=names)

    @classmethod
    def _of(cls, env: VectorEnv[Any, Any, Any]) -> Self:
        base: Any = env.unwrapped
        name = type(env).__name__
        if isinstance(env, NativeVectorEnv):
            return cls._of_native(env)
        if env is not base:
            return cls(id=None, obstacle=f"it was wrapped as a whole, in {name}")
        usual = isinstance(base, AsyncVectorEnv) and has_usual_workers(base)
        if not (isinstance(base, SyncVectorEnv) or usual):
            return cls(id=None, obstacle=f"{name} is not copies of one environment")
        module = getattr(env, "module", None)
        try:
            with examples(base) as envs:
                return cls._of_envs(envs, module, base)
        except ObstacleError as error:
            return cls(id=None, obstacle=str(error))

    @classmethod
    def _of_envs(cls, envs: list[Any], module: str | None, vector: Any) -> Self:
        specs = [env.spec for env in envs]
        if isinstance(vector, AsyncVectorEnv) and _is_pickled(specs[0]):
            specs += vector.get_attr("spec")
        if len({repr(spec) for spec in specs}) == 1:
            return cls._of_spec(specs[0], module, envs)
        # A function that a wrapper was given has another text in each environment.
        inner = [spec and dataclasses.replace(spec, additional_wrappers=()) for spec in specs]
        if len({repr(spec) for spec in inner}) > 1:
            return cls(id=None, obstacle="its environments were not all made alike")
        found = cls._unwrapped(inner[0], module)
        return dataclasses.replace(
            found, obstacle="its wrappers differ, or hold functions of their own"
        )

    @classmethod
    def of_id(cls, env_id: str) -> Self:
        """The recipe of an environment as registered.

        Args:
            env_id: a registered id, without a module.

        Returns:
            The recipe.

        Raises:
            ValueError: unknown id.
        """
        require_registered(env_id)
        registered = gymnasium.registry.get(env_id)
        if registered is None or is_only_native(env_id):
            spec = NATIVE[env_id]
            return cls(id=env_id, module=spec.module, max_episode_steps=spec.max_episode_steps)
        return cls(
            id=env_id, kwargs=registered.kwargs, max_episode_steps=registered.max_episode_steps
        )

    @classmethod
    def _of_native(cls, env: NativeVectorEnv) -> Self:
        if env.env_id is None:
            return cls(id=None, obstacle=f"{type(env).__name__} has no id")
        if not is_plain(env):
            return cls(id=env.env_id, obstacle=f"{type(env).__name__} has a step of its own")
        if NATIVE[env.env_id].environment is not env.environment:
            return cls(id=env.env_id, obstacle="another environment has its id now")
        if env.parameters_differ:
            return cls(id=env.env_id, obstacle="its environments had parameters of their own")
        plain = parameters(NativeVectorEnv(env.env_id).native)
        values = parameters(env.native)
        changed = {name: value for name, value in values.items() if value != plain[name]}
        return cls(
            id=env.env_id,
            module=NATIVE[env.env_id].module,
            kwargs=changed,
            max_episode_steps=env.max_episode_steps,
        )

    @classmethod
    def _of_spec(cls, spec: EnvSpec | None, module: str | None, envs: list[Any]) -> Self:
        if spec is None:
            return cls(id=None, obstacle="its class is not registered with Gymnasium")
        made = cls._unwrapped(spec, module)
        try:
            limit, given = time_limit_and_wrappers(chain_of(envs), spec)
            wrappers = tuple(map(_recorded, given))
        except ObstacleError as error:
            return dataclasses.replace(made, obstacle=str(error))
        return dataclasses.replace(made, max_episode_steps=limit, wrappers=wrappers)

    @classmethod
    def _unwrapped(cls, spec: EnvSpec, module: str | None) -> Self:
        """The recipe without wrappers, except for the time limit that the spec has."""
        kwargs = {name: value for name, value in spec.kwargs.items() if name != "render_mode"}
        made = cls(id=spec.id, module=module, max_episode_steps=spec.max_episode_steps)
        if (bad := _not_json(kwargs)) is not None:
            return dataclasses.replace(made, obstacle=f"a file cannot hold its {bad}")
        return dataclasses.replace(made, kwargs=kwargs)

    def state(self) -> dict[str, Any]:
        """JSON values for `restore`.

        Returns:
            Values by field name.
        """
        return dataclasses.asdict(self)

    @classmethod
    def restore(cls, state: Any) -> Self:
        """The recipe of a `state`.

        Args:
            state: values by field name.

        Returns:
            The recipe.

        Raises:
            KeyError, TypeError, ValueError: a value is missing, or has the wrong type or form.
        """
        older = {_TRAINING_ONLY: (), "holds_those_of_id": True}  # a file without these
        known = {field.name: (older | state)[field.name] for field in dataclasses.fields(cls)}
        known[_TRAINING_ONLY] = tuple(map(str, known[_TRAINING_ONLY]))
        for name in ("id", "module", "obstacle"):
            if known[name] is not None and not isinstance(known[name], str):
                raise TypeError(f"env: expected {name} to be a string, got {known[name]!r}")
        if known["id"] is not None and ":" in known["id"]:  # Gymnasium would import the module
            raise ValueError(f"env: expected an id without a module, got {known['id']!r}")
        limit = known["max_episode_steps"]
        if limit is not None:
            arrays.integer("max_episode_steps", limit, 1)
        arrays.boolean("holds_those_of_id", known["holds_those_of_id"])
        known["kwargs"] = _named(known["kwargs"])
        known["wrappers"] = tuple(
            (_own_wrapper(entry_point), _named(kwargs)) for entry_point, kwargs in known["wrappers"]
        )
        return cls(**known)

    def make(
        self,
        num_envs: int,
        *,
        env_hint: str = _ENV_HINT,
        import_hint: str = _IMPORT_HINT,
    ) -> VectorEnv[Any, Any, Any]:
        """Make the environment again: Gymnasium's own, if it has one with these options.

        This never imports a module: a checkpoint may name a registered id, but not code to import.

        Args:
            num_envs: number of copies.
            env_hint: how the caller takes another environment, for the error.
            import_hint: how the caller imports the module whose name follows, for the error.

        Returns:
            The environments.

        Raises:
            ValueError: the environment cannot be made again; the error gives the reason and a
                remedy.
        """
        env_id = self.require_id(env_hint, import_hint)
        made: VectorEnv[Any, Any, Any]
        if self.is_native:
            made = self.make_native(env_id, num_envs)
        else:
            made = EnvCopies([self.make_one] * num_envs)
        setattr(made, _TRAINING_ONLY, self.training_only)
        return made

    def make_native(self, env_id: str, num_envs: int) -> NativeVectorEnv:
        """The environment in C++.

        Args:
            env_id: its id.
            num_envs: number of copies.
        """
        limit = -1 if self.max_episode_steps is None else self.max_episode_steps
        return make_vec(env_id, num_envs, max_episode_steps=limit, **self.kwargs)

    def for_evaluation(self) -> Self:
        """The recipe without the keywords that are of the training alone."""
        kwargs = {k: v for k, v in self.kwargs.items() if k not in self.training_only}
        limit = self.max_episode_steps
        if "max_episode_steps" in self.training_only and self.id is not None:
            limit = self.of_id(self.id).max_episode_steps
        return dataclasses.replace(self, kwargs=kwargs, max_episode_steps=limit, training_only=())

    def require_id(self, env_hint: str = _ENV_HINT, import_hint: str = _IMPORT_HINT) -> str:
        """The id of an environment that can be made again.

        Args:
            env_hint: as in `make`.
            import_hint: as in `make`.

        Returns:
            The id.

        Raises:
            ValueError: it cannot; the error gives the reason and a remedy.
        """
        if self.obstacle is not None or self.id is None:
            raise ValueError(
                f"the environment of the training cannot be made again, since {self.obstacle}: "
                f"{env_hint}"
            )
        if self.id not in gymnasium.registry and self.id not in NATIVE and self.module is not None:
            raise ValueError(
                f"{self.id} is registered by the module {self.module}, which is not imported "
                f"automatically: {import_hint} {self.module}"
            )
        require_registered(self.id)
        return self.id

    @property
    def is_native(self) -> bool:
        """Whether `make` uses the environment in C++: Gymnasium lacks it, or its parameters."""
        own = bool(self.kwargs) and not self.wrappers  # wrappers are around Gymnasium's alone
        return self.id in NATIVE and (own or is_only_native(self.id or ""))

    def make_one(self, name: str | None = None, **rendering: Any) -> gymnasium.Env[Any, Any]:
        """One environment, made by `gymnasium.make`, with its time limit and wrappers.

        Args:
            name: registered id of the same environment; None: its own.
            **rendering: further keywords of the environment, such as render_mode.

        Returns:
            The environment.
        """
        limit = -1 if self.max_episode_steps is None else self.max_episode_steps
        registered = name or self.require_id()
        env = gymnasium.make(registered, max_episode_steps=limit, **self.kwargs, **rendering)
        for entry_point, kwargs in self.wrappers[self._count_around(env) :]:
            wrap: Callable[..., Any] = load_env_creator(entry_point)
            env = wrap(env, **kwargs)
        return env

    def _count_around(self, env: gymnasium.Env[Any, Any]) -> int:
        """How many of the wrappers an environment made by the id has already."""
        if not self.holds_those_of_id or env.spec is None:
            return 0
        pairs = zip(self.wrappers, env.spec.additional_wrappers, strict=False)
        same = (mine[0] == around.entry_point for mine, around in pairs)
        return sum(itertools.takewhile(bool, same))

    def __str__(self) -> str:
        """The id, followed in brackets by everything that differs from the registered form."""
        registered = gymnasium.registry.get(self.id or "")
        usual: dict[str, Any] = {} if registered is None else registered.kwargs
        shown = [f"{k}={v!r}" for k, v in self.kwargs.items() if k not in usual or usual[k] != v]
        if registered is not None and registered.max_episode_steps != self.max_episode_steps:
            shown.append(f"max_episode_steps={self.max_episode_steps}")
        shown += [entry_point.rpartition(":")[2] for entry_point, _ in self.wrappers]
        return f"{self.id}({', '.join(shown)})" if shown else str(self.id)


def import_module(name: str) -> None:
    """Import a module that registers environments.

    Args:
        name: name of the module.

    Raises:
        ValueError: the module cannot be imported.
    """
    try:
        importlib.import_module(name)
    except ImportError as error:
        raise ValueError(f"--import: cannot import {name!r}: {error}") from error


def _is_pickled(spec: EnvSpec | None) -> bool:
    """Whether another process can send a spec; one that cannot would end."""
    try:
        pickle.dumps(spec)
    except Exception:  # of any kind, by what the spec holds
        return False
    return True


def _recorded(wrapper: WrapperSpec) -> tuple[str, dict[str, Any]]:
    """The class and the keywords of a wrapper, as a file holds them.

    Raises:
        ObstacleError: it cannot.
    """
    if wrapper.kwargs is None or not wrapper.entry_point.startswith(_OWN_WRAPPERS):
        raise ObstacleError(f"it was wrapped in {wrapper.name}")
    if (bad := _not_json(wrapper.kwargs)) is not None:
        raise ObstacleError(f"a file cannot hold its {bad}")
    return wrapper.entry_point, wrapper.kwargs


def _named(kwargs: Any) -> dict[str, Any]:
    if not isinstance(kwargs, dict):
        raise TypeError(f"env: expected keywords, got {kwargs!r}")
    return kwargs


def _own_wrapper(entry_point: Any) -> str:
    if not (isinstance(entry_point, str) and entry_point.startswith(_OWN_WRAPPERS)):
        raise ValueError(f"env: expected a wrapper of Gymnasium, got {entry_point!r}")
    return entry_point


def _not_json(kwargs: dict[str, Any]) -> str | None:
    """The first keyword whose value JSON cannot hold; None if there is none."""
    for name, value in kwargs.items():
        try:
            same = bool(json.loads(json.dumps(value, allow_nan=False)) == value)
        except (TypeError, ValueError):
            same = False
        if not same:
            return name
    return None
