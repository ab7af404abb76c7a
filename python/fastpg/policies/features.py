"""Feature maps phi(s, h), in which policies are linear."""

from __future__ import annotations

import copy
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from fastpg import _core, arrays, results
from fastpg.arrays import Float32s, Floats
from fastpg.suggestions import one_of

TIME_SCALE = 100.0  # of the step among the inputs, as in C++
_FOURIER_PAIRS = 1000
_CLIP = _core.OBSERVATION_CLIP
_NORMALIZATION = "_normalization"  # attribute of a map: mean and 1 / standard deviation


class MapInUse(Protocol):
    """An object that computes features: a `_core.FeatureMap`, or a function in its place."""

    @property
    def size(self) -> int:
        """Number of features, the constant included."""
        ...

    def normalized(self, mean: Any, inverse_std: Any) -> Self:
        """The same map, which normalises observations first."""
        ...

    def features(
        self, observations: Float32s, step_index: npt.NDArray[np.int64], num_threads: int = 1
    ) -> Floats:
        """phi, (n, size), of observations (n, d) at steps in the episode (n,)."""
        ...


class FeatureMap:
    """Base of the maps. The inputs x are the observation and, with `time`, t = h / 100.

    Args:
        observation_size: length d of an observation.
        time: whether the step in the episode h is among the inputs.
    """

    kind = ""
    native: MapInUse

    def __init__(self, observation_size: int, *, time: bool = False) -> None:
        self.observation_size = arrays.integer("observation_size", observation_size, 1, 2**20)
        self.time = arrays.boolean("time", time)
        self.native = self._make()

    def _make(self) -> MapInUse:
        raise NotImplementedError

    def __setattr__(self, name: str, value: Any) -> None:
        """AttributeError for an argument, from which the map was made already."""
        if name != "native" and "native" in vars(self):
            raise AttributeError(
                f"{type(self).__name__!r} object: {name} cannot be set, got {value!r}: make a new "
                "map",
                name=name,
            )
        super().__setattr__(name, value)

    def fresh(self) -> Self:
        """A copy of the map, without a normalisation."""
        made = copy.copy(self)
        vars(made).pop(_NORMALIZATION, None)
        made.native = made._make()
        return made

    def _normalize(self, mean: list[float], inverse_std: list[float]) -> None:
        """Normalise observations from now on; copies and pickles do it too."""
        vars(self)[_NORMALIZATION] = (mean, inverse_std)
        self.native = self.native.normalized(mean, inverse_std)

    @property
    def in_core(self) -> bool:
        """Whether C++ computes the map, so that a rollout in C++ can use it."""
        return isinstance(self.native, _core.FeatureMap)

    @property
    def core(self) -> _core.FeatureMap:
        """The map in C++; TypeError if a function computes the features."""
        if not isinstance(self.native, _core.FeatureMap):
            raise TypeError(
                "features: expected a map that C++ computes, got a function: fastpg.collect steps "
                "the environment from Python"
            )
        return self.native

    @property
    def size(self) -> int:
        """Number of features, the constant included."""
        return self.native.size

    def __call__(self, observations: Any, step_index: Any = None) -> Floats:
        """phi, (n, size), of observations (n, d) at steps in the episode (n,), 0 by default."""
        batch, _ = arrays.observations("observations", observations, self.observation_size)
        steps = arrays.steps("step_index", step_index, len(batch))
        return self.native.features(batch, steps)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "native"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.native = self._make()
        if _NORMALIZATION in state:
            self._normalize(*state[_NORMALIZATION])

    def state(self) -> dict[str, Any]:
        """Arguments, as JSON values and arrays, from which `make_features` builds it again."""
        return {"kind": self.kind, "observation_size": self.observation_size, "time": self.time}


class Inputs(FeatureMap):
    """phi = x: what a perceptron takes; it has a bias of its own."""

    kind = "inputs"

    def _make(self) -> _core.FeatureMap:
        return _core.FeatureMap.inputs(self.observation_size, self.time)


class Identity(FeatureMap):
    """phi = (x, 1)."""

    kind = "identity"

    def _make(self) -> _core.FeatureMap:
        return _core.FeatureMap.identity(self.observation_size, self.time)


class Polynomial(FeatureMap):
    """Every product of powers of the inputs up to a total degree, the constant included.

    Args:
        observation_size: length d of an observation.
        degree: in [1, 16].
        time: whether the step in the episode h is among the inputs.
    """

    kind = "polynomial"

    def __init__(self, observation_size: int, degree: int = 2, *, time: bool = False) -> None:
        self.degree = arrays.integer("degree", degree, 1, 16)
        super().__init__(observation_size, time=time)

    def _make(self) -> _core.FeatureMap:
        return _core.FeatureMap.polynomial(self.observation_size, self.time, self.degree)

    def state(self) -> dict[str, Any]:
        """As for every map, with the degree."""
        return super().state() | {"degree": self.degree}


