"""The native environments: what each is, its spaces, and the table of ids."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from fastpg import arrays
from fastpg.envs.parameters import description, options_table
from fastpg.suggestions import one_of

Parameters = Mapping[str, Any]
_OPTIONS = "{options}"


class _Page:
    """A docstring whose table of options is made where it is read: at import it would cost time."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __get__(self, instance: object, cls: type[Environment]) -> str:
        return inspect.cleandoc(self._text).replace(_OPTIONS, options_table(cls.kernel))


class Environment:
    """A native environment: the name of its kernel and what Python adds to it.

    In the docstring of a subclass `{options}` becomes the table of the kernel's parameters.
    """

    kernel: ClassVar[str]
    drawn_by: ClassVar[str | None] = None  # Gymnasium's class, module:name; None: no pictures
    render_fps: ClassVar[int]
    reset_options: ClassVar[tuple[str, ...]] = ("low", "high")  # the kernel has their defaults

    def __init_subclass__(cls) -> None:
        if cls.__doc__ is not None and _OPTIONS in cls.__doc__:
            cls.__doc__ = _Page(cls.__doc__)  # type: ignore[assignment]

    @staticmethod
    def observation_space(parameters: Parameters) -> spaces.Box:
        """The space of the observations of one environment.

        Args:
            parameters: values by name.

        Returns:
            The space.
        """
        raise NotImplementedError

    @staticmethod
    def action_space(parameters: Parameters) -> spaces.Box | spaces.Discrete:
        """The space of the actions of one environment.

        Args:
            parameters: values by name.

        Returns:
            The space.
        """
        raise NotImplementedError

    @classmethod
    def reset_defaults(cls) -> dict[str, float]:
        """The numbers of a reset without options, by the names of `reset_options`.

        Raises:
            TypeError: not as many names as the kernel takes numbers.
        """
        defaults = description(cls.kernel)[1]
        if len(defaults) != len(cls.reset_options):
            raise TypeError(
                f"{cls.kernel}: expected {len(defaults)} reset_options, got {cls.reset_options}"
            )
        return dict(zip(cls.reset_options, defaults, strict=True))

    @classmethod
    def check_bounds(cls, bounds: Parameters) -> None:
        """Check the numbers of a reset.

        Args:
            bounds: finite numbers by the names of `reset_options`.

        Raises:
            ValueError: numbers from which no start state can be drawn.
        """
        low, high = bounds.get("low", -math.inf), bounds.get("high", math.inf)
        if low > high:
            raise ValueError(f"low, high: expected low <= high, got {low} and {high}")

    @classmethod
    def gymnasium_class(cls) -> Any:
        """Gymnasium's class of the same environment, which draws its pictures.

        Raises:
            NotImplementedError: there is none.
        """
        if cls.drawn_by is None:
            raise NotImplementedError(
                f"render: {cls.kernel} has no pictures, for Gymnasium has no such environment"
            )
        module, _, name = cls.drawn_by.partition(":")
        return getattr(importlib.import_module(module), name)

    @staticmethod
    def round_fresh(observations: arrays.Float32s, states: arrays.Floats) -> None:
        """Change observations right after a reset to Gymnasium's bits.

        Args:
            observations: (n, d), changed in place.
            states: (n, k), the physical states.
        """


