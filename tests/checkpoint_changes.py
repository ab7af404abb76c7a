"""Changes of a checkpoint: of its bytes, of an array's header, of arrays, of values in its JSON."""

import io
import json
import zipfile

import numpy as np

from checkpoint_files import contents, packed, unpacked
from fuzz_values import changed

NUMBERS = [
    -1, 0, 1, 2, 3, 1000, 2**31, 2**53 + 1, 2**62, 2**63, -(2**63), 2**70, 10**40, 0.0, -0.0, 0.5,
    1.0, 1e-320, 1e300, -1e308, float("nan"), float("inf"), -float("inf"), True, False,
]  # fmt: skip
TEXTS = [
    "", "text", "linear", "mlp", "mean", "none", "npg", "ppo", "CartPole-v1", "module:CartPole-v1",
    "tanh", "discrete", "box", "dict", "<f4", "<i8", "|b1", "O", "nan", "inf", "1e400", "9" * 400,
    "\0", "é", "\ud800", "gymnasium.wrappers.common:TimeLimit", "lin_0.1", "NEXT_STEP",
]  # fmt: skip


def places(value, path=()):
    """Paths of all nodes of a JSON value, from the root on."""
    yield path
    if isinstance(value, dict):
        for key, part in value.items():
            yield from places(part, (*path, key))
    elif isinstance(value, list):
        for k, part in enumerate(value[:20]):
            yield from places(part, (*path, k))


def at(value, path):
    for key in path:
        value = value[key]
    return value


def odd_value(rng):
    kind = rng.integers(6)
    if kind == 0:
        return [None, [], {}, [None], {"a": 1}, [[]], [1, "x"]][rng.integers(7)]
    if kind == 1:
        deep = 1
        for _ in range(rng.integers(1, 1200)):
            deep = [deep]
        return deep
    return rng.choice(np.array(TEXTS, object) if kind < 4 else np.array(NUMBERS, object))


def near(value, rng):
    """Almost the same value."""
    if isinstance(value, bool):
        return [not value, int(value), None][rng.integers(3)]
    if isinstance(value, int):
        return [value + 1, value - 1, -value, float(value), value * 10, str(value)][rng.integers(6)]
    if isinstance(value, float):
        return [-value, value * 1e300, int(value) if abs(value) < 1e9 else 0, 1 - value][
            rng.integers(4)
        ]
    if isinstance(value, str):
        cut = rng.integers(len(value) + 1)
        return [value[:cut], value + "x", value.upper(), [value], value * 50][rng.integers(5)]
    if isinstance(value, list) and value:
        k = rng.integers(len(value))
        return [value[:k], value + value[k:], value[::-1], value * 40, value[k]][rng.integers(5)]
    if isinstance(value, dict) and value:
        key = list(value)[rng.integers(len(value))]
        return [value | {key: odd_value(rng)}, value | {"more": 1}, list(value.items()),
                {k: v for k, v in value.items() if k != key}][rng.integers(4)]  # fmt: skip
    return odd_value(rng)


def changed_json(meta, rng):
    """One node changed, left out, or replaced by another node."""
    paths = list(places(meta))
    path = paths[rng.integers(len(paths))]
    if not path:
        return odd_value(rng) if rng.random() < 0.1 else meta
    owner, key = at(meta, path[:-1]), path[-1]
    kind = rng.integers(6)
    if kind == 0:
        del owner[key]
    elif kind == 1:
        owner[key] = json.loads(json.dumps(at(meta, paths[rng.integers(len(paths))])))
    elif kind == 2:
        owner[key] = odd_value(rng)
    else:
        owner[key] = near(owner[key], rng)
    return meta


def changed_arrays(stored, rng):
    """One array changed, left out, renamed, or replaced by another."""
    names = list(stored)
    if not names:
        return {"theta": np.zeros(3)}
    name, other = (names[rng.integers(len(names))] for _ in range(2))
    kind = rng.integers(8)
    if kind == 0:
        return {k: v for k, v in stored.items() if k != name}
    if kind == 1:
        return stored | {name: stored[other]}
    if kind == 2:
        return stored | {name + "x" * int(rng.integers(2)): np.zeros(rng.integers(0, 4, 2))}
    value = changed(stored[name], rng)
    try:
        array = np.asarray(value)
    except Exception:  # of a strange object
        array = np.zeros(())
    return stored if array.dtype.hasobject else stored | {name: array}


def changed_bytes(content, rng):
    """A few bytes changed, or a part left out or repeated."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        if not data:
            break
        start, length = int(rng.integers(len(data))), int(rng.integers(1, 40))
        kind = rng.integers(4)
        if kind == 0:
            data[start] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            data[start : start + length] = rng.bytes(length)
        elif kind == 2:
            del data[start : start + length]
        else:
            data[start:start] = data[start : start + length]
    return bytes(data)


def changed_member(content, rng):
    """The bytes of one array changed, mostly in its header; the archive is valid."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {one.filename: archive.read(one) for one in archive.infolist()}
    except Exception:  # NumPy reads more archives than zipfile does
        return changed_bytes(content, rng)
    name = list(members)[rng.integers(len(members))]
    data = members[name]
    cut = min(len(data), 128) if rng.random() < 0.8 else len(data)
    members[name] = changed_bytes(data[:cut], rng) + data[cut:]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, data in members.items():
            archive.writestr(key, data)
    return buffer.getvalue()


def changed_content(content, rng):
    """A changed file, which may still be valid."""
    kind = rng.random()
    if kind < 0.05:
        names = list(contents())
        return contents()[names[rng.integers(len(names))]]
    parts = unpacked(content)
    if kind < 0.15 or parts is None:
        return changed_bytes(content, rng)
    if kind < 0.25:
        return changed_member(content, rng)
    stored, text = parts
    try:
        meta = json.loads(text)
        for _ in range(rng.integers(1, 4)):
            if rng.random() < 0.4:
                stored = changed_arrays(stored, rng)
            else:
                meta = changed_json(meta, rng)
        return packed(stored, json.dumps(meta))
    except (ValueError, RecursionError, TypeError, UnicodeError):
        return changed_bytes(content, rng)
