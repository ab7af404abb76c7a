"""The environments of Gymnasium's that the native ones equal, and what tests need of each.

A row here is all that the tests against `SyncVectorEnv` need.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


def _anything(count):
    """Random choices of `count` actions."""
    return lambda rng, observations, dtype: rng.integers(0, count, len(observations))


def _mostly_along_the_velocity(rng, observations, dtype):
    n = len(observations)
    along = np.where(observations[:, -1] < 0, 0, 2)
    return np.where(rng.random(n) < 0.8, along, rng.integers(0, 3, n))


def _pushes_along_the_velocity(rng, observations, dtype):
    along = np.where(observations[:, 1:] < 0, -1.0, 1.0)
    return (along * rng.uniform(-0.2, 1.6, (len(observations), 1))).astype(dtype)


def _normal_numbers(rng, observations, dtype):
    return rng.normal(scale=2.0, size=(len(observations), 1)).astype(dtype)


@dataclass(frozen=True, kw_only=True)
class Oracle:
    """What the tests need of an environment."""

    actions: Callable  # of (rng, observations, dtype): random ones, most of which end episodes
    scale: list[float]  # random states are in [-scale, scale]
    ending: list[float] | None  # a state from which the next step ends the episode, if any does
    attributes: dict  # Gymnasium's attributes with other values than its own: all but `fixed`
    fixed: tuple[str, ...] = ()  # parameters that Gymnasium's class has in its constructor alone
    unread: tuple[str, ...] = ()  # attributes that no step of Gymnasium's reads
    scaled: tuple[str, ...]  # attributes that may be multiplied by 0.5 to 1.25 at any time
    keyword: dict  # an argument of Gymnasium's constructor; empty if it has none
    bounds: tuple[str, str] = ("low", "high")  # names of the options of a reset
    resets: tuple[dict, ...] = ({"low": -0.2}, {"high": 0.3}, {"low": 0.1, "high": 0.1})
    continuous: bool = False
    slower: int = 1  # times slower in Python than the others
    # With exact=False states are so near those of exact=True; `differs`: not all are equal.
    tolerance: float = 1e-13
    differs: bool = True


_CART_POLE = Oracle(
    actions=_anything(2),
    scale=[2.6, 3.0, 0.25, 3.0],
    ending=[0.0, 0.0, 0.3, 0.0],
    attributes={
        "gravity": 5.0, "masspole": 0.3, "total_mass": 1.5, "length": 0.7, "polemass_length": 0.09,
        "force_mag": 7.0, "tau": 0.03, "kinematics_integrator": "semi-implicit euler",
        "theta_threshold_radians": 0.1, "x_threshold": 0.2, "masscart": 3.0,
    },
    fixed=("sutton_barto_reward",),
    unread=("masscart",),
    scaled=("gravity", "force_mag", "length", "x_threshold"),
    keyword={"sutton_barto_reward": True},
)  # fmt: skip

ORACLES = {
    "Acrobot-v1": Oracle(
        actions=_mostly_along_the_velocity,
        scale=[3.5, 3.5, 13.0, 29.0],
        ending=[3.0, 0.1, 0.0, 0.0],
        attributes={
            "dt": 0.15, "LINK_LENGTH_1": 1.3, "LINK_LENGTH_2": 0.8, "LINK_MASS_1": 1.1,
            "LINK_MASS_2": 0.9, "LINK_COM_POS_1": 0.3, "LINK_COM_POS_2": 0.7, "LINK_MOI": 1.2,
            "MAX_VEL_1": 1.0, "MAX_VEL_2": 2.0, "torque_noise_max": 0.5, "book_or_nips": "nips",
            "AVAIL_TORQUE": [-2.0, 0.5, 3.0],
        },
        unread=("LINK_LENGTH_2",),
        scaled=("LINK_MASS_1", "LINK_LENGTH_1", "MAX_VEL_1"),
        keyword={},
        slower=3,
    ),
    "CartPole-v0": _CART_POLE,
    "CartPole-v1": _CART_POLE,
    "MountainCar-v0": Oracle(
        actions=_mostly_along_the_velocity,
        scale=[1.3, 0.08],
        ending=[0.59, 0.06],
        attributes={
            "goal_velocity": 0.04, "min_position": -1.0, "max_position": 0.505, "max_speed": 0.05,
            "goal_position": 0.45, "force": 0.0013, "gravity": 0.002,
        },
        scaled=("force", "gravity", "max_speed"),
        keyword={"goal_velocity": 0.02},
        resets=({"low": -0.9}, {"low": -0.7, "high": 0.3}),
    ),
    "MountainCarContinuous-v0": Oracle(
        actions=_pushes_along_the_velocity,
        scale=[1.3, 0.08],
        ending=[0.59, 0.06],
        attributes={
            "goal_velocity": 0.04, "min_position": -1.0, "max_position": 0.455, "max_speed": 0.05,
            "goal_position": 0.4, "power": 0.002, "min_action": -0.7, "max_action": 0.8,
        },
        scaled=("power", "max_speed"),
        keyword={"goal_velocity": 0.02},
        resets=({"low": -0.9}, {"low": -0.7, "high": 0.3}),
        continuous=True,
        tolerance=1e-7,  # float32 states may round to the neighbouring number
        differs=False,
    ),
    "Pendulum-v1": Oracle(
        actions=_normal_numbers,
        scale=[9.0, 9.0],
        ending=None,
        attributes={
            "g": 9.81, "m": 1.3, "l": 0.7, "dt": 0.04, "max_speed": 5.0, "max_torque": 1.7,
        },
        scaled=("g", "m", "l"),
        keyword={"g": 9.81},
        bounds=("x_init", "y_init"),
        resets=({"x_init": 0.5}, {"y_init": 3.0}, {"x_init": 0.0, "y_init": 0.0}),
        continuous=True,
    ),
}  # fmt: skip

IDS = list(ORACLES)
CONTINUOUS = [env_id for env_id, oracle in ORACLES.items() if oracle.continuous]
CURRENT = [env_id for env_id in IDS if env_id != "CartPole-v0"]  # with the highest version
