"""Finite Markov decision processes and the exact values of a policy in them (lecture, Setting)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastpg import _core, arrays, probabilities
from fastpg.arrays import Bools, Floats
from fastpg.results import quiet

_MOST_HORIZON = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Exact quantities of a policy; S states, A actions, H steps if there is a horizon."""

    J: float  # expected return from the start, or the average reward
    V: Floats  # (H + 1, S), or (S,); for an average reward, differential values
    Q: Floats  # (H, S, A), or (S, A)
    advantage: Floats  # Q - V, the shape of Q
    visits: Floats  # distribution of the state: (H, S) for each step, or (S,); sums are 1
    occupancy: (
        Floats  # weight of a state in the gradient of J: gamma^h visits, visits / (1 - gamma)
    )
    pi: Floats  # the policy, (S, A) or (H, S, A)

    @property
    def state_actions(self) -> Floats:
        """Joint distribution of state and action, of the shape of Q."""
        return self.visits[..., None] * self.pi


class MDP:
    """A finite MDP from arrays, with one of three criteria.

    - `horizon`: episodes terminate after that many steps; V_H = 0, as in the lecture. `gamma` may
      be given too; it is 1 by default.
    - only `gamma`, below 1: the discounted return of an endless episode.
    - `average=True`: the average reward of an endless episode.

    Args:
        P: P(s'|s, a), (S, A, S). Rows must sum to 1 within 1e-9; rows of float32 within 1e-6, and
            they are divided by their sums. The same holds for `start` and for tables of policies.
        r: expected reward, (S, A).
        start: distribution of the first state, (S,); uniform by default.
        horizon: number of steps H, in [1, 2^31 - 1].
        gamma: discount factor in [0, 1].
        average: whether the criterion is the average reward.
        terminal: bool (S,), states that end an episode. They get self-loops with reward 0.

    Raises:
        ValueError: other shapes, rows that are not distributions, numbers that are not finite, a
            discount of 1 without a horizon, or no or several criteria.
        TypeError: values that are not numbers.
    """

    def __init__(
        self,
        P: Any,
        r: Any,
        start: Any = None,
        *,
        horizon: int | None = None,
        gamma: float | None = None,
        average: bool = False,
        terminal: Any = None,
    ) -> None:
        table = arrays.finite_floats("P", P, (None, None, None))
        n, m, following = table.shape
        if following != n:
            raise ValueError(f"P: expected shape (S, A, S), got {table.shape}")
        rewards = arrays.finite_floats("r", r, (n, m)).copy()
        self.terminal = (
            np.zeros(n, dtype=np.bool_)
            if terminal is None
            else arrays.flags("terminal", terminal, (n,)).copy()
        )
        # Rows of terminal states are replaced before the check, since their values do not matter.
        table = self._closed(table, rewards)
        table = probabilities.normalised(
            "P", table, probabilities.is_single(P), ("state", "action")
        )
        self.transitions = _core.Transitions(table.reshape(n * m, n), m)
        self.P: Floats = table
        self.r: Floats = rewards
        self.start = (
            np.full(n, 1.0 / n) if start is None else probabilities.distribution("start", start, n)
        )
        self.horizon = (
            None if horizon is None else arrays.integer("horizon", horizon, 1, _MOST_HORIZON)
        )
        self.average = arrays.boolean("average", average)
        self.gamma = self._checked_gamma(gamma)
        self._freeze()

    def _freeze(self) -> None:
        for array in (self.P, self.r, self.start, self.terminal):
            array.flags.writeable = False

    def _closed(self, table: Floats, rewards: Floats) -> Floats:
        """Replace the rows of terminal states by self-loops with reward 0."""
        if not self.terminal.any():
            return table.copy()
        closed = table.copy()
        for s in np.flatnonzero(self.terminal):
            closed[s] = 0.0
            closed[s, :, s] = 1.0
            rewards[s] = 0.0
        return closed

    def _checked_gamma(self, gamma: float | None) -> float:
        if self.average:
            if self.horizon is not None or gamma is not None or self.terminal.any():
                raise ValueError("average: expected neither horizon, gamma nor terminal states")
            return 1.0
        if self.horizon is None and gamma is None:
            raise ValueError("expected one of horizon, gamma and average=True, got none")
        if gamma is None:
            return 1.0
        checked = arrays.unit_interval("gamma", gamma)
        if self.horizon is None and checked >= 1.0:
            raise ValueError("gamma: expected a number below 1 without a horizon, got 1")
        return checked

    @property
    def n_states(self) -> int:
        """Number of states S."""
        return int(self.P.shape[0])

    @property
    def n_actions(self) -> int:
        """Number of actions A."""
        return int(self.P.shape[1])

    @property
    def criterion(self) -> str:
        """One of "finite", "discounted" and "average"."""
        if self.average:
            return "average"
        return "discounted" if self.horizon is None else "finite"

    def evaluate(self, policy: Any) -> Evaluation:
        """Exact values of a policy.

        Args:
            policy: probabilities (S, A), or with a horizon also (H, S, A); or an object with
                `probabilities()`.

        Returns:
            J, V, Q, the advantage and the visits.

        Raises:
            ValueError: not probabilities; another shape; rewards so large that values overflow; or,
                for an average reward, more than one recurrent class of states.
            TypeError: values that are not numbers.
        """
        pi = self.policy_table(policy).copy()
        with np.errstate(**quiet):
            evaluation = self._evaluate(pi)
        if not (np.isfinite(evaluation.advantage).all() and np.isfinite(evaluation.J)):
            raise ValueError("r: expected rewards whose values are finite, got larger ones")
        return evaluation

    def _evaluate(self, pi: Floats) -> Evaluation:
        if self.criterion == "finite":
            return self._evaluate_finite(pi)
        if self.criterion == "discounted":
            V, Q, visits, _ = self.transitions.discounted_values(self.r, pi, self.start, self.gamma)
            J, occupancy = float(self.start @ V), visits / (1.0 - self.gamma)
        else:
            V, Q, visits, J = self.transitions.average_values(self.r, pi)
            occupancy = visits
        return Evaluation(J, V, Q, Q - V[:, None], visits, occupancy, pi)

    def _evaluate_finite(self, pi: Floats) -> Evaluation:
        assert self.horizon is not None
        n, m, steps = self.n_states, self.n_actions, self.horizon
        flat = np.ascontiguousarray(pi.reshape(-1, m))
        V, Q = self.transitions.finite_values(self.r, flat, steps, self.gamma)
        Q = Q.reshape(steps, n, m)
        visits = self.transitions.finite_visits(self.start, flat, steps)
        occupancy = self.gamma ** np.arange(steps)[:, None] * visits
        advantage = Q - V[:-1, :, None]
        return Evaluation(float(self.start @ V[0]), V, Q, advantage, visits, occupancy, pi)

    def policy_table(self, policy: Any) -> Floats:
        """The probabilities of a policy, checked.

        Args:
            policy: probabilities (S, A), or with a horizon also (H, S, A); or an object with
                `probabilities()`.

        Returns:
            Float64, (S, A) or (H, S, A).

        Raises:
            ValueError: not probabilities, another shape, or three dimensions without a horizon.
            TypeError: values that are not numbers.
        """
        given = policy.probabilities() if hasattr(policy, "probabilities") else policy
        if arrays.ndim("policy", given) == 3:
            if self.horizon is None:
                raise ValueError(
                    "policy: expected shape (S, A) without a horizon, got 3 dimensions"
                )
            shape: tuple[int, ...] = (self.horizon, self.n_states, self.n_actions)
        else:
            shape = (self.n_states, self.n_actions)
        return probabilities.probabilities("policy", given, shape)

    def with_criterion(
        self, *, horizon: int | None = None, gamma: float | None = None, average: bool = False
    ) -> MDP:
        """The same process with another criterion.

        Args:
            horizon: number of steps H, as in `MDP`.
            gamma: discount factor in [0, 1], as in `MDP`.
            average: whether the criterion is the average reward. Terminal states then count as
                ordinary states with a self-loop and reward 0.

        Returns:
            A new MDP with the same P, r and start.

        Raises:
            ValueError: no or several criteria, or numbers out of range.
            TypeError: values of the wrong type.
        """
        ends: Bools | None = None if average else self.terminal
        return MDP(
            self.P, self.r, self.start, horizon=horizon, gamma=gamma, average=average, terminal=ends
        )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "transitions"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._freeze()  # copies of arrays are writeable
        n, m, _ = self.P.shape
        self.transitions = _core.Transitions(self.P.reshape(n * m, n), m)

    def __repr__(self) -> str:
        what = {
            "finite": f"horizon={self.horizon}, gamma={self.gamma}",
            "discounted": f"gamma={self.gamma}",
            "average": "average=True",
        }[self.criterion]
        return f"MDP({self.n_states} states, {self.n_actions} actions, {what})"


def an_mdp(mdp: Any) -> MDP:
    """Check that an argument is an MDP.

    Args:
        mdp: any object.

    Returns:
        `mdp`.

    Raises:
        TypeError: not an MDP.
    """
    if not isinstance(mdp, MDP):
        raise TypeError(f"mdp: expected an MDP, got {mdp!r}")
    return mdp
