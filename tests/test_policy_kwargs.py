"""Features and normalisation by name, in policies and algorithms, and their errors."""

import numpy as np
import pytest
from gymnasium import spaces

import fastpg
from exported import Shaped
from fastpg.algorithms import ALGORITHMS, settings
from fastpg.policies.factory import POLICIES, make_policy
from fastpg.policies.feature_choice import choose_features

FOURIER = {"features": "fourier", "features_kwargs": {"n_features": 20, "nu": 2.0, "seed": 3}}


@pytest.mark.parametrize(
    ("features", "keywords", "expected"),
    [
        (None, None, fastpg.Identity(4)),
        (None, {"time": True}, fastpg.Identity(4, time=True)),
        ("identity", {}, fastpg.Identity(4)),
        ("polynomial", None, fastpg.Polynomial(4, 2)),
        ("polynomial", {"degree": 3, "time": True}, fastpg.Polynomial(4, 3, time=True)),
        (fastpg.Polynomial, {"degree": 3}, fastpg.Polynomial(4, 3)),
        ("fourier", FOURIER["features_kwargs"], fastpg.RandomFourier(4, 20, nu=2.0, seed=3)),
        (fastpg.Polynomial(4, 3), None, fastpg.Polynomial(4, 3)),
    ],
)
def test_every_way_to_name_a_map(features, keywords, expected):
    assert choose_features(features, 4, keywords).state() == expected.state()
    env = fastpg.make_vec("CartPole-v1")
    policy = fastpg.LinearSoftmax.for_env(env, features=features, features_kwargs=keywords)
    assert policy.feature_map.state() == expected.state()
    assert policy.feature_map is not features  # a normalisation is set inside it
    assert type(policy.feature_map) is type(expected)


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_an_algorithm_takes_what_the_policy_takes(name):
    """The same numbers as with the policy made by hand."""
    kind = ALGORITHMS[name]
    short = kind(
        "linear", "CartPole-v1", policy_kwargs={**FOURIER, "normalize_observations": True}, seed=0,
        n_envs=4,
    )  # fmt: skip
    env = fastpg.make_vec("CartPole-v1", 4)
    policy = fastpg.LinearSoftmax.for_env(
        env, features=fastpg.RandomFourier(4, 20, nu=2.0, seed=3), normalize_observations=True
    )
    long = kind(policy, env, seed=0)
    assert np.array_equal(short.learn(4096).policy.theta, long.learn(4096).policy.theta)
    assert short.policy.normalizer.count == long.policy.normalizer.count > 0


def test_a_gaussian_s():
    algo = fastpg.PPO("linear", "Pendulum-v1", policy_kwargs={"log_std_init": -1.0}, seed=0)
    assert algo.policy.log_std.tolist() == [-1.0]
    through = fastpg.train(
        "ppo", "Pendulum-v1", total_timesteps=32, policy_kwargs={"features": "polynomial"}
    )
    assert through.policy.n_features == 10
    none = fastpg.PPO("linear", "Pendulum-v1", policy_kwargs={}, seed=0)
    assert none.policy.n_features == 4


