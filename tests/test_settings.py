"""Tuned settings: their files, their use, and the precedence of given options."""

import dataclasses
import itertools
import pickle
import tomllib

import gymnasium
import numpy as np
import pytest

import fastpg
from fastpg.algorithms import ALGORITHMS, DEFAULT_TIMESTEPS
from fastpg.algorithms.option_fields import specs_of
from fastpg.algorithms.settings import BUILT_IN, built_in, read_file
from fastpg.algorithms.train import build, settings_for, timesteps
from fastpg.envs import NATIVE

ROWS = list(built_in())
SHORT = [("ppo", "Acrobot-v1"), ("trpo", "Pendulum-v1"), ("trpo", "MountainCarContinuous-v0")]
ON_STDERR = "fastpg: settings tuned for trpo on Pendulum-v1; tuned=False: the defaults\n"


def row_id(value):
    return "-".join(value) if isinstance(value, tuple) else str(value)


def same(one, other):
    return (
        one.options == other.options
        and one.history[-1]["time/total_timesteps"] == other.history[-1]["time/total_timesteps"]
        and np.array_equal(one.policy.theta, other.policy.theta)
    )


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return path

    return write


def test_the_rows_are_those_of_the_file():
    tables = tomllib.loads(BUILT_IN.read_text())
    perceptrons = tables.pop("mlp")
    assert [(name, env_id) for name, envs in tables.items() for env_id in envs] == ROWS
    mlp = [(name, env_id) for name, envs in perceptrons.items() for env_id in envs]
    assert mlp == list(built_in("mlp"))
    assert {("trpo", "Pendulum-v1"), ("ppo", "Acrobot-v1")} < set(ROWS)
    for (name, env_id), row in built_in().items():
        assert (row.algorithm, row.env_id, row.file) == (name, env_id, None)
        assert fastpg.tuned_settings(name, env_id) == row
        # Its own level, or the one that Gymnasium registers.
        assert row.level is not None or gymnasium.spec(env_id).reward_threshold is not None
    row = fastpg.tuned_settings("trpo", "Pendulum-v1")
    assert (row.total_timesteps, row.level) == (200_000, -200.0)
    assert row.options["target_kl"] == "lin_0.03"
    assert row.options["max_step_size"] is None
    assert row.policy_kwargs == {"features": "polynomial", "features_kwargs": {"degree": 3}}
    assert fastpg.tuned_settings("trpo", "MountainCar-v0").env_kwargs == {"max_episode_steps": 5000}


def test_a_row_is_a_copy():
    row = fastpg.tuned_settings("trpo", "Pendulum-v1")
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.level = 0.0
    assert pickle.loads(pickle.dumps(row)) == row
    assert dataclasses.asdict(row)["options"] == row.options
    row.policy_kwargs["features_kwargs"]["degree"] = 2
    row.options.clear()
    again = fastpg.tuned_settings("trpo", "Pendulum-v1")
    assert again.policy_kwargs["features_kwargs"] == {"degree": 3}
    assert again.options


@pytest.mark.parametrize(
    ("name", "env_id"),
    [("reinforce", "Nothing-v0"), ("trpo", "module:Pendulum-v1"), ("trpo", "")],
)
def test_none(name, env_id):
    assert fastpg.tuned_settings(name, env_id) is None


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("tpro", "Pendulum-v1"), ValueError, "unknown algorithm 'tpro'; did you mean 'trpo'"),
        ((3, "Pendulum-v1"), TypeError, "algorithm: expected one of"),
        (("trpo", 3), TypeError, "env_id: expected an id, got 3"),
        (("trpo", "Pendulum-v1", "no.toml"), FileNotFoundError, r"no\.toml"),
    ],
)
def test_asked_for_wrongly(arguments, error, text):
    with pytest.raises(error, match=text):
        fastpg.tuned_settings(*arguments)


