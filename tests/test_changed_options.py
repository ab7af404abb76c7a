"""Options of a stored algorithm with other values, and attributes that are no attributes."""

import copy

import numpy as np
import pytest

import fastpg
from fastpg.algorithms import ALGORITHMS
from trainings import NAMES


def learner(**options):
    return fastpg.PPO("mlp", "CartPole-v1", n_envs=4, n_steps=64, seed=0, **options)


def kept(algo):
    stored, meta = algo.state()
    return stored, {k: meta[k] for k in ("policy", "adam_count", "num_timesteps", "history")}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    algo = learner().learn(512)
    folder = tmp_path_factory.mktemp("files")
    return algo, algo.save(folder / "a"), algo.save_checkpoint(folder / "b")


@pytest.mark.parametrize("which", ["load", "resume"])
def test_another_value_keeps_everything_that_was_learned(saved, which):
    algo, *files = saved
    if which == "load":
        changed = fastpg.PPO.load(
            files[0], "CartPole-v1", learning_rate=1e-5, gamma=0.9, n_epochs=2
        )
    else:
        changed = fastpg.resume(files[1], learning_rate=1e-5, gamma=0.9, n_epochs=2)
    for name, array in kept(algo)[0].items():  # the value network and its optimizer among them
        assert np.array_equal(array, kept(changed)[0][name])
    assert kept(changed)[1] == kept(algo)[1]
    assert any(name.startswith("baseline") for name in kept(algo)[0])
    before = algo.policy.theta
    changed.learn(512, reset_num_timesteps=False)
    last = changed.history[-1]
    assert last["train/learning_rate"] == 1e-5
    assert last["train/n_updates"] - algo.history[-1]["train/n_updates"] == 2 * 2 * 4
    assert 0 < np.abs(changed.policy.theta - before).max() < 1e-3  # 16 steps of about 1e-5
    assert changed.save(files[0].with_name("again")).exists()
    assert fastpg.load(files[0].with_name("again")).options == changed.options


def test_a_number_instead_of_a_function(tmp_path):
    path = learner(learning_rate=lambda r: 1e-3 * r).learn(512).save_checkpoint(tmp_path / "a")
    with pytest.raises(ValueError, match=r"resume: expected learning_rate=\.\.\., a function"):
        fastpg.resume(path)
    assert fastpg.resume(path, learning_rate=1e-5).options.learning_rate == 1e-5


def test_more_environments(saved):
    _, path, checkpoint = saved
    assert fastpg.load(path, "CartPole-v1", n_envs=7).learn(512).env.num_envs == 7
    with pytest.raises(TypeError, match="resume: n_envs: a run goes on with its environments"):
        fastpg.resume(checkpoint, n_envs=7)


def test_another_weight_of_the_penalty(tmp_path):
    algo = learner(objective="kl_penalty", kl_coef=2.0).learn(512)
    path = algo.save(tmp_path / "a")
    assert fastpg.load(path, "CartPole-v1").kl_coef == 2.0
    assert fastpg.load(path, "CartPole-v1", kl_coef=3.0).kl_coef == 3.0


@pytest.mark.parametrize("which", ["load", "resume"])
@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({"learning_rte": 1e-4}, TypeError, "did you mean 'learning_rate'"),
        ({"learning_rate": -1.0}, ValueError, "learning_rate: expected a number above 0, got -1.0"),
        ({"learning_rate": [1]}, TypeError, "learning_rate: expected"),
        ({"kl_coef": 1.0}, ValueError, "kl_coef: allowed only with objective='kl_penalty'"),
        ({"optimizer": "sgd"}, ValueError, "optimizer: expected 'adam', on which the values"),
        ({"baseline": "none"}, ValueError, "baseline: expected 'mlp', on which the values"),
        ({"baseline_time": True}, ValueError, "baseline_time: expected False, on which"),
        ({"whiten_features": True}, ValueError, "whiten_features: expected None, on which"),
    ],
)
def test_wrong_changes(saved, which, given, error, text):
    with pytest.raises(error, match=text) as caught:
        getattr(fastpg, which)(saved[1 if which == "load" else 2], **given)
    assert not isinstance(caught.value, fastpg.CheckpointError)
    same = getattr(fastpg, which)(saved[1 if which == "load" else 2], optimizer="adam")
    assert same.options == saved[0].options


