"""Features computed by a user's function."""

import copy
import pickle

import numpy as np
import pytest

import fastpg
from fastpg.algorithms import ALGORITHMS
from fastpg.policies.function_features import FunctionFeatures
from fastpg.rollouts.collect import make_collector
from fastpg.rollouts.stepping import SteppingCollector
from fastpg.training import checkpoints


def itself(x):
    return x


class Stepped(fastpg.NativeVectorEnv):
    """An environment that is always stepped from Python."""

    def step(self, actions):
        return super().step(actions)


def squares(x):
    return np.concatenate([x, x**2], axis=1)


def test_the_columns_are_the_function_s_and_a_constant(rng):
    x = rng.normal(size=(7, 3)).astype(np.float32)
    phi = FunctionFeatures(3, squares)
    assert phi.size == 7
    expected = np.column_stack([x.astype(float), x.astype(float) ** 2, np.ones(7)])
    assert np.array_equal(phi(x), expected)
    assert np.array_equal(FunctionFeatures(3, itself)(x), fastpg.Identity(3)(x))
    steps = np.arange(7)
    timed = FunctionFeatures(3, itself, time=True)
    assert np.array_equal(timed(x, steps), fastpg.Identity(3, time=True)(x, steps))


def test_other_dtypes_and_arrays_of_its_own(rng):
    x = rng.normal(size=(7, 3)).astype(np.float32)
    assert FunctionFeatures(3, lambda x: x > 0)(x)[:, :3].tolist() == (x > 0).astype(float).tolist()
    assert FunctionFeatures(3, lambda x: np.rint(x).astype(int))(x).dtype == np.float64
    assert FunctionFeatures(3, lambda x: x.astype(np.float32))(x).dtype == np.float64
    assert FunctionFeatures(3, lambda x: x.tolist()).size == 4
    before = x.copy()

    def writing(x):
        assert x.dtype == np.float64
        x *= 2.0
        return x

    assert np.array_equal(FunctionFeatures(3, writing)(x)[:, :3], 2.0 * x.astype(float))
    assert np.array_equal(x, before)


@pytest.mark.parametrize(
    ("function", "error", "text"),
    [
        (lambda x: x[0], ValueError, r"features\(observations\): expected shape \(2, any\), got"),
        (lambda x: x[:1], ValueError, r"expected shape \(2, any\), got \(1, 3\)"),
        (lambda x: x[:, :0], ValueError, r"expected shape \(2, any\), got \(2, 0\)"),
        (lambda x: x[:, :, None], ValueError, r"expected shape \(2, any\), got \(2, 3, 1\)"),
        (lambda x: None, TypeError, r"features\(observations\): expected real numbers, got"),
        (lambda x: x * 1j, TypeError, r"features\(observations\): expected real numbers, got"),
        (lambda x: x.missing, AttributeError, "missing"),  # its own errors are the user's to read
        (lambda: 0, TypeError, "positional argument"),
    ],
)
def test_a_function_that_is_none_of_features(function, error, text):
    with pytest.raises(error, match=text):
        fastpg.LinearSoftmax(3, 2, features=function)


@pytest.mark.parametrize(
    ("later", "error", "text"),
    [
        (lambda x: x[:, :2], ValueError, r"expected shape \(5, 3\), got \(5, 2\)"),
        (lambda x: x[:4], ValueError, r"expected shape \(5, 3\), got \(4, 3\)"),
        (lambda x: x / 0.0, ValueError, r"features\(observations\): expected finite values, got"),
        (lambda x: "x", TypeError, "expected real numbers"),
    ],
)
def test_a_function_that_changes_its_mind(later, error, text):
    function = itself
    policy = fastpg.LinearSoftmax(3, 2, features=lambda x: function(x))
    function = later
    with np.errstate(all="ignore"), pytest.raises(error, match=text):
        policy.features(np.ones((5, 3)))


def test_zeros_that_are_no_observation():
    phi = FunctionFeatures(2, np.log)
    assert phi([[1.0, np.e]]).tolist() == [[0.0, pytest.approx(1.0), 1.0]]


def test_its_keywords():
    policy = fastpg.LinearSoftmax(3, 2, features=itself, features_kwargs={"time": True})
    assert policy.n_features == 5
    with pytest.raises(
        TypeError, match=r"features_kwargs: unknown argument 'degree' \(known: time"
    ):
        fastpg.LinearSoftmax(3, 2, features=itself, features_kwargs={"degree": 3})


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_it_learns_what_the_equal_map_learns(name, normalize):
    """The environment is stepped from Python then, with the same actions."""
    thetas = []
    env = Stepped if name == "reinforce" else fastpg.make_vec  # C++ has other start states
    for features in ("identity", itself):
        kwargs = {"features": features, "normalize_observations": normalize}
        algo = ALGORITHMS[name]("linear", env("CartPole-v1", 8), policy_kwargs=kwargs, seed=0)
        thetas.append(algo.learn(3000).policy.theta)
    assert thetas[0].any()
    assert np.array_equal(*thetas)