# Box2D's module ends the interpreter where this warning of its import is an error.
@pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")
@pytest.mark.parametrize(("name", "env_id"), ROWS, ids=row_id)
def test_settings_reach_the_algorithm(name, env_id):
    row = built_in()[name, env_id]
    try:
        algo = build(name, env_id, row, seed=7)
    except gymnasium.error.DependencyNotInstalled as missing:
        pytest.skip(str(missing))
    assert (algo.name, algo.env_id, algo.seed) == (name, env_id, 7)
    assert algo.options == algo.options_class(**row.options)
    features = algo.policy.feature_map.state()
    assert features["kind"] == row.policy_kwargs.get("features", "identity")
    assert features.items() >= row.policy_kwargs.get("features_kwargs", {}).items()
    normalized = row.policy_kwargs.get("normalize_observations", False)
    assert (algo.policy.normalizer is not None) == normalized
    assert not getattr(algo.policy, "weights", algo.policy.theta).any()
    if env_id in NATIVE:
        own = fastpg.make_vec(env_id).max_episode_steps
        assert algo.env.max_episode_steps == row.env_kwargs.get("max_episode_steps", own)


@pytest.mark.parametrize(("name", "env_id"), SHORT, ids=row_id)
def test_one_seed_reaches_the_level(name, env_id):
    reaches_the_level(name, env_id, 0)


@pytest.mark.slow
@pytest.mark.parametrize(("row", "seed"), list(itertools.product(SHORT, range(1, 10))), ids=row_id)
def test_more_seeds_reach_the_level(row, seed):
    reaches_the_level(*row, seed)


def reaches_the_level(name, env_id, seed):
    row = built_in()[name, env_id]
    level = gymnasium.spec(env_id).reward_threshold if row.level is None else row.level
    algo = fastpg.train(name, env_id, seed=seed)
    assert algo.num_timesteps <= row.total_timesteps
    assert fastpg.evaluate_policy(algo, env_id, 100, seed=seed)[0] >= level


def test_a_checkpoint_goes_on(tmp_path):
    algo = fastpg.train("trpo", "MountainCar-v0", seed=1, total_timesteps=16_000)
    loaded = fastpg.load(algo.save(tmp_path / "x"), env=algo.env)
    assert loaded.options == algo.options
    loaded.learn(16_000, reset_num_timesteps=False)
    assert loaded.num_timesteps > algo.num_timesteps


# --- train ---


def test_train_uses_them_and_says_so(capsys):
    algo = fastpg.train("trpo", "Pendulum-v1", total_timesteps=5000, seed=3)
    assert capsys.readouterr() == ("", ON_STDERR)
    row = built_in()["trpo", "Pendulum-v1"]
    env = fastpg.make_vec("Pendulum-v1", 16)
    policy = fastpg.LinearGaussian.for_env(env, features=fastpg.Polynomial(3, 3))
    options = {"max_step_size": None, "target_kl": "lin_0.03", **row.options}
    assert same(algo, fastpg.TRPO(policy, env, seed=3, **options).learn(5000))


@pytest.mark.parametrize(
    ("env", "arguments"),
    [
        ("Pendulum-v1", {"tuned": False}),
        ("fastpg:fastpg/Pendulum-v1", {}),
        (lambda: gymnasium.make("Pendulum-v1"), {}),
        (fastpg.make_vec("Pendulum-v1", 8), {}),
        ("Pendulum-v1", {"policy": fastpg.LinearGaussian(3, 1, low=[-2.0], high=[2.0])}),
    ],
    ids=["tuned=False", "an id with a module", "a callable", "an environment", "a policy"],
)
def test_train_uses_the_defaults(capsys, env, arguments):
    algo = fastpg.train("trpo", env, total_timesteps=600, n_envs=8, seed=3, **arguments)
    assert capsys.readouterr() == ("", "")
    assert algo.options == fastpg.TRPO.options_class(n_envs=8)
    assert algo.policy.feature_map.kind == "identity"