class CartPole(Environment):
    """A pole on a cart that moves along a frictionless track (Barto, Sutton & Anderson 1983).

    Push the cart left and right so that the pole stays up.

    **Ids**: `CartPole-v1` (time limit 500, reward threshold 475), `CartPole-v0` (200, 195).

    **Actions**: `Discrete(2)`

    | action | meaning |
    |---|---|
    | 0 | push to the left with `force_mag` newtons |
    | 1 | push to the right with as much |

    **Observations**: `Box`, float32, (4,)

    | index | observation | min | max | unit |
    |---|---|---|---|---|
    | 0 | cart position | -4.8 | 4.8 | m |
    | 1 | cart velocity | -inf | inf | m/s |
    | 2 | pole angle, 0 upright | -0.418 | 0.418 | rad |
    | 3 | pole angular velocity | -inf | inf | rad/s |

    **Rewards**: 1 for every step, the last included. With `sutton_barto_reward`: 0, and -1 for the
    step that ends the episode by a fall.

    **Start**: every number of the state uniform on [-0.05, 0.05]; `reset(options={"low": …,
    "high": …})` takes other bounds.

    **End**: terminated when the cart is beyond ±2.4 m or the pole beyond ±12 degrees; truncated at
    the time limit.

    **Options**

    {options}
    """

    kernel = "CartPole"
    drawn_by = "gymnasium.envs.classic_control.cartpole:CartPoleEnv"
    render_fps = 50

    @staticmethod
    def observation_space(parameters: Parameters) -> spaces.Box:
        """Twice the thresholds, so that the last observation is inside."""
        x, theta = parameters["x_threshold"], parameters["theta_threshold_radians"]
        high = np.array([x * 2, np.inf, theta * 2, np.inf], dtype=np.float32)
        return spaces.Box(-high, high, dtype=np.float32)

    @staticmethod
    def action_space(parameters: Parameters) -> spaces.Discrete:
        """Left and right."""
        return spaces.Discrete(2)


class Acrobot(Environment):
    """Two links in a chain, the joint between them driven (Sutton 1996).

    Swing the free end above the line one link's length over the fixed end.

    **Ids**: `Acrobot-v1` (time limit 500, reward threshold -100).

    **Actions**: `Discrete(3)`

    | action | meaning |
    |---|---|
    | 0 | torque of -1 N m on the driven joint |
    | 1 | none |
    | 2 | torque of 1 N m |

    **Observations**: `Box`, float32, (6,)

    | index | observation | min | max | unit |
    |---|---|---|---|---|
    | 0 | cosine of theta1, 0 hanging down | -1 | 1 | |
    | 1 | sine of theta1 | -1 | 1 | |
    | 2 | cosine of theta2, relative to the first link | -1 | 1 | |
    | 3 | sine of theta2 | -1 | 1 | |
    | 4 | angular velocity of theta1 | -4 pi | 4 pi | rad/s |
    | 5 | angular velocity of theta2 | -9 pi | 9 pi | rad/s |

    **Rewards**: -1 for every step, 0 for the one that reaches the line.

    **Start**: both angles and both velocities uniform on [-0.1, 0.1], rounded to float32;
    `reset(options={"low": …, "high": …})` takes other bounds.

    **End**: terminated when -cos(theta1) - cos(theta1 + theta2) > 1; truncated at the time limit.

    **Options**

    {options}

    **Bits**: Gymnasium takes the sines and cosines right after a reset in float32, by NumPy, whose
    last bit depends on the machine. The vector environment asks NumPy for those rows too; rollouts
    made by `collect` and the algorithms round the double result and may differ from them by one
    float32 ulp, in first observations only.
    """

    kernel = "Acrobot"
    drawn_by = "gymnasium.envs.classic_control.acrobot:AcrobotEnv"
    render_fps = 15

    @staticmethod
    def observation_space(parameters: Parameters) -> spaces.Box:
        """Sines, cosines and the bounds of the velocities."""
        bounds = [1.0, 1.0, 1.0, 1.0, parameters["MAX_VEL_1"], parameters["MAX_VEL_2"]]
        high = np.array(bounds, dtype=np.float32)
        return spaces.Box(-high, high, dtype=np.float32)

    @staticmethod
    def action_space(parameters: Parameters) -> spaces.Discrete:
        """One action a torque."""
        return spaces.Discrete(3)

    @staticmethod
    def round_fresh(observations: arrays.Float32s, states: arrays.Floats) -> None:
        """By NumPy's float32 sine and cosine."""
        for joint in range(2):
            angle = np.ascontiguousarray(states[:, joint], dtype=np.float32)
            observations[:, 2 * joint] = np.cos(angle)
            observations[:, 2 * joint + 1] = np.sin(angle)