def test_continuous_actions_and_evaluation():
    found = []
    for features in ("identity", itself):
        kwargs = {"features": features, "normalize_observations": True}
        algo = fastpg.TRPO("linear", "Pendulum-v1", policy_kwargs=kwargs, seed=0).learn(3000)
        found.append((algo.policy.theta, fastpg.evaluate_policy(algo, "Pendulum-v1", 5, seed=1)))
    assert np.allclose(found[0][0], found[1][0], rtol=1e-6, atol=1e-9)
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-4)


def test_collecting_is_that_of_the_equal_map():
    env = fastpg.make_vec("CartPole-v1", 3)
    policy = fastpg.LinearSoftmax(4, 2, np.ones((5, 2)), features=itself)
    assert type(make_collector(env, policy, 0)) is SteppingCollector
    plain = fastpg.LinearSoftmax(4, 2, np.ones((5, 2)))
    for counts in ({"n_steps": 40}, {"n_episodes": 5}):
        one, other = (fastpg.collect(env, p, seed=2, **counts) for p in (policy, plain))
        assert np.array_equal(one.observations, other.observations)
        assert np.array_equal(one.actions, other.actions)
        assert np.array_equal(one.final_observations, other.final_observations)
    with pytest.raises(TypeError, match=r"features: expected a map that C\+\+ computes, got"):
        policy.actor(env.single_action_space, False)


def test_an_environment_of_gymnasium_s():
    algo = fastpg.NPG("linear", "FrozenLake-v1", policy_kwargs={"features": itself}, seed=0)
    plain = fastpg.NPG("linear", "FrozenLake-v1", seed=0)
    assert np.array_equal(algo.learn(600).policy.theta, plain.learn(600).policy.theta)


def test_an_error_of_the_function_leaves_the_learner_as_it_was():
    failing = False

    def function(x):
        if failing:
            raise ZeroDivisionError
        return x

    algo = fastpg.NPG("linear", "CartPole-v1", policy_kwargs={"features": function}, seed=0)
    algo.learn(2000)
    theta, failing = algo.policy.theta, True
    with pytest.raises(ZeroDivisionError):
        algo.learn(2000)
    failing = False
    assert algo.policy.theta is theta
    algo.learn(2000)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
def test_copies(copied):
    kwargs = {"features": squares, "normalize_observations": True}
    algo = fastpg.NPG("linear", "CartPole-v1", policy_kwargs=kwargs, seed=0).learn(2000)
    other = copied(algo)
    x = np.ones((1, 4))
    assert np.array_equal(other.policy.features(x), algo.policy.features(x))
    assert other.policy.feature_map.function is squares
    other.use_env("CartPole-v1")
    other.learn(2000)
    assert not np.array_equal(other.policy.theta, algo.policy.theta)


def test_a_lambda_is_deep_copied_but_not_pickled():
    policy = fastpg.LinearSoftmax(4, 2, features=lambda x: x)
    assert copy.deepcopy(policy).features(np.ones((1, 4))).tolist() == [[1.0] * 5]
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(policy)


# --- checkpoints ---


@pytest.fixture
def saved(tmp_path):
    kwargs = {"features": squares, "features_kwargs": {"time": True},
              "normalize_observations": True}  # fmt: skip
    algo = fastpg.PPO("linear", "CartPole-v1", policy_kwargs=kwargs, seed=0).learn(2000)
    return algo, algo.save(tmp_path / "x.npz")


def test_a_checkpoint_takes_the_function_again(saved):
    algo, path = saved
    loaded = fastpg.load(path, "CartPole-v1", features=squares)
    x, steps = np.linspace(-1.0, 1.0, 40).reshape(10, 4), np.arange(10)
    assert np.array_equal(loaded.policy.features(x, steps), algo.policy.features(x, steps))
    assert np.array_equal(loaded.policy.theta, algo.policy.theta)
    loaded.learn(2000, reset_num_timesteps=False)
    assert loaded.num_timesteps > algo.num_timesteps


@pytest.mark.parametrize(
    ("features", "error", "text"),
    [
        (
            None,
            ValueError,
            r"^features: the policy's features are a function.*load\(path, features=...\)",
        ),
        (itself, ValueError, r"^features\(observations\): expected 10 columns, got 5"),
        (3, TypeError, r"^features: expected a function of arrays \(n, d\), got 3"),
    ],
)
def test_a_checkpoint_without_its_function(saved, features, error, text):
    with pytest.raises(error, match=text) as raised:
        fastpg.load(saved[1], features=features)
    assert not isinstance(raised.value, fastpg.CheckpointError)


def test_a_checkpoint_that_needs_no_function(tmp_path):
    path = fastpg.NPG("linear", "CartPole-v1", seed=0).save(tmp_path / "x")
    with pytest.raises(ValueError, match=r"features: expected none, since the file.*\(identity\)"):
        fastpg.load(path, features=itself)


@pytest.mark.parametrize(
    "change",
    [{"n_outputs": 5}, {"n_outputs": None}, {"n_outputs": 2**40}, {"more": 1}, {"time": 1}],
)
def test_a_damaged_checkpoint(saved, change):
    stored, meta = checkpoints.read(saved[1])
    del meta["format"]
    meta["policy"]["features"].update(change)
    path = checkpoints.write(saved[1].with_name("y"), stored, meta)
    with pytest.raises(fastpg.CheckpointError):
        fastpg.load(path, features=squares)
