"""Wrong calls of everything public: python tests/fuzz.py --calls 300000 --seed 1.

Whatever comes in: a result, or a typed error with a sentence, and everything as it was. A process
of its own runs it, so that a crash is seen. `--last FILE` notes the number of each call before it
is made; the same command with `--show NUMBER` prints the arguments of that call.
"""

import argparse
import collections
import faulthandler
import os
import sys
import warnings
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None

import numpy as np

import fastpg
from fuzz_catalogue import catalogue
from fuzz_values import Raises, Shrinks, changed, strange

TYPED = (TypeError, ValueError, RuntimeError, OverflowError, MemoryError, OSError, AttributeError)
HANG = 600  # seconds for a thousand calls, after which a call counts as hanging
MEMORY = 8 * 2**30
RARE = 40  # times less often


def digest(thing):
    """The part of an object that must not change."""
    if isinstance(thing, np.ndarray):
        plain = np.asarray(thing)  # of a masked array too: its own tobytes may not know how to fill
        return plain.shape, plain.dtype.str, plain.tobytes() if plain.dtype != object else None
    if isinstance(thing, fastpg.NativeVectorEnv):
        return tuple(digest(part) for part in thing.native.snapshot().values())
    if isinstance(thing, fastpg.RunningNormalizer):
        return thing.count, digest(thing.state())
    state = thing.state()
    if isinstance(state, dict):  # a baseline
        return tuple((name, digest(part)) for name, part in state.items())
    stored, meta = state
    kept = {name: value for name, value in meta.items() if name != "history"}
    return tuple((name, digest(part)) for name, part in stored.items()), repr(kept)


def wrong(call, rng):
    """Arguments with one or two of them changed."""
    arguments, keywords = list(call.arguments), dict(call.keywords)
    for _ in range(1 if rng.random() < 0.7 else 2):
        place = rng.integers(len(arguments) + len(keywords) + 1)
        if place < len(arguments):
            arguments[place] = changed(arguments[place], rng)
        elif place < len(arguments) + len(keywords):
            name = list(keywords)[place - len(arguments)]
            keywords[name] = changed(keywords[name], rng)
        elif rng.random() < 0.5:
            keywords["unknown"] = strange(rng)
        elif arguments:
            arguments.pop()
    return arguments, keywords


def fault(call, arguments, keywords):
    """The fault in the outcome of a call; None if there is none."""
    given = [*arguments, *keywords.values()]
    Shrinks.victims = [
        each for each in given if isinstance(each, np.ndarray) and each.flags.owndata
    ]
    evil = any(isinstance(each, Raises | Shrinks) for each in given)
    inputs = [] if evil else [each for each in given if isinstance(each, np.ndarray)]
    before = [digest(each) for each in (*call.owners, *inputs)]
    try:
        call.function(*arguments, **keywords)
    except TYPED as error:
        if isinstance(error, Warning) or not str(error):
            return f"{type(error).__name__}: {error}"
        after = [digest(each) for each in (*call.owners, *inputs)]
        return None if before == after else f"changed its state, and raised {error!r}"
    except ZeroDivisionError as error:
        return None if evil and "itself" in str(error) else repr(error)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    count = len(call.owners)
    if [digest(each) for each in inputs] != before[count:]:
        return "changed its input"
    return None


def rounds(count, seed):
    """`count` names of calls; those in the list of rare ones occur less often."""
    rng = np.random.default_rng(seed)
    calls = catalogue()
    names = list(calls)
    weights = np.array([1.0 / RARE if calls[name].rare else 1.0 for name in names])
    for k, name in enumerate(rng.choice(names, count, p=weights / weights.sum())):
        if k % 20_000 == 0:
            calls = catalogue()  # successful calls have changed them
        yield name, calls[name], rng


def noter(path):
    """Note the number and the name of a call; a kill of the process does not lose them."""
    if path is None:
        return lambda number, name: None
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def note(number, name):
        os.lseek(file, 0, os.SEEK_SET)
        os.write(file, f"{number} {name:<80}\n".encode())

    return note


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--last", type=Path, help="a file that holds the last call's number")
    parser.add_argument("--show", type=int, help="print the arguments of the call of this number")
    given = parser.parse_args()
    faulthandler.enable()
    if resource is not None:  # limit the memory, so that too large requests fail at once
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("error")
    print(f"seed {given.seed}, {given.calls} calls", flush=True)
    faults = collections.defaultdict(list)
    note = noter(given.last)
    for k, (name, call, rng) in enumerate(rounds(given.calls, given.seed)):
        if k % 1000 == 0:
            faulthandler.dump_traceback_later(HANG, exit=True)
        arguments, keywords = wrong(call, rng)
        note(k, name)
        if k == given.show:
            print(name, arguments, keywords, flush=True)
        found = fault(call, arguments, keywords)
        if found is not None:
            faults[name, found.partition(":")[0]].append((found, arguments, keywords))
    for (name, _), found in sorted(faults.items()):
        text, arguments, keywords = found[0]
        print(
            f"{len(found)}x {name}: {text[:300]}\n    {str(arguments)[:300]} {str(keywords)[:300]}"
        )
    print(f"{given.calls} calls, {sum(map(len, faults.values()))} faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
