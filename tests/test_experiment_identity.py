"""Experiments that differ are told apart, and the same one is known again in another process."""

import functools

import gymnasium
import numpy as np
import pytest

import fastpg
from fastpg.experiments import load_results, train_many
from fastpg.experiments.identity import name_of, plain
from fastpg.rollouts.env_recipe import EnvRecipe
from processes import python

SHORT = {"seeds": 1, "total_timesteps": 2048, "n_jobs": 1, "tuned": False, "n_eval_episodes": 3}


def make(n):
    return gymnasium.make("CartPole-v1", max_episode_steps=n)


def limited(n):
    def made():
        return gymnasium.make("CartPole-v1", max_episode_steps=n)

    return made


def defaulted(n):
    def made(limit=n, *, other=n):
        return gymnasium.make("CartPole-v1", max_episode_steps=limit)

    return made


class Maker:
    def __init__(self, n):
        self.n = n

    def __call__(self):
        return make(self.n)


def policy(value):
    made = fastpg.LinearSoftmax(4, 2)
    made.theta = np.full(made.shape, value)
    return made


DIFFERENT = {
    "closure": (limited(50), limited(20)),
    "defaults": (defaulted(50), defaulted(20)),
    "partial": (functools.partial(make, 50), functools.partial(make, 20)),
    "keywords": (functools.partial(make, n=50), functools.partial(make, n=20)),
    "object": (Maker(50), Maker(20)),
    "method": (Maker(50).__call__, Maker(20).__call__),
    "policy": (policy(0.0), policy(0.1)),
    "array": (np.arange(3.0), np.arange(1.0, 4.0)),
    "in a list": ([{"a": limited(50)}], [{"a": limited(20)}]),
}


@pytest.mark.parametrize("kind", DIFFERENT)
def test_arguments_that_differ_have_different_values(kind):
    one, two = DIFFERENT[kind]
    assert plain(one) != plain(two)
    assert plain(one) == plain(one)
    assert " at 0x" not in str(plain(one))


def test_values_are_those_of_json():
    given = {"a": np.float64(0.5), "b": (1, None, "x"), "c": np.int64(3), "d": np.bool_(True)}
    assert plain(given) == {"a": 0.5, "b": [1, None, "x"], "c": 3, "d": True}
    assert plain(make) == f"{__name__}.make"
    assert name_of(functools.partial(make, 3)) == name_of(make) == plain(make)
    assert name_of("CartPole-v1") == "CartPole-v1"
    assert name_of(limited(3)).endswith("limited.<locals>.made")


def test_a_folder_refuses_another_environment_and_another_policy(tmp_path):
    train_many("npg", limited(50), run=tmp_path / "a", **SHORT)
    with pytest.raises(ValueError, match="holds another experiment: env was"):
        train_many("npg", limited(20), run=tmp_path / "a", **SHORT)
    train_many("npg", "CartPole-v1", policy=policy(0.0), run=tmp_path / "b", **SHORT)
    with pytest.raises(ValueError, match="holds another experiment: arguments was"):
        train_many("npg", "CartPole-v1", policy=policy(0.5), run=tmp_path / "b", **SHORT)


def test_a_folder_refuses_tuned_settings_that_have_changed(tmp_path):
    file, given = tmp_path / "t.toml", {**SHORT, "run": tmp_path / "run"}
    file.write_text('[npg."CartPole-v1"]\ngamma = 0.99\n')
    first = train_many("npg", "CartPole-v1", **{**given, "tuned": file})
    assert train_many("npg", "CartPole-v1", **{**given, "tuned": file}).final == first.final
    moved = file.rename(tmp_path / "moved.toml")
    assert train_many("npg", "CartPole-v1", **{**given, "tuned": moved}).final == first.final
    file.write_text('[npg."CartPole-v1"]\ngamma = 0.5\n')
    with pytest.raises(ValueError, match="holds another experiment: tuned was"):
        train_many("npg", "CartPole-v1", **{**given, "tuned": file})


AGAIN = """
import functools, sys, fastpg, gymnasium
def make(n): return gymnasium.make("CartPole-v1", max_episode_steps=n)
found = fastpg.train_many(
    "npg", functools.partial(make, 50), seeds=1, total_timesteps=2048, n_jobs=1, tuned=False,
    run=sys.argv[1],
)
print(found.final)
"""


