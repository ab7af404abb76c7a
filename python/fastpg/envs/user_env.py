"""Environments of users, which functions behind the C interface step."""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable
from typing import Any, Self

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.envs.registration import parse_env_id

from fastpg import _core, arrays
from fastpg.envs import c_interface
from fastpg.envs.c_interface import CEnv
from fastpg.envs.catalogue import NATIVE, NativeSpec
from fastpg.envs.environment import Environment, Parameters
from fastpg.envs.parameters import description
from fastpg.envs.registration import register_in_gymnasium
from fastpg.envs.reserved_names import require_free

Render = Callable[[npt.NDArray[Any], dict[str, Any]], npt.NDArray[np.uint8]]
Source = tuple[Callable[..., Any], tuple[Any, ...]]

# What the functions of registered environments need: they may be called as long as the process
# lives.
_kept: list[Any] = []

EXPORTED = "fastpg_environment"  # the function of a library that returns its `fastpg_env`
_MOST_NUMBERS = 1024  # parameters, and options of a reset: more are refused


class UserEnvironment(Environment):
    """An environment of a user, as `register_env`, `load_env` or `build_env` returns it.

    Give it, or its id, wherever an environment is expected: `fastpg.train("trpo", env)`,
    `fastpg.make_vec(env.id, 8)`, `gymnasium.make(env.id)`. A pickle holds the module that registers
    it, or how it was made.

    Attributes:
        id: its id.
        module: the module whose import registers it; None if there is none.
        state_names: names of the numbers of a state, (k,); empty if they have none.
        option_ranges: (lowest, highest) value of each number of a reset, by name.
    """

    render_fps = 30
    from_user = True

    def __init__(
        self, env: CEnv, *, module: str | None, source: Source | None, render: Render | None
    ) -> None:
        self.id = env.name.decode()
        self.kernel = self.id
        self.module = module
        self.source = source
        self.draw = render
        self.state_names = c_interface.names(env.state_names, env.state_size)
        options = {
            one.name.decode(): one for one in c_interface.numbers(env.options, env.option_count)
        }
        self.reset_options = tuple(options)
        self.option_ranges = {name: (one.low, one.high) for name, one in options.items()}
        self._whole = frozenset(name for name, one in options.items() if one.integer)
        self._observation_names = c_interface.names(env.observation_names, env.observation_size)
        self._spaces = (c_interface.observation_space(env), c_interface.action_space(env))
        self.__doc__ = f"{self.id}: an environment registered by {module or 'this program'}."

    def observation_space(self, parameters: Parameters) -> spaces.Box:  # type: ignore[override]
        """The space of the observations of one environment."""
        return self._spaces[0]

    def action_space(self, parameters: Parameters) -> Any:  # type: ignore[override]
        """The space of the actions of one environment."""
        return self._spaces[1]

    def check_bounds(self, bounds: Parameters) -> None:
        """Check the numbers of a reset against the ranges of the environment's options.

        Args:
            bounds: finite numbers by name.

        Raises:
            ValueError: a number out of its range, or a fraction where the option takes whole
                numbers alone.
        """
        for name, value in bounds.items():
            low, high = self.option_ranges[name]
            if not low <= value <= high:
                raise ValueError(
                    f"{name}: expected a number from {low:g} to {high:g}, got {value:g}"
                )
            if name in self._whole and value != int(value):
                raise ValueError(f"{name}: expected a whole number, got {value!r}")

    def check_states(self, states: arrays.Floats) -> None:
        """Nothing: what the numbers mean is the user's, who may use infinity or NaN.

        Args:
            states: (n, k).
        """

    def gymnasium_class(self) -> Any:
        """None: an environment of a user has a function that draws, or no pictures.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(
            f"render: {self.id} has no pictures: expected a function render(state, params) in the "
            "class of numba_env, or the argument render= of build_env, load_env or register_env"
        )

    def observation_names(self) -> tuple[str, ...]:
        """What the numbers of an observation are; empty if they have no names."""
        return self._observation_names

    def action_names(self) -> tuple[str, ...]:
        """Empty: the C interface has no names of actions."""
        return ()

    def require_current(self) -> Self:
        """Itself, if its id still is its own.

        Raises:
            ValueError: another environment was registered under its id since.
        """
        if NATIVE[self.id].environment is not self:
            raise ValueError(
                f"env: {self.id} was registered again after this object was made: expected the "
                "object of the last registration, or another id for each"
            )
        return self

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        self.require_current()
        if self.module is None and self.source is not None:
            return self.source
        return found, (self.id, self.module)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"


def found(env_id: str, module: str | None) -> Environment:
    """A registered environment, after importing the module that registers it.

    Args:
        env_id: its id.
        module: the module, or None.

    Returns:
        The environment.

    Raises:
        ValueError: the module does not register it, or nothing in this process has.
        ImportError: the module cannot be imported.
    """
    if env_id not in NATIVE and module is not None:
        importlib.import_module(module)
    if env_id not in NATIVE:
        raise ValueError(
            f"{env_id}: expected an environment that {module or 'this process'} registers"
        )
    return NATIVE[env_id].environment


def portable(env: Any) -> Any:
    """An environment that another process can make too.

    Args:
        env: an id, or anything else that is an environment or makes one.

    Returns:
        The `UserEnvironment` of an id that is of a user's environment; anything else as it is. The
            module of an id "module:Name-v0" is imported.
    """
    if not isinstance(env, str):
        return env
    module, _, name = env.rpartition(":")
    if module and name not in NATIVE:
        import_module_of(env)
    return NATIVE[name].environment if is_users(name) else env


def is_users(name: str) -> bool:
    """Whether an id is that of a registered `UserEnvironment`.

    Args:
        name: an id without a module.
    """
    return name in NATIVE and NATIVE[name].environment.from_user


def import_module_of(env_id: str) -> None:
    """Import the module of an id "module:Name-v0"; an id without one imports nothing.

    Args:
        env_id: the id.

    Raises:
        ValueError: the module cannot be imported.
    """
    module = env_id.rpartition(":")[0]
    if not module:
        return
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise ValueError(f"env: cannot import the module of {env_id!r}: {error}") from error


def register_env(
    env: CEnv | int,
    *,
    module: str | None = None,
    render: Render | None = None,
    source: Source | None = None,
    keep: Any = None,
    kind: Callable[..., UserEnvironment] | None = None,
) -> UserEnvironment:
    """Register an environment that is given as functions: it is then native.

    It gets its id as name in Gymnasium's registry and in fastpg's. An environment with the same id
    that was registered before is replaced; vector environments made of it go on with the old one.

    Args:
        env: the structure of include/fastpg/env.h: a `CEnv`, or the address of one, as cffi or
            another language gives it. What its pointers do is not checked: a wrong one ends the
            process. It must stay where it is as long as the process lives.
        module: the module whose import registers the environment, for pickles and checkpoints; None
            if it can only be registered in this process.
        render: makes a picture, uint8 (height, width, 3), of a state (k,) and the parameters by
            name; None: there are no pictures.
        source: (function, arguments) with which another process makes and registers it, for pickles
            without a module.
        keep: an object that lives as long as the process, such as the functions of a `CEnv`.
        kind: makes the environment with the arguments of `UserEnvironment`; None: that class.

    Returns:
        The environment.

    Raises:
        TypeError: neither a `CEnv` nor an address.
        ValueError: another version, a size or a range that is wrong, or an id that is taken.
    """
    if isinstance(env, CEnv):
        given = env
    elif isinstance(env, int) and not isinstance(env, bool) and env > 0:
        given = CEnv.from_address(env)
    else:
        raise TypeError(f"env: expected a CEnv or the address of one, got {env!r}")
    _require_free(given)
    require_free(
        _names_in(given.parameters, given.parameter_count),
        _names_in(given.options, given.option_count),
    )
    _core.register_environment(c_interface.capsule_of(given))
    _kept.append((given, keep))
    made = (kind or UserEnvironment)(given, module=module, source=source, render=render)
    description.cache_clear()
    threshold = given.reward_threshold
    spec = NativeSpec(
        made.id,
        made,
        given.max_episode_steps or None,
        None if np.isnan(threshold) else float(threshold),
        module,
    )
    NATIVE[made.id] = spec
    gymnasium.registry.pop(made.id, None)
    register_in_gymnasium(spec)
    return made


def _names_in(given: Any, count: int) -> list[str]:
    """Names in a structure that is not checked yet."""
    if not given or not 0 <= count <= _MOST_NUMBERS:
        return []
    found = (one.name for one in c_interface.numbers(given, count))
    return [name.decode(errors="replace") for name in found if name]


def _require_free(env: CEnv) -> None:
    """Raise ValueError for an id that is no id, or belongs to somebody else."""
    name = (env.name or b"").decode(errors="replace")
    try:
        parse_env_id(name)
    except gymnasium.error.Error as error:
        raise ValueError(f"name: expected an id such as 'SwingUp-v0', got {name!r}") from error
    if not is_users(name) and (name in NATIVE or name in gymnasium.registry):
        raise ValueError(f"name: {name!r} is registered already; expected an id of your own")


def library_env(path: str) -> CEnv:
    """The environment that a shared library exports.

    Args:
        path: path of the library.

    Returns:
        The structure, in the library's memory.

    Raises:
        ValueError: the library cannot be loaded, or has no such function.
    """
    try:
        function = getattr(ctypes.CDLL(path), EXPORTED)
    except (OSError, AttributeError) as error:
        raise ValueError(
            f"{path}: expected a library with the function {EXPORTED}, which FASTPG_ENV(…) at the "
            f"end of a C++ header defines, and a C file with FASTPG_EXPORT in front: {error}"
        ) from error
    function.restype, function.argtypes = ctypes.c_void_p, ()
    address = function()
    if not address:
        raise ValueError(f"{path}: {EXPORTED} returned no environment")
    return CEnv.from_address(address)
