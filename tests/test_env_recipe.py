"""The training environment is made again with its options, or an error says why it cannot be."""

import json
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium import wrappers
from gymnasium.envs.registration import find_highest_version
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorWrapper
from typer.testing import CliRunner

import fastpg
from fastpg import tabular
from fastpg.algorithms.checkpointing import restore
from fastpg.cli import app
from fastpg.rollouts.collect import make_collector
from fastpg.rollouts.copies import EnvCopies
from fastpg.rollouts.env_recipe import EnvRecipe
from fastpg.rollouts.make_env import make_env

# Its version differs between releases of Gymnasium.
CLIFF = f"CliffWalking-v{find_highest_version(None, 'CliffWalking')}"


def again(env):
    """The recipe of an environment, through JSON."""
    return EnvRecipe.restore(json.loads(json.dumps(EnvRecipe.of(env).state())))


def steps(env, policy):
    collector = make_collector(env, policy, 3)
    collector.reset(3)
    return collector.steps(300)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: "FrozenLake-v1", "FrozenLake-v1"),
        (lambda: CLIFF, CLIFF),
        (lambda: lambda: gymnasium.make("FrozenLake-v1", is_slippery=False, map_name="8x8"),
         "FrozenLake-v1(map_name='8x8', is_slippery=False)"),
        (lambda: gymnasium.make("CartPole-v1", max_episode_steps=20, render_mode="rgb_array"),
         "CartPole-v1(max_episode_steps=20)"),
        (lambda: lambda: wrappers.TimeLimit(gymnasium.make(CLIFF), 9),
         f"{CLIFF}(max_episode_steps=9)"),
        (lambda: lambda: wrappers.ClipReward(gymnasium.make("Pendulum-v1"), -1.0),
         "Pendulum-v1(ClipReward)"),
        (lambda: SyncVectorEnv([lambda: gymnasium.make("Acrobot-v1")] * 2), "Acrobot-v1"),
        (lambda: "MountainCar-v0", "MountainCar-v0"),
        (lambda: fastpg.make_vec("CartPole-v1", 2, gravity=20.0, max_episode_steps=-1),
         "CartPole-v1(gravity=20.0, max_episode_steps=None)"),
        (lambda: fastpg.make_vec("Pendulum-v1", 2, max_episode_steps=30),
         "Pendulum-v1(max_episode_steps=30)"),
    ],
)  # fmt: skip
def test_the_same_environment(make, name):
    env = make_env(make(), 2)
    recipe = again(env)
    assert str(recipe) == name
    made = recipe.make(env.num_envs)
    policy = fastpg.NPG("linear", env, seed=0).policy
    one, two = steps(env, policy), steps(made, policy)
    assert np.array_equal(one.rewards, two.rewards)
    assert np.array_equal(one.episode_lengths, two.episode_lengths)


def test_processes_tell_how_their_environments_were_made():
    env = AsyncVectorEnv([lambda: gymnasium.make("FrozenLake-v1", is_slippery=False)] * 2)
    algo = fastpg.NPG("linear", env, seed=0)
    env.close()
    assert str(algo.env_recipe) == "FrozenLake-v1(is_slippery=False)"


class Stepping(fastpg.NativeVectorEnv):
    def step(self, actions):
        return super().step(actions)


class Plain(gymnasium.Wrapper):
    pass


def different(env):
    env.set_attr("gravity", [9.0, 10.0])
    return env


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: lambda: Plain(gymnasium.make("CartPole-v1")), "it was wrapped in Plain"),
        (lambda: lambda: wrappers.TransformReward(gymnasium.make("CartPole-v1"), abs),
         "a file cannot hold its func"),
        (lambda: SyncVectorEnv([lambda k=k: gymnasium.make("FrozenLake-v1", is_slippery=bool(k))
                                for k in range(2)]), "not all made alike"),
        (lambda: VectorWrapper(SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 2)),
         "wrapped as a whole, in VectorWrapper"),
        (lambda: lambda: gymnasium.envs.classic_control.CartPoleEnv(), "is not registered"),
        (lambda: tabular.make_vec(tabular.garnet(3, 2, 2, seed=0, horizon=4), 2), "has no id"),
        (lambda: different(fastpg.make_vec("CartPole-v1", 2)), "parameters of their own"),
        (lambda: Stepping("CartPole-v1", 2), "Stepping has a step of its own"),
        (lambda: gymnasium.make_vec("CartPole-v1", 2), "CartPoleVectorEnv is not copies of one"),
        (lambda: lambda: wrappers.TransformReward(gymnasium.make("CartPole-v1"), lambda r: r),
         "its wrappers differ, or hold functions of their own"),
    ],
)  # fmt: skip
def test_why_it_cannot_be_made_again(make, why):
    recipe = again(make_env(make(), 2))
    with pytest.raises(ValueError, match=f"cannot be made again, since .*{why}.*--env"):
        recipe.make(2)


def test_parameters_that_are_alike_again():
    env = different(fastpg.make_vec("CartPole-v1", 2))
    env.set_attr("gravity", [11.0, 11.0])
    assert again(env).kwargs == {"gravity": 11.0}


