"""Small MDPs: random ones, some from the literature, and tables of Gymnasium's environments."""

from __future__ import annotations

import copy
import itertools
import math
from typing import Any

import gymnasium
import numpy as np
from gymnasium.wrappers import TimeLimit

from fastpg import arrays, probabilities
from fastpg.arrays import Floats
from fastpg.results import quiet
from fastpg.rollouts.wrappers import layers
from fastpg.tabular.mdp import MDP

_PLAYED = 1500  # number of played steps with which a table is compared


def garnet(
    n_states: int,
    n_actions: int,
    branching: int,
    *,
    seed: int = 0,
    horizon: int | None = None,
    gamma: float | None = None,
    average: bool = False,
) -> MDP:
    """A random MDP (Archibald, McKinnon & Thomas 1995).

    Every pair of state and action leads to `branching` different states. Their probabilities are
    drawn uniformly from all distributions (Dirichlet with parameters 1); rewards are standard
    normal.

    Args:
        n_states: S, at least 1.
        n_actions: A, at least 1.
        branching: number of next states, in [1, S].
        seed: seed of the random numbers, in [0, 2^64).
        horizon: number of steps H, as in `MDP`.
        gamma: discount factor in [0, 1], as in `MDP`.
        average: whether the criterion is the average reward.

    Returns:
        An MDP with a uniform start.

    Raises:
        ValueError: numbers out of range, or no or several criteria.
        TypeError: arguments of the wrong type.
    """
    n, m = arrays.integer("n_states", n_states, 1), arrays.integer("n_actions", n_actions, 1)
    b = arrays.integer("branching", branching, 1, n)
    rng = np.random.Generator(np.random.PCG64(arrays.seed(seed)))
    P = np.zeros((n, m, n))
    for s in range(n):
        for a in range(m):
            P[s, a, rng.choice(n, b, replace=False)] = rng.dirichlet(np.ones(b))
    return MDP(P, rng.normal(size=(n, m)), horizon=horizon, gamma=gamma, average=average)


def chain(
    length: int, *, slip: float = 0.1, horizon: int | None = None, gamma: float | None = None
) -> MDP:
    """A corridor of states: action 0 goes one state to the left, action 1 one to the right.

    Rewards depend on the action chosen: 0.1 for action 0 in the left end, 1 for action 1 in the
    right end, else 0. Episodes start in the left end.

    Args:
        length: number of states, at least 2.
        slip: probability in [0, 1] of the other action's move.
        horizon: number of steps H, as in `MDP`.
        gamma: discount factor in [0, 1], as in `MDP`.

    Returns:
        An MDP with `length` states and 2 actions.

    Raises:
        ValueError: numbers out of range, or neither horizon nor gamma.
        TypeError: arguments of the wrong type.
    """
    n = arrays.integer("length", length, 2)
    turned = arrays.unit_interval("slip", slip)
    P = np.zeros((n, 2, n))
    for s in range(n):
        left, right = max(s - 1, 0), min(s + 1, n - 1)
        for action, (wanted, other) in enumerate([(left, right), (right, left)]):
            P[s, action, wanted] += 1.0 - turned
            P[s, action, other] += turned
    r = np.zeros((n, 2))
    r[0, 0], r[n - 1, 1] = 0.1, 1.0
    start = np.zeros(n)
    start[0] = 1.0
    return MDP(P, r, start, horizon=horizon, gamma=gamma)


def kakade() -> MDP:
    """Two states, each with a self-loop (action 0) and a cross move (1); average reward.

    The self-loop pays 1 in the first state and 2 in the second; a cross move pays nothing (Kakade
    2001).

    Returns:
        An MDP with 2 states and 2 actions.
    """
    P = np.zeros((2, 2, 2))
    P[0, 0, 0] = P[1, 0, 1] = P[0, 1, 1] = P[1, 1, 0] = 1.0
    return MDP(P, [[1.0, 0.0], [2.0, 0.0]], average=True)


