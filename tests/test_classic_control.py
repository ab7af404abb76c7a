"""Every native environment against Gymnasium's SyncVectorEnv, bit for bit."""

import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import HealthCheck
from hypothesis import strategies as st

import fastpg
from fastpg.envs import NATIVE
from lockstep import (
    assert_lock_step,
    assert_same_reset,
    draw_actions,
    pair,
    play_both,
    step_both,
    sync,
)
from oracles import CONTINUOUS, CURRENT, IDS, ORACLES
from properties import tried_on

MODES = list(AutoresetMode)

pytestmark = pytest.mark.filterwarnings("ignore:.*out of date:DeprecationWarning")


def fewer(env_id, steps):
    return steps // ORACLES[env_id].slower


def test_the_table_is_gymnasium_s():
    with_oracle = {name: spec for name, spec in NATIVE.items() if spec.environment.drawn_by}
    assert sorted(with_oracle) == IDS
    for env_id, spec in with_oracle.items():
        theirs = gymnasium.spec(env_id)
        assert spec.max_episode_steps == theirs.max_episode_steps
        assert spec.reward_threshold == theirs.reward_threshold


@pytest.mark.parametrize("env_id", IDS)
def test_spaces_are_gymnasium_s(env_id):
    native, gym = pair(env_id, 3)
    for name in ("observation_space", "action_space"):
        assert getattr(native, name) == getattr(gym, name)
        assert getattr(native, f"single_{name}") == getattr(gym, f"single_{name}")
    assert native.metadata["render_fps"] == gym.metadata["render_fps"]
    gym.close()


