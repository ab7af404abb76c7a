"""Feature maps: by hand, against NumPy, and inside a policy."""

import copy
import itertools
import pickle

import numpy as np
import pytest

import fastpg
from fastpg.policies.features import make_features
from trainings import NAMES


def test_identity():
    phi = fastpg.Identity(2, time=True)
    assert phi([[2.0, 3.0]], [250]).tolist() == [[2.0, 3.0, 2.5, 1.0]]
    assert fastpg.Identity(2)([[2.0, 3.0]]).tolist() == [[2.0, 3.0, 1.0]]


@pytest.mark.parametrize(("d", "degree"), [(1, 1), (1, 5), (2, 3), (4, 2), (3, 4)])
def test_polynomial_has_every_monomial_once(rng, d, degree):
    x = rng.normal(size=(1, d)).astype(np.float32)
    got = np.sort(fastpg.Polynomial(d, degree)(x)[0])
    powers = [p for p in itertools.product(range(degree + 1), repeat=d) if sum(p) <= degree]
    expected = np.sort([np.prod(x[0].astype(float) ** np.array(p)) for p in powers])
    assert np.allclose(got, expected, rtol=1e-13)


def test_random_fourier(rng):
    phi = fastpg.RandomFourier(3, 50, nu=2.0, seed=7)
    x = rng.normal(size=(20, 3)).astype(np.float32)
    generator = np.random.Generator(np.random.PCG64(7))
    projection = generator.standard_normal((50, 3))
    phases = generator.uniform(-np.pi, np.pi, 50)
    expected = np.sin(x.astype(float) @ projection.T / 2.0 + phases)
    assert np.allclose(phi(x)[:, :-1], expected, atol=1e-13)
    assert (phi(x)[:, -1] == 1.0).all()
    assert np.array_equal(phi(x), fastpg.RandomFourier(3, 50, nu=2.0, seed=7)(x))
    assert not np.array_equal(phi(x), fastpg.RandomFourier(3, 50, nu=2.0, seed=8)(x))


def test_length_scale(rng):
    x = rng.normal(size=(5000, 4)) * 3.0
    expected = 3.0 * np.sqrt(2) * 1.8799712  # mean of chi with 4 degrees of freedom
    assert fastpg.length_scale(x) == pytest.approx(expected, rel=0.05)
    with pytest.raises(ValueError, match="differ"):
        fastpg.length_scale(np.ones((10, 2)))


@pytest.mark.parametrize(
    "phi",
    [fastpg.Identity(3), fastpg.Polynomial(3, 3, time=True), fastpg.RandomFourier(3, 9, seed=4)],
)
def test_a_map_comes_back_from_its_state(rng, phi):
    x, h = rng.normal(size=(5, 3)), np.arange(5)
    assert np.array_equal(make_features(phi.state())(x, h), phi(x, h))


@pytest.mark.parametrize(
    ("phi", "name", "value"),
    [
        (fastpg.Identity(4), "observation_size", 3),
        (fastpg.Polynomial(4), "degree", 3),
        (fastpg.RandomFourier(4, 5), "seed", 1),
        (fastpg.RandomFourier(4, 5), "nu", 2.0),
        (fastpg.RandomFourier(4, 5), "time", True),
        (fastpg.RandomFourier(4, 5), "n_features", 6),
    ],
)
def test_what_a_map_was_made_from_cannot_be_set(phi, name, value):
    """The map in use would stay, and a file would have another one."""
    before = phi.state()
    for again in (phi, copy.copy(phi), pickle.loads(pickle.dumps(phi))):
        with pytest.raises(AttributeError, match=f"{name} cannot be set, got {value}: make a new"):
            setattr(again, name, value)
        assert again.state() == before


def test_running_normalizer(rng):
    data = (rng.normal(size=(700, 3)) * [1.0, 10.0, 0.0] + [5.0, 0.0, 2.0]).astype(np.float32)
    running = fastpg.RunningNormalizer(3)
    for piece in np.array_split(data, [1, 100, 350]):
        running.update(piece)
    assert np.allclose(running.mean, data.mean(axis=0))
    assert np.allclose(1 / running.inverse_std[:2], data.std(axis=0)[:2])
    assert running.inverse_std[2] == 1.0
    assert running.count == 700
    expected = np.clip((data - running.mean) * running.inverse_std, -10, 10)
    assert np.allclose(running(data), expected, atol=1e-6)
    again = fastpg.RunningNormalizer(3)
    again.restore(running.state(), running.count)
    again.update(data)
    running.update(data)
    assert np.array_equal(again.state(), running.state())