class MountainCar(Environment):
    """A car in a valley, too weak to climb straight to the flag on the right (Moore 1990).

    **Ids**: `MountainCar-v0` (time limit 200, reward threshold -110).

    **Actions**: `Discrete(3)`

    | action | meaning |
    |---|---|
    | 0 | accelerate to the left |
    | 1 | do not accelerate |
    | 2 | accelerate to the right |

    **Observations**: `Box`, float32, (2,)

    | index | observation | min | max | unit |
    |---|---|---|---|---|
    | 0 | position along the x-axis | -1.2 | 0.6 | m |
    | 1 | velocity | -0.07 | 0.07 | m per step |

    v ← v + (action - 1) `force` - `gravity` cos(3 x), clipped; x ← x + v, clipped; the left wall
    stops the car.

    **Rewards**: -1 for every step.

    **Start**: position uniform on [-0.6, -0.4], at rest; `reset(options={"low": …, "high": …})`
    takes other bounds of the position.

    **End**: terminated when x ≥ 0.5 and v ≥ `goal_velocity`; truncated at the time limit.

    **Options**

    {options}
    """

    kernel = "MountainCar"
    drawn_by = "gymnasium.envs.classic_control.mountain_car:MountainCarEnv"
    render_fps = 30

    @staticmethod
    def observation_space(parameters: Parameters) -> spaces.Box:
        """The bounds of position and velocity."""
        return _car_space(parameters)

    @staticmethod
    def action_space(parameters: Parameters) -> spaces.Discrete:
        """Left, none, right."""
        return spaces.Discrete(3)


class MountainCarContinuous(Environment):
    """MountainCar with a force of any size between the bounds, which costs its square.

    **Ids**: `MountainCarContinuous-v0` (time limit 999, reward threshold 90).

    **Actions**: `Box(-1, 1, (1,), float32)`, the force. float32 or float64; values outside the
    bounds push with the bound, but cost their own square.

    **Observations**: `Box`, float32, (2,)

    | index | observation | min | max | unit |
    |---|---|---|---|---|
    | 0 | position along the x-axis | -1.2 | 0.6 | m |
    | 1 | velocity | -0.07 | 0.07 | m per step |

    v ← v + force `power` - 0.0025 cos(3 x), clipped; x ← x + v, clipped; the left wall stops the
    car. The state is kept in float32 from the first step on, as Gymnasium keeps it.

    **Rewards**: -0.1 action² for every step, and 100 for reaching the flag.

    **Start**: position uniform on [-0.6, -0.4], at rest; `reset(options={"low": …, "high": …})`
    takes other bounds of the position.

    **End**: terminated when x ≥ 0.45 and v ≥ `goal_velocity`; truncated at the time limit.

    **Options**

    {options}
    """

    kernel = "MountainCarContinuous"
    drawn_by = "gymnasium.envs.classic_control.continuous_mountain_car:Continuous_MountainCarEnv"
    render_fps = 30

    @staticmethod
    def observation_space(parameters: Parameters) -> spaces.Box:
        """The bounds of position and velocity."""
        return _car_space(parameters)

    @staticmethod
    def action_space(parameters: Parameters) -> spaces.Box:
        """The force."""
        low, high = parameters["min_action"], parameters["max_action"]
        return spaces.Box(low, high, shape=(1,), dtype=np.float32)