@pytest.mark.parametrize(
    "steps",
    [
        300,
        pytest.param(4000, marks=pytest.mark.slow),
        pytest.param(1_000_000, marks=pytest.mark.exhaustive),
    ],
)
@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("mode", MODES)
def test_many_steps(env_id, mode, steps):
    ends = assert_lock_step(env_id, 4, fewer(env_id, steps), 2024, mode)
    assert ends > 0


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("num_envs", [1, 3, 64])
def test_any_number_of_environments(env_id, mode, num_envs):
    steps = max(12, fewer(env_id, 120 // num_envs))
    ends = assert_lock_step(env_id, num_envs, steps, num_envs, mode, max_episode_steps=9)
    assert ends > 0


@pytest.mark.parametrize("env_id", CONTINUOUS)
@pytest.mark.parametrize("mode", MODES)
def test_actions_of_either_precision(env_id, mode):
    assert assert_lock_step(env_id, 8, 400, 7, mode, dtype=np.float64) > 0


@pytest.mark.parametrize("env_id", CONTINUOUS)
def test_precisions_may_alternate(env_id):
    native, gym = pair(env_id, 4)
    observations = native.reset(seed=3)[0]
    gym.reset(seed=3)
    rng = np.random.default_rng(0)
    for k in range(60):
        dtype = (np.float32, np.float64)[k % 2]
        observations, _ = play_both(native, gym, env_id, 13, rng, dtype, observations)
    gym.close()


@pytest.mark.parametrize("env_id", CONTINUOUS)
def test_actions_on_and_beyond_the_bounds(env_id):
    native, gym = pair(env_id, 1)
    native.reset(seed=3)
    gym.reset(seed=3)
    low, high = native.action_space.low, native.action_space.high
    for dtype in (np.float32, np.float64):
        beyond = np.nextafter(high.astype(dtype), dtype(np.inf))
        for value in (high, low, beyond, 0.0, -0.0, 1e20, -7.0):
            step_both(native, gym, np.full(high.shape, value, dtype))
    gym.close()


@pytest.mark.parametrize("env_id", [env_id for env_id in IDS if ORACLES[env_id].ending])
def test_both_flags_may_be_set_at_the_limit(env_id):
    """An episode that terminates in the step that also reaches the time limit."""
    native, gym = pair(env_id, 1, max_episode_steps=1)
    native.reset(seed=0)
    gym.reset(seed=0)
    inject(native, gym, np.array([ORACLES[env_id].ending]))
    mine, other = (env.step(draw_actions(env_id, np.random.default_rng(0), np.ones((1, 2))))
                   for env in (native, gym))  # fmt: skip
    assert mine[2].tolist() == mine[3].tolist() == [True]
    assert other[2].tolist() == other[3].tolist() == [True]
    gym.close()


SEEDS = [0, 1, 2**31, 2**32 - 1, 2**64, 2**100 + 12345, [5, None, 2**70], [None, None, 3]]


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_seeds_of_any_size(env_id, seed):
    native, gym = pair(env_id, 3, max_episode_steps=5)
    assert_same_reset(native.reset(seed=1), gym.reset(seed=1))
    assert_same_reset(native.reset(seed=seed), gym.reset(seed=seed))
    assert_same_reset(native.reset(), gym.reset())
    play_both(native, gym, env_id, 20, np.random.default_rng(0))
    gym.close()


@pytest.mark.parametrize("env_id", IDS)
def test_bounds_of_a_reset(env_id):
    for bounds in ORACLES[env_id].resets:
        native, gym = pair(env_id, 8, max_episode_steps=6)
        mine = native.reset(seed=4, options=dict(bounds))
        assert_same_reset(mine, gym.reset(seed=4, options=dict(bounds)))
        # Automatic resets use the default bounds.
        play_both(native, gym, env_id, 20, np.random.default_rng(0), observations=mine[0])
        gym.close()


@pytest.mark.parametrize("env_id", IDS)
def test_gymnasium_refuses_the_same_bounds(env_id):
    names = ORACLES[env_id].bounds
    native, gym = pair(env_id, 1)
    for bad in ({names[0]: 1.0, names[1]: -1.0}, {names[0]: "text"}):
        with pytest.raises((ValueError, TypeError)):
            native.reset(seed=0, options=bad)
        with pytest.raises(ValueError, match=r"high|lower|float"):
            gym.reset(seed=0, options=bad)
    gym.close()


def test_every_parameter_is_tried():
    for env_id, oracle in ORACLES.items():
        names = set(fastpg.make_vec(env_id).native.parameters())
        assert names == {*oracle.attributes, *oracle.fixed}, env_id


CASES = [(env_id, name) for env_id in CURRENT for name in ORACLES[env_id].attributes]


@pytest.mark.parametrize(("env_id", "name"), CASES)
def test_attributes_as_keywords_and_through_set_attr(env_id, name):
    value = ORACLES[env_id].attributes[name]
    # If the value is a list, Gymnasium too needs a list of it to set one value for all.
    every = [value] * 4 if isinstance(value, list) else value
    keyword = fastpg.make_vec(env_id, 4, **{name: value})
    native, gym = pair(env_id, 4)
    native.set_attr(name, every)
    gym.set_attr(name, every)
    assert native.get_attr(name) == keyword.get_attr(name) == gym.get_attr(name) == (value,) * 4
    assert_same_reset(native.reset(seed=1), gym.reset(seed=1))
    assert_same_reset(keyword.reset(seed=1), gym.reset(seed=1))
    rng, steps = np.random.default_rng(1), fewer(env_id, 150)
    observations, changed = np.zeros((4, 2)), False
    plain = fastpg.make_vec(env_id, 4)
    plain.reset(seed=1)
    for _ in range(steps):
        actions = draw_actions(env_id, rng, observations)
        observations, _ = step_both(native, gym, actions)
        assert np.array_equal(keyword.step(actions)[0], observations)
        changed = changed or not np.array_equal(plain.step(actions)[0], observations)
    assert changed is (name not in ORACLES[env_id].unread)
    gym.close()


@pytest.mark.parametrize("env_id", CURRENT)
def test_each_environment_may_have_values_of_its_own(env_id):
    others = ORACLES[env_id].attributes
    names = [name for name, value in others.items() if isinstance(value, float)][:3]
    native, gym = pair(env_id, 5)
    for name in names:
        base, other = native.get_attr(name)[0], others[name]
        values = [base, other, base, (base + other) / 2, other]
        native.set_attr(name, values)
        gym.set_attr(name, values)
        assert native.get_attr(name) == tuple(values)
    assert_same_reset(native.reset(seed=9), gym.reset(seed=9))
    native = pickle.loads(pickle.dumps(native))
    play_both(native, gym, env_id, fewer(env_id, 150), np.random.default_rng(2))
    gym.close()


@pytest.mark.parametrize("env_id", [env_id for env_id in CURRENT if ORACLES[env_id].keyword])
def test_constructor_options(env_id):
    assert_lock_step(env_id, 4, 300, 5, **ORACLES[env_id].keyword)


def inject(native, gym, states):
    """Put both into these float64 states at the start of an episode."""
    native.set_state(states)
    for env, state in zip(gym.envs, states, strict=True):
        env.unwrapped.state = np.array(state)
        env.unwrapped.steps_beyond_terminated = None
        while not isinstance(env, gymnasium.wrappers.TimeLimit):
            env = env.env
        env._elapsed_steps = 0
    gym._autoreset_envs[:] = False


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_single_steps_from_injected_states(env_id, dtype):
    """The double states too, not only observations rounded to float32."""
    n = 60
    native, gym = pair(env_id, n, AutoresetMode.DISABLED)
    native.reset(seed=0)
    gym.reset(seed=0)
    rng = np.random.default_rng(1)
    scale = np.array(ORACLES[env_id].scale)
    for _ in range(fewer(env_id, 12)):
        inject(native, gym, rng.uniform(-1, 1, (n, len(scale))) * scale)
        actions = draw_actions(env_id, rng, np.zeros((n, 2)), dtype)
        mine, other = native.step(actions), gym.step(actions)
        for one, two in zip(mine[:4], other[:4], strict=True):
            assert np.array_equal(one, two)
        states = np.array([env.unwrapped.state for env in gym.envs], dtype=np.float64)
        assert np.array_equal(native.get_state().state, states)
    gym.close()


@pytest.mark.parametrize("env_id", IDS)
def test_vector_mathematics_stays_close(env_id):
    """exact=False: the same code with sines and cosines within 1 ulp, and reciprocals."""
    rng = np.random.default_rng(0)
    scale = np.array(ORACLES[env_id].scale)
    states = rng.uniform(-1, 1, (1000, len(scale))) * scale
    actions = draw_actions(env_id, rng, np.ones((1000, 2)))
    results = []
    for exact in (True, False):
        env = fastpg.make_vec(env_id, 1000, exact=exact, autoreset_mode="Disabled")
        env.set_state(states)
        results.append((env.step(actions)[0], env.get_state().state))
    tolerance = ORACLES[env_id].tolerance
    assert np.allclose(results[0][1], results[1][1], rtol=tolerance, atol=tolerance)
    assert np.allclose(results[0][0], results[1][0], rtol=2e-7, atol=2e-7)
    if ORACLES[env_id].differs:
        assert not np.array_equal(results[0][1], results[1][1])


def test_squares_are_the_c_library_s():
    """x**2 in Python and NumPy is pow(x, 2): .08 % of the values are not x * x."""
    rng = np.random.default_rng(3)
    spins = rng.uniform(-8, 8, 30_000)
    states = np.stack([np.zeros_like(spins), spins], axis=1)
    env = fastpg.make_vec("Pendulum-v1", len(spins))
    env.set_state(states)
    rewards = env.step(np.zeros((len(spins), 1), np.float32))[1]
    different = np.flatnonzero([spin**2 != spin * spin for spin in spins.tolist()])
    assert len(different) > 20
    for i in different[:200]:
        assert rewards[i] == -(0.0**2 + 0.1 * np.float64(spins[i]) ** 2 + 0.0)


def operations(env_id):
    """Random sequences of all operations on a vector environment."""
    masks = st.lists(st.booleans(), min_size=3, max_size=3).filter(any)
    seeds = st.one_of(st.none(), st.integers(0, 2**80))
    scale = ORACLES[env_id].scale
    states = st.lists(
        st.tuples(*(st.floats(-s, s).map(float) for s in scale)), min_size=3, max_size=3
    )
    return st.lists(
        st.one_of(
            st.tuples(st.just("step"), st.integers(1, 9)),
            st.tuples(st.just("reset"), seeds),
            st.tuples(st.just("reset"), st.lists(seeds, min_size=3, max_size=3)),
            st.tuples(st.just("mask"), st.tuples(masks, seeds)),
            st.tuples(st.just("pickle"), st.none()),
            st.tuples(st.just("restore"), st.integers(1, 5)),
            st.tuples(st.just("set_state"), states),
        ),
        max_size=12,
    )


class Walk:
    """Applies operations to both sides and compares their results."""

    def __init__(self, env_id, mode):
        self.env_id = env_id
        self.native = fastpg.make_vec(env_id, 3, autoreset_mode=mode, max_episode_steps=7)
        self.gym = sync(env_id, 3, mode, max_episode_steps=7)
        self.rng = np.random.default_rng(0)
        self.reset(0)

    def reset(self, seed):
        assert_same_reset(self.native.reset(seed=seed), self.gym.reset(seed=seed))

    def step(self, count):
        play_both(self.native, self.gym, self.env_id, count, self.rng)

    def mask(self, arguments):
        mask, seed = np.array(arguments[0]), arguments[1]
        mine = self.native.reset(seed=seed, options={"reset_mask": mask})
        assert_same_reset(mine, self.gym.reset(seed=seed, options={"reset_mask": mask}))

    def pickle(self, _):
        self.native = pickle.loads(pickle.dumps(self.native))

    def restore(self, count):
        """Restoring a state undoes steps completely."""
        state = self.native.get_state()
        rng = np.random.default_rng(1)
        before = [self.native.step(self._actions(rng)) for _ in range(self._free(count))]
        self.native.set_state(state)
        rng = np.random.default_rng(1)
        for one in before:
            two = self.native.step(self._actions(rng))
            assert all(np.array_equal(a, b) for a, b in zip(one[:4], two[:4], strict=True))
        self.native.set_state(state)

    def _actions(self, rng):
        return draw_actions(self.env_id, rng, np.zeros((3, 2)))

    def _free(self, count):
        """Number of steps that are allowed: under DISABLED none after an end."""
        return 1 if self.native.metadata["autoreset_mode"] is AutoresetMode.DISABLED else count

    def set_state(self, states):
        inject(self.native, self.gym, np.array(states))
        self.step(1)


walks = tried_on(4, 120, 12_000, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("env_id", CURRENT)
@pytest.mark.parametrize("mode", MODES)
@walks(st.data())
def test_random_walks_through_the_interface(env_id, mode, data):
    both = Walk(env_id, mode)
    for name, argument in data.draw(operations(env_id)):
        getattr(both, name)(argument)
    both.step(3)
    both.gym.close()
