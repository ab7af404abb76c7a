"""Environments that fastpg/env.hpp makes of a struct."""

import numpy as np
import pytest

import fastpg
from fastpg import _core
from native_builds import built


@pytest.fixture(scope="module")
def cartpole(header_cache):
    return built("cartpole", header_cache)


@pytest.fixture(scope="module")
def shop(header_cache):
    return built("shop", header_cache)


@pytest.fixture(scope="module")
def arm(header_cache):
    return built("arm", header_cache)


def same(left, right):
    for one, other in zip(left, right, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("mode", ["NEXT_STEP", "SAME_STEP"])
def test_cartpole_equals_the_built_in_one_bit_for_bit(cartpole, mode):
    envs = [
        fastpg.make_vec(env, 37, autoreset_mode=mode, num_threads=2)
        for env in ("CartPole-v1", cartpole.id)
    ]
    same(*([env.reset(seed=3)[0]] for env in envs))
    rng = np.random.default_rng(0)
    for _ in range(600):
        actions = rng.integers(2, size=37)
        same(*(env.step(actions)[:4] for env in envs))
    same(*([env.get_state().states] for env in envs))


def test_parameters_and_options_of_cartpole(cartpole):
    env = fastpg.make_vec(cartpole.id, 3, gravity=1.62)
    assert env.get_attr("gravity") == (1.62,) * 3
    observations, _ = env.reset(seed=0, options={"low": 0.01, "high": 0.02})
    assert ((observations >= 0.01) & (observations <= 0.02)).all()
    with pytest.raises(ValueError, match="total_mass: expected a number from 0"):
        fastpg.make_vec(cartpole.id, 1, total_mass=-1.0)
    with pytest.raises(ValueError, match="force_mag: expected a number from 0"):
        fastpg.make_vec(cartpole.id, 1, force_mag=101.0)
    with pytest.raises(TypeError, match="gravitation"):
        fastpg.make_vec(cartpole.id, 1, gravitation=1.0)


class PlainShop:
    """The shop once more, in Python, with NumPy's own generator of the same stream."""

    capacity, cost, prices = 5, np.float32(0.1), (1.5, 2.25)

    def __init__(self, seed):
        self.bits = np.random.PCG64(np.random.SeedSequence(seed))
        self.rng = np.random.Generator(self.bits)

    def integer(self, n):
        return int(self.bits.random_raw() % n)  # redrawn in C++ with a probability below 2^-60

    def price_drawn(self):
        return np.float32(1 + (2 - 1) * self.rng.random())

    def reset(self):
        self.stock = [2, self.integer(self.capacity + 1)]
        self.price = self.price_drawn()
        self.day, self.open, self.sold = 0, True, 0.0
        return self.observation()

    def observation(self):
        return np.array([*self.stock, self.price, self.day, self.open, 0], dtype=np.float32)

    def mask(self):
        return [True, *(self.stock[0] + k <= 5 for k in (1, 2)),
                True, *(self.stock[1] + k <= 5 for k in (1, 2, 3))]  # fmt: skip

    def step(self, bought):
        reward = 0.0
        self.day += 1
        for k in range(2):
            wanted = self.integer(4)
            self.stock[k] += int(bought[k])
            gone = min(wanted, self.stock[k])
            self.stock[k] -= gone
            self.sold += gone
            reward += gone * self.prices[k] * float(self.price)
            reward -= float(self.cost) * self.stock[k]
        self.price = self.price_drawn()
        self.open = self.rng.random() < 0.95
        return self.observation(), reward, not self.open


def test_a_stochastic_masked_environment_equals_its_twin(shop):
    n = 5
    env = fastpg.make_vec(shop.id, n, autoreset_mode="NEXT_STEP")
    twins = [PlainShop(11 + i) for i in range(n)]
    same(env.reset(seed=11)[0], [twin.reset() for twin in twins])
    rng = np.random.default_rng(0)
    ended = np.zeros(n, dtype=bool)
    for _ in range(300):
        actions = np.stack([rng.integers(3, size=n), rng.integers(4, size=n)], axis=1)
        observations, rewards, terminated, _, infos = env.step(actions)
        for i, twin in enumerate(twins):
            seen, reward, end = (twin.reset(), 0.0, False) if ended[i] else twin.step(actions[i])
            np.testing.assert_array_equal(observations[i], seen)
            assert rewards[i] == pytest.approx(reward, rel=1e-15, abs=1e-15)
            assert terminated[i] == end
            allowed = [True] * 7 if end else twin.mask()  # the next action has no effect
            np.testing.assert_array_equal(infos["action_mask"][i], allowed)
            assert env.get_state().states[2, i] == twin.sold
        ended = terminated
    assert ended.sum() < n


def test_what_a_shop_says_of_itself(shop):
    assert shop.state_names == ("stock_0", "stock_1", "sold", "price", "day", "open")
    assert shop.observation_names() == ("first", "second", "price", "day", "open", "unused")
    env = fastpg.make_vec(shop.id, 2)
    assert (env.single_observation_space.low == 0).all()
    assert np.isinf(env.single_observation_space.high).all()
    np.testing.assert_array_equal(env.single_action_space.nvec, [3, 4])
    assert {name: value for name, (value, _) in env.native.parameters().items()} == {
        "capacity": 5.0, "generous": 0.0, "cost": pytest.approx(0.1, rel=1e-7), "prices_0": 1.5,
        "prices_1": 2.25, "fails_on": -1.0, "overflows_on": -1.0,
    }  # fmt: skip
    with pytest.raises(ValueError, match="capacity: expected a whole number"):
        fastpg.make_vec(shop.id, 1, capacity=2.5)
    with pytest.raises(ValueError, match="generous"):
        fastpg.make_vec(shop.id, 1, generous=2.0)
    with pytest.raises(ValueError, match="first"):
        env.reset(options={"first": 6})


def failing(shop, threads, **parameters):
    env = fastpg.make_vec(shop.id, 400, num_threads=threads, **parameters)
    env.reset(seed=0)
    states = env.get_state()
    empty = states.states.copy()
    empty[0] = 0  # nothing in stock, so that the day does not matter
    empty[0, 357] = 1
    env.set_state(type(states)(**{**vars(states), "states": empty}))
    return env


@pytest.mark.parametrize("threads", [1, 2])
def test_an_exception_has_its_environment_and_its_words(shop, threads):
    env = failing(shop, threads, fails_on=1)
    before = env.get_state()
    with pytest.raises(
        _core.NativeEnvError, match=r"step failed .* 357: day 1: \?\? burnt"
    ) as error:
        env.step(np.zeros((400, 2), dtype=np.int64))
    assert error.value.environment == 357
    after = env.get_state()
    same(vars(before).values(), vars(after).values())


@pytest.mark.parametrize("threads", [1, 2])
def test_an_integer_that_is_no_double_is_an_error(shop, threads):
    env = fastpg.make_vec(shop.id, 3, num_threads=threads, overflows_on=1)
    env.reset(seed=0)
    with pytest.raises(
        _core.NativeEnvError, match=r"stock: .* at most 2\^53, got 9007199254740993"
    ):
        env.step(np.zeros((3, 2), dtype=np.int64))


@pytest.mark.parametrize(
    ("row", "value", "words"),
    [
        (0, 0.5, "stock: expected a whole number"),
        (0, 2.0**60, "stock: expected a whole number"),
        (4, 2.0**31, "day: expected a whole number from -2147483648"),
        (5, 2.0, "open: expected a whole number from 0 to 1"),
    ],
)
def test_a_state_that_the_fields_cannot_hold_is_an_error(shop, row, value, words):
    env = fastpg.make_vec(shop.id, 2)
    env.reset(seed=0)
    state = env.get_state()
    changed = state.states.copy()
    changed[row, 1] = value
    env.set_state(type(state)(**{**vars(state), "states": changed}))
    with pytest.raises(_core.NativeEnvError, match=words) as error:
        env.step(np.zeros((2, 2), dtype=np.int64))
    assert error.value.environment == 1


def test_continuous_actions_equal_a_twin(arm):
    env = fastpg.make_vec(arm.id, 300)
    env.reset(seed=5)
    angle = env.get_state().states.copy()
    rng = np.random.default_rng(1)
    for _ in range(50):
        torque = rng.normal(size=(300, 2)).astype(np.float32)
        observations, rewards, *_ = env.step(torque)
        wide = torque.T.astype(np.float64)
        height = np.cos(angle)
        angle += 0.1 * np.clip(wide, -1, 1)
        np.testing.assert_array_equal(env.get_state().states, angle)
        expected = (height - 0.01 * wide * wide).sum(axis=0)
        np.testing.assert_allclose(rewards, expected, rtol=0, atol=1e-14)
        np.testing.assert_allclose(
            observations, np.concatenate([np.sin(angle), np.cos(angle)]).T, rtol=0, atol=1e-7
        )


@pytest.mark.parametrize("name", ["cartpole", "shop", "arm"])
def test_rollouts_are_the_same_on_any_number_of_threads(name, request):
    env = request.getfixturevalue(name)
    algorithms = [
        fastpg.train(
            "trpo", env, total_timesteps=4096, seed=1, n_envs=300, n_steps=4, num_threads=threads
        )
        for threads in (1, 2)
    ]
    same(*([algo.policy.theta] for algo in algorithms))


def test_parameters_of_their_own_give_the_same_as_each_alone(shop):
    """Environments with different parameters are stepped one by one."""
    both = fastpg.make_vec(shop.id, 2)
    both.set_attr("capacity", [3.0, 7.0])
    both.reset(seed=[4, 5])
    actions = np.ones((2, 2), dtype=np.int64)
    seen = [both.step(actions)[:3] for _ in range(20)]
    for i, capacity in enumerate((3.0, 7.0)):
        one = fastpg.make_vec(shop.id, 1, capacity=capacity)
        one.reset(seed=[4 + i])
        for step in seen:
            same([part[i] for part in step], [part[0] for part in one.step(actions[i : i + 1])[:3]])