@pytest.mark.parametrize("name", NAMES)
def test_setting_an_option_is_an_error(name):
    algo = ALGORITHMS[name]("linear", "CartPole-v1", seed=0)
    for option in vars(algo.options):
        if option in ("baseline", "num_threads", "optimizer", "kl_coef"):  # attributes too
            continue
        read_only = hasattr(type(algo), option)  # a property
        text = "no setter" if read_only else rf"load\(path, env, {option}=…\)"
        with pytest.raises(AttributeError, match=text):
            setattr(algo, option, 0.5)
    with pytest.raises(AttributeError, match=r"it is an option, algo\.options\.gamma"):
        _ = algo.gamma
    assert not hasattr(algo, "gamma")
    assert not hasattr(type(algo), "gamma")
    assert "gamma" not in dir(algo)
    algo.history = []
    algo._mine = 1
    assert copy.copy(algo)._mine == 1


def test_a_subclass_of_ones_own_has_further_attributes():
    class Mine(fastpg.NPG):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.note = "mine"

    algo = Mine("linear", "CartPole-v1", seed=0).learn(2048)
    assert algo.note == "mine"
    with pytest.raises(AttributeError, match="it is an option"):
        algo.gamma = 0.5


SET_ONCE = {
    "env": r"algo\.use_env\(env\)",
    "policy": r"algo\.policy\.theta = …",
    "seed": r"new algorithm: NPG\(policy, env, seed=…\)",
    "num_threads": r"load\(path, env, num_threads=…\)",
    "options": r"load\(path, env, learning_rate=…\)",
    "value_kwargs": "give it to a new algorithm",
    "observation_space": r"algo\.use_env\(env\)",
    "action_space": r"algo\.use_env\(env\)",
}


@pytest.mark.parametrize("name", NAMES)
def test_what_was_read_at_the_start_cannot_be_set(name, tmp_path):
    algo = ALGORITHMS[name]("linear", "CartPole-v1", seed=0)
    other = ALGORITHMS[name]("linear", "CartPole-v1", seed=1, num_threads=2)
    for again in (algo, fastpg.load(algo.save(tmp_path / "x")), copy.copy(algo)):
        for attribute, words in SET_ONCE.items():
            before = getattr(again, attribute)
            with pytest.raises(
                AttributeError, match=f"{attribute} cannot be set, got .*: .*{words}"
            ):
                setattr(again, attribute, getattr(other, attribute))
            assert getattr(again, attribute) is before
    assert set(SET_ONCE) <= set(dir(algo))


def test_what_takes_effect_can_be_set():
    """The count of steps, and the baseline, are read at every iteration."""
    algo, plain = (fastpg.NPG("linear", "CartPole-v1", seed=0, n_envs=4) for _ in range(2))
    algo.num_timesteps = 1000
    algo.baseline = fastpg.MeanBaseline(4)
    algo.learn(6144, reset_num_timesteps=False)  # the first step knows no values
    plain.learn(6144)
    assert algo.num_timesteps == 1000 + plain.num_timesteps
    assert not np.array_equal(algo.policy.theta, plain.policy.theta)


@pytest.mark.parametrize(
    ("baseline", "error", "text"),
    [
        ("mean", TypeError, r"NPG\(policy, env, baseline=…\) takes linear, mlp, mean, none"),
        (fastpg.MeanBaseline, TypeError, "expected a Baseline"),
        (fastpg.MeanBaseline(3), ValueError, "expected one for observations of length 4, got 3"),
    ],
)
def test_what_is_no_baseline_cannot_be_set(baseline, error, text):
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
    before = algo.baseline
    with pytest.raises(error, match=text):
        algo.baseline = baseline
    assert algo.baseline is before


def test_other_environments_replace_those_of_before():
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0, n_envs=4)
    spaces = algo.observation_space
    algo.use_env(fastpg.make_vec("CartPole-v1", num_envs=3))
    assert (algo.env.num_envs, algo.options.n_envs) == (3, 3)
    assert algo.observation_space is algo.env.single_observation_space is not spaces


def test_other_environments_change_what_none_stands_for():
    """The samples of an iteration stay about 2,048, also after iterations of other lengths."""
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0, n_envs=4).learn(2048)
    assert algo.in_effect("n_steps") == 512
    algo.use_env(fastpg.make_vec("CartPole-v1", num_envs=8))
    assert algo.in_effect("n_steps") == 256
    algo.learn(4096)
    assert [r["time/total_timesteps"] for r in algo.history[1:]] == [2048, 4096]