class Pendulum(Environment):
    """A pendulum that starts anywhere and is to be swung up and held upright.

    **Ids**: `Pendulum-v1` (time limit 200, no reward threshold).

    **Actions**: `Box(-2, 2, (1,), float32)`, the torque in N m. float32 or float64, clipped to the
    bounds.

    **Observations**: `Box`, float32, (3,)

    | index | observation | min | max | unit |
    |---|---|---|---|---|
    | 0 | cosine of theta, 0 upright | -1 | 1 | |
    | 1 | sine of theta | -1 | 1 | |
    | 2 | angular velocity | -8 | 8 | rad/s |

    **Rewards**: -(theta² + 0.1 velocity² + 0.001 torque²) with theta in [-pi, pi), from -16.27 to
    0.

    **Start**: angle uniform on [-pi, pi], velocity on [-1, 1]; `reset(options={"x_init": …,
    "y_init": …})` takes other bounds of angle and velocity, both symmetric about 0.

    **End**: never terminated; truncated at the time limit.

    **Options**

    {options}
    """

    kernel = "Pendulum"
    drawn_by = "gymnasium.envs.classic_control.pendulum:PendulumEnv"
    render_fps = 30
    reset_options = ("x_init", "y_init")

    @staticmethod
    def observation_space(parameters: Parameters) -> spaces.Box:
        """Cosine, sine and the bound of the velocity."""
        high = np.array([1.0, 1.0, parameters["max_speed"]], dtype=np.float32)
        return spaces.Box(-high, high, dtype=np.float32)

    @staticmethod
    def action_space(parameters: Parameters) -> spaces.Box:
        """The torque."""
        most = parameters["max_torque"]
        return spaces.Box(-most, most, shape=(1,), dtype=np.float32)

    @classmethod
    def check_bounds(cls, bounds: Parameters) -> None:
        """Raise ValueError unless both are at least 0."""
        x, y = bounds["x_init"], bounds["y_init"]
        if x < 0.0 or y < 0.0:
            raise ValueError(f"x_init, y_init: expected at least 0, got {x} and {y}")


def _car_space(parameters: Parameters) -> spaces.Box:
    speed = parameters["max_speed"]
    low = np.array([parameters["min_position"], -speed], dtype=np.float32)
    high = np.array([parameters["max_position"], speed], dtype=np.float32)
    return spaces.Box(low, high, dtype=np.float32)


@dataclass(frozen=True)
class NativeSpec:
    """A row of the table of ids."""

    id: str
    environment: type[Environment]
    max_episode_steps: int
    reward_threshold: float | None


# A new environment is a class above, its C++ kernel, and one line here.
NATIVE: dict[str, NativeSpec] = {
    spec.id: spec
    for spec in (
        NativeSpec("Acrobot-v1", Acrobot, 500, -100.0),
        NativeSpec("CartPole-v0", CartPole, 200, 195.0),
        NativeSpec("CartPole-v1", CartPole, 500, 475.0),
        NativeSpec("MountainCar-v0", MountainCar, 200, -110.0),
        NativeSpec("MountainCarContinuous-v0", MountainCarContinuous, 999, 90.0),
        NativeSpec("Pendulum-v1", Pendulum, 200, None),
    )
}


def native_spec(env_id: str) -> NativeSpec:
    """The native environment of an id.

    Args:
        env_id: a Gymnasium id, one of the keys of `NATIVE`.

    Returns:
        The class of the environment with its registered time limit and reward threshold.

    Raises:
        ValueError: an unknown id; the message has the nearest one.
        TypeError: not a string.
    """
    if not isinstance(env_id, str):
        raise TypeError(f"id: expected a string such as 'CartPole-v1', got {env_id!r}")
    return NATIVE[one_of("environment", env_id, NATIVE)]


def newer_id(env_id: str) -> str | None:
    """The id of the same environment with the highest version.

    Args:
        env_id: one of the keys of `NATIVE`.

    Returns:
        The id, or None where `env_id` is already the newest.
    """
    name = env_id.rpartition("-v")[0]
    newest = max(
        (other for other in NATIVE if other.rpartition("-v")[0] == name),
        key=lambda other: int(other.rpartition("-v")[2]),
    )
    return None if newest == env_id else newest
