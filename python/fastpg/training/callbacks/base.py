"""What a callback is: the base class, functions, other objects, and lists of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from fastpg.names_elsewhere import NOT_A_HOOK, NOT_OF_A_CALLBACK
from fastpg.suggestions import missing
from fastpg.training.metrics import Metrics

# A `Callback`, a function of a record, an object with some of the methods, or a list of these.
CallbackLike = Any

METHODS = ("on_training_start", "on_iteration", "on_evaluation", "on_training_end")
_EXPECTED = (
    "a function of a record, a Callback, an object with one of its methods "
    f"({', '.join(METHODS)}), or a list of these"
)


def _nothing(record: Metrics) -> bool:
    """Where evaluations go outside `learn`."""
    return False


class Callback:
    """Base of callbacks: override the methods that you need.

    `on_training_end` is called exactly once for each call of `on_training_start`, also after a
    stop, an error and Ctrl-C. A record is a copy: changing it changes nothing else.

    Attributes:
        algo: the algorithm that learns, from `on_training_start` on.
        announce: sends the record of an evaluation to all callbacks and logs of the training, and
            returns whether one of them asks to stop.
    """

    algo: Any = None
    evaluates = False  # whether it makes evaluations
    needs_evaluations = False  # whether it does nothing without them
    announce: Callable[[Metrics], bool] = staticmethod(_nothing)

    def __init__(self, *given: Any, **named: Any) -> None:
        if given or named:
            got = ", ".join([*map(repr, given), *(f"{k}={v!r}" for k, v in named.items())])
            raise TypeError(
                f"Callback: expected no arguments, got {got}; of verbose: "
                f"{NOT_OF_A_CALLBACK['verbose']}"
            )

    if not TYPE_CHECKING:  # type checkers would accept any name

        def __getattr__(self, name: str) -> Any:
            """AttributeError, which knows names of other libraries."""
            return missing(self, name, NOT_OF_A_CALLBACK)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """TypeError for a class with a method that other libraries call and fastpg does not."""
        super().__init_subclass__(**kwargs)
        for name in vars(cls).keys() & NOT_A_HOOK:
            raise TypeError(f"{cls.__name__}.{name} is never called: {NOT_A_HOOK[name]}")

    def _note_evaluations(self, asked: dict[str, int] | None, *, some: bool) -> None:
        """Called before `on_training_start` with the arguments of `learn` about evaluations.

        Args:
            asked: "eval_freq", "n_eval_episodes" and "own_env"; None without.
            some: whether a callback makes evaluations.
        """

    def _note_failed_start(self) -> None:
        """Called before `on_training_end` if no training has begun: one of all failed to start."""

    def on_training_start(self, algo: Any, total_timesteps: int) -> None:
        """Called before the first iteration.

        Args:
            algo: the algorithm; the count `num_timesteps` is that at the start.
            total_timesteps: environment steps of this call of `learn`.
        """
        self.algo = algo

    def on_iteration(self, record: Metrics) -> bool | None:
        """Called after each iteration.

        Args:
            record: the record, with the keys of docs/records.md.

        Returns:
            False, or NumPy's False, to stop; anything else to continue.
        """
        return None

    def on_evaluation(self, record: Metrics) -> bool | None:
        """Called after each evaluation.

        Args:
            record: "eval/mean_reward", "eval/std_reward", "eval/mean_ep_length" and
                "time/total_timesteps".

        Returns:
            False, or NumPy's False, to stop; anything else to continue.
        """
        return None

    def on_training_end(self) -> None:
        """Called once after the last iteration."""


class FunctionCallback(Callback):
    """A function of a record as a callback.

    Args:
        function: called with each iteration's record.
    """

    def __init__(self, function: Callable[[Metrics], Any]) -> None:
        self.on_iteration = function  # type: ignore[assignment,method-assign]


class ObjectCallback(Callback):
    """An object with some of the methods as a callback.

    Args:
        owner: the object.
    """

    def __init__(self, owner: Any) -> None:
        for name in NOT_A_HOOK:
            if hasattr(type(owner), name):
                raise TypeError(
                    f"{type(owner).__name__}.{name} is never called: {NOT_A_HOOK[name]}; expected "
                    f"{_EXPECTED}"
                )
        for name in METHODS:
            if hasattr(owner, name):
                setattr(self, name, getattr(owner, name))


class CallbackList(Callback):
    """Several callbacks as one. Each gets every call, also if one before it asks to stop.

    Args:
        callbacks: callbacks, functions of a record, objects with some of the methods, or lists.

    Attributes:
        callbacks: the callbacks, as `Callback` objects.

    Raises:
        TypeError: something else.
    """

    def __init__(self, callbacks: Sequence[CallbackLike]) -> None:
        if not isinstance(callbacks, list | tuple):
            raise TypeError(f"callbacks: expected a list, got {callbacks!r}")
        self.callbacks = [as_callback(one) for one in callbacks]
        self._started = ExitStack()

    def on_training_start(self, algo: Any, total_timesteps: int) -> None:
        """Start each callback; if one fails, those already called are ended by `on_training_end`.

        Args:
            algo: the algorithm.
            total_timesteps: environment steps of this call of `learn`.
        """
        self.algo = algo
        for one in self.callbacks:
            one.algo, one.announce = algo, self.announce
            self._started.callback(one.on_training_end)
            one.on_training_start(algo, total_timesteps)

    def flattened(self) -> Iterator[Callback]:
        """The callbacks, those in lists within the list too."""
        for one in self.callbacks:
            if isinstance(one, CallbackList):
                yield from one.flattened()
            else:
                yield one

    def on_iteration(self, record: Metrics) -> bool:
        """Call each callback with a copy of the record.

        Args:
            record: the record.

        Returns:
            False if one of them asks to stop.
        """
        goes_on = True
        for one in self.callbacks:
            answer = one.on_iteration(dict(record))
            if answer is not None and says_stop(answer):
                goes_on = False
        return goes_on

    def on_evaluation(self, record: Metrics) -> bool:
        """Call each callback with a copy of the record of an evaluation.

        Args:
            record: the record.

        Returns:
            False if one of them asks to stop.
        """
        stops = [says_stop(one.on_evaluation(dict(record))) for one in self.callbacks]
        return not any(stops)

    def on_training_end(self) -> None:
        """End each callback that was started, the last one first, also if one of them fails."""
        started, self._started = self._started, ExitStack()
        started.close()


def as_callback(given: CallbackLike, name: str = "callback") -> Callback:
    """Turn what `learn` accepts into a `Callback`.

    Args:
        given: a function of a record, a `Callback`, an object with some of its methods, or a list
            of these.
        name: name of the argument, for the error.

    Returns:
        The callback.

    Raises:
        TypeError: something else.
    """
    if isinstance(given, Callback):
        return given
    if isinstance(given, list | tuple):
        return CallbackList(given)
    if not isinstance(given, type):
        if any(callable(getattr(given, method, None)) for method in METHODS):
            return ObjectCallback(given)
        if callable(given):
            return FunctionCallback(given)
    elif any(hasattr(given, method) for method in METHODS):
        raise TypeError(f"{name}: expected an object, got the class {given.__name__}: call it")
    else:  # a class such as `list`, called with each record
        return FunctionCallback(given)
    raise TypeError(f"{name}: expected {_EXPECTED}, got {given!r}")


def says_stop(answer: Any) -> bool:
    """Whether a callback asks to stop, that is, returned False.

    Args:
        answer: return value of the callback; NumPy's False and a boolean array of one element count
            too.

    Returns:
        Whether to stop.

    Raises:
        ValueError: a boolean array of several elements, which is neither True nor False.
    """
    if answer is None or isinstance(answer, bool):
        return answer is False
    if "bool" not in str(getattr(answer, "dtype", "")):
        return False  # any other return value continues
    if np.size(answer) != 1:
        raise ValueError(f"callback: expected True or False, got {answer!r}")
    return not answer
