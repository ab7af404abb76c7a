"""The fastpg command: in this process where that is enough, otherwise as a child process."""

import re
import signal
import sys

import gymnasium
import numpy as np
import pytest

import fastpg
from fastpg.algorithms import ALGORITHMS
from fastpg.rollouts.env_recipe import EnvRecipe
from processes import PLAIN, PROGRAM, python, started_python


def test_train_prints_a_summary_and_saves(tmp_path):
    arguments = ("train", "npg", "CartPole-v1", "--total-timesteps", "1024")
    done = python(PROGRAM, *arguments, cwd=tmp_path, **PLAIN)
    assert done.returncode == 0, done.stderr
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line)
    assert rows["steps"].split() == ["1,024"]
    assert {"steps/s", "evaluation", "saved"} <= rows.keys()
    assert "over 100 greedy episodes of Gymnasium's CartPole-v1" in rows["evaluation"]
    algo = fastpg.load(tmp_path / "npg-CartPole-v1-0.npz")
    again = fastpg.train("npg", "CartPole-v1", total_timesteps=1024, seed=0)
    assert np.array_equal(algo.policy.theta, again.policy.theta)


@pytest.mark.usefixtures("five_episodes")
@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_train_flags_and_help(run, tmp_path, name):
    shown = run("train", name, "--help").stdout
    for option in ("gamma", "n-envs", "total-timesteps", "seed", "out", "force"):
        assert f"--{option}" in shown
    default = ALGORITHMS[name].options_class().gamma
    assert f"default: {default}" in shown
    out = tmp_path / "policy.npz"
    done = run(
        "train", name, "CartPole-v1", "--total-timesteps", 3000, "--seed", 7, "--gamma", 0.9,
        "--n-envs", 4, "--out", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    algo = fastpg.load(out)
    assert (algo.name, algo.seed, algo.options.gamma, algo.options.n_envs) == (name, 7, 0.9, 4)


def rows_of(shown):
    return dict(line.split(maxsplit=1) for line in shown.splitlines() if line)


@pytest.mark.usefixtures("one_episode")
def test_tuned_settings_stand_between_the_defaults_and_what_is_given(run, tmp_path):
    short = ("--total-timesteps", 5000)
    arguments = ("train", "trpo", "Pendulum-v1", "--seed", 2, "--out", tmp_path / "x.npz")
    done = run(*arguments, *short)
    told = rows_of(done.stdout)
    assert told["settings"].strip() == "tuned for trpo on Pendulum-v1; --no-tuned: the defaults"
    assert "greedy episodes of Gymnasium's Pendulum-v1" in told["evaluation"]
    algo = fastpg.load(tmp_path / "x.npz")
    again = fastpg.train("trpo", "Pendulum-v1", total_timesteps=5000, seed=2)
    assert np.array_equal(algo.policy.theta, again.policy.theta)

    default = fastpg.TRPO.options_class().gamma  # given, though it is the default
    done = run(*arguments, *short, "--force", "--gamma", default, "--target-kl", "none")
    row = fastpg.tuned_settings("trpo", "Pendulum-v1")
    algo = fastpg.load(tmp_path / "x.npz")
    given = {"gamma": default, "target_kl": None}
    assert algo.options == algo.options_class(**{**row.options, **given})
    assert algo.policy.feature_map.state()["degree"] == 3

    done = run(*arguments, *short, "--force", "--no-tuned")
    assert rows_of(done.stdout)["settings"].strip() == "the defaults"
    algo = fastpg.load(tmp_path / "x.npz")
    assert algo.options == algo.options_class()
    assert algo.policy.feature_map.kind == "identity"


@pytest.mark.usefixtures("one_episode")
def test_a_file_of_tuned_settings(run, tmp_path):
    text = '[npg."CartPole-v1"]\ntotal_timesteps = 2048\ngamma = 0.9\nn_envs = 4\n'
    (tmp_path / "my.toml").write_text(text)
    done = run("train", "npg", "CartPole-v1", "--tuned", "my.toml", "--n-envs", 2)
    told = rows_of(done.stdout)
    assert told["settings"].strip() == "of my.toml for npg on CartPole-v1; --no-tuned: the defaults"
    assert told["steps"].strip() == "2,048"
    options = fastpg.load(tmp_path / "npg-CartPole-v1-0.npz").options
    assert (options.gamma, options.n_envs) == (0.9, 2)
    done = run("train", "npg", "FrozenLake-v1", "--tuned", "my.toml", "--total-timesteps", 600)
    told = rows_of(done.stdout)["settings"].strip()
    assert told == "the defaults; my.toml has none for npg on FrozenLake-v1"
    (tmp_path / "my.toml").write_text(text.replace("gamma", "gama"))
    done = run("train", "npg", "Taxi-v3", "--tuned", "my.toml")
    assert done.returncode == 2
    assert "my.toml: [npg.\"CartPole-v1\"]: unknown option 'gama'; did you" in done.stderr


@pytest.mark.usefixtures("one_episode")
@pytest.mark.parametrize(
    ("flags", "kind", "keywords", "normalized"),
    [
        (("--features", "fourier", "--features-kwargs", "n_features=9,nu=2"), "fourier",
         {"n_features": 9, "nu": 2.0}, False),
        (("--features", "fourier", "--features-kwargs", "nu=2.5", "--features-kwargs", "time=true"),
         "fourier", {"nu": 2.5, "time": True}, False),
        (("--features-kwargs", "degree=2"), "polynomial", {"degree": 2}, False),
        (("--features", "polynomial"), "polynomial", {"degree": 2}, False),
        (("--normalize-observations",), "polynomial", {"degree": 3}, True),
        (("--no-tuned", "--normalize-observations"), "identity", {}, True),
    ],
)  # fmt: skip
def test_the_policy_s_options(run, tmp_path, flags, kind, keywords, normalized):
    """Tuned features, a polynomial of degree 3, are used unless a flag replaces them."""
    arguments = ("train", "trpo", "Pendulum-v1", "--total-timesteps", 3200)
    done = run(*arguments, *flags, "--log-std-init", "-1.0")
    assert done.returncode == 0, done.stderr
    policy = fastpg.load(tmp_path / "trpo-Pendulum-v1-0.npz").policy
    assert policy.feature_map.kind == kind
    assert policy.feature_map.state().items() >= keywords.items()
    assert (policy.normalizer is not None) == normalized
    assert policy.log_std_init == -1.0


@pytest.mark.usefixtures("one_episode")
def test_perceptrons(run, tmp_path):
    arguments = ("train", "ppo", "Pendulum-v1", "--policy", "mlp", "--total-timesteps", 2048)
    short = (*arguments, "--force", "--n-steps", 256)
    path = tmp_path / "ppo-Pendulum-v1-0.npz"
    done = run(*short, "--net-arch", "9,5", "--activation-fn", "relu", "--state-dependent-std")
    assert done.returncode == 0, done.stderr
    algo = fastpg.load(path)
    assert (algo.policy.net_arch, algo.policy.activation_fn) == ([9, 5], "relu")
    assert algo.policy.state_dependent_std is True
    assert (algo.baseline.net_arch, algo.baseline.activation_fn) == ((9, 5), "relu")
    told = rows_of(run("info", path).stdout)
    assert told["policy"].split() == repr(algo.policy).split()
    assert "state_dependent_std=True" in told["policy"]
    assert told["options"].split() == ["changed", "n_steps=256"]  # of the defaults of a perceptron
    assert "1 greedy episodes" in run("eval", path, "--episodes", 1).stdout

    own = ("--value-net-arch", "7", "--value-activation-fn", "elu")
    raw = "--no-normalize-observations"
    done = run(*short, "--net-arch", "none", raw, *own, "--value-normalize-observations")
    assert done.returncode == 0, done.stderr
    algo = fastpg.load(path)
    assert (algo.policy.net_arch, algo.policy.normalizer) == ([], None)
    assert algo.value_kwargs == {
        "net_arch": [7], "activation_fn": "elu", "normalize_observations": True,
    }  # fmt: skip
    assert (algo.baseline.net_arch, algo.baseline.activation_fn) == ((7,), "elu")


@pytest.mark.usefixtures("one_episode")
def test_a_value_network_for_a_linear_policy(run, tmp_path):
    arguments = ("train", "npg", "CartPole-v1", "--total-timesteps", 2048, "--baseline", "mlp")
    done = run(*arguments, "--value-net-arch", "none", "--no-value-normalize-observations")
    assert done.returncode == 0, done.stderr
    algo = fastpg.load(tmp_path / "npg-CartPole-v1-0.npz")
    assert algo.value_kwargs == {"net_arch": [], "normalize_observations": False}
    assert algo.baseline.theta.size == 5
    assert algo.options.baseline == "mlp"


def test_the_help_has_schedules_and_defaults(run):
    shown = " ".join(run("train", "ppo", "--help").stdout.split())
    # ent_coef, learning_rate and clip_range
    assert shown.count("lin_X, which falls linearly from X to 0") == 3
    # Typer names the type of an option in words of its own, which differ between its versions.
    assert re.search(r"--features \S+ features of the policy: identity, polynomial, fourier", shown)
    assert "default: lin_0.01" in shown


@pytest.mark.usefixtures("five_episodes")
def test_the_summary_says_why_a_run_did_not_learn(run):
    done = run("train", "npg", "MountainCar-v0", "--total-timesteps", 4096, "--no-tuned")
    assert "note        All returns are equal (" in done.stdout
    assert "Settings tuned to it: fastpg train npg MountainCar-v0." in done.stdout
    done = run("train", "trpo", "MountainCar-v0", "--total-timesteps", 16_000)  # not named again
    assert "No episode ended in 16,000 steps" in done.stdout
    assert "Settings tuned to it" not in done.stdout
    assert "note" not in run("train", "npg", "CartPole-v1", "--total-timesteps", 20_000).stdout


@pytest.mark.usefixtures("five_episodes")
def test_an_existing_file_is_kept_unless_forced(run, tmp_path):
    arguments = ("train", "npg", "CartPole-v1", "--total-timesteps", 3000)
    path = tmp_path / "npg-CartPole-v1-0.npz"
    path.write_bytes(b"mine")
    refused = run(*arguments)
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert path.read_bytes() == b"mine"
    assert run(*arguments, "--force").returncode == 0
    assert fastpg.load(path).name == "npg"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("train", "pp", "CartPole-v1"), "unknown algorithm 'pp'; did you mean 'ppo'"),
        (("train", "vpg", "CartPole-v1"), "did you mean 'reinforce'"),
        (("train", "npg", "CartPole"), "unknown environment 'CartPole'; did you mean"),
        (("train", "npg", "FrozenLak-v1"), "did you mean 'FrozenLake-v1'"),
        (("train", "npg", "nothing:FrozenLake-v1"), "cannot import the module of 'nothing:Fro"),
        (("train", "npg", "json:FrozenLake-v9"), "did you mean 'FrozenLake-v1'"),
        (("train", "npg", "CartPole-v1", "--max-kl", "1"), "did you mean 'target_kl'"),
        (("train", "npg", "CartPole-v1", "--max-kl=1"), "did you mean 'target_kl'"),
        (("train", "npg", "CartPole-v1", "again"), "got another argument 'again'"),
        (("train", "npg", "CartPole-v1", "--gamma", "2"), "gamma: expected a number in [0, 1]"),
        (("train", "npg", "CartPole-v1", "--seed", "-1"), "seed"),
        (("train", "npg", "CartPole-v1", "--total-timesteps", "0"), "--total-timesteps"),
        (("train", "npg", "CartPole-v1", "--policy", "CnnPolicy"), "LinearSoftmax"),
        (("train", "npg", "CartPole-v1", "--out", "no/such/folder/x.npz"), "no folder"),
        (
            ("train", "npg", "CartPole-v1", "--log-std-init", "1"),
            "allowed only with a Box of actions",
        ),
        (("train", "npg", "CartPole-v1", "--features", "polynomal"), "did you mean 'polynomial'"),
        (
            ("train", "npg", "CartPole-v1", "--features-kwargs", "degree"),
            "expected NAME=VALUE",
        ),
        (
            ("train", "npg", "CartPole-v1", "--features-kwargs", "nu=x"),
            "expected a number, true",
        ),
        (("train", "npg", "CartPole-v1", "--features-kwargs", "tim=true"), "did you mean 'time'"),
        (("train", "npg", "CartPole-v1", "--net-arch", "64"), "a linear policy has no layers"),
        (
            ("train", "npg", "CartPole-v1", "--state-dependent-std"),
            "--state-dependent-std: allowed only with a Box of actions",
        ),
        (
            ("train", "npg", "CartPole-v1", "--value-net-arch", "64"),
            "value_kwargs: allowed only with baseline='mlp'",
        ),
        (
            ("train", "npg", "CartPole-v1", "--baseline", "mlp", "--value-net-arch", "64;64"),
            "--value-net-arch: expected integers with commas, or none, got '64;64'",
        ),
        (
            ("train", "npg", "CartPole-v1", "--baseline", "mlp", "--value-net-arch", "0"),
            "error: --value-net-arch: expected",
        ),
        (
            ("train", "npg", "CartPole-v1", "--baseline", "mlp", "--value-activation-fn", "gelu"),
            "did you mean 'elu'",
        ),
        (
            ("train", "npg", "CartPole-v1", "--baseline", "mlp", "--ridge", "0.5"),
            "--ridge: allowed only with baseline='linear', got 0.5 and baseline='mlp'",
        ),
        (
            ("train", "npg", "CartPole-v1", "--solver", "cholesky", "--cg-tol", "0.5"),
            "--cg-tol: allowed only with solver='auto' or 'cg'",
        ),
        (("train", "npg", "CartPole-v1", "--tuned", "no.toml"), "no.toml"),
        (("train", "npg", "CartPole-v1", "--tuned", "no.toml", "--no-tuned"), "without --tuned"),
        (("train-preset", "pendulum", "--seed", "1"), "fastpg train ALGORITHM ENV"),
        (("eval", "nothing.npz"), "nothing.npz"),
        (("info", "nothing.npz"), "nothing.npz"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(run, tmp_path, arguments, text):
    done = run(*arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_program_fails_as_the_command_does(run, tmp_path):
    arguments = ("train", "npg", "CartPole")
    done = python(PROGRAM, *arguments, cwd=tmp_path, **PLAIN)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == run(*arguments).stderr


def test_eval_and_info(run, tmp_path):
    algo = fastpg.train(
        "trpo", "CartPole-v1", total_timesteps=4000, seed=0, target_kl=0.005, tuned=False
    )
    path = algo.save(tmp_path / "x.npz")
    greedy = run("eval", path, "--episodes", 5)
    assert re.search(r"over 5 greedy episodes of Gymnasium's CartPole-v1", greedy.stdout)
    stochastic = run("eval", path, "--episodes", 5, "--stochastic", "--seed", 3)
    assert "5 stochastic episodes" in stochastic.stdout
    refused = run("eval", path, "--episodes", 0)
    assert "error: --episodes: expected an integer in [1, " in refused.stderr
    shown = run("info", path).stdout
    assert rows_of(shown)["features"].split() == ["identity:", "5"]
    assert "trpo" in shown
    assert "target_kl=0.005" in shown
    assert fastpg.__version__ in run("info").stdout


PLUGIN = """
import gymnasium
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv

open("imported", "w").close()


class Pond(FrozenLakeEnv):
    pass


gymnasium.register("Small/Pond-v0", Pond, max_episode_steps=20, kwargs={"is_slippery": False})
"""


@pytest.mark.usefixtures("five_episodes")
def test_an_id_that_is_not_native(run):
    done = run("train", "npg", "FrozenLake-v1", "--total-timesteps", 3000)
    assert done.returncode == 0, done.stderr
    assert "over 5 greedy episodes of Gymnasium's FrozenLake-v1" in done.stdout
    evaluated = run("eval", "npg-FrozenLake-v1-0.npz", "--episodes", 3)
    assert "over 3 greedy episodes of Gymnasium's FrozenLake-v1" in evaluated.stdout


@pytest.fixture
def pond(tmp_path, monkeypatch):
    """A user's module in the folder; afterwards it is removed from sys.modules."""
    (tmp_path / "pond.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("pond", None)
    gymnasium.registry.pop("Small/Pond-v0", None)


@pytest.mark.usefixtures("pond")
def test_a_module_is_imported_where_the_user_names_it(run, tmp_path):
    arguments = ("train", "npg", "pond:Small/Pond-v0", "--total-timesteps", 600)
    done = python(PROGRAM, *arguments, cwd=tmp_path, **PLAIN)
    assert done.returncode == 0, done.stderr
    assert "episodes of pond:Small/Pond-v0" in done.stdout
    path = tmp_path / "npg-pond-Small-Pond-v0-0.npz"
    assert fastpg.load(path).env_id == "Small/Pond-v0"
    assert "pond" not in sys.modules
    evaluated = run("eval", path, "--env", "pond:Small/Pond-v0", "--episodes", 5)
    assert "over 5 greedy episodes of pond:Small/Pond-v0" in evaluated.stdout
    assert "pond" in sys.modules


@pytest.mark.parametrize(("safe", "code"), [("", 0), ("1", 2)])
def test_modules_of_the_present_folder(tmp_path, safe, code):
    """The installed script has its own folder in sys.path, and not the present one."""
    (tmp_path / "mine.py").write_text(
        "import gymnasium\n"
        "kind = 'gymnasium.envs.classic_control:CartPoleEnv'\n"
        "gymnasium.register('Mine-v0', kind, max_episode_steps=20)\n"
    )
    program = f"import sys\nwhile '' in sys.path: sys.path.remove('')\n{PROGRAM}"
    done = python(program, "check", "mine:Mine-v0", cwd=tmp_path, PYTHONSAFEPATH=safe)
    assert done.returncode == code, done.stderr
    assert ("No module named 'mine'" in done.stderr) == (code == 2)


@pytest.mark.usefixtures("pond")
@pytest.mark.parametrize(
    ("env_id", "text"),
    [("pond:Small/Pond-v0", "without a module"), ("Small/Pond-v0", "--import pond")],
)
def test_a_checkpoint_imports_nothing(run, tmp_path, env_id, text):
    algo = fastpg.NPG("linear", "FrozenLake-v1", seed=0)
    algo._recipe = EnvRecipe(id=env_id, module="pond")
    done = run("eval", algo.save(tmp_path / "x.npz"))
    assert done.returncode == 2
    assert text in done.stderr
    assert not (tmp_path / "imported").exists()


TOLD = """
from fastpg import cli
from fastpg.algorithms import NPG

learn = NPG.learn

def told(self, total, **given):
    def each(record):
        if len(self.history) == 1:
            print("learning", flush=True)
    return learn(self, total, each, **given)

NPG.learn = told
cli.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_saves_prints_the_summary_and_exits_130(tmp_path):
    """The program prints when learning starts, since a pause may be too short on a busy machine."""
    arguments = ("train", "npg", "CartPole-v1", "--total-timesteps", 2_000_000_000)
    with started_python(TOLD, *arguments, cwd=tmp_path, **PLAIN) as process:
        assert process.stdout.readline() == "learning\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130, err
    assert "interrupted" in out
    assert "evaluation" in out
    algo = fastpg.load(tmp_path / "npg-CartPole-v1-0.npz")
    assert algo.num_timesteps == algo.history[-1]["time/total_timesteps"] > 0


def test_no_arguments_show_the_help(run):
    for arguments, word in (((), "train"), (("train",), "npg")):
        done = run(*arguments)
        assert word in done.stdout + done.stderr
