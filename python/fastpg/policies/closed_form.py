"""Quantities of a distribution over actions, of a batch of states, in closed form."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from fastpg import _core, arrays, threads
from fastpg.arrays import Bools, Floats


class ClosedForms:
    """The part of a policy that computes over batches: samples, gradients, KLs, Fisher matrices.

    Batches are features `phi` of shape (n, n_features) and distributions `dist` of shape (n, k).
    """

    _shape: tuple[int, ...]  # of theta
    _n_features: int
    _theta: Floats
    _action_size: int
    _distribution: _core.Distribution
    _network: _core.Network

    def distribution(self, phi: Floats, theta: Floats | None = None, mask: Any = None) -> Floats:
        """The distribution over actions in each state.

        Args:
            phi: features (n, n_features).
            theta: parameters of the shape of theta; None: the policy's own.
            mask: bool (n, n_actions), True where the action is allowed, for a softmax policy; None
                allows all.

        Returns:
            `dist`, (n, k): ln pi of every action for a softmax policy, the means and ln sigma for
                a Gaussian policy.

        Raises:
            TypeError: arrays of another kind, or a mask for a policy that takes none.
            ValueError: another shape, a mask that allows no action in some state, or numbers whose
                products are not finite.
        """
        parameters = self._theta if theta is None else self._checked_theta(theta)
        return self.batch(phi, mask=mask).distribution(parameters)

    def sample(self, dist: Floats, uniforms: Any) -> npt.NDArray[Any]:
        """Sample actions by the inverse of the cumulative distribution function (CDF).

        Args:
            dist: distributions (n, k).
            uniforms: numbers in (0, 1), one for each number of an action: (n,) or (n, action size).

        Returns:
            n actions: int32 (n,) or (n, choices) for a softmax policy, float64 (n, action_size)
                for a Gaussian policy.

        Raises:
            TypeError: arrays of another kind.
            ValueError: another shape, or numbers out of range.
        """
        d = self._dist(dist)
        shape = (len(d),) if arrays.ndim("uniforms", uniforms) == 1 else (len(d), None)
        u = arrays.finite_floats("uniforms", uniforms, shape).reshape(len(d), -1)
        return self._public(self._distribution.sample(d, u))

    def mode(self, dist: Floats) -> npt.NDArray[Any]:
        """The most probable action in each state; of equally probable ones the first.

        Args:
            dist: distributions (n, k).

        Returns:
            n actions, as in `sample`; for a Gaussian policy these are the means.
        """
        return self._public(self._distribution.mode(self._dist(dist)))

    def log_prob(self, dist: Floats, actions: Any) -> Floats:
        """The ln pi(a_i|s_i) of given actions; a log density for a Gaussian policy.

        Args:
            dist: distributions (n, k).
            actions: of the n samples, as in `Policy`.

        Returns:
            (n,).
        """
        d = self._dist(dist)
        return self._distribution.log_prob(d, self._rows(actions, len(d)))

    def score_gradient(
        self,
        phi: Floats,
        dist: Floats,
        actions: Any,
        weights: Any,
        *,
        num_threads: int | None = None,
    ) -> Floats:
        """The mean over the batch of w_i grad ln pi(a_i|s_i).

        Args:
            phi: features (n, n_features).
            dist: distributions (n, k).
            actions: of the n samples, as in `Policy`.
            weights: w, (n,), such as advantages.
            num_threads: as in `Policy`.

        Returns:
            The shape of theta.

        Raises:
            OverflowError: features or weights so large that the sums are not finite.
        """
        batch = self.batch(phi, actions, num_threads=num_threads)
        n = len(batch.phi)
        w = arrays.shaped_floats("weights", weights, (n,))
        return self._shaped(batch.score_gradient(self._theta, self._dist(dist, n), w))

    def compare(
        self, old_dist: Floats, new_dist: Floats, actions: Any, advantages: Any
    ) -> _core.UpdateStatistics:
        """Statistics of a step of the policy, over the batch from which it was computed.

        Args:
            old_dist: distributions (n, k) before the step.
            new_dist: distributions (n, k) after the step, in the same states.
            actions: of the n samples, as in `Policy`.
            advantages: A, (n,).

        Returns:
            An `UpdateStatistics`.
        """
        old = self._dist(old_dist)
        n = len(old)
        return self._distribution.compare(
            old,
            self._dist(new_dist, n),
            self._rows(actions, n),
            arrays.shaped_floats("advantages", advantages, (n,)),
        )

    def entropy(self, dist: Floats) -> Floats:
        """The entropy H(pi(.|s)) in each state; the differential entropy for a Gaussian policy.

        Args:
            dist: distributions (n, k).

        Returns:
            (n,), in nats.
        """
        return self._distribution.entropy(self._dist(dist))

    def entropy_gradient(self, phi: Floats, dist: Floats) -> Floats:
        """Gradient of the mean entropy over the batch.

        Args:
            phi: features (n, n_features).
            dist: distributions (n, k).

        Returns:
            The shape of theta.

        Raises:
            OverflowError: features so large that the sums are not finite.
        """
        batch = self.batch(phi)
        return self._shaped(batch.entropy_gradient(self._theta, self._dist(dist, len(batch.phi))))

    def kl(self, old_dist: Floats, new_dist: Floats) -> Floats:
        """The exact KL(old | new) in each state (lecture L5).

        Args:
            old_dist: distributions (n, k).
            new_dist: distributions (n, k), in the same states.

        Returns:
            (n,), in nats.
        """
        old = self._dist(old_dist)
        return self._distribution.kl(old, self._dist(new_dist, len(old)))

    def fisher_vector_product(
        self,
        phi: Floats,
        dist: Floats,
        vector: Any,
        actions: Any = None,
        *,
        num_threads: int | None = None,
    ) -> Floats:
        """The product F v of the Fisher matrix F with a vector (lecture L7).

        Args:
            phi: features (n, n_features).
            dist: distributions (n, k).
            vector: v, of the shape of theta, finite.
            actions: None sums the action out of F. With actions of the n samples, as in
                `Policy`, F = mean_i score score^T at them: the option `fisher="sampled"`.
            num_threads: as in `Policy`.

        Returns:
            F v, the shape of theta.

        Raises:
            OverflowError: features or a vector so large that the sums are not finite.
        """
        batch = self.batch(phi, actions, num_threads=num_threads)
        v = arrays.finite_floats("vector", vector, self._shape)
        d = self._dist(dist, len(batch.phi))
        return batch.fisher_vector_product(self._theta, d, v, actions is not None)

    def fisher(
        self,
        phi: Floats,
        dist: Floats,
        actions: Any = None,
        *,
        num_threads: int | None = None,
    ) -> Floats:
        """The dense Fisher matrix F; use it only if theta has few parameters.

        Args:
            phi: features (n, n_features).
            dist: distributions (n, k).
            actions: as in `fisher_vector_product`.
            num_threads: as in `Policy`.

        Returns:
            F, (theta.size, theta.size).

        Raises:
            OverflowError: features so large that the sums are not finite.
        """
        batch = self.batch(phi, actions, num_threads=num_threads)
        return batch.fisher(self._theta, self._dist(dist, len(batch.phi)), actions is not None)

    def batch(
        self,
        phi: Floats,
        actions: Any = None,
        mask: Any = None,
        *,
        num_threads: int | None = None,
    ) -> _core.PolicyBatch:
        """States and actions in the form that the kernels take, converted and checked.

        Args:
            phi: features (n, n_features).
            actions: of the n samples, as in `score_gradient`; None if they are not needed.
            mask: bool (n, n_actions), True where the action is allowed; None allows all.
            num_threads: as in `Policy`.

        Returns:
            The evaluator of the batch.

        Raises:
            TypeError: arrays of another kind, such as text, or a mask for a policy that takes none.
            ValueError: another shape, or values that are not finite or out of range.
        """
        features = self._phi(phi)
        return _core.PolicyBatch(
            self._distribution,
            self._network,
            features,
            None if actions is None else self._rows(actions, len(features)),
            self._mask(mask, len(features)),
            threads.num_threads(num_threads),
        )

    def _checked_theta(self, value: Any) -> Floats:
        raise NotImplementedError

    def _phi(self, phi: Floats) -> Floats:
        return arrays.features("phi", phi, self._n_features)

    def _dist(self, dist: Floats, rows: int | None = None) -> Floats:
        raise NotImplementedError

    def _mask(self, mask: Any, count: int) -> Bools | None:
        if mask is not None:
            raise TypeError(f"mask: {type(self).__name__} takes none")
        return None

    def _actions(self, actions: Any, count: int) -> npt.NDArray[Any]:
        raise NotImplementedError

    def _public(self, actions: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return actions

    def _rows(self, actions: Any, count: int) -> npt.NDArray[Any]:
        """Checked actions, (count, numbers of an action)."""
        return self._actions(actions, count).reshape(count, self._action_size)

    def _shaped(self, flat: Floats) -> Floats:
        return flat.reshape(self._theta.shape)
