"""Python environments: violations of Gymnasium's interface give errors, everything else works."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv, VectorWrapper

import fastpg
from fastpg.rollouts.collect import make_collector
from fastpg.rollouts.copies import EnvCopies


class Five(gymnasium.Env):
    """Five steps an episode; the observation is the step, twice."""

    observation_space = spaces.Box(-9, 9, (2,))
    action_space = spaces.Discrete(3)

    def observe(self):
        return np.full(2, self.t, np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.observe(), {}

    def step(self, action):
        self.t += 1
        return self.observe(), 1.0, self.t >= 5, False, {}


def changed(**members):
    return type("Changed", (Five,), members)


def with_observations(space, observe):
    return changed(observation_space=space, observe=observe)


def step_with(**parts):
    """A step with some of its five values replaced."""
    names = ("observation", "reward", "terminated", "truncated", "info")

    def step(self, action):
        given = dict(zip(names, Five.step(self, action), strict=True)) | parts
        return tuple(given.values())

    return step


def train(env, **options):
    return fastpg.train("npg", env, total_timesteps=200, seed=0, n_envs=2, **options)


PAIR = spaces.Dict(a=spaces.Discrete(9), b=spaces.Discrete(3))


@pytest.mark.parametrize(
    ("env", "error", "words"),
    [
        (with_observations(spaces.Box(-9, 9, (6,)), lambda s: np.zeros(14)), ValueError,
         r"Changed.reset: observation: expected shape \(6,\), got \(14,\)"),
        (with_observations(spaces.Box(-9, 9, (1, 2)), lambda s: np.zeros(2)), ValueError,
         r"expected shape \(1, 2\), got \(2,\)"),
        (with_observations(spaces.Box(-9, 9, (2,)), lambda s: ["a", "b"]), TypeError,
         "expected dtype float32, got <U1"),
        (with_observations(spaces.Box(-9, 9, (2,), np.int64), lambda s: np.zeros(2)), TypeError,
         "expected dtype int64, got float64"),
        (with_observations(spaces.Box(-9, 9, (2,)), lambda s: None), ValueError,
         r"expected shape \(2,\), got \(\)"),
        (with_observations(spaces.Discrete(240), lambda s: np.eye(240)[s.t]), TypeError,
         r"observation: expected an integer of a Discrete space, got an array of shape \(240,\)"),
        (with_observations(spaces.Discrete(9), lambda s: np.array([s.t])), TypeError, "integer"),
        (with_observations(spaces.Discrete(9), lambda s: float(s.t)), TypeError, "got 0.0"),
        (with_observations(spaces.Discrete(9), lambda s: 9 + s.t), ValueError, "got 9"),
        (with_observations(PAIR, lambda s: {"a": s.t}), ValueError,
         r"expected the parts \['a', 'b'\], got none of \['b'\]"),
        (with_observations(PAIR, lambda s: {"a": s.t, "b": 0.5}), TypeError,
         r"observation\['b'\]: expected an integer"),
        (with_observations(PAIR, lambda s: [s.t, 0]), TypeError, "expected a dict"),
        (with_observations(spaces.Tuple((spaces.Discrete(9), spaces.Discrete(2))), lambda s: (0,)),
         ValueError, r"got none of \[1\]"),
        (changed(reset=lambda s, *, seed=None, options=None: Five.reset(s, seed=seed)[0]),
         TypeError, r"Changed.reset: expected \(observation, info\)"),
        (changed(reset=lambda s, *, seed=None, options=None: (*Five.reset(s, seed=seed), 3)),
         TypeError, r"a tuple of 3 \(ndarray, dict, int\)"),
        (changed(reset=lambda s: Five.reset(s)), TypeError, r"reset: expected to take seed"),
        (lambda: gymnasium.wrappers.TimeLimit(changed(reset=lambda s, seed=None: 0)(), 5),
         TypeError, r"reset: expected to take seed and options"),
        (changed(step=lambda s, a: Five.step(s, a)[:4]), ValueError,
         r"Changed.step: expected 5 values .*, got a tuple of 4"),
        (changed(step=lambda s, a: None), ValueError, "expected 5 values"),
        (changed(step=step_with(info=None)), TypeError, "step: expected a dict as info, got None"),
        (changed(step=step_with(reward=None)), TypeError, "step: expected a reward .*None"),
        (changed(step=step_with(reward={"a": 1.0})), TypeError, "reward that is one number, got"),
        (changed(step=step_with(reward="1")), TypeError, "reward that is one number, got '1'"),
        (changed(step=step_with(reward=np.ones(2))), ValueError, r"an array of shape \(2,\)"),
        (changed(step=step_with(reward=np.ones(1))), ValueError, r"an array of shape \(1,\)"),
        (changed(step=step_with(reward=float("nan"))), ValueError, "rewards: expected finite"),
        (changed(step=step_with(terminated={"a": False})), TypeError, "terminated to be True or"),
        (changed(step=step_with(truncated=None)), TypeError, "truncated to be True or False, got"),
        (changed(step=step_with(truncated=2)), TypeError, "truncated to be True or False, got 2"),
        (changed(observation_space=None), TypeError, "Changed.observation_space: expected a gym"),
        (changed(action_space=3), TypeError, "Changed.action_space: expected a gymnasium space"),
        (lambda: 3, TypeError, "expected the callable to make a gymnasium.Env, got 3"),
        (lambda: fastpg.make_vec("CartPole-v1"), TypeError, "give a VectorEnv itself"),
    ],
)  # fmt: skip
def test_mistakes_are_named(env, error, words):
    with pytest.raises(error, match=words):
        train(env)


@pytest.mark.parametrize(
    "env",
    [
        changed(step=step_with(reward=np.float32(1.0))),
        changed(step=step_with(reward=np.array(1.0))),
        changed(step=step_with(reward=True)),
        changed(step=step_with(terminated=np.bool_(False), truncated=1)),
        changed(step=lambda s, a: list(Five.step(s, a))),
        changed(observe=lambda s: [s.t, s.t]),
        changed(observe=lambda s: np.full(2, s.t)),
        changed(reset=lambda s, seed=None: Five.reset(s, seed=seed)),
        changed(reset=lambda s, **given: Five.reset(s, **given)),
        with_observations(spaces.Discrete(9), lambda s: np.array(s.t)),
        with_observations(spaces.Dict(a=spaces.Discrete(9)), lambda s: {"a": s.t, "more": 1}),
    ],
)
def test_what_means_the_same_is_taken(env):
    assert train(env).num_timesteps == 200


def info_step(info):
    def step(self, action):
        return (*Five.step(self, action)[:4], info(self.np_random))

    return changed(step=step)


@pytest.mark.parametrize(
    "info",
    [
        lambda rng: {"seen": np.zeros(1 + rng.integers(3))},
        lambda rng: {"distance": 3 if rng.random() < 0.5 else None},
        lambda rng: {"event": 0 if rng.random() < 0.5 else "crash"},
        lambda rng: {"target": {"x": 1} if rng.random() < 0.5 else None},
        lambda rng: {"path": 2.5 if rng.random() < 0.5 else [1.0, 2.0]},
        lambda rng: {1: 2, None: 3},
    ],
)
@pytest.mark.parametrize("vector", [False, True])
def test_infos_that_nobody_reads_end_nothing(info, vector):
    env = info_step(info)
    train(SyncVectorEnv([env] * 2) if vector else env)


class Own(gymnasium.Env):
    """Returns the same array at every step; x += 1 per step, truncated at 5."""

    observation_space = spaces.Box(-100, 100, (2,), np.float32)
    action_space = spaces.Discrete(2)
    copies = False

    def __init__(self):
        self.state = np.zeros(2, np.float32)

    def out(self):
        return self.state.copy() if self.copies else self.state

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state[:] = 0
        return self.out(), {}

    def step(self, action):
        self.state += 1 + 0.5 * action
        return self.out(), float(self.state[0]) / 10, False, bool(self.state[0] >= 5), {}


class OwnInDict(Own):
    observation_space = spaces.Dict(x=spaces.Box(-100, 100, (2,), np.float32))

    def out(self):
        return {"x": super().out()}


def twin(cls):
    return type("Copying", (cls,), {"copies": True})


WAYS = {
    "callable": lambda cls: cls,
    "env": lambda cls: cls(),
    "same step": lambda cls: SyncVectorEnv([cls] * 3, autoreset_mode=AutoresetMode.SAME_STEP),
    "next step": lambda cls: SyncVectorEnv([cls] * 3),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cls", [Own, OwnInDict])
def test_the_last_observation_of_an_environment_that_returns_its_own_array(cls, way):
    one, two = (
        fastpg.NPG("linear", WAYS[way](each), seed=0, n_steps=32).learn(300)
        for each in (cls, twin(cls))
    )
    assert np.array_equal(one.policy.theta, two.policy.theta)
    rollout = fastpg.collect(one.env, one.policy, n_steps=12, seed=0)
    assert rollout.final_observations.min() >= 5.0


class Wrapped(VectorWrapper):
    """A wrapper without changes; its environment does not count as plain."""


@pytest.mark.parametrize("how", ["wrapper", "subclass", "async"])
def test_where_the_last_observation_is_lost_it_is_refused(how):
    same = {"autoreset_mode": AutoresetMode.SAME_STEP}
    make = {
        "wrapper": lambda cls: Wrapped(SyncVectorEnv([cls] * 2, **same)),
        "subclass": lambda cls: type("Sub", (SyncVectorEnv,), {})([cls] * 2, **same),
        "async": lambda cls: AsyncVectorEnv([cls] * 2, **same),
    }[how]
    for cls, lost in ((Own, True), (twin(Own), False)):
        env = make(cls)
        algo = fastpg.NPG("linear", env, seed=0, n_steps=16)
        if lost:
            with pytest.raises(ValueError, match="returns the same array again"):
                algo.learn(200)
        else:
            algo.learn(200)
        env.close()


def test_an_observation_that_is_always_the_same_is_no_lost_one():
    env = with_observations(spaces.Box(-9, 9, (2,)), lambda s: np.zeros(2, np.float32))
    same = SyncVectorEnv([env] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    fastpg.NPG("linear", Wrapped(same), seed=0).learn(200)


@pytest.mark.parametrize("wrap", [lambda e: e, lambda e: gymnasium.wrappers.TimeLimit(e, 50)])
def test_one_environment_in_several_places_is_refused(wrap):
    one = Five()
    with pytest.raises(ValueError, match="expected 4 environments, got the same Five several"):
        fastpg.NPG("linear", lambda: wrap(one))
    fastpg.NPG("linear", lambda: wrap(one), n_envs=1).learn(50)
    vector = SyncVectorEnv([lambda: wrap(one)] * 4)
    policy = fastpg.LinearSoftmax(2, 3)
    for call in (
        lambda: fastpg.NPG("linear", vector),
        lambda: fastpg.NPG("linear", Wrapped(vector)),
        lambda: fastpg.collect(vector, policy, n_steps=3),
        lambda: fastpg.evaluate_policy(fastpg.NPG("linear", Five), vector),
    ):
        with pytest.raises(ValueError, match="expected 4 environments, got the same Five"):
            call()


def test_copies_are_stepped_as_gymnasium_s_disabled_mode():
    copies = EnvCopies([lambda: gymnasium.make("CartPole-v1")] * 3)
    sync = SyncVectorEnv(
        [lambda: gymnasium.make("CartPole-v1")] * 3, autoreset_mode=AutoresetMode.DISABLED
    )
    rng = np.random.default_rng(0)
    for seed in (5, [7, None, 9], None):
        one, two = copies.reset(seed=seed), sync.reset(seed=seed)
        if seed != [7, None, 9]:
            assert np.array_equal(one[0], two[0]) or seed is None
        copies.reset(seed=3)
        sync.reset(seed=3)
        for _ in range(60):
            actions = rng.integers(0, 2, 3)
            one, two = copies.step(actions), sync.step(actions)
            for mine, theirs in zip(one[:4], two[:4], strict=True):
                assert np.array_equal(mine, theirs)
                assert mine.dtype == theirs.dtype
            ended = one[2] | one[3]
            if ended.any():
                with pytest.raises(RuntimeError, match="reset_mask"):
                    copies.step(actions)
                pair = [e.reset(options={"reset_mask": ended}) for e in (copies, sync)]
                assert np.array_equal(pair[0][0], pair[1][0])


def test_wrong_resets_of_copies():
    copies = EnvCopies([Five] * 2)
    with pytest.raises(ValueError, match="seed: expected 2 seeds, got 3"):
        copies.reset(seed=[1, 2, 3])
    with pytest.raises(ValueError, match="reset_mask"):
        copies.reset(options={"reset_mask": np.ones(3, dtype=bool)})


class Several(VectorEnv):
    """A vector environment whose parts are given."""

    num_envs = 2
    single_observation_space, single_action_space = Five.observation_space, Five.action_space
    metadata = {"autoreset_mode": AutoresetMode.DISABLED}  # noqa: RUF012

    def reset(self, *, seed=None, options=None):
        return np.zeros((2, 2), np.float32), {}

    def step(self, actions):
        return np.zeros((2, 2), np.float32), np.ones(2), np.ones(2, bool), np.zeros(2, bool), {}


def several(**members):
    return type("Several", (Several,), members)()


def several_step(**parts):
    names = ("observation", "rewards", "terminated", "truncated", "info")

    def step(self, actions):
        return tuple((dict(zip(names, Several.step(self, actions), strict=True)) | parts).values())

    return several(step=step)


@pytest.mark.parametrize(
    ("env", "error", "words"),
    [
        (several(single_observation_space=None), TypeError, "Several.single_observation_space"),
        (several(single_action_space=None), TypeError, "Several.single_action_space"),
        (several(is_async=True), ValueError, "asynchronous Several: make it without batch_size"),
        (several_step(rewards=np.ones((2, 3))), ValueError, r"shape \(2,\), got shape \(2, 3\)"),
        (several_step(rewards={"a": 1.0}), TypeError, "expected 2 numbers as rewards"),
        (several_step(terminated=np.ones(3, bool)), ValueError, "terminated to be 2 flags"),
        (several_step(truncated={}), ValueError, "truncated to be 2 flags"),
    ],
)
def test_vector_environments_that_cannot_be_used(env, error, words):
    policy = fastpg.LinearSoftmax(2, 3)

    class Model:
        def predict(self, observation, deterministic=False):
            return np.zeros(2, dtype=int), None

    for call in (
        lambda: fastpg.NPG("linear", env, seed=0).learn(100),
        lambda: fastpg.evaluate_policy(Model(), env, 3),
        lambda: fastpg.collect(env, policy, n_steps=4),
    ):
        with pytest.raises(error, match=words):
            call()


def test_what_is_both_env_and_vector_env_is_a_vector_env():
    class Both(SyncVectorEnv, gymnasium.Env):
        def __init__(self):
            SyncVectorEnv.__init__(self, [lambda: gymnasium.make("CartPole-v1")] * 3)

    algo = fastpg.train("npg", Both(), total_timesteps=600, seed=0)
    assert algo.env.num_envs == 3
    returns, _ = fastpg.evaluate_policy(algo, Both(), 5, return_episode_rewards=True)
    assert len(returns) == 5


def test_a_native_environment_with_a_step_of_its_own_is_stepped_by_it():
    class Doubled(fastpg.NativeVectorEnv):
        def step(self, actions):
            observations, rewards, *rest = super().step(actions)
            return observations, 2.0 * rewards, *rest

    env = Doubled("CartPole-v1", 2)
    rollout = fastpg.collect(env, fastpg.LinearSoftmax.for_env(env), n_steps=5, seed=0)
    assert (rollout.rewards == 2.0).all()
    plain = fastpg.make_vec("CartPole-v1", 2)
    collector = make_collector(plain, fastpg.LinearSoftmax.for_env(plain), 0)
    collector.reset(0)
    assert np.array_equal(collector.steps(5).observations, rollout.observations)