def test_what_is_given_wins(capsys):
    algo = fastpg.train(
        "trpo", "MountainCar-v0", total_timesteps=600, seed=0, gamma=0.9, n_envs=3,
        target_kl=None,
    )  # fmt: skip
    row = built_in()["trpo", "MountainCar-v0"]
    given = {"gamma": 0.9, "n_envs": 3, "target_kl": None}
    assert algo.options == algo.options_class(**{**row.options, **given})
    assert algo.policy.feature_map.kind == "polynomial"
    assert algo.env.max_episode_steps == 5000
    assert algo.num_timesteps <= 600
    algo = fastpg.train(
        "trpo", "MountainCar-v0", total_timesteps=600, seed=0,
        policy_kwargs={"features": "fourier"}, env_kwargs={"gravity": 0.002},
    )  # fmt: skip
    assert algo.options == algo.options_class(**row.options)
    assert algo.policy.feature_map.kind == "fourier"
    assert algo.policy.normalizer is None  # the row's policy_kwargs as a whole
    assert algo.env.max_episode_steps == 200
    assert algo.env.get_attr("gravity") == (0.002,) * 16
    capsys.readouterr()


def test_total_timesteps():
    row = built_in()["trpo", "Pendulum-v1"]
    assert timesteps("trpo", row) == 200_000
    assert timesteps("trpo", row, 7) == 7
    assert timesteps("npg", None) == DEFAULT_TIMESTEPS["npg"]
    assert timesteps("npg", dataclasses.replace(row, total_timesteps=None)) == 100_000


def test_tuned_options_that_lose_their_effect_are_left_out(file):
    path = file('[ppo."CartPole-v1"]\nobjective = "kl_penalty"\nkl_coef = 2.0\ngamma = 0.9')
    settings = settings_for("ppo", "CartPole-v1", tuned=path)
    algo = build("ppo", "CartPole-v1", settings, objective="clip", seed=0)
    assert algo.options == algo.options_class(gamma=0.9)
    algo = build("ppo", "CartPole-v1", settings, seed=0)
    assert algo.options.kl_coef == 2.0


@pytest.mark.parametrize("name", ["npg", "trpo"])
def test_a_tuned_bound_in_another_unit_is_left_out(name):
    """A tuned target_kl is per step: as a bound per trajectory it would be a hundredth of it."""
    short = {"total_timesteps": 4096, "seed": 0}
    algo = fastpg.train(name, "CartPole-v1", kl_per="trajectory", **short)
    assert algo.options.target_kl is None
    assert algo.in_effect("target_kl") == "lin_1"
    default = fastpg.train(name, "CartPole-v1", kl_per="trajectory", target_kl="lin_1", **short)
    assert algo.history[0]["train/target_kl"] == default.history[0]["train/target_kl"]
    as_tuned = fastpg.tuned_settings(name, "CartPole-v1").options["target_kl"]
    assert fastpg.train(name, "CartPole-v1", kl_per="step", **short).options.target_kl == as_tuned


def test_every_tuned_option_whose_unit_changes_is_left_out(file):
    path = file(
        """
        [npg."CartPole-v1"]
        kl_per = "trajectory"
        target_kl = 0.5
        [trpo."CartPole-v1"]
        max_step_size = 0.5
        normalize_reward = true
        clip_reward = 10.0
        [ppo."CartPole-v1"]
        objective = "kl_penalty"
        kl_coef = 3.0
        """
    )

    def options(name, **given):
        settings = settings_for(name, "CartPole-v1", tuned=path)
        return build(name, "CartPole-v1", settings, **given).options

    assert options("npg").target_kl == 0.5
    assert options("npg", kl_per="step").target_kl is None
    assert options("npg", kl_per="step", target_kl=0.5).target_kl == 0.5
    assert options("trpo", normalize_advantage=False).max_step_size is None
    assert options("trpo", normalize_reward=False).clip_reward is None
    both = options("trpo", gamma=0.9)
    assert (both.max_step_size, both.clip_reward) == (0.5, 10.0)
    assert options("ppo", normalize_advantage=False).kl_coef is None
    assert options("ppo", normalize_advantage=True).kl_coef == 3.0


