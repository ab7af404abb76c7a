"""What the command line says about itself, files of options, and the spelling of errors."""

import pytest

import fastpg
from fastpg import cli
from fastpg.cli import training

CONFIG = """
total_timesteps = 2048
seed = 3
policy = "mlp"
net_arch = [6, 4]
gamma = 0.9
target_kl = "none"
normalize_advantage = false
"""


TRUE_AND_FALSE = """
objective = "kl_penalty"
adaptive_kl = true
whiten_features = false
"""


def test_version(run):
    assert run("--version").stdout == f"fastpg {fastpg.__version__}\n"


def test_completion_is_offered(run):
    assert "--install-completion" in run("--help").stdout


@pytest.mark.usefixtures("one_episode")
def test_options_of_a_file_stand_between_the_defaults_and_the_flags(run, tmp_path):
    (tmp_path / "run.toml").write_text(CONFIG)
    done = run("train", "trpo", "CartPole-v1", "--config", "run.toml", "--gamma", 0.8)
    assert done.returncode == 0, done.stderr
    assert "run.toml; for the rest the defaults" in done.stdout
    algo = fastpg.load(tmp_path / "trpo-CartPole-v1-3.npz")
    assert (algo.num_timesteps, algo.seed, algo.policy.net_arch) == (2048, 3, [6, 4])
    assert (algo.options.gamma, algo.options.normalize_advantage) == (0.8, False)


@pytest.mark.usefixtures("one_episode")
def test_a_file_of_json_and_of_features(run, tmp_path):
    (tmp_path / "run.json").write_text(
        '{"total-timesteps": 2048, "features": "fourier", "features_kwargs": {"n_features": 7}}'
    )
    (tmp_path / "none.json").write_text('{"policy": "mlp", "net-arch": []}')
    done = run("train", "npg", "CartPole-v1", "--config", "run.json", "--no-tuned")
    assert done.returncode == 0, done.stderr
    algo = fastpg.load(tmp_path / "npg-CartPole-v1-0.npz")
    assert algo.policy.feature_map.state()["n_features"] == 7
    flags = ("--config", "none.json", "--no-tuned", "--total-timesteps", 2048, "--force")
    done = run("train", "npg", "CartPole-v1", *flags)
    assert done.returncode == 0, done.stderr
    assert fastpg.load(tmp_path / "npg-CartPole-v1-0.npz").policy.net_arch == []


@pytest.mark.usefixtures("one_episode")
def test_true_false_and_null_of_a_file(run, tmp_path):
    (tmp_path / "a.toml").write_text(TRUE_AND_FALSE)
    flags = ("--no-tuned", "--total-timesteps", 2048)
    done = run("train", "ppo", "CartPole-v1", "--config", "a.toml", *flags, "--out", "a.npz")
    assert done.returncode == 0, done.stderr
    options = fastpg.load(tmp_path / "a.npz").options
    assert (options.whiten_features, options.adaptive_kl) == (False, True)
    (tmp_path / "b.json").write_text('{"target_kl": null, "step_size": 0.1}')
    done = run("train", "npg", "CartPole-v1", "--config", "b.json", *flags[1:], "--out", "b.npz")
    assert done.returncode == 0, done.stderr
    assert fastpg.load(tmp_path / "b.npz").options.target_kl is None


@pytest.mark.parametrize(
    "words",
    [
        ["eval", ""],
        ["export", "", "--to", "c"],
        ["train", "npg", "CartPole-v1", "--out", ""],
        ["train", "npg", "CartPole-v1", "--run="],
        ["lecture", "L9", "--out="],
    ],
)
def test_an_empty_word_is_no_path(run, tmp_path, words):
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: expected a word after " in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "gama = 0.9", "a.toml: unknown option 'gama'; did you mean 'gamma'"),
        ("a.toml", "gamma = ", "a.toml: expected TOML, got"),
        ("a.json", "{", "a.json: expected JSON, got"),
        ("a.json", "[3]", "a.json: expected options by name, got [3]"),
        ("a.toml", "gamma = 3", "error: --gamma: expected a number in [0, 1], got 3.0"),
        ("a.toml", "gamma = 'much'", "--gamma"),
        ("a.toml", "seed = true", "Invalid value for '--seed'"),
        ("a.toml", "target_kl = true", "error: --target-kl: expected"),
        ("a.toml", "n_epochs = {a = 1}", "error"),
        ("a.toml", "out = ''", "a.toml: out: expected a value, got ''"),
        ("a.toml", "config = 'c.toml'", "a.toml: unknown option 'config'"),
        ("b.toml", "gamma = 0.9", "No such file or directory: 'a.toml'"),
    ],
)
def test_a_file_with_a_mistake(run, tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    given = "a.toml" if name == "b.toml" else name
    done = run("train", "npg", "CartPole-v1", "--config", given)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--n-envs", 0], "error: --n-envs: expected an integer at least 1, got 0"),
        (["--gae-lambda", 2], "error: --gae-lambda: expected a number in [0, 1], got 2.0"),
        (["--total-timesteps", 1], "error: --total-timesteps: expected at least 4, one"),
        (["--seed", -1], "error: --seed: expected"),
        (["--policy", "mlp", "--net-arch", "8,0"], "error: --net-arch: expected"),
        (["--policy", "mlp", "--net-arch", "8,x"], "error: --net-arch: expected integers"),
    ],
)
def test_errors_name_the_flags(run, flags, message):
    done = run("train", "npg", "CartPole-v1", *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_shows_where_an_error_happened(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="gamma"):
        cli.main(["--debug", "train", "npg", "CartPole-v1", "--gamma", "3"])


def test_a_defect_is_a_sentence_without_a_traceback(run, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("a defect")

    monkeypatch.setattr(training, "built", broken)
    done = run("train", "npg", "CartPole-v1")
    assert done.returncode == 1
    assert done.stderr.startswith("error: RuntimeError: a defect\n")
    assert "--debug" in done.stderr
    assert "Traceback" not in done.stderr
