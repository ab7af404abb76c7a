"""The state of native environments, for planning, tests and checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from fastpg import _core, arrays
from fastpg.arrays import Floats
from fastpg.envs.environment import Environment


@dataclass(frozen=True, eq=False)
class EnvState:
    """The state of n native environments, from which they continue with the same numbers."""

    states: Floats  # (k, n): physical states, one column for each environment
    streams: npt.NDArray[np.uint64]  # (n, 4): random streams, NumPy's PCG64 state and increment
    elapsed_steps: npt.NDArray[np.int64]  # (n,): steps since the reset
    episode_returns: Floats  # (n,): rewards summed since the reset
    status: npt.NDArray[np.uint8]  # (n,): 0 never reset, 1 running, 2 ended

    @property
    def state(self) -> Floats:
        """Physical states as Gymnasium orders them, (n, k)."""
        return np.ascontiguousarray(self.states.T)


DTYPES: dict[str, npt.DTypeLike] = {
    "states": np.float64,
    "streams": np.uint64,
    "elapsed_steps": np.int64,
    "episode_returns": np.float64,
    "status": np.uint8,
}


def shapes(n: int) -> dict[str, tuple[int | None, ...]]:
    """The shape of each field of an `EnvState`; None: any length.

    Args:
        n: number of environments.
    """
    return dict.fromkeys(DTYPES, (n,)) | {"states": (None, n), "streams": (n, 4)}


def take(native: _core.VectorEnv) -> EnvState:
    """The current state of native environments.

    Args:
        native: n environments.

    Returns:
        A copy.
    """
    return EnvState(**native.snapshot())


def put(native: _core.VectorEnv, environment: Environment, state: EnvState) -> EnvState:
    """Set the state of native environments.

    Args:
        native: n environments.
        environment: what they are.
        state: of n environments of the same kind; lists, and arrays of other dtypes that hold the
            same numbers, are converted.

    Returns:
        The state, converted.

    Raises:
        ValueError: another number of environments, another shape, or numbers that are not finite,
            out of range, or none that the environment can have.
        TypeError: a field that is no array of numbers, or of integers.
    """
    n = native.num_envs
    given = arrays.integers("status", state.status, np.uint8, (None,))
    if len(given) != n:
        raise ValueError(f"state: expected one of {n} environments, got {len(given)}")
    found = EnvState(**{name: _field(state, name, shape) for name, shape in shapes(n).items()})
    if not np.isfinite(found.episode_returns).all():
        raise ValueError("state: expected finite episode_returns")
    environment.check_states(found.state)
    native.restore(**{field.name: getattr(found, field.name) for field in fields(found)})
    return found


def _field(state: EnvState, name: str, shape: tuple[int | None, ...]) -> npt.NDArray[Any]:
    """A field of a state, in the dtype and the order of the C++ part."""
    value, dtype = getattr(state, name), DTYPES[name]
    if dtype is np.float64:
        return arrays.shaped_floats(name, value, shape)
    return arrays.integers(name, value, dtype, shape)


def checked(native: _core.VectorEnv, environment: Environment, state: Any) -> Floats:
    """Physical states, checked.

    Args:
        native: n environments.
        environment: what they are.
        state: (n, k).

    Returns:
        Float64, (n, k).

    Raises:
        ValueError: another shape, or numbers that the environment cannot have.
        TypeError: values that are not numbers.
    """
    size = len(native.snapshot()["states"])
    found = arrays.shaped_floats("state", state, (native.num_envs, size))
    environment.check_states(found)
    return found


def generators(native: _core.VectorEnv) -> tuple[np.random.Generator, ...]:
    """NumPy generators that draw the same numbers as the environments draw next.

    Args:
        native: n environments.

    Returns:
        n generators, copies of the streams.
    """
    return tuple(generator(words) for words in native.streams)


def generator(words: npt.NDArray[np.uint64]) -> np.random.Generator:
    """The NumPy generator of one stream.

    Args:
        words: PCG64's state and increment, (4,), the high word of each first.

    Returns:
        A generator with that state.
    """
    bits = np.random.PCG64()
    bits.state = _state_of(words)
    return np.random.Generator(bits)


def _state_of(words: npt.NDArray[np.uint64]) -> Any:
    state_high, state_low, increment_high, increment_low = (int(word) for word in words)
    return {
        "bit_generator": "PCG64",
        "state": {
            "state": state_high << 64 | state_low,
            "inc": increment_high << 64 | increment_low,
        },
        "has_uint32": 0,
        "uinteger": 0,
    }


def follow(generator: np.random.Generator, words: npt.NDArray[np.uint64]) -> None:
    """Set the state of a generator to that of a stream.

    Args:
        generator: a PCG64 generator, changed in place.
        words: the stream, (4,), as in `generator`.
    """
    generator.bit_generator.state = _state_of(words)


def words_of(generator: np.random.Generator) -> npt.NDArray[np.uint64]:
    """The stream with the state of a generator.

    Args:
        generator: a PCG64 generator.

    Returns:
        uint64 (4,): state and increment, the high word of each first.

    Raises:
        TypeError: no generator, or one of another kind.
    """
    if not isinstance(generator, np.random.Generator):
        raise TypeError(
            f"np_random: expected a NumPy generator, as of np.random.default_rng, got {generator!r}"
        )
    state = generator.bit_generator.state
    if state["bit_generator"] != "PCG64":
        raise TypeError(f"np_random: expected a PCG64 generator, got {state['bit_generator']}")
    pairs = (state["state"]["state"], state["state"]["inc"])
    return np.array(
        [word for pair in pairs for word in (pair >> 64, pair & (2**64 - 1))], dtype=np.uint64
    )
