"""Calls of the user's compiled functions, whose exceptions become a status."""

from __future__ import annotations

from typing import Any

from numba.core import cgutils
from numba.core.types import BaseTuple, int64
from numba.core.typing import signature
from numba.extending import intrinsic

from fastpg.native_envs.compiled.kinds import WORD


@intrinsic
def call(typingctx: Any, function: Any, args: Any) -> Any:
    """(0, result) of a call; after an exception (status, anything).

    The status is the address of a Python tuple (class, instance or arguments, traceback), which the
    receiver of the status owns.
    """
    inner = function.get_call_type(typingctx, tuple(args.types), {})
    outer = signature(BaseTuple.from_types((int64, inner.return_type)), function, args)

    def codegen(context: Any, builder: Any, sig: Any, given: Any) -> Any:
        compiled = function.dispatcher.overloads[inner.args]
        context.active_code_library.add_linking_library(compiled.library)
        values = cgutils.unpack_tuple(builder, given[1])
        status, value = context.call_internal_no_propagate(builder, compiled.fndesc, inner, values)
        code = cgutils.alloca_once_value(builder, WORD(0))
        with builder.if_then(status.is_error, likely=False):
            builder.store(_raised(context, builder, status), code)
        return context.make_tuple(builder, sig.return_type, [builder.load(code), value])

    return outer, codegen


def _raised(context: Any, builder: Any, status: Any) -> Any:
    """The address of a tuple of what describes the exception of a call."""
    api = context.get_python_api(builder)
    lock = api.gil_ensure()
    context.call_conv.raise_error(builder, api, status)
    places = [cgutils.alloca_once(builder, api.pyobj) for _ in range(3)]
    api.err_fetch(*places)
    for place in places:
        with builder.if_then(cgutils.is_null(builder, builder.load(place))):
            builder.store(api.make_none(), place)
    parts = [builder.load(place) for place in places]
    packed = api.tuple_pack(parts)
    for part in parts:
        api.decref(part)
    address = builder.ptrtoint(packed, WORD)
    api.gil_release(lock)
    return address
