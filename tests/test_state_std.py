"""Perceptrons with a sigma of each state. Against float64 references: test_mlp_policies.py."""

import copy
import json
import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from scipy.special import kolmogorov, ndtr

import fastpg
import reference
from fastpg import _core
from fastpg.algorithms import ALGORITHMS
from fastpg.training import checkpoints
from mlp_cases import Aim
from test_mlp_training import OPTIONS, STEPS
from test_probes import Acted, Both
from trainings import untimed

NAMES = list(ALGORITHMS)
OF_STATE = {"state_dependent_std": True}
LEAST, MOST = _core.LOG_STD_RANGE


def one_sample(actions=None, network=None):
    """A batch of one state with phi = 1: its outputs are theta."""
    taken = None if actions is None else np.atleast_2d(actions).astype(float)
    size = 1 if taken is None else taken.shape[1]
    made = _core.Linear(1, 2 * size) if network is None else network
    return _core.PolicyBatch(_core.StateStdGaussian(size), made, np.ones((1, 1)), taken)


def test_numbers_by_hand():
    """Means 1 and -1, sigma 1/2 and 2, action (2, 1): z = 2 and 1."""
    batch, theta = one_sample([2.0, 1.0]), np.array([1.0, -1.0, np.log(0.5), np.log(2.0)])
    dist = batch.distribution(theta)
    assert dist.tolist() == [theta.tolist()]
    gaussian = _core.StateStdGaussian(2)
    log_prob = -0.5 * (4.0 + 1.0) - np.log(2.0 * np.pi)
    assert gaussian.log_prob(dist, np.array([[2.0, 1.0]]))[0] == pytest.approx(log_prob, rel=1e-15)
    assert gaussian.entropy(dist)[0] == pytest.approx(np.log(2.0 * np.pi * np.e), rel=1e-15)
    assert batch.score_gradient(theta, dist, np.ones(1)) == pytest.approx([4.0, 0.5, 3.0, 0.0])
    assert batch.entropy_gradient(theta, dist).tolist() == [0.0, 0.0, 1.0, 1.0]
    assert batch.fisher(theta, dist) == pytest.approx(np.diag([4.0, 0.25, 2.0, 2.0]))
    other = np.array([[2.0, -1.0, 0.0, np.log(2.0)]])
    # ln 2 + (1/4 + 1) / 2 - 1/2, and nothing from the second.
    assert gaussian.kl(dist, other)[0] == pytest.approx(np.log(2.0) + 0.125, rel=1e-15)


