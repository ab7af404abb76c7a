"""Environments as functions behind the C interface, written with ctypes, each with one defect."""

import ctypes
import math

import fastpg.envs.c_interface as c
from fastpg.envs import register_env


class Counting:
    """A state that counts steps; the observation is the count and a constant.

    Subclasses change single parts. Entry i of a block is `self.entry(block, i)`.
    """

    mask = None
    observation_bounds = (-1.0, 100.0)
    options = ()
    draws_in_steps = 0

    def reset_one(self, block, i, options, stream):
        block.state[i] = 0.0
        block.state[block.stride + i] = block.draws[0].uniform(stream)

    def step_one(self, block, i, action, stream):
        block.state[i] += 1.0
        return float(action), block.state[i] >= 20.0

    def observe_one(self, block, i):
        return block.state[i], block.state[block.stride + i]


def stream_of(block, i):
    return ctypes.byref(block.streams[block.order[i] if block.order else i])


def registered(env_id, env):
    """Register an environment, and return its id."""

    def reset(_, given, options):
        block = given[0]
        for i in range(block.count):
            if env.reset_one(block, i, options, stream_of(block, i)) == "failed":
                block.failed = i
                return 1
        return 0

    def observe(_, given, out, stride):
        block = given[0]
        for i in range(block.count):
            out[i], out[stride + i] = env.observe_one(block, i)
        return 0

    def step(_, given, choices, numbers, rewards, ends):
        block = given[0]
        for i in range(block.count):
            rewards[i], ends[i] = env.step_one(block, i, choices[i], stream_of(block, i))
        return 0

    def mask(_, given, out, stride):
        block = given[0]
        for i in range(block.count):
            out[i], out[stride + i] = env.mask(block, i)
        return 0

    low, high = ((ctypes.c_float * 2)(bound, bound) for bound in env.observation_bounds)
    options = (c.Number * len(env.options))(*(c.Number(*one) for one in env.options))
    fields = {
        "name": env_id.encode(),
        "state_size": 2,
        "observation_size": 2,
        "observation_low": low,
        "observation_high": high,
        "action_kind": c.DISCRETE,
        "action_size": 1,
        "action_counts": (ctypes.c_int64 * 1)(2),
        "draws_in_steps": env.draws_in_steps,
        "option_count": len(options),
        "options": options,
        "reset": c.ResetFunction(reset),
        "observe": c.ObserveFunction(observe),
        "step": c.StepFunction(step),
    }
    if env.mask is not None:
        fields["mask"] = c.MaskFunction(mask)
    register_env(c.CEnv(**fields), keep=fields)
    return env_id


class Lost(Counting):
    """A reset leaves infinity, which no observation shows."""

    def reset_one(self, block, i, options, stream):
        block.state[i] = 0.0
        block.state[block.stride + i] = math.inf

    def observe_one(self, block, i):
        return block.state[i], 0.5


class Drawing(Counting):
    def step_one(self, block, i, action, stream):
        block.state[block.stride + i] = block.draws[0].uniform(stream)
        return super().step_one(block, i, action, stream)


class Remembering(Counting):
    """A variable of its own outside of the state."""

    calls = 0

    def step_one(self, block, i, action, stream):
        self.calls += 1
        return self.calls * 1.0, super().step_one(block, i, action, stream)[1]


class Restarting(Counting):
    """A variable of its own that counts resets."""

    resets = 0

    def reset_one(self, block, i, options, stream):
        super().reset_one(block, i, options, stream)
        self.resets += 1
        block.state[i] = self.resets % 7


class Placed(Counting):
    """The place in the block counts."""

    def step_one(self, block, i, action, stream):
        return i * 1.0, super().step_one(block, i, action, stream)[1]


class Sized(Counting):
    """The size of the block counts."""

    def step_one(self, block, i, action, stream):
        return 1.0 / block.count, super().step_one(block, i, action, stream)[1]


class Looking(Counting):
    """`observe` changes the state."""

    def observe_one(self, block, i):
        block.state[i] += 1.0
        return super().observe_one(block, i)


class Masking(Counting):
    """`mask` draws."""

    def mask(self, block, i):
        block.draws[0].uniform(stream_of(block, i))
        return 1, 1


class Forbidding(Counting):
    """After some steps no action is allowed."""

    def mask(self, block, i):
        return block.state[i] < 5, 0


class Outside(Counting):
    observation_bounds = (-1.0, 10.0)


class Infinite(Counting):
    def step_one(self, block, i, action, stream):
        given = super().step_one(block, i, action, stream)
        if block.state[i] == 3.0:
            block.state[block.stride + i] = math.inf
        return given

    def observe_one(self, block, i):
        return block.state[i], 0.0


class Nothing(Counting):
    """A reward that is NaN."""

    def step_one(self, block, i, action, stream):
        return math.nan, False


class Bounded(Counting):
    """A reset fails at the bound of an option."""

    options = ((b"speed", None, 0.5, 0.0, 1.0, 0),)

    def reset_one(self, block, i, options, stream):
        super().reset_one(block, i, options, stream)
        return "failed" if options[0] == 1.0 else None


class Far(Bounded):
    """At the bound of an option the observation leaves its space."""

    options = ((b"speed", None, 0.5, 0.0, 1000.0, 0),)

    def reset_one(self, block, i, options, stream):
        super().reset_one(block, i, options, stream)
        block.state[block.stride + i] = options[0]
