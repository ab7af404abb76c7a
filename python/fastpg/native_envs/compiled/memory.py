"""Intrinsics on the memory of a block: states, numbers, arrays and single words."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from fastpg.native_envs.compiled.kinds import (
    BYTE,
    REAL,
    WORD,
    NumbersType,
    StateType,
    field_pointer,
    stream_type,
)
from fastpg.native_envs.fields import MOST_INTEGER


def at(builder: Any, address: Any, kind: Any) -> Any:
    """An address as pointer to an LLVM type.

    Args:
        builder: of the function that is compiled.
        address: the address, an integer.
        kind: type of what is there.
    """
    return builder.inttoptr(address, kind.as_pointer())


@intrinsic
def peek(typingctx: Any, address: Any) -> Any:
    """The word of 8 bytes at an address, as an integer."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(at(builder, args[0], WORD))

    return types.intp(types.intp), codegen


@intrinsic
def poke(typingctx: Any, address: Any, value: Any) -> Any:
    """Store an integer of 8 bytes at an address."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[1], at(builder, args[0], WORD))
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), codegen


@intrinsic
def array_at(typingctx: Any, dtype: Any, address: Any, count: Any, stride: Any) -> Any:
    """The array of `count` numbers, `stride` bytes apart, at an address."""
    array = types.Array(dtype.dtype, 1, "A")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, place, length, step = args
        made = context.make_array(array)(context, builder)
        itemsize = context.get_abi_sizeof(context.get_data_type(array.dtype))
        populate_array(
            made,
            data=builder.inttoptr(place, made.data.type),
            shape=cgutils.pack_array(builder, [length], WORD),
            strides=cgutils.pack_array(builder, [step], WORD),
            itemsize=WORD(itemsize),
            meminfo=None,
        )
        return made._getvalue()

    return array(dtype, types.intp, types.intp, types.intp), codegen


@intrinsic
def vector_at(typingctx: Any, dtype: Any, address: Any, count: Any) -> Any:
    """The contiguous array of `count` numbers at an address, which cannot be written."""
    array = types.Array(dtype.dtype, 1, "C", readonly=True)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        made = context.make_array(array)(context, builder)
        itemsize = WORD(context.get_abi_sizeof(context.get_data_type(array.dtype)))
        populate_array(
            made,
            data=builder.inttoptr(args[1], made.data.type),
            shape=cgutils.pack_array(builder, [args[2]], WORD),
            strides=cgutils.pack_array(builder, [itemsize], WORD),
            itemsize=itemsize,
            meminfo=None,
        )
        return made._getvalue()

    return array(dtype, types.intp, types.intp), codegen


@intrinsic
def numbers_at(typingctx: Any, kind: Any, address: Any) -> Any:
    """The numbers of a type, stored as doubles at an address."""
    numbers: NumbersType = kind.instance_type

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        made = cgutils.create_struct_proxy(numbers)(context, builder)
        for k, (name, whole) in enumerate(numbers.names):
            place = builder.add(args[1], WORD(8 * k))
            value = builder.load(at(builder, place, REAL))
            setattr(made, name, builder.fptosi(value, WORD) if whole else value)
        return made._getvalue()

    return numbers(kind, types.intp), codegen


@intrinsic
def stream_at(typingctx: Any, address: Any, draws: Any) -> Any:
    """A stream by the addresses of its words and of the functions that draw."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        made = cgutils.create_struct_proxy(stream_type)(context, builder)
        made.words, made.draws = args
        return made._getvalue()

    return stream_type(types.intp, types.intp), codegen


@intrinsic
def new_state(typingctx: Any, kind: Any) -> Any:
    """A state on the stack; its numbers are not set."""
    state: StateType = kind.instance_type

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        words = ir.ArrayType(WORD, state.bytes // 8)
        return builder.bitcast(cgutils.alloca_once(builder, words), BYTE.as_pointer())

    return state(kind), codegen


@intrinsic
def clear_state(typingctx: Any, kind: Any) -> Any:
    """Set all numbers of a state to 0."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        cgutils.memset(builder, args[0], WORD(kind.bytes), 0)
        return context.get_dummy_value()

    return types.void(kind), codegen


@intrinsic
def load_state(typingctx: Any, kind: Any, base: Any, stride: Any, entry: Any) -> Any:
    """Read the state of an entry of a block."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        for field, inside, outside in _places(builder, kind, args):
            value = builder.load(outside)
            number = inside.type.pointee
            if field.kind == "int64":
                value = builder.fptosi(value, number)
            elif number != REAL:
                value = builder.fptrunc(value, number)
            builder.store(value, inside)
        return context.get_dummy_value()

    return types.void(kind, types.intp, types.intp, types.intp), codegen


@intrinsic
def store_state(typingctx: Any, kind: Any, base: Any, stride: Any, entry: Any) -> Any:
    """Write the state of an entry of a block.

    Returns 0, or minus the number, from 1, of a field with an integer that a double cannot hold.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        status = cgutils.alloca_once_value(builder, WORD(0))
        numbers = list(kind.fields)
        for field, inside, outside in _places(builder, kind, args):
            value = builder.load(inside)
            if field.kind == "int64":
                shifted = builder.add(value, WORD(MOST_INTEGER))
                large = builder.icmp_unsigned(">", shifted, WORD(2 * MOST_INTEGER))
                with builder.if_then(large, likely=False):
                    builder.store(WORD(-1 - numbers.index(field.name)), status)
                value = builder.sitofp(value, REAL)
            elif value.type != REAL:
                value = builder.fpext(value, REAL)
            builder.store(value, outside)
        return builder.load(status)

    return types.intp(kind, types.intp, types.intp, types.intp), codegen


def _places(builder: Any, kind: StateType, args: Any) -> Any:
    """(field, pointer in the state, pointer in the block) of each number, within a loop."""
    state, base, stride, entry = args
    for field in kind.fields.values():
        first = field_pointer(builder, kind, state, field)
        if not field.shape:
            yield field, first, _outside(builder, base, stride, entry, WORD(field.first))
            continue
        with cgutils.for_range(builder, WORD(field.size), intp=WORD) as loop:
            component = builder.add(loop.index, WORD(field.first))
            inside = builder.gep(first, [loop.index])
            yield field, inside, _outside(builder, base, stride, entry, component)


def _outside(builder: Any, base: Any, stride: Any, entry: Any, component: Any) -> Any:
    index = builder.add(builder.mul(component, stride), entry)
    return at(builder, builder.add(base, builder.mul(index, WORD(8))), REAL)
