"""`from_gymnasium` accepts only correct tables, and does not change the environment."""

import copy

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.toy_text import CliffWalkingEnv
from gymnasium.wrappers import TimeLimit

from fastpg import tabular
from fastpg.tabular import makers

KNOWN = [
    ("FrozenLake-v1", {}),
    ("FrozenLake-v1", {"is_slippery": False}),
    ("FrozenLake-v1", {"map_name": "8x8"}),
    ("FrozenLake-v1", {"map_name": "8x8", "is_slippery": False}),
    ("CliffWalking-v1", {}),
    ("CliffWalkingSlippery-v1", {}),
    ("Taxi-v4", {}),
    ("Taxi-v4", {"is_rainy": True}),
]


def made(name, **options):
    """The environment; the test is skipped if this release of Gymnasium has another version."""
    try:
        return gymnasium.make(name, **options)
    except (gymnasium.error.Error, TypeError) as error:
        pytest.skip(str(error))


class Corridor(gymnasium.Env):
    """Three states, to the right or not; the last one ends. `lie`: a difference to its table."""

    observation_space, action_space = spaces.Discrete(3), spaces.Discrete(2)

    def __init__(self, lie=None):
        self.lie, self.fickle = lie, False
        self.initial_state_distrib = np.array([1.0, 0.0, 0.0])
        self.P = {
            s: {a: [(1.0, min(s + a, 2), float(a), s + a >= 2)] for a in (0, 1)} for s in range(3)
        }

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.s = 1 if self.lie == "start" else 0
        self.fickle = self.lie == "hidden" and self.np_random.random() < 0.3
        return self.s, {}

    def step(self, action):
        assert self.s < 2, "the episode has ended"
        _, following, reward, ended = self.P[self.s][action][0]
        if self.lie == "state" or self.fickle:
            following = 0
        self.s = following
        reward += self.lie == "reward" and action == 1
        return following, reward, ended and self.lie != "ended", False, {}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        case if case in KNOWN[1:6:2] else pytest.param(*case, marks=pytest.mark.slow)
        for case in KNOWN
    ],
)
def test_the_tables_of_gymnasium_agree_with_play(name, options):
    env = made(name, **options)
    inner = env.unwrapped
    assert makers._playable(inner) is not None
    mdp = tabular.from_gymnasium(env, gamma=0.9)
    assert mdp.n_states == env.observation_space.n + 1
    makers._compare_with_play(inner, mdp.start)


@pytest.mark.parametrize("rainy", [False, True])
def test_a_fickle_passenger_is_refused_by_name(rainy):
    env = made("Taxi-v4", fickle_passenger=True, is_rainy=rainy)
    with pytest.raises(ValueError, match=r"^env: expected fickle_passenger=False, got True"):
        tabular.from_gymnasium(env)


def test_a_fickle_passenger_shows_in_play():
    inner = made("Taxi-v4", fickle_passenger=True).unwrapped
    start = np.append(inner.initial_state_distrib, 0.0)
    with pytest.raises(ValueError, match=r"^env: expected an outcome of P\[\d+\]\[\d\]"):
        makers._compare_with_play(inner, start)


@pytest.mark.parametrize("lie", ["state", "reward", "ended", "hidden"])
def test_a_table_that_lies_is_refused(lie):
    assert tabular.from_gymnasium(Corridor(), gamma=0.9).n_states == 4
    for _ in range(2):
        with pytest.raises(ValueError, match=r"^env: expected an outcome of P\[\d\]\[\d\], got"):
            tabular.from_gymnasium(Corridor(lie), gamma=0.9)


def test_a_start_that_lies_is_refused():
    with pytest.raises(ValueError, match=r"^env: reset gave state 1, to which initial_state_dist"):
        tabular.from_gymnasium(Corridor("start"), gamma=0.9)


@pytest.mark.parametrize("begun", [False, True])
def test_the_environment_is_left_as_it_was(begun):
    one, other = (CliffWalkingEnv(is_slippery=True) for _ in range(2))
    if begun:
        for env in (one, other):
            env.reset(seed=5)
            env.step(3)
    before = copy.deepcopy({k: v for k, v in vars(one).items() if k != "_np_random"})
    tabular.from_gymnasium(one, gamma=0.9)
    after = {k: v for k, v in vars(one).items() if k != "_np_random"}
    assert repr(before) == repr(after)
    if begun:
        assert one.np_random.bit_generator.state == other.np_random.bit_generator.state
        assert one.step(0)[:4] == other.step(0)[:4]
    else:
        assert one._np_random is None


def test_an_environment_that_cannot_be_tried_is_taken_at_its_word():
    class Hidden(Corridor):
        """Its state is not a number."""

        def reset(self, *, seed=None, options=None):
            found = super().reset(seed=seed)
            self.s = (0, 0)
            return found

    class NoCopies(Corridor):
        def __deepcopy__(self, memo):
            raise TypeError("no")

    for kind in (Hidden, NoCopies):
        assert tabular.from_gymnasium(kind("reward"), gamma=0.9).n_states == 4


def test_starts_in_single_precision():
    env = Corridor()
    env.initial_state_distrib = np.array([0.9, 0.1, 0.0], dtype=np.float32)
    env.lie = "start"  # state 1, which has a probability here
    start = tabular.from_gymnasium(env, gamma=0.9).start
    assert abs(start.sum() - 1.0) < 1e-15


@pytest.mark.parametrize(("inner", "outer", "horizon"), [(9, 1000, 9), (1000, 9, 9), (-1, 9, 9)])
def test_the_horizon_is_the_smallest_time_limit(inner, outer, horizon):
    env = TimeLimit(gymnasium.make("FrozenLake-v1", max_episode_steps=inner), outer)
    assert tabular.from_gymnasium(env).horizon == horizon
