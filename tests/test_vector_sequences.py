"""Random sequences of calls, of native environments and of SyncVectorEnv, compared bit for bit.

A sequence makes an environment of a random id, number, autoreset mode and time limit, and then
resets, steps, sets and gets parameters, copies, pickles and goes back to an earlier state.
Everything is drawn from the number of the sequence, which a failure names.
"""

import copy
import pickle

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from lockstep import assert_same_reset, assert_unchanged, draw_actions, pair, step_both
from oracles import IDS, ORACLES

# Gymnasium's checker warns of numbers out of its spaces, to which resets and parameters may lead.
pytestmark = pytest.mark.filterwarnings("ignore:.*WARN.*:UserWarning")


class Both:
    """A native environment beside Gymnasium's, and the calls that a sequence is made of."""

    def __init__(self, number):
        self.rng = np.random.default_rng(number)
        self.env_id = str(self.rng.choice(IDS))
        self.oracle = ORACLES[self.env_id]
        self.num_envs = int(self.rng.integers(1, 5))
        self.mode = [*AutoresetMode][self.rng.integers(3)]
        limit = [{}, {"max_episode_steps": int(self.rng.integers(1, 12))}][self.rng.integers(2)]
        self.native, self.gym = pair(self.env_id, self.num_envs, self.mode, **limit)
        self.seeded = False
        self.seen = []
        self.reset()

    def reset(self):
        seed = int(self.rng.integers(2**31))
        seeds = [seed, [seed + 3 * i for i in range(self.num_envs)]]
        if self.seeded:  # unseeded environments go on with their streams
            seeds += [None, None]
        kind = self.rng.integers(len(seeds))
        self.seeded = True
        self.reset_both(seeds[kind], self.reset_options())

    def reset_options(self):
        if self.rng.random() < 0.6:
            return None
        low, high = np.sort(self.rng.uniform(-0.9, 0.9, 2)).tolist()
        if self.oracle.bounds != ("low", "high"):
            return dict(zip(self.oracle.bounds, (abs(low) + 0.01, abs(high) + 0.01), strict=True))
        return {"low": low, "high": high}

    def reset_both(self, seed, options):
        mine = self.native.reset(seed=seed, options=copy.copy(options))
        assert_same_reset(mine, self.gym.reset(seed=seed, options=copy.copy(options)))
        self.observations = mine[0]

    def reset_some(self):
        if self.mode is not AutoresetMode.DISABLED:
            return self.steps()
        mask = self.rng.random(self.num_envs) < 0.5
        mask[self.rng.integers(self.num_envs)] = True
        return self.reset_both(None, {**(self.reset_options() or {}), "reset_mask": mask})

    def steps(self):
        for _ in range(self.rng.integers(1, 15)):
            actions = draw_actions(self.env_id, self.rng, self.observations)
            self.observations, _ = step_both(self.native, self.gym, actions)

    def attributes(self):
        name = str(self.rng.choice(self.oracle.scaled))
        before = self.gym.get_attr(name)
        assert self.native.get_attr(name) == before
        values = [float(v) * float(f) for v, f in zip(before, self.factors(), strict=True)]
        given = values if self.rng.random() < 0.5 else values[0]
        self.native.set_attr(name, given)
        self.gym.set_attr(name, given)
        assert self.native.get_attr(name) == self.gym.get_attr(name)

    def factors(self):
        return self.rng.choice([0.5, 1.0, 1.25], self.num_envs)

    def copied(self):
        """Go on with copies; the environments that were copied stay as they are."""
        old, before = self.native, self.native.get_state()
        other = [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))][self.rng.integers(2)]
        self.native, self.gym = other(old), copy.deepcopy(self.gym)
        assert_unchanged(self.native, before)
        self.steps()
        assert_unchanged(old, before)
        old.close()

    def back(self):
        """Step, and go back to the state before."""
        state, gym, observations = (
            self.native.get_state(),
            copy.deepcopy(self.gym),
            self.observations,
        )
        self.steps()
        self.native.set_state(state)
        self.gym, self.observations = gym, observations
        assert_unchanged(self.native, state)

    def close(self):
        for env in (self.native, self.gym):
            env.close()
            env.close()


CALLS = ["steps", "steps", "steps", "reset", "reset_some", "attributes", "copied", "back"]


def play(number):
    """One sequence; the error of a difference has the calls before it."""
    both, calls = Both(number), []
    try:
        for call in both.rng.choice(CALLS, both.rng.integers(2, 11)).tolist():
            calls.append(call)
            getattr(both, call)()
        both.close()
    except Exception as error:
        error.add_note(f"sequence {number}: {both.env_id}, {both.num_envs}, {both.mode}: {calls}")
        raise
    return both.env_id, both.mode, tuple(calls)


@pytest.mark.parametrize(
    "count",
    [300, pytest.param(1_000, marks=pytest.mark.slow),
     pytest.param(20_000, marks=pytest.mark.exhaustive)],
)  # fmt: skip
def test_sequences(count):
    played = [play(number) for number in range(count)]
    assert {env_id for env_id, _, _ in played} == {*IDS}
    assert {mode for _, mode, _ in played} == {*AutoresetMode}
    assert {call for _, _, calls in played for call in calls} == {*CALLS}


def test_a_difference_is_found(monkeypatch):
    """Of each kind of call: the native environment is moved behind the back of the comparison."""
    for call in ("steps", "reset_some", "copied", "back"):
        both = Both(5)
        state = both.native.get_state()
        state.states[:] += 1e-6
        both.native.set_state(state)
        with pytest.raises(AssertionError):
            repeat(both, call)


def repeat(both, call):
    for _ in range(3):
        getattr(both, call)()
        both.steps()
