"""The native environments: a description of each, and its spaces."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces

from fastpg import arrays
from fastpg.envs.environment import Environment, Parameters


class CartPole(Environment):
    """A pole on a cart that moves along a frictionless track (Barto, Sutton & Anderson 1983).

    Push the cart left and right so that the pole stays up.

    **Ids**: `CartPole-v1` (time limit 500, reward threshold 475), `CartPole-v0` (200, 195).

    **Actions**: `Discrete(2)`

    | action | meaning |
    |---|---|
    | 0 | push to the left with `force_mag` newtons |
    | 1 | push to the right with `force_mag` newtons |

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

    **Bits**: Right after a reset, Gymnasium computes sines and cosines in float32 with NumPy, whose
    last bit depends on the machine. The vector environment uses NumPy for these rows too. Rollouts
    made by `collect` and the algorithms round the float64 result instead: their first observations
    may differ from Gymnasium's by one float32 ulp.
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
        """One action for each torque."""
        return spaces.Discrete(3)

    @staticmethod
    def round_fresh(observations: arrays.Float32s, states: arrays.Floats) -> None:
        """Use NumPy's float32 sine and cosine."""
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

    def check_bounds(self, bounds: Parameters) -> None:
        """Raise ValueError unless both are at least 0."""
        x, y = bounds["x_init"], bounds["y_init"]
        if x < 0.0 or y < 0.0:
            raise ValueError(f"x_init, y_init: expected at least 0, got {x} and {y}")


def _car_space(parameters: Parameters) -> spaces.Box:
    speed = parameters["max_speed"]
    low = np.array([parameters["min_position"], -speed], dtype=np.float32)
    high = np.array([parameters["max_position"], speed], dtype=np.float32)
    return spaces.Box(low, high, dtype=np.float32)