def cartpole(**policy_kwargs):
    return fastpg.NPG("linear", "CartPole-v1", policy_kwargs=policy_kwargs)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: fastpg.NPG(fastpg.LinearSoftmax(4, 2), "CartPole-v1", policy_kwargs={}),
            TypeError,
            "policy_kwargs: allowed only with the name of a policy, got LinearSoftmax",
        ),
        (
            lambda: fastpg.NPG("linear", "CartPole-v1", policy_kwargs=["features"]),
            TypeError,
            "policy_kwargs: expected a dict of keywords, got",
        ),
        (
            lambda: fastpg.NPG("linear", "CartPole-v1", policy_kwargs={3: "features"}),
            TypeError,
            "policy_kwargs: expected names for keys, got 3",
        ),
        (lambda: cartpole(feature="fourier"), TypeError, "'feature'; did you mean 'features'"),
        (
            lambda: cartpole(norm_obs=True),
            TypeError,
            "LinearSoftmax: unknown policy argument 'norm_obs'; did you mean 'normalize_obs",
        ),
        (
            lambda: cartpole(features_extractor_class="fourier"),
            TypeError,
            "did you mean 'features'",
        ),
        (lambda: cartpole(net_arch=[64]), TypeError, "'net_arch': a linear policy has no layers"),
        (
            lambda: fastpg.NPG("mlp", "CartPole-v1", policy_kwargs={"features": "fourier"}),
            TypeError,
            "'features': a perceptron takes the observation itself",
        ),
        (
            lambda: fastpg.NPG("mlp", "CartPole-v1", net_arch=[64]),
            TypeError,
            "'net_arch': it belongs to the policy: give it in policy_kwargs",
        ),
        (lambda: cartpole(observation_size=3), TypeError, "unknown policy argument 'observation_"),
        (
            lambda: cartpole(log_std_init=1.0),
            ValueError,
            r"log_std_init: allowed only with a Box of actions, got Discrete\(2\)",
        ),
        (
            lambda: cartpole(features="poly"),
            ValueError,
            r"unknown features 'poly'.*\(known: identity, polynomial, fourier\)",
        ),
        (
            lambda: cartpole(features="polynomal"),
            ValueError,
            "unknown features 'polynomal'; did you mean 'polynomial'",
        ),
        (
            lambda: cartpole(features="polynomial", features_kwargs={"degre": 3}),
            TypeError,
            "features_kwargs: unknown argument 'degre'; did you mean 'degree'",
        ),
        (
            lambda: cartpole(features="polynomial", features_kwargs={"observation_size": 3}),
            TypeError,
            "features_kwargs: unknown argument 'observation_size'",
        ),
        (
            lambda: cartpole(features="polynomial", features_kwargs={"degree": 0}),
            ValueError,
            "degree: expected an integer",
        ),
        (
            lambda: cartpole(features="polynomial", features_kwargs=3),
            TypeError,
            "features_kwargs: expected a dict of keywords, got 3",
        ),
        (
            lambda: cartpole(features=fastpg.Polynomial(4), features_kwargs={"degree": 3}),
            TypeError,
            "features_kwargs: allowed only with a name, got",
        ),
        (lambda: cartpole(features=fastpg.Polynomial(3)), ValueError, "a map of 4 numbers, got"),
        (lambda: cartpole(features=3), TypeError, "features: expected identity, polynomial, fou"),
        (lambda: cartpole(features=dict), TypeError, "features: expected identity, polynomial"),
        (lambda: cartpole(normalize_observations=1), TypeError, "normalize_observations: expected"),
        (
            lambda: fastpg.LinearGaussian.for_env(fastpg.make_vec("Pendulum-v1"), log_std=1.0),
            TypeError,
            "LinearGaussian: unknown policy argument 'log_std'; did you mean 'log_std_init'",
        ),
        (
            lambda: fastpg.NPG("linear", "CartPole-v1", features="fourier"),
            TypeError,
            "'features': it belongs to the policy: give it in policy_kwargs",
        ),
        (
            lambda: fastpg.NPG("linear", "CartPole-v1", policy_kwarg={}),
            TypeError,
            "did you mean 'policy_kwargs'",
        ),
        (lambda: fastpg.NPG("linear", "CartPole-v1", tuned=True), TypeError, r"belongs to train\("),
        (
            lambda: fastpg.NPG("linear", "CartPole-v1", env_kwargs={}),
            TypeError,
            r"'env_kwargs': it belongs to the environment: .* env_kwargs to train\(\)",
        ),
    ],
)
def test_given_wrongly(call, error, text):
    with pytest.raises(error, match=text):
        call()


class Switches(fastpg.LinearSoftmax):
    """A policy of a kind of actions for which the package has none."""

    kind = "switches"

    def __init__(self, observation_size, n_actions, *, weights=1.0):
        if weights <= 0.0:
            raise ValueError("weights: expected a positive number")
        super().__init__(observation_size, n_actions)

    @classmethod
    def _sizes(cls, env):
        return {"observation_size": 3, "single": False, "choices": [2] * env.action_space.n}


SWITCHED = Shaped(spaces.Box(-1.0, 1.0, (3,)), spaces.MultiBinary(4))


def test_another_kind_of_actions(monkeypatch):
    """Every place that looks for the policy of an action space has room for more of them."""
    with pytest.raises(ValueError, match=r"policy 'linear': .* or Box action space, got MultiBin"):
        make_policy("linear", SWITCHED)
    monkeypatch.setitem(POLICIES, "linear", {spaces.MultiBinary: Switches, **POLICIES["linear"]})
    assert type(make_policy("linear", SWITCHED)) is Switches
    with pytest.raises(ValueError, match="'linear' is Switches for MultiBinary, LinearSoftmax for"):
        make_policy("liner", SWITCHED)
    for env_id, kind in {"CartPole-v1": "LinearSoftmax", "Pendulum-v1": "LinearGaussian"}.items():
        assert type(make_policy("linear", fastpg.make_vec(env_id))).__name__ == kind
    assert settings._read(settings.BUILT_IN, None, "linear")


def test_arguments_of_tuned_settings_fit_one_kind_of_actions(monkeypatch, tmp_path):
    """An argument of one class alone is checked by that class."""
    monkeypatch.setitem(POLICIES, "linear", {spaces.MultiBinary: Switches, **POLICIES["linear"]})
    monkeypatch.setitem(settings.POLICY_ARGUMENTS, "linear", ("weights", "log_std_init"))
    path = tmp_path / "tuned.toml"

    def read(arguments):
        path.write_text(f'[npg."A-v0"]\npolicy_kwargs = {{ {arguments} }}')
        return settings.read_file(path)

    for arguments in ("weights = 2.0", "log_std_init = -1.0"):
        assert len(read(arguments)) == 1
    for arguments, text in {
        "weights = 0.0": "weights: expected a positive",
        "log_std_init = 9.0": "log_std_init: expected",
        "weights = 1.0, log_std_init = 0.0": "expected arguments of one class, got weights, log_st",
    }.items():
        with pytest.raises(ValueError, match=rf'\[npg."A-v0"\]: .*{text}'):
            read(arguments)
