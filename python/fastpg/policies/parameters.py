"""The parameters of a policy: where they begin, what they may be, and how they move."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from fastpg import _core, arrays
from fastpg.arrays import Floats
from fastpg.policies.closed_form import ClosedForms


class Parameters(ClosedForms):
    """The part of a policy that holds theta: the network's, then the distribution's own."""

    _most: ClassVar[float] = _core.MOST_PARAMETER  # products with observations stay finite

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of theta."""
        return self._shape

    @property
    def is_linear(self) -> bool:
        """Whether logits or means are linear in theta, so that a score is phi times a factor."""
        return isinstance(self._network, _core.Linear)

    def _theta_shape(self) -> tuple[int, ...]:
        return (self._network.parameters + len(self._own_initial()),)

    def _initial_theta(self) -> Floats:
        flat = np.concatenate([self._initial_weights(), self._own_initial()])
        return flat.reshape(self._shape)

    def _initial_weights(self) -> Floats:
        """Of the network, (network.parameters,)."""
        return np.zeros(self._network.parameters)

    def _own_initial(self) -> Floats:
        """Parameters of the distribution itself, which follow those of the network."""
        return np.zeros(0)

    @property
    def theta(self) -> Floats:
        """The parameters, float64. Assigning copies; ValueError for values out of range."""
        return self._theta

    @theta.setter
    def theta(self, value: Any) -> None:
        checked = self._checked_theta(value)
        self._require_kept(checked)
        self._take(checked)

    def move_to(self, theta: Any) -> None:
        """Set the parameters to the result of a step; values beyond a bound are set to the bound.

        Args:
            theta: of the shape of theta; a Gaussian policy clips ln sigma to [-10, 2].

        Raises:
            ValueError: another shape, or numbers that are not finite; nothing is changed.
        """
        self._take(self._project(self._checked_theta(theta)))

    def _takes(self, theta: Floats) -> bool:
        """Set the parameters to the result of a step of learning, if they are finite.

        The array, float64 and C-contiguous, becomes the policy's: no copy is made. Values beyond a
        bound are set to the bound. False, and nothing is changed, if numbers are not finite, or
        beyond 1e150 (1e15 for a perceptron).
        """
        if theta.shape != self._shape:
            raise ValueError(f"theta: expected shape {self._shape}, got {theta.shape}")
        if not arrays.within(theta, self._most):
            return False
        theta = self._project(theta)
        theta.flags.writeable = False
        self._theta = theta
        return True

    def _take(self, theta: Floats) -> None:
        theta.flags.writeable = False
        self._theta = theta

    def _checked_theta(self, value: Any) -> Floats:
        checked = arrays.shaped_floats("theta", value, self.shape)
        if not arrays.within(checked, self._most):
            arrays.finite_floats("theta", checked, self.shape)
            raise ValueError(f"theta: expected magnitudes of at most {self._most:g}")
        return checked.copy()

    def _require_kept(self, theta: Floats) -> None:
        """Raise ValueError if `_project` would change parameters."""

    def _project(self, theta: Floats) -> Floats:
        return theta