def test_an_option_that_decides_a_unit_exists():
    for kind in ALGORITHMS.values():
        specs = specs_of(kind.options_class)
        units = {spec["unit_from"] for spec in specs.values()} - {None}
        assert units <= specs.keys()


@pytest.mark.parametrize(("name", "env_id"), [row for row in ROWS if row[1] in NATIVE], ids=row_id)
def test_every_row_may_have_another_baseline(name, env_id):
    settings = built_in()[name, env_id]
    for baseline in ("mlp", "mean", "none"):
        algo = build(name, env_id, settings, baseline=baseline, seed=0)
        assert algo.options.ridge == algo.options_class().ridge
        assert algo.options.gamma == settings.options["gamma"]


def test_what_is_given_may_have_no_effect_with_what_is_tuned(file):
    path = file('[npg."CartPole-v1"]\nsolver = "cholesky"')
    with pytest.raises(
        ValueError, match=r"cg_tol: allowed only with solver=.* \(with the settings of .*mine"
    ):
        fastpg.train("npg", "CartPole-v1", tuned=path, cg_tol=1e-3)


def test_a_row_of_options_without_effect_is_refused(file):
    path = file('[npg."CartPole-v1"]\nbaseline = "mlp"\nridge = 0.3')
    with pytest.raises(ValueError, match=r"mine.*npg.*CartPole.*ridge: allowed only with baseline"):
        fastpg.train("npg", "CartPole-v1", tuned=path)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"tuned": 3}, TypeError, "tuned: expected True, False or the path of a file, got 3"),
        ({"tuned": None}, TypeError, "tuned: expected True, False or the path"),
        ({"env_kwargs": 3}, TypeError, "env_kwargs: expected a dict of keywords, got 3"),
        ({"env_kwargs": {"gravty": 1.0}}, TypeError, "gravty"),
        ({"gama": 0.9}, TypeError, "TRPO: unknown option 'gama'; did you mean 'gamma'"),
        ({"policy": "CnnPolicy"}, ValueError, "unknown policy 'CnnPolicy'"),
    ],
)
def test_given_wrongly(arguments, error, text):
    with pytest.raises(error, match=text):
        fastpg.train("trpo", "MountainCar-v0", **arguments)


def test_keywords_of_an_environment(tmp_path):
    lake = fastpg.train(
        "npg", "FrozenLake-v1", total_timesteps=200, seed=0, env_kwargs={"is_slippery": False}
    )
    assert lake.env.envs[0].spec.kwargs["is_slippery"] is False
    assert fastpg.load(lake.save(tmp_path / "x")).env_recipe.kwargs["is_slippery"] is False
    with pytest.raises(ValueError, match="env_kwargs: allowed only with an id, got"):
        fastpg.train("npg", fastpg.make_vec("CartPole-v1", 2), env_kwargs={"gravity": 1.0})


# --- files ---


MINE = """
[npg."CartPole-v1"]
total_timesteps = 2048
gamma = 0.9
max_step_size = "none"
baseline = "none"
policy_kwargs = { features = "fourier", features_kwargs = { n_features = 5, nu = 2 } }

[trpo."FrozenLake-v1"]
level = 0.7
env_kwargs = { map_name = "8x8" }

[ppo."Pendulum-v1"]
"""


def test_a_file_of_the_user_s(file, capsys):
    path = file(MINE)
    algo = fastpg.train("npg", "CartPole-v1", seed=0, tuned=path)
    assert capsys.readouterr().err == (
        f"fastpg: settings of {path} for npg on CartPole-v1; tuned=False: the defaults\n"
    )
    assert (algo.options.gamma, algo.options.max_step_size) == (0.9, None)
    assert algo.options.baseline == "none"  # a name there, which takes no None
    assert algo.policy.feature_map.state()["n_features"] == 5
    assert algo.num_timesteps == 2048
    by_string = fastpg.tuned_settings("trpo", "FrozenLake-v1", str(path))
    assert (by_string.level, by_string.file) == (0.7, str(path))
    assert by_string.total_timesteps is None
    assert by_string.env_kwargs == {"map_name": "8x8"}
    assert len(read_file(path)) == 3
    empty = fastpg.tuned_settings("ppo", "Pendulum-v1", path)
    assert (empty.options, empty.policy_kwargs, empty.env_kwargs) == ({}, {}, {})


