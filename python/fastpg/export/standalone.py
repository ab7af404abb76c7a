"""What an exported NumPy file runs: this text is copied into it, so it imports NumPy alone."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np

ACTIVATIONS: dict[str, Any] = {
    "none": lambda z: z,
    "sin": np.sin,
    "tanh": np.tanh,
    "relu": lambda z: np.where(z < 0, 0, z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "silu": lambda z: z / (1 + np.exp(-z)),
}


class ExportedPolicy:
    """A policy of one kind of actions, from observations of `observation_size` numbers."""

    def __init__(
        self,
        *,
        observation_size: int,
        time_scale: float,
        clip: float,
        activations: list[str],
        levels: int,
        shape: tuple[int, ...],
        dtype: str,
        numbers: str,
    ) -> None:
        self.observation_size = observation_size
        self.time_scale = time_scale  # of the step among the inputs; 0 if it is none of them
        self.clip = clip
        self.activations = activations
        self.levels = levels
        self.shape = shape
        self.dtype = np.dtype(dtype)
        with np.load(io.BytesIO(base64.b64decode(numbers))) as archive:
            self.numbers = {name: archive[name] for name in archive.files}

    def outputs(self, observation: Any, step_index: Any = None) -> Any:
        """Logits of all actions, or the means, (n, outputs), of observations (d,) or (n, d)."""
        with np.errstate(all="ignore"):
            x = self._inputs(observation, step_index)
            parts = [x]
            for k in range(self.levels):
                parent, factor = self.numbers[f"parent{k}"], self.numbers[f"factor{k}"]
                parts.append(parts[-1][:, parent] * x[:, factor])
            x = np.concatenate(parts, axis=1)
            for k, name in enumerate(self.activations):
                z = x @ self.numbers[f"weights{k}"] + self.numbers[f"bias{k}"]
                x = ACTIVATIONS[name](z)
        if "columns" in self.numbers:  # equal columns are stored once
            x = x[:, self.numbers["columns"]]
        if np.isnan(x).any():
            raise ValueError("observation: too large, the outputs are not finite")
        return x

    def _inputs(self, observation: Any, step_index: Any) -> Any:
        rows = np.atleast_2d(np.asarray(observation, dtype=np.float32))
        if rows.ndim != 2 or rows.shape[1] != self.observation_size:
            size = self.observation_size
            raise ValueError(f"observation: expected ({size},) or (n, {size}), got {rows.shape}")
        if not np.isfinite(rows).all():
            raise ValueError("observation: expected finite numbers")
        x = rows.astype(np.float64)
        if "mean" in self.numbers:
            x = (x - self.numbers["mean"]) * self.numbers["inverse_std"]
            x = np.clip(x, -self.clip, self.clip)
        if self.time_scale:
            steps = np.full(len(x), 0 if step_index is None else step_index, dtype=np.float64)
            x = np.column_stack([x, steps / self.time_scale])
        return x.astype(self.numbers["weights0"].dtype)


class Discrete(ExportedPolicy):
    """Integers: one choice of several actions, or several choices."""

    def log_probs(self, observation: Any, action_mask: Any = None, step_index: Any = None) -> Any:
        """The ln pi of every action of all choices, (n, actions); -inf where the mask is 0."""
        logits = self.outputs(observation, step_index).astype(np.float64)
        if action_mask is not None:
            mask = np.atleast_2d(np.asarray(action_mask))
            if mask.shape != logits.shape or not ((mask == 0) | (mask == 1)).all():
                raise ValueError(f"action_mask: expected flags of shape {logits.shape}")
            logits[mask == 0] = -np.inf
        with np.errstate(all="ignore"):
            for part in self._choices(logits):
                part -= part.max(axis=1, keepdims=True)
                part -= np.log(np.exp(part).sum(axis=1, keepdims=True))
        if np.isnan(logits).any():
            raise ValueError("expected an allowed action in each choice, and finite logits")
        return logits

    def predict(self, observation: Any, action_mask: Any = None, step_index: Any = None) -> Any:
        """The most probable action; of equally probable ones the first.

        One observation (d,) gives one action, n of them (n, d) give n. The mask has 1 where an
        action is allowed, (actions,) or (n, actions); None allows all.
        """
        log_pi = self.log_probs(observation, action_mask, step_index)
        chosen = [part.argmax(axis=1) for part in self._choices(log_pi)]
        return self._actions(observation, chosen)

    def sample(
        self, observation: Any, rng: Any, action_mask: Any = None, step_index: Any = None
    ) -> Any:
        """A random action; rng is a `numpy.random.Generator`."""
        log_pi = self.log_probs(observation, action_mask, step_index)
        chosen = []
        for part in self._choices(log_pi):
            reached = np.exp(part).cumsum(axis=1)
            chosen.append((reached > rng.random((len(part), 1)) * reached[:, -1:]).argmax(axis=1))
        return self._actions(observation, chosen)

    def _choices(self, columns: Any) -> Any:
        return np.split(columns, np.cumsum(self.numbers["counts"])[:-1], axis=1)

    def _actions(self, observation: Any, chosen: Any) -> Any:
        actions = np.stack(chosen, axis=1).astype(self.dtype) + self.numbers["starts"]
        shaped = actions.reshape(-1, *self.shape)
        return shaped[0] if np.ndim(observation) < 2 else shaped


class Gaussian(ExportedPolicy):
    """Numbers within bounds."""

    def predict(self, observation: Any, step_index: Any = None) -> Any:
        """The mean, within the bounds: one action for an observation (d,), n for (n, d)."""
        return self._actions(observation, self.outputs(observation, step_index))

    def sample(self, observation: Any, rng: Any, step_index: Any = None) -> Any:
        """A random action within the bounds; rng is a `numpy.random.Generator`."""
        means, log_std = self._means_and_log_std(observation, step_index)
        return self._actions(
            observation, means + np.exp(log_std) * rng.standard_normal(means.shape)
        )

    def outputs(self, observation: Any, step_index: Any = None) -> Any:
        """The means, (n, size), without bounds, of observations (d,) or (n, d)."""
        return self._means_and_log_std(observation, step_index)[0]

    def log_std(self, observation: Any, step_index: Any = None) -> Any:
        """The array ln sigma, (n, size), of observations (d,) or (n, d)."""
        means, log_std = self._means_and_log_std(observation, step_index)
        return np.broadcast_to(log_std, means.shape)

    def _means_and_log_std(self, observation: Any, step_index: Any) -> Any:
        numbers = super().outputs(observation, step_index)
        if "log_std" in self.numbers:
            return numbers, self.numbers["log_std"]
        means, log_std = np.split(numbers, 2, axis=1)
        return means, np.clip(log_std, *self.numbers["log_std_bounds"])

    def _actions(self, observation: Any, numbers: Any) -> Any:
        if not np.isfinite(numbers).all():
            raise ValueError("observation: too large, the actions are not finite")
        within = np.minimum(np.maximum(numbers, self.numbers["low"]), self.numbers["high"])
        if self.dtype.kind in "iu":
            within = np.rint(within)
        shaped = within.astype(self.dtype).reshape(-1, *self.shape)
        return shaped[0] if np.ndim(observation) < 2 else shaped