class RandomFourier(FeatureMap):
    """phi_k = sin((P x)_k / nu + phase_k) and a constant (Rajeswaran et al. 2017).

    P is standard normal, the phases uniform on [-pi, pi).

    Args:
        observation_size: length d of an observation.
        n_features: number of sines, at least 1.
        nu: length scale of the inputs, above 0; `length_scale` gives one from observations.
        seed: of P and the phases.
        time: whether the step in the episode h is among the inputs.
    """

    kind = "fourier"

    def __init__(
        self,
        observation_size: int,
        n_features: int = 100,
        *,
        nu: float = 1.0,
        seed: int = 0,
        time: bool = False,
    ) -> None:
        self.n_features = arrays.integer("n_features", n_features, 1, 2**20)
        self.nu = arrays.positive("nu", nu)
        self.seed = arrays.seed(seed)
        super().__init__(observation_size, time=time)

    def directions(self) -> tuple[Floats, Floats]:
        """P / nu, (n_features, inputs), and the phases, (n_features,)."""
        rng = np.random.Generator(np.random.PCG64(self.seed))
        inputs = self.observation_size + self.time
        with np.errstate(**results.quiet):
            projection = rng.standard_normal((self.n_features, inputs)) / self.nu
        results.finite("nu: directions divided by it", projection)
        return projection, rng.uniform(-np.pi, np.pi, self.n_features)

    def _make(self) -> _core.FeatureMap:
        projection, phases = self.directions()
        return _core.FeatureMap.fourier(
            self.observation_size, self.time, projection.ravel().tolist(), phases.tolist()
        )

    def state(self) -> dict[str, Any]:
        """As for every map, with the number of sines, nu and the seed."""
        return super().state() | {"n_features": self.n_features, "nu": self.nu, "seed": self.seed}


MAPS: dict[str, type[FeatureMap]] = {
    kind.kind: kind for kind in (Identity, Polynomial, RandomFourier)
}
_STORED = MAPS | {Inputs.kind: Inputs}


def make_features(state: dict[str, Any]) -> FeatureMap:
    """The map with a `state`; missing arguments get their defaults."""
    arguments = dict(state)
    return _STORED[one_of("features", arguments.pop("kind"), _STORED)](**arguments)


def length_scale(observations: Any, seed: int = 0) -> float:
    """Mean distance of 1,000 random pairs of observations, for the `nu` of `RandomFourier`.

    Args:
        observations: (n, d), finite.
        seed: of the choice of pairs, in [0, 2^64).

    Returns:
        A number above 0, in units of the observations.

    Raises:
        TypeError: observations that are not real numbers.
        ValueError: another shape, values that are not finite, or pairs that are all alike.
    """
    batch = arrays.finite_floats("observations", observations, (None, None))
    rng = np.random.Generator(np.random.PCG64(arrays.seed(seed)))
    one, other = rng.integers(0, len(batch), (2, _FOURIER_PAIRS))
    with np.errstate(**results.quiet):
        mean = float(np.linalg.norm(batch[one] - batch[other], axis=1).mean())
    results.finite("length_scale", mean)
    if mean <= 0.0:
        raise ValueError("observations: expected some that differ, got all alike")
    return mean


def normalized(observations: npt.NDArray[Any], mean: Floats, inverse_std: Floats) -> Floats:
    """Observations (n, d) minus `mean`, times `inverse_std`, both (d,), clipped to [-10, 10]."""
    normal: Floats = np.clip((observations - mean) * inverse_std, -_CLIP, _CLIP)
    return normal


class RunningNormalizer:
    """(s - mean) / standard deviation of all observations seen, clipped to [-10, 10].

    Args:
        observation_size: length d of an observation.
    """

    def __init__(self, observation_size: int) -> None:
        self.observation_size = arrays.integer("observation_size", observation_size, 1, 2**20)
        self._moments = _core.RunningMoments(self.observation_size)

    @property
    def count(self) -> int:
        """Number of observations seen."""
        return self._moments.count

    @property
    def mean(self) -> Floats:
        """Their mean, (d,)."""
        return np.array(self._moments.mean)

    @property
    def inverse_std(self) -> Floats:
        """1 / standard deviation, (d,); 1 for numbers that have not varied."""
        return np.array(self._moments.inverse_std())

    def update(self, observations: Any) -> None:
        """Update mean and standard deviation with new observations.

        Args:
            observations: (n, d), or (d,) for a single one, finite.

        Raises:
            TypeError: observations that are not real numbers.
            ValueError: another shape, or values that are not finite.
        """
        batch, _ = arrays.observations("observations", observations, self.observation_size)
        self._moments = self._moments.updated(batch)

    def __call__(self, observations: Any) -> Floats:
        """The normalised observations, (n, d)."""
        batch, _ = arrays.observations("observations", observations, self.observation_size)
        return normalized(batch, self.mean, self.inverse_std)

    def use_in(self, features: FeatureMap) -> None:
        """Make a feature map normalise by the current mean and standard deviation.

        Later updates do not change the map until the next call. Before the first observation
        nothing is changed. Copies and pickles of the map normalise too; a policy that is given the
        map does not, and has its own `normalize_observations`.

        Args:
            features: a map of observations of the same length d; it is changed in place.
        """
        if self.count:
            features._normalize(self._moments.mean, self._moments.inverse_std())

    def state(self) -> Floats:
        """Mean and summed squared deviations, (2, d), from which `restore` continues."""
        return np.array([self._moments.mean, self._moments.squares])

    def restore(self, state: Any, count: int) -> None:
        """Continue from a stored `state`.

        Args:
            state: as in `state`: the mean and the summed squared deviations, (2, d).
            count: number of observations that it was computed from, in [0, 2^62].

        Raises:
            TypeError: a state that is not of real numbers, or a count that is no integer.
            ValueError: another shape, values that are not finite, a negative squared deviation, or
                a count out of range.
        """
        mean, squares = arrays.finite_floats("normalizer", state, (2, self.observation_size))
        arrays.non_negatives("normalizer", squares, squares.shape)
        self._moments.restore(
            mean.tolist(), squares.tolist(), arrays.integer("count", count, 0, 2**62)
        )