@pytest.mark.parametrize(
    ("output", "log_std"), [(5.0, MOST), (1e30, MOST), (MOST, MOST), (-10.0, LEAST), (-50.0, LEAST)]
)
def test_at_a_bound_and_beyond_sigma_has_no_gradient(output, log_std):
    theta = np.array([0.5, output])
    sigma, action = np.exp(log_std), 0.5 + np.exp(log_std)
    batch = one_sample([action])
    dist = batch.distribution(theta)
    assert dist.tolist() == [[0.5, log_std]]
    gradient = batch.score_gradient(theta, dist, np.ones(1))
    assert gradient == pytest.approx([1.0 / sigma, 0.0])
    assert batch.entropy_gradient(theta, dist).tolist() == [0.0, 0.0]
    assert batch.fisher(theta, dist) == pytest.approx(np.diag([sigma**-2, 0.0]))
    assert batch.fisher(theta, dist, True) == pytest.approx(np.diag([sigma**-2, 0.0]))
    product = batch.fisher_vector_product(theta, dist, np.array([3.0, 7.0]))
    assert product == pytest.approx([3.0 / sigma**2, 0.0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_outputs_that_are_not_finite_are_no_bound(bad):
    """Products of features and parameters, both finite."""
    phi = np.full((1, 1), 1e200)
    batch = _core.PolicyBatch(_core.StateStdGaussian(1), _core.Linear(1, 2), phi, None)
    with pytest.raises(ValueError, match="their products are not finite"):
        batch.distribution(np.array([0.0, np.copysign(1e200, bad)]))
    with pytest.raises(ValueError, match="theta"):
        batch.distribution(np.array([0.0, bad]))


@pytest.fixture
def linear(rng):
    """A batch whose network is linear, in float64; ln sigma of some states is clipped."""
    phi, weights = rng.normal(size=(80, 3)), rng.normal(size=80)
    theta = np.column_stack([rng.normal(size=(3, 2)), 1.5 * rng.normal(size=(3, 2))]).ravel()
    gaussian, network = _core.StateStdGaussian(2), _core.Linear(3, 4)
    dist = _core.PolicyBatch(gaussian, network, phi, None).distribution(theta)
    assert 5 < (dist[:, 2:] == MOST).sum() < 80
    actions = gaussian.sample(dist, rng.random((80, 2)) * 0.998 + 0.001)
    return _core.PolicyBatch(gaussian, network, phi, actions), gaussian, theta, actions, weights


def test_gradients_by_finite_differences(linear):
    batch, gaussian, theta, actions, weights = linear
    dist = batch.distribution(theta)

    def surrogate(other):
        return np.mean(weights * gaussian.log_prob(batch.distribution(other), actions))

    def entropy(other):
        return gaussian.entropy(batch.distribution(other)).mean()

    for gradient, function in (
        (batch.score_gradient(theta, dist, weights), surrogate),
        (batch.entropy_gradient(theta, dist), entropy),
        (
            batch.score_gradient(theta, dist, weights, 0.3),
            lambda other: surrogate(other) + 0.3 * entropy(other),
        ),
    ):
        assert np.allclose(gradient, reference.numerical_gradient(function, theta), atol=1e-7)


def test_the_fisher_matrix_is_the_hessian_of_the_kl(linear):
    batch, gaussian, theta, _, _ = linear
    dist = batch.distribution(theta)

    def kl_gradient(at):
        def mean_kl(other):
            return gaussian.kl(dist, batch.distribution(other)).mean()

        return reference.numerical_gradient(mean_kl, at, 1e-5)

    dense = batch.fisher(theta, dist)
    for k, unit in enumerate(1e-4 * np.eye(len(theta))):
        change = kl_gradient(theta + unit) - kl_gradient(theta - unit)
        assert np.allclose(change / 2e-4, dense[k], atol=1e-4)
        product = batch.fisher_vector_product(theta, dist, unit)
        assert np.allclose(product, 1e-4 * dense[k], atol=1e-15)


def test_the_fisher_matrix_is_the_mean_of_scores_of_many_actions(rng):
    theta, count = np.array([0.3, -0.4, 0.2, 3.0]), 200_000
    gaussian, network, phi = _core.StateStdGaussian(2), _core.Linear(1, 4), np.ones((count, 1))
    dist = _core.PolicyBatch(gaussian, network, phi, None).distribution(theta)
    actions = gaussian.sample(dist, rng.random((count, 2)))
    batch = _core.PolicyBatch(gaussian, network, phi, actions)
    exact, sampled = batch.fisher(theta, dist), batch.fisher(theta, dist, True)
    assert np.allclose(sampled, exact, atol=0.05)
    assert not exact[3].any()
    assert not sampled[3].any()
    z = (actions - dist[:, :2]) * np.exp(-dist[:, 2:])
    scores = np.column_stack([z * np.exp(-dist[:, 2:]), z[:, 0] ** 2 - 1.0, np.zeros(count)])
    assert np.allclose(sampled, scores.T @ scores / count, rtol=1e-9, atol=1e-9)


def test_a_perceptron_without_hidden_layers_is_a_linear_network(linear):
    batch, gaussian, theta, actions, weights = linear
    rounded = theta.astype(np.float32).astype(float)
    phi = batch.phi.astype(np.float32).astype(float)
    mlp = _core.Mlp(3, [], 4, _core.Activation.tanh)
    one = _core.PolicyBatch(gaussian, _core.Linear(3, 4), phi, actions)
    two = _core.PolicyBatch(gaussian, mlp, phi, actions)
    both = np.concatenate([rounded, np.zeros(4)])
    dist, v = one.distribution(rounded), np.linspace(-1.0, 1.0, 16)
    assert np.allclose(two.distribution(both), dist, atol=1e-5)
    for name, given in (("score_gradient", (weights,)), ("fisher", ()), ("fisher", (True,))):
        plain = getattr(one, name)(rounded, dist, *given)
        found = getattr(two, name)(both, dist, *given)
        found = found[:12] if found.ndim == 1 else found[:12, :12]
        assert np.allclose(found, plain, rtol=1e-4, atol=1e-4 * np.abs(plain).max()), name
    for sampled in (False, True):
        product = two.fisher_vector_product(both, dist, v, sampled)
        dense = two.fisher(both, dist, sampled)
        assert np.allclose(product, dense @ v, rtol=1e-4, atol=1e-5 * np.abs(dense).max())


def test_samples_have_the_sigma_of_their_state(rng):
    gaussian, count = _core.StateStdGaussian(1), 50_000
    log_std = rng.uniform(-4.0, 1.9, count)
    dist = np.column_stack([rng.normal(size=count), log_std])
    actions = gaussian.sample(dist, rng.random((count, 1)) * (1 - 2e-9) + 1e-9)
    cdf = ndtr(np.sort((actions[:, 0] - dist[:, 0]) / np.exp(log_std)))
    shares = np.arange(count + 1) / count
    distance = max((shares[1:] - cdf).max(), (cdf - shares[:-1]).max())
    assert kolmogorov(np.sqrt(count) * distance) > 1e-3
    assert np.array_equal(gaussian.mode(dist), dist[:, :1])


@pytest.mark.parametrize("ortho_init", [False, True])
def test_a_new_policy_has_the_sigma_that_was_asked_for(rng, ortho_init):
    policy = fastpg.MlpGaussian(
        4, 3, ortho_init=ortho_init, seed=3, log_std_init=-0.5, state_dependent_std=True
    )
    assert repr(policy) == (
        "MlpGaussian(observation_size=4, action_size=3, net_arch=[64, 64], activation_fn='tanh', "
        "state_dependent_std=True)"
    )
    weights, bias = policy.layers[-1]
    assert weights.shape == (64, 6)
    assert (bias[3:] == -0.5).all()
    log_std = policy.distribution(policy.features(rng.normal(size=(200, 4))))[:, 3:]
    if ortho_init:
        assert not bias[:3].any()
        assert np.allclose(weights.T @ weights, 1e-4 * np.eye(6), atol=1e-15)
        assert 0.0 < np.abs(log_std + 0.5).max() < 0.1
    assert policy.theta.size == policy._network.parameters
    with pytest.raises(AttributeError, match="log_std: it depends on the state"):
        _ = policy.log_std


def trained(name, problem, steps, log_std_init=0.0, **options):
    by_steps = {} if name == "reinforce" else STEPS
    kwargs = OF_STATE | {"net_arch": [8], "log_std_init": log_std_init}
    options = by_steps | OPTIONS[name] | {"ent_coef": 0.0, "baseline": "linear"} | options
    return ALGORITHMS[name](
        "mlp", problem, n_envs=8, seed=0, policy_kwargs=kwargs, **options
    ).learn(steps)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("problem", [Acted, Both])
def test_the_best_action_is_learned(name, problem):
    algo = trained(name, lambda: problem("continuous"), 3000)
    env = problem("continuous")
    returns = []
    for episode in range(20):
        observation, _ = env.reset(seed=episode)
        returns.append(env.step(algo.predict(observation, deterministic=True)[0])[1])
    assert np.mean(returns) > 0.95


class Careful(gymnasium.Env):
    """With +1 the action is to be 0, with -1 it has no effect."""

    observation_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
    action_space = spaces.Box(-np.inf, np.inf, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.sign = self.np_random.choice([-1.0, 1.0])
        return np.array([self.sign], np.float32), {}

    def step(self, action):
        reward = -min(float(action[0]) ** 2, 10.0) if self.sign > 0.0 else 0.0
        return np.array([self.sign], np.float32), reward, True, False, {}


@pytest.mark.parametrize("name", NAMES)
def test_sigma_is_learned_where_noise_costs(name):
    """With an entropy bonus it falls there, and nowhere else."""
    algo = trained(name, Careful, 6000, ent_coef=0.05)
    policy = algo.policy
    careful, free = policy.distribution(policy.features([[1.0], [-1.0]]))[:, 1]
    assert careful < free - 1.0
    assert algo.history[-1]["train/std"] == pytest.approx(
        (np.exp(careful) + np.exp(free)) / 2.0, rel=0.2
    )


def aimed(name="ppo", **options):
    kwargs = OF_STATE | {"net_arch": [17, 5], "normalize_observations": True}
    return ALGORITHMS[name](
        "mlp", lambda: Aim(True, 2), n_envs=8, seed=4, policy_kwargs=kwargs, **options
    ).learn(960)


@pytest.mark.parametrize("name", NAMES)
def test_saved_and_learned_on_alike(tmp_path, name):
    algo = aimed(name)
    path = algo.save(tmp_path / "x")
    loaded, again = fastpg.load(path), fastpg.load(path)
    observations = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    expected = algo.policy.distribution(algo.policy.features(observations))
    assert expected[:, 2:].std() > 0.0
    others = (loaded.policy, pickle.loads(pickle.dumps(algo.policy)), copy.deepcopy(algo.policy))
    for policy in others:
        assert policy.state_dependent_std is True
        assert policy.state()[1] == algo.policy.state()[1]
        assert np.array_equal(policy.distribution(policy.features(observations)), expected)
    actions = [
        each.predict(observations, deterministic=deterministic)[0].tolist()
        for each in (loaded, again)
        for deterministic in (True, False)
    ]
    assert actions[:2] == actions[2:]
    for each in (loaded, again):
        each.use_env(lambda: Aim(True, 2))
        each.learn(480, reset_num_timesteps=False)
    assert np.array_equal(loaded.policy.theta, again.policy.theta)
    assert untimed(loaded.history) == untimed(again.history)


def test_a_checkpoint_without_the_argument_has_one_sigma(tmp_path):
    """That is one of an earlier version."""
    algo = fastpg.PPO("mlp", lambda: Aim(True), policy_kwargs={"net_arch": [4]}, seed=0)
    path = algo.save(tmp_path / "x")
    stored, meta = checkpoints.read(path)
    del meta["policy"]["state_dependent_std"]
    text = json.dumps({"format": meta.pop("format"), **meta})
    with path.open("wb") as file:
        np.savez(file, meta=np.array(text), **stored)
    loaded = fastpg.load(path).policy
    assert loaded.state_dependent_std is False
    assert np.array_equal(loaded.theta, algo.policy.theta)


@pytest.mark.parametrize("name", NAMES)
def test_equal_bits_of_training_on_any_number_of_threads(name):
    one, *others = (aimed(name, num_threads=k) for k in (1, 2, 3, 8))
    for other in others:
        assert np.array_equal(other.policy.theta, one.policy.theta)
        assert untimed(other.history) == untimed(one.history)


@pytest.mark.parametrize(
    ("policy", "env", "kwargs", "error", "text"),
    [
        ("mlp", "CartPole-v1", OF_STATE, ValueError,
         r"state_dependent_std: allowed only with a Box of actions, got Discrete\(2\)"),
        ("linear", "CartPole-v1", OF_STATE, ValueError, "allowed only with a Box of actions"),
        ("linear", "Pendulum-v1", OF_STATE, TypeError,
         "'state_dependent_std': a linear policy has one sigma: expected with"),
        ("mlp", "Pendulum-v1", {"state_dependent_std": 1}, TypeError,
         "state_dependent_std: expected True or False"),
        ("mlp", "Pendulum-v1", OF_STATE | {"log_std_init": 2.0}, ValueError,
         "log_std_init: expected a number between the bounds -10 and 2"),
        ("mlp", "Pendulum-v1", OF_STATE | {"log_std_init": -10}, ValueError, "between the bounds"),
        ("mlp", "Pendulum-v1", OF_STATE | {"log_std_init": 1.99999999999}, ValueError, "between"),
        ("mlp", "Pendulum-v1", OF_STATE | {"log_std_init": 2.5}, ValueError, r"\[-10, 2\]"),
    ],
)  # fmt: skip
def test_given_wrongly(policy, env, kwargs, error, text):
    with pytest.raises(error, match=text):
        fastpg.PPO(policy, env, policy_kwargs=kwargs)


def test_a_network_of_an_odd_number_of_outputs_is_refused():
    features, network = _core.FeatureMap.inputs(4, False), _core.Linear(4, 3)
    with pytest.raises(ValueError, match=r"network \(outputs\): expected an even number"):
        _core.Actor.gaussian(features, network, [-1.0], [1.0], False, True)
    with pytest.raises(ValueError, match="low: expected size 1, got 2"):
        _core.Actor.gaussian(features, _core.Linear(4, 2), [-1.0] * 2, [1.0] * 2, False, True)
