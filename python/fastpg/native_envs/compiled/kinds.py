"""Types of what the user's functions get in compiled code, and their attributes."""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.errors import NumbaTypeError
from numba.core.imputils import lower_getattr_generic, lower_setattr_generic
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, register_model
from numba.np.arrayobj import populate_array

from fastpg.native_envs.fields import Field

_KINDS = {"float64": types.float64, "float32": types.float32, "int64": types.int64}
BYTE = ir.IntType(8)
WORD = ir.IntType(64)
REAL = ir.DoubleType()


class StateType(types.Type):
    """The state of one environment: a pointer to its fields, each at a multiple of 8 bytes.

    Args:
        fields: in their order.
    """

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.fields = {field.name: field for field in fields}
        self.offsets: dict[str, int] = {}
        self.bytes = 0
        for field in fields:
            self.offsets[field.name] = self.bytes
            self.bytes += -(-field.size * stored(field).bitwidth // 64) * 8
        super().__init__(name=f"fastpg.State({fields})")


class NumbersType(types.Type):
    """Parameters, or numbers of a reset.

    Args:
        names: (name, whether it is an integer) of each.
    """

    def __init__(self, names: tuple[tuple[str, bool], ...]) -> None:
        self.names = names
        super().__init__(name=f"fastpg.Numbers({names})")

    def members(self) -> list[tuple[str, Any]]:
        """(name, type) of each."""
        return [(name, types.int64 if whole else types.float64) for name, whole in self.names]


class StreamType(types.Type):
    """A random stream of C++, and the functions that draw from it."""

    def __init__(self) -> None:
        super().__init__(name="fastpg.Stream")


stream_type = StreamType()


def stored(field: Field) -> Any:
    """The type in which a field is stored; a single float32 is rounded, and stored in 8 bytes.

    Args:
        field: the field.
    """
    return types.float64 if not field.shape and field.kind == "float32" else _KINDS[field.kind]


register_model(StateType)(models.OpaqueModel)


@register_model(NumbersType)
class _NumbersModel(models.StructModel):
    def __init__(self, manager: Any, numbers: NumbersType) -> None:
        super().__init__(manager, numbers, numbers.members())


@register_model(StreamType)
class _StreamModel(models.StructModel):
    def __init__(self, manager: Any, stream: StreamType) -> None:
        super().__init__(manager, stream, [("words", types.intp), ("draws", types.intp)])


@infer_getattr
class _StateAttributes(AttributeTemplate):
    key = StateType

    def generic_resolve(self, state: StateType, name: str) -> Any:
        """The type of a field."""
        field = state.fields.get(name)
        if field is None:
            raise NumbaTypeError(f"state has no field {name!r}; it has {', '.join(state.fields)}")
        if field.shape:
            return types.Array(_KINDS[field.kind], len(field.shape), "C")
        return stored(field)


@infer_getattr
class _NumbersAttributes(AttributeTemplate):
    key = NumbersType

    def generic_resolve(self, numbers: NumbersType, name: str) -> Any:
        """The type of a number."""
        members = dict(numbers.members())
        if name not in members:
            raise NumbaTypeError(f"no number {name!r}; there are {', '.join(members) or 'none'}")
        return members[name]


def field_pointer(builder: Any, kind: StateType, state: Any, field: Field) -> Any:
    """Pointer to the first number of a field.

    Args:
        builder: of the function that is compiled.
        kind: type of the state.
        state: its value.
        field: one of its fields.
    """
    place = builder.gep(state, [WORD(kind.offsets[field.name])])
    number = {"float64": REAL, "float32": ir.FloatType(), "int64": WORD}[stored(field).name]
    return builder.bitcast(place, number.as_pointer())


@lower_getattr_generic(StateType)
def _read_field(context: Any, builder: Any, kind: StateType, state: Any, name: str) -> Any:
    field = kind.fields[name]
    pointer = field_pointer(builder, kind, state, field)
    if not field.shape:
        return builder.load(pointer)
    array = types.Array(stored(field), len(field.shape), "C")
    itemsize = stored(field).bitwidth // 8
    made = context.make_array(array)(context, builder)
    sizes = [math.prod(field.shape[k + 1 :]) * itemsize for k in range(len(field.shape))]
    populate_array(
        made,
        data=builder.bitcast(pointer, made.data.type),
        shape=cgutils.pack_array(builder, [WORD(n) for n in field.shape], WORD),
        strides=cgutils.pack_array(builder, [WORD(n) for n in sizes], WORD),
        itemsize=WORD(itemsize),
        meminfo=None,
    )
    return made._getvalue()


def _copy(to: Any, value: Any) -> None:
    """Copy an array, which may be the same one: `state.field += 1` assigns it to itself."""
    if to.shape != value.shape:
        raise ValueError("state: expected an array of the field's shape")
    numbers, given = to.ravel(), value.ravel()
    for k in range(numbers.size):
        numbers[k] = given[k]


@lower_setattr_generic(NumbersType)
def _refuse_numbers(context: Any, builder: Any, signature: Any, args: Any, name: str) -> None:
    """Parameters and options are read only."""
    raise NumbaTypeError(f"{name}: parameters and options cannot be changed, only the state")


@lower_setattr_generic(StateType)
def _write_field(context: Any, builder: Any, sig: Any, args: Any, name: str) -> None:
    kind, value = sig.args[0], args[1]
    field = kind.fields[name]
    if field.shape:
        to = _read_field(context, builder, kind, args[0], name)
        context.compile_internal(builder, _copy, types.void(sig.args[1], sig.args[1]), (to, value))
        return
    if field.kind == "float32":
        value = builder.fpext(builder.fptrunc(value, ir.FloatType()), REAL)
    builder.store(value, field_pointer(builder, kind, args[0], field))


@lower_getattr_generic(NumbersType)
def _read_number(context: Any, builder: Any, kind: NumbersType, numbers: Any, name: str) -> Any:
    return cgutils.create_struct_proxy(kind)(context, builder, value=numbers).__getattr__(name)