def test_normalisation_lives_in_the_policy_and_is_frozen_in_evaluation(tmp_path):
    policy = fastpg.LinearSoftmax(4, 2, normalize_observations=True)
    env = fastpg.make_vec("CartPole-v1", 8)
    algo = fastpg.NPG(policy, env, seed=0).learn(20_000)
    count = policy.normalizer.count
    assert count == algo.num_timesteps
    x = np.array([[0.1, -0.2, 0.03, 0.4]], np.float32)
    normal = (x - policy.normalizer.mean) * policy.normalizer.inverse_std
    assert np.allclose(policy.features(x)[:, :4], np.clip(normal, -10, 10), rtol=1e-12)
    fastpg.evaluate_policy(algo, "CartPole-v1", 5)
    assert policy.normalizer.count == count
    loaded = fastpg.load(algo.save(tmp_path / "x"))
    assert np.array_equal(loaded.policy.features(x), policy.features(x))


def test_normalising_anew_leaves_the_map_in_use_alone(rng):
    policy = fastpg.LinearSoftmax(3, 2, normalize_observations=True)
    x, steps = rng.normal(size=(20, 3)).astype(np.float32), np.zeros(20, np.int64)
    policy.observe(x)
    used = policy.feature_map.native  # as another thread has it, in the middle of a batch
    before = used.features(x, steps)
    policy.observe(3.0 * x + 1.0)
    assert np.array_equal(used.features(x, steps), before)
    assert not np.array_equal(policy.features(x), before)


@pytest.mark.parametrize(
    "features",
    [fastpg.Polynomial(4, 2), fastpg.RandomFourier(4, 30), fastpg.Identity(4, time=True)],
)
def test_native_rollouts_use_the_map(features):
    env = fastpg.make_vec("CartPole-v1", 3)
    rng = np.random.default_rng(0)
    policy = fastpg.LinearSoftmax(4, 2, rng.normal(size=(features.size, 2)), features=features)
    rollout = fastpg.collect(env, policy, n_steps=60, seed=1, deterministic=True)
    phi = policy.features(rollout.flat(rollout.observations), rollout.flat(rollout.step_index))
    assert np.array_equal(rollout.flat(rollout.actions), policy.mode(policy.distribution(phi)))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: fastpg.Polynomial(4, 0), "degree"),
        (lambda: fastpg.Polynomial(300, 4), "at most 1048576 features"),
        (lambda: fastpg.RandomFourier(4, 0), "n_features"),
        (lambda: fastpg.RandomFourier(4, nu=0.0), "nu"),
        (lambda: fastpg.Identity(0), "observation_size"),
        (lambda: fastpg.Identity(2)([[1.0, np.nan]]), "finite"),
        (lambda: fastpg.LinearSoftmax(3, 2, features=fastpg.Identity(4)), "a map of 3 numbers"),
    ],
)
def test_bad_maps(call, text):
    with pytest.raises(ValueError, match=text):
        call()


@pytest.mark.parametrize("large", [1e308, 1e200])
def test_observations_too_large_for_a_length_scale(large):
    with pytest.raises(ValueError, match="length_scale: expected a finite result"):
        fastpg.length_scale([[large], [-large], [0.0]])


def test_a_length_too_small_to_divide_by():
    with pytest.raises(ValueError, match="nu: directions divided by it: expected a finite result"):
        fastpg.RandomFourier(4, 5, nu=1e-320)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_step_is_made_for_the_features_of_the_next_one(name):
    """Normalising after the step would change the policy: MountainCar's velocity is below 0.07."""
    algo = fastpg.algorithms.ALGORITHMS[name](
        "linear", "MountainCar-v0", n_envs=4, seed=0,
        policy_kwargs={"normalize_observations": True, "features": "polynomial"},
    )  # fmt: skip
    batches = []
    update = algo.update
    algo.update = lambda batch: batches.append(batch) or update(batch)
    algo.learn(4 * 200 * 16, lambda record: False)
    policy, [batch] = algo.policy, batches
    assert policy.normalizer.count == len(batch.actions)
    phi = policy.features(batch.observations, batch.step_index)
    uniform = np.full((len(phi), 3), np.log(1 / 3))
    kl = policy.kl(uniform, policy.distribution(phi)).mean()
    assert kl == pytest.approx(algo.history[0]["train/kl"], rel=1e-9)
    assert kl > 1e-6


def test_weights_that_are_set_see_the_normalisation_only_after_the_first_step():
    """Their actions were taken without it."""
    policy = fastpg.LinearSoftmax(2, 3, np.ones((3, 3)), normalize_observations=True)
    assert not policy._sees_nothing_yet()
    policy = fastpg.LinearSoftmax(2, 3, normalize_observations=True)
    assert policy._sees_nothing_yet()
    policy.observe(np.ones((4, 2)))
    assert not policy._sees_nothing_yet()
    gaussian = fastpg.LinearGaussian(2, 1, normalize_observations=True, log_std_init=-1.0)
    assert gaussian._sees_nothing_yet()
    assert not fastpg.LinearSoftmax(2, 3)._sees_nothing_yet()