def test_a_file_wins_over_the_built_in_settings_and_these_over_the_defaults(file, capsys):
    path = file('[trpo."Pendulum-v1"]\ngamma = 0.5')
    assert settings_for("trpo", "Pendulum-v1", tuned=path).options == {"gamma": 0.5}
    assert settings_for("ppo", "Acrobot-v1", tuned=path) == built_in()["ppo", "Acrobot-v1"]
    algo = fastpg.train("npg", "FrozenLake-v1", total_timesteps=100, seed=0, tuned=path)
    assert algo.options == algo.options_class()
    assert capsys.readouterr().err == (
        f"fastpg: the defaults, since {path} has no settings for npg on FrozenLake-v1\n"
    )


PERCEPTRON = """
[mlp.trpo."Pendulum-v1"]
total_timesteps = 4_096
gamma = 0.9
policy_kwargs = { net_arch = [8], activation_fn = "relu" }
"""


@pytest.mark.parametrize("name", ["mlp", "MlpPolicy"])
def test_settings_of_a_perceptron(file, capsys, name):
    path = file(PERCEPTRON)
    row = fastpg.tuned_settings("trpo", "Pendulum-v1", path, policy="mlp")
    assert (row.policy, row.total_timesteps, row.options) == ("mlp", 4096, {"gamma": 0.9})
    assert fastpg.tuned_settings("trpo", "Pendulum-v1", path).policy == "linear"  # the built-in one
    algo = fastpg.train("trpo", "Pendulum-v1", seed=0, policy=name, tuned=path)
    assert (algo.policy.net_arch, algo.policy.activation_fn) == ([8], "relu")
    assert (algo.num_timesteps, algo.options.gamma, algo.options.baseline) == (4096, 0.9, "mlp")
    assert capsys.readouterr().err == (
        f"fastpg: settings of {path} for trpo on Pendulum-v1 with policy mlp; "
        "tuned=False: the defaults\n"
    )


@pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")
@pytest.mark.parametrize(("name", "env_id"), list(built_in("mlp")), ids=row_id)
def test_settings_of_the_package_reach_a_perceptron(name, env_id):
    row = built_in("mlp")[name, env_id]
    try:
        algo = build(name, env_id, row, seed=7, policy="mlp")
    except gymnasium.error.DependencyNotInstalled as missing:
        pytest.skip(str(missing))
    assert algo.options == algo.options_class.build(name, dict(row.options), True)
    assert algo.policy.net_arch == row.policy_kwargs["net_arch"]