def two_actions(first: float = 100.0, second: float = 1.0) -> MDP:
    """One state, two actions and one step (lecture L9).

    Args:
        first: reward of action 0.
        second: reward of action 1.

    Returns:
        An MDP with horizon 1.

    Raises:
        ValueError: rewards that are not finite.
        TypeError: rewards that are not numbers.
    """
    return MDP(np.ones((1, 2, 1)), [[first, second]], horizon=1)


def cliff(
    height: int = 4,
    width: int = 12,
    *,
    slip: float = 0.0,
    horizon: int | None = None,
    gamma: float | None = None,
) -> MDP:
    """The cliff walk of Sutton & Barto (example 6.6).

    Every step pays -1. A step into the cliff, the bottom row without its two corners, pays -100 and
    leads back to the start, the bottom left corner. The bottom right corner is the goal, a terminal
    state. Actions: 0 up, 1 right, 2 down, 3 left. State `row * width + column`.

    Args:
        height: rows, at least 2.
        width: columns, at least 3.
        slip: probability in [0, 1] that the action is replaced by one drawn uniformly from all
            four.
        horizon: number of steps H, as in `MDP`.
        gamma: discount factor in [0, 1], as in `MDP`.

    Returns:
        An MDP with `height * width` states and 4 actions.

    Raises:
        ValueError: numbers out of range, or neither horizon nor gamma.
        TypeError: arguments of the wrong type.
    """
    rows, columns = arrays.integer("height", height, 2), arrays.integer("width", width, 3)
    turned = arrays.unit_interval("slip", slip)
    n, moves = rows * columns, [(-1, 0), (0, 1), (1, 0), (0, -1)]
    first, goal = (rows - 1) * columns, n - 1
    P, r = np.zeros((n, 4, n)), np.zeros((n, 4))
    for s in range(n):
        for a in range(4):
            for b, (down, right) in enumerate(moves):
                share = turned / 4 + (1.0 - turned) * (a == b)
                row = min(max(s // columns + down, 0), rows - 1)
                column = min(max(s % columns + right, 0), columns - 1)
                falls = row == rows - 1 and 0 < column < columns - 1
                P[s, a, first if falls else row * columns + column] += share
                r[s, a] += share * (-100.0 if falls else -1.0)
    start = np.zeros(n)
    start[first] = 1.0
    return MDP(P, r, start, horizon=horizon, gamma=gamma, terminal=np.arange(n) == goal)


def from_gymnasium(env: Any, *, horizon: int | None = None, gamma: float | None = None) -> MDP:
    """The MDP of an environment with Gymnasium's table `P`: FrozenLake, Taxi, CliffWalking.

    Rewards are expectations over the next state. A transition that ends an episode leads to an
    additional terminal state, which is the last one.

    `P` may be incomplete. Taxi with `fickle_passenger=True` is refused. If the environment stores
    its state as the number `s`, a copy of it plays some steps; an outcome to which `P` gives
    probability 0 is an error.

    Args:
        env: a `gymnasium.Env` whose unwrapped form has `P` and `initial_state_distrib`.
        horizon: number of steps H; if neither it nor `gamma` is given, the registered time limit.
        gamma: discount factor in [0, 1].

    Returns:
        An MDP with one state more than the environment.

    Raises:
        ValueError: no tables, tables that do not describe the environment, or arguments that `MDP`
            refuses.
    """
    inner: Any = getattr(env, "unwrapped", None)
    if not hasattr(inner, "P") or not hasattr(inner, "initial_state_distrib"):
        raise ValueError(f"env: expected tables P and initial_state_distrib, got {env!r}")
    if horizon is None and gamma is None:
        horizon = None if env.spec is None else _time_limit(env)
    P, r = _tables_of(inner.P)
    n = len(P) - 1
    start = np.append(probabilities.distribution("start", inner.initial_state_distrib, n), 0.0)
    if getattr(inner, "fickle_passenger", False):
        raise ValueError("env: expected fickle_passenger=False, got True: P does not hold it")
    _compare_with_play(inner, start)
    return MDP(P, r, start, horizon=horizon, gamma=gamma, terminal=np.arange(n + 1) == n)


def _time_limit(env: Any) -> int | None:
    """The first limit to end an episode; of several the spec has only the outermost."""
    limits = [one._max_episode_steps for one in layers(env) if isinstance(one, TimeLimit)]
    return min(limits, default=env.spec.max_episode_steps)


def _compare_with_play(inner: Any, start: Floats) -> None:
    """Raise ValueError if a copy of the environment takes a transition of probability 0 in `P`."""
    played = _playable(inner)
    if played is None:
        return
    begins = set(np.flatnonzero(start).tolist())
    for state, action in _some_pairs(inner.P, start):
        # A new episode for every pair, since hidden state is often drawn at its start.
        first = played.reset()[0]
        if first not in begins:
            raise ValueError(
                f"env: reset gave state {first}, to which initial_state_distrib gives 0"
            )
        played.s = state
        following, reward, ended = played.step(action)[:3]
        if not _is_outcome(inner.P[state][action], following, reward, ended):
            raise ValueError(
                f"env: expected an outcome of P[{state}][{action}], got state {following}, reward "
                f"{reward}, terminated {ended}: P is not what the environment does"
            )


def _playable(inner: Any) -> Any:
    """A seeded copy whose state can be set through `s`; None if that is impossible."""
    if not isinstance(inner, gymnasium.Env):
        return None
    try:
        played: Any = copy.deepcopy(inner)
        played.render_mode = None  # the copy is not shown
    except MemoryError:
        raise
    except Exception:  # for instance, windows and locks cannot be copied
        return None
    first = played.reset(seed=0)[0]
    state: Any = getattr(played, "s", None)
    counts = isinstance(state, int | np.integer) and np.array_equal(first, state)
    return played if counts else None


def _some_pairs(outcomes: Any, start: Floats) -> list[tuple[int, int]]:
    """Pairs of state and action to play, evenly spread over those that an episode can reach."""
    entered = {int(s) for s in np.flatnonzero(start)}
    for s, a in itertools.product(range(len(outcomes)), range(len(outcomes[0]))):
        entered.update(int(after) for p, after, _, ended in outcomes[s][a] if p > 0.0 and not ended)
    pairs = list(itertools.product(sorted(entered), range(len(outcomes[0]))))
    chosen = np.linspace(0, len(pairs), _PLAYED, endpoint=False).astype(int)
    return [pairs[k] for k in chosen]


def _is_outcome(outcomes: Any, following: Any, reward: Any, ended: Any) -> bool:
    for probability, after, pays, ends in outcomes:
        same = after == following and bool(ends) == bool(ended)
        if probability > 0.0 and same and math.isclose(pays, reward, rel_tol=1e-6, abs_tol=1e-9):
            return True
    return False


@np.errstate(**quiet)  # `MDP` refuses values that are not finite
def _tables_of(outcomes: Any) -> tuple[Floats, Floats]:
    """P and r from Gymnasium's `P[s][a]`, with an additional terminal state."""
    try:
        n, m = len(outcomes), len(outcomes[0])
        P, r = np.zeros((n + 1, m, n + 1)), np.zeros((n + 1, m))
        P[n, :, n] = 1.0
        for s, a in itertools.product(range(n), range(m)):
            if len(outcomes[s]) != m:
                raise ValueError(f"env: expected {m} actions in P[{s}], got {len(outcomes[s])}")
            for probability, following, reward, ended in outcomes[s][a]:
                if not 0 <= following < n:
                    raise ValueError(f"env: expected states below {n} in P[{s}], got {following}")
                P[s, a, n if ended else following] += probability
                r[s, a] += probability * reward
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"env: expected tables P[s][a] of outcomes, got {error!r}") from error
    return P, r
