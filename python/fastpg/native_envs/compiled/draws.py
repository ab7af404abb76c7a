"""Draws from a stream in compiled code, by the functions of `fastpg_draws`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import NumbaTypeError
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, overload_method

from fastpg.native_envs.compiled.kinds import REAL, WORD, StreamType
from fastpg.native_envs.compiled.memory import at

METHODS = ("uniform", "normal", "exponential", "integer")
_BITS, _UNIFORM, _NORMAL, _EXPONENTIAL, _INTEGER = range(5)  # their order in `fastpg_draws`


def _call(builder: Any, stream: Any, which: int, result: Any, extra: list[Any]) -> Any:
    """Call one of the functions: (stream, *extra)."""
    signature = ir.FunctionType(result, [WORD, *(value.type for value in extra)])
    place = builder.add(stream.draws, WORD(8 * which))
    function = builder.load(at(builder, place, signature.as_pointer()))
    return builder.call(function, [stream.words, *extra])


def _real(which: int) -> Any:
    """An intrinsic that draws a double."""

    @intrinsic
    def draw(typingctx: Any, rng: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            stream = cgutils.create_struct_proxy(rng)(context, builder, value=args[0])
            return _call(builder, stream, which, REAL, [])

        return types.float64(rng), codegen

    return draw


_draw_uniform, _draw_normal, _draw_exponential = map(_real, (_UNIFORM, _NORMAL, _EXPONENTIAL))


@intrinsic
def _draw_integer(typingctx: Any, rng: Any, n: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        stream = cgutils.create_struct_proxy(rng)(context, builder, value=args[0])
        return _call(builder, stream, _INTEGER, WORD, [args[1]])

    return types.int64(rng, types.int64), codegen


@infer_getattr
class _StreamAttributes(AttributeTemplate):
    key = StreamType

    def generic_resolve(self, stream: StreamType, name: str) -> None:
        """Words for names that are no draws; the draws are resolved by their overloads."""
        if name not in METHODS:
            raise NumbaTypeError(f"rng has no {name!r}; it has {', '.join(METHODS)}")


# The signatures and the arithmetic are those of `Stream`, which draws the same numbers.


@overload_method(StreamType, "uniform")
def _uniform(rng: Any, low: float = 0.0, high: float = 1.0) -> Callable[..., float]:
    def draw(rng: Any, low: float = 0.0, high: float = 1.0) -> float:
        return low + (high - low) * _draw_uniform(rng)  # type: ignore[no-any-return]

    return draw


@overload_method(StreamType, "normal")
def _normal(rng: Any, mean: float = 0.0, sd: float = 1.0) -> Callable[..., float]:
    def draw(rng: Any, mean: float = 0.0, sd: float = 1.0) -> float:
        return mean + sd * _draw_normal(rng)  # type: ignore[no-any-return]

    return draw


@overload_method(StreamType, "exponential")
def _exponential(rng: Any, mean: float = 1.0) -> Callable[..., float]:
    def draw(rng: Any, mean: float = 1.0) -> float:
        return mean * _draw_exponential(rng)  # type: ignore[no-any-return]

    return draw


@overload_method(StreamType, "integer")
def _integer(rng: Any, n: int) -> Callable[..., int]:
    if not isinstance(n, types.Integer):
        raise NumbaTypeError(f"rng.integer: expected an integer, got {n}: write int(n)")

    def draw(rng: Any, n: int) -> int:
        if n < 1:
            raise ValueError("rng.integer: expected n of at least 1")
        return _draw_integer(rng, n)

    return draw