def test_a_perceptron_takes_no_settings_of_linear_policies():
    assert settings_for("trpo", "Acrobot-v1", "mlp") is None
    assert settings_for("trpo", "Acrobot-v1", fastpg.LinearSoftmax(6, 3)) is None
    with pytest.raises(ValueError, match="unknown policy 'mpl'"):
        fastpg.tuned_settings("trpo", "Acrobot-v1", policy="mpl")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[mlp.npg."A-v0"]\ngama = 1', r'\[mlp\.npg\."A-v0"\]: unknown option .gama.; did you'),
        ('[mlp.npgg."A-v0"]', "unknown algorithm 'npgg'; did you mean 'npg'"),
        ("[mlp]\nnpg = 3", "npg: expected tables, got 3"),
        ('[mlp.npg."A-v0"]\npolicy_kwargs = { features = "identity" }', "unknown policy argument"),
        ('[mlp.npg."A-v0"]\npolicy_kwargs = { net_arch = 3 }', "net_arch: expected the widths"),
        ("gamma = ", r"mine\.toml: expected TOML, got"),
        ('[tpro."A-v0"]', r"mine\.toml: unknown algorithm 'tpro'; did you mean 'trpo'"),
        ("npg = 3", r"mine\.toml: npg: expected tables, got 3"),
        ("[npg]\ngamma = 0.9", r'\[npg\."gamma"\]: expected a table of settings, got 0\.9'),
        ('[npg."m:A-v0"]', r'\[npg\."m:A-v0"\]: expected an id without a module'),
        ('[npg."A-v0"]\ngama = 0.9', r'\[npg\."A-v0"\]: unknown option .gama.; did you mean'),
        ('[npg."A-v0"]\nmax_kl = 0.9', "did you mean 'target_kl'"),
        ('[npg."A-v0"]\ntotal_timestep = 9', "did you mean 'total_timesteps'"),
        ('[npg."A-v0"]\nn_envs = 1.5', r'\[npg\."A-v0"\]: n_envs: expected an integer'),
        ('[npg."A-v0"]\ngamma = "large"', "gamma: expected a"),
        ('[npg."A-v0"]\ngamma = "none"', "gamma: expected a"),
        ('[npg."A-v0"]\nnormalize_advantage = 1', "normalize_advantage: expected True or False"),
        ('[npg."A-v0"]\ntarget_kl = "lin_"', "target_kl: expected a number, 'lin_'"),
        ('[npg."A-v0"]\ntotal_timesteps = 0', "total_timesteps: expected an integer"),
        ('[npg."A-v0"]\ntotal_timesteps = 1.0', "total_timesteps: expected an integer"),
        ('[npg."A-v0"]\nlevel = "high"', "level: expected a"),
        ('[npg."A-v0"]\nenv_kwargs = 3', "env_kwargs: expected a dict of keywords, got 3"),
        ('[npg."A-v0"]\npolicy_kwargs = 3', "policy_kwargs: expected a dict of keywords, got 3"),
        (
            '[npg."A-v0"]\npolicy_kwargs = { feature = "identity" }',
            "unknown policy argument 'feature'; did you mean 'features'",
        ),
        ('[npg."A-v0"]\npolicy_kwargs = { theta = 0 }', "unknown policy argument 'theta'"),
        (
            '[npg."A-v0"]\npolicy_kwargs = { features = "polynomal" }',
            "unknown features 'polynomal'; did you mean 'polynomial'",
        ),
        ('[npg."A-v0"]\npolicy_kwargs = { features = 3 }', "features: expected identity, poly"),
        (
            '[npg."A-v0"]\npolicy_kwargs = { features_kwargs = { degree = 3 } }',
            "features_kwargs: unknown argument 'degree'",
        ),
        ('[npg."A-v0"]\npolicy_kwargs = { log_std_init = 9 }', "log_std_init: expected"),
        (
            '[npg."A-v0"]\npolicy_kwargs = { normalize_observations = "yes" }',
            "normalize_observations: expected True or False",
        ),
    ],
)  # fmt: skip
def test_a_file_with_a_mistake(file, text, message):
    path = file(text)
    with pytest.raises(ValueError, match=message):
        fastpg.tuned_settings("trpo", "Pendulum-v1", path)
    with pytest.raises(ValueError, match=message):  # not only where its row is asked for
        fastpg.train("trpo", "Pendulum-v1", tuned=path)


def test_a_file_of_bytes(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"mine\.toml: expected TOML, got"):
        fastpg.tuned_settings("trpo", "Pendulum-v1", path)


def test_log_std_init_of_a_file_goes_only_with_a_box(file):
    path = file('[npg."CartPole-v1"]\npolicy_kwargs = { log_std_init = 1.0 }')
    with pytest.raises(
        ValueError, match="log_std_init: allowed only with a Box of actions, got Disc"
    ):
        fastpg.train("npg", "CartPole-v1", tuned=path)


def test_every_algorithm_may_have_rows(file):
    path = file("\n".join(f'[{name}."A-v0"]\nn_envs = 2' for name in ALGORITHMS))
    assert [name for name, _ in read_file(path)] == list(ALGORITHMS)