def test_a_partial_is_the_same_in_another_process(tmp_path):
    first, again = (python(AGAIN, tmp_path / "run") for _ in range(2))
    assert (first.returncode, again.returncode) == (0, 0), again.stderr
    assert first.stdout == again.stdout


def test_a_folder_has_the_seeds_of_all_calls(tmp_path):
    given = {**SHORT, "run": tmp_path}
    for seeds in ([0, 1], [4], [1]):
        found = train_many("npg", "CartPole-v1", **{**given, "seeds": seeds})
        assert found.seeds == seeds
    kept = load_results(tmp_path)
    assert (kept.seeds, kept.finished) == ([0, 1, 4], 3)


def test_settings_are_named_by_numbers_of_any_kind():
    grid = {"target_kl": np.array([0.003, 0.03]), "n_steps": np.arange(64, 66)}
    found = train_many("npg", "CartPole-v1", grid=grid, **SHORT)
    assert found.settings[0] == "target_kl=0.003, n_steps=64"


def test_more_seeds_than_can_be_listed():
    for seeds in (10**8, range(10**15)):
        with pytest.raises(ValueError, match=r"seeds: expected .*10,?000,?000"):
            train_many("npg", "CartPole-v1", **{**SHORT, "seeds": seeds})


def test_tuned_and_default_settings_are_judged_in_one_environment():
    """REINFORCE's tuned row of Acrobot trains with 2,000 steps an episode; evaluations have 500."""
    given = {**SHORT, "n_evaluations": 2}
    returns = {
        tuned: train_many("reinforce", "Acrobot-v1", **{**given, "tuned": tuned}).returns
        for tuned in (True, False)
    }
    assert all((found >= -500.0).all() for found in returns.values())
    own = train_many(
        "reinforce", "Acrobot-v1", env_kwargs={"max_episode_steps": 30}, **{**given, "tuned": True}
    )
    assert (own.returns == -30.0).all()


class Seeing(fastpg.callbacks.Callback):
    def __init__(self):
        self.lengths = []

    def on_evaluation(self, record):
        self.lengths.append(record["eval/mean_ep_length"])


def test_evaluations_of_train_are_in_the_environment_of_the_id(tmp_path):
    seeing = Seeing()
    algo = fastpg.train(
        "reinforce", "Acrobot-v1", callback=seeing, total_timesteps=8000, eval_freq=2000,
        n_eval_episodes=2, seed=0, n_envs=2, n_episodes=2,
    )  # fmt: skip
    assert algo.env.max_episode_steps == 2000
    assert seeing.lengths
    assert max(seeing.lengths) <= 500
    loaded = fastpg.load(algo.save(tmp_path / "algo"))
    for recipe in (algo.env_recipe, loaded.env_recipe):
        assert recipe.max_episode_steps == 2000
        assert recipe.for_evaluation().max_episode_steps == 500
        assert recipe.make(1).training_only == ("max_episode_steps",)
    state = {k: v for k, v in recipe.state().items() if k != "training_only"}
    assert EnvRecipe.restore(state).training_only == ()  # a file of before


def test_too_few_steps_for_an_iteration_are_no_failure():
    found = train_many(
        "reinforce", "Acrobot-v1", **{**SHORT, "total_timesteps": 3000, "n_evaluations": 2}
    )
    assert found.failures == {}
    assert found.finished == 1
    assert np.isnan(found.train_returns).all()
    assert (found.returns[0, 0] == found.returns[0, 0, 0]).all()


def test_a_grid_of_policies_has_the_tuned_settings_of_each():
    given = {**SHORT, "tuned": True, "total_timesteps": 4000}
    both = train_many("npg", "CartPole-v1", grid={"policy": ["linear", "mlp"]}, **given)
    for k, name in enumerate(("linear", "mlp")):
        alone = train_many("npg", "CartPole-v1", policy=name, **given)
        assert np.array_equal(both.returns[k], alone.returns[0])
        assert np.array_equal(both.train_returns[k], alone.train_returns[0])
