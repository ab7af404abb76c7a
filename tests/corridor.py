"""An environment behind the C interface whose functions are Python's: slow, but needs no compiler.

A walk on the places 0 … 9 from a random one of the first five. An action is a direction (left,
stay, right) and whether to stop; stopping at the last place ends the episode. A step of the walk
slips with probability `slip`, and fails at the place `trap`. Directions that leave the corridor are
masked.
"""

import ctypes

import fastpg
from fastpg.envs import c_interface as c

LAST = 9
CAUGHT, TOLD = 7, 9  # statuses
TEXTS = {CAUGHT: ctypes.create_string_buffer(b"caught in the trap")}
stepped_ended = []  # environments that were stepped after their end
released = []


def stream(block, i):
    return ctypes.byref(block.streams[block.order[i] if block.order else i])


def reset(_, given, options):
    block = given[0]
    for i in range(block.count):
        if options[0] == 1.0:
            block.failed = i
            return TOLD
        block.state[i] = block.draws[0].integer(stream(block, i), 5)
        block.state[block.stride + i] = options[0]
        block.state[2 * block.stride + i] = 0.0
    return 0


def observe(_, given, out, stride):
    block = given[0]
    for i in range(block.count):
        out[i] = block.state[i] / LAST
        out[stride + i] = block.state[block.stride + i]
    return 0


def step(_, given, choices, numbers, rewards, terminated):
    assert not numbers
    block = given[0]
    gain, slip, trap = block.params[0], block.params[1], block.params[2]
    for i in range(block.count):
        place, ended = block.state[i], block.state[2 * block.stride + i]
        direction, stop = choices[2 * i] - 1, choices[2 * i + 1]
        if ended:
            stepped_ended.append(i)
        assert 0 <= place + direction <= LAST
        if place == trap:
            block.failed = i
            return CAUGHT
        slips = block.draws[0].uniform(stream(block, i)) < slip
        block.state[i] = place if slips else place + direction
        at_end = block.state[i] == LAST and stop == 1
        rewards[i] = gain * at_end - 0.01
        terminated[i] = 2 * at_end  # any byte but 0 is true
        block.state[2 * block.stride + i] = at_end
    return 0


def mask(_, given, allowed, stride):
    block = given[0]
    for i in range(block.count):
        for k in range(5):
            allowed[k * stride + i] = 3
        if block.state[i] == 0:
            allowed[i] = 0
        if block.state[i] == LAST:
            allowed[2 * stride + i] = 0
    return 0


def message(_, status):
    return ctypes.addressof(TEXTS[status]) if status in TEXTS else None


def release(_):
    released.append(True)


def made(**changes):
    """A `CEnv`, and what must live as long as it."""
    functions = {
        "reset": c.ResetFunction(reset),
        "observe": c.ObserveFunction(observe),
        "step": c.StepFunction(step),
        "mask": c.MaskFunction(mask),
        "message": c.MessageFunction(message),
    }
    parameters = (c.Number * 3)(
        c.Number(b"gain", b"of stopping at the end", 1.0, 0.0, 10.0, 0),
        c.Number(b"slip", b"probability", 0.1, 0.0, 1.0, 0),
        c.Number(b"trap", b"place", -1.0, -1.0, LAST, 1),
    )
    options = (c.Number * 1)(c.Number(b"mark", None, 0.5, 0.0, 1.0, 0))
    counts = (ctypes.c_int64 * 2)(3, 2)
    names = (ctypes.c_char_p * 2)(b"place", b"mark")
    fields = {
        "name": b"Corridor-v0", "state_size": 3, "observation_size": 2, "observation_names": names,
        "action_kind": c.MULTI_DISCRETE, "action_size": 2, "action_counts": counts,
        "draws_in_steps": 1, "parameter_count": 3, "parameters": parameters, "option_count": 1,
        "options": options, "max_episode_steps": 50, "reward_threshold": 0.5, **functions,
    }  # fmt: skip
    return c.CEnv(**(fields | changes)), (fields, changes)


def picture(state, parameters):
    import numpy as np

    frame = np.zeros((1, LAST + 1, 3), dtype=np.uint8)
    frame[0, int(state[0])] = round(25 * parameters["gain"])
    return frame


def register(**changes):
    env, keep = made(**changes)
    return fastpg.register_env(env, module="corridor", render=picture, keep=keep)


CORRIDOR = register()
CATALOGUED, _kept = made(name=b"Catalogued-v0")