@pytest.mark.parametrize(
    "change",
    [
        {"id": 3},
        {"id": "module:CartPole-v1"},
        {"kwargs": [1]},
        {"max_episode_steps": 0},
        {"max_episode_steps": True},
        {"wrappers": [["os:system", {}]]},
        {"wrappers": [["gymnasium.wrappers:TimeLimit"]]},
        {"wrappers": 3},
        {"obstacle": 1},
    ],
)
def test_nonsense_in_a_file(change):
    state = EnvRecipe.of_id("CartPole-v1").state() | change
    with pytest.raises((TypeError, ValueError)):
        EnvRecipe.restore(state)
    with pytest.raises(KeyError):
        EnvRecipe.restore({"id": "CartPole-v1"})


def fastpg_command(*arguments):
    done = CliRunner().invoke(app, list(map(str, arguments)))
    return done.exit_code, done.output


def test_eval_takes_the_environment_of_the_training(tmp_path):
    def lake():
        return gymnasium.make("FrozenLake-v1", is_slippery=False)

    algo = fastpg.train("npg", lake, total_timesteps=20_000, seed=0)
    assert fastpg.evaluate_policy(algo, lake) == (1.0, 0.0)
    path = algo.save(tmp_path / "lake")
    code, text = fastpg_command("eval", path)
    assert code == 0
    assert "1.0 +/- 0.0" in text
    assert "Gymnasium's FrozenLake-v1(is_slippery=False)" in " ".join(text.split())
    code, text = fastpg_command("eval", path, "--env", "FrozenLake-v1")
    assert "1.0 +/- 0.0" not in text
    code, text = fastpg_command("eval", fastpg.load(path).save(tmp_path / "again"))
    assert "1.0 +/- 0.0" in text


POND = """
import gymnasium

class Pond(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-1, 1, (2,))
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, depth=1):
        self.depth = depth

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), float(self.depth), True, False, {}

gymnasium.register("Small/Pond-v0", entry_point=Pond, max_episode_steps=5)
"""


@pytest.fixture
def pond(tmp_path, monkeypatch):
    (tmp_path / "a_pond.py").write_text(POND)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    gymnasium.registry.pop("Small/Pond-v0", None)
    sys.modules.pop("a_pond", None)


def test_eval_imports_a_module_only_where_the_user_names_it(pond):
    algo = fastpg.train("npg", "a_pond:Small/Pond-v0", total_timesteps=100, seed=0)
    path = algo.save(pond / "x")
    gymnasium.registry.pop("Small/Pond-v0")
    sys.modules.pop("a_pond")
    code, text = fastpg_command("eval", path)
    assert code == 2
    assert "--import a_pond" in text
    assert "a_pond" not in sys.modules
    code, text = fastpg_command("eval", path, "--import", "a_pond")
    assert code == 0
    assert "1.0 +/- 0.0" in text
    code, text = fastpg_command("eval", path, "--import", "no_pond")
    assert code == 2
    assert "cannot import 'no_pond'" in text


def test_a_native_environment_that_gymnasium_has_not_is_evaluated_natively(tmp_path, monkeypatch):
    registry = dict(gymnasium.registry)
    registry.pop("CartPole-v1")
    path = tmp_path / "x.npz"
    monkeypatch.setattr(gymnasium, "registry", registry)
    train = ("train", "npg", "CartPole-v1", "--total-timesteps", 600, "--out", path)
    for arguments in (train, ("eval", path)):
        code, text = fastpg_command(*arguments)
        assert code == 0
        assert "fastpg's CartPole-v1" in " ".join(text.split())


def test_native_options_are_kept(tmp_path):
    env = fastpg.make_vec("CartPole-v1", 4, sutton_barto_reward=True)
    path = fastpg.train("npg", env, total_timesteps=2000, seed=0).save(tmp_path / "x")
    code, text = fastpg_command("eval", path)
    assert code == 0
    assert "evaluation  -" in text  # the other reward is never below 0
    assert "fastpg's CartPole-v1(sutton_barto_reward=True)" in " ".join(text.split())


def test_a_file_without_a_recipe_goes_by_its_id(tmp_path):
    algo = fastpg.NPG("linear", "FrozenLake-v1", seed=0)
    stored, meta = algo.state()
    del meta["env"]
    loaded = restore(fastpg.NPG, (stored, meta))
    code, text = fastpg_command("eval", loaded.save(tmp_path / "x"))
    assert code == 0
    assert "Gymnasium's FrozenLake-v1" in " ".join(text.split())


def test_episodes_that_do_not_end(tmp_path, monkeypatch):
    monkeypatch.setattr(fastpg.rollouts.collect, "ENDLESS", 500)
    path = tmp_path / "x.npz"
    code, text = fastpg_command(
        "train", "npg", CLIFF, "--total-timesteps", 600, "--seed", 1, "--out", path
    )
    assert code == 0
    assert "no time limit" in " ".join(text.split())
    code, text = fastpg_command("eval", path, "--max-episode-steps", 50)
    assert code == 2
    assert "has not ended after 50 steps" in text


def test_the_collector_of_copies_is_the_same_for_a_plain_sync_vector_env():
    make = [lambda: gymnasium.make("CartPole-v1")] * 2
    assert isinstance(EnvCopies.of(SyncVectorEnv(make)), EnvCopies)
    assert not isinstance(EnvCopies.of(VectorWrapper(SyncVectorEnv(make))), EnvCopies)
