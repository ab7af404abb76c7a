"""What SECURITY.md says about files: they import nothing, and name no code to run."""

import json
import socket
import sys
from contextlib import suppress

import gymnasium
import numpy as np
import pytest

import fastpg
from fastpg.rollouts.env_recipe import EnvRecipe

EVIL = "a_module_with_effects"


@pytest.fixture
def effects(tmp_path, monkeypatch):
    """A module whose import leaves a file."""
    marker = tmp_path / "ran"
    (tmp_path / f"{EVIL}.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield marker
    sys.modules.pop(EVIL, None)


def changed(path, change):
    """The file with another JSON text."""
    with np.load(path) as archive:
        content = dict(archive)
    text = content["meta"][()]
    meta = json.loads(text)
    change(meta)
    new = json.dumps(meta)
    content["meta"] = np.array(new.encode() if isinstance(text, bytes) else new)
    np.savez(path, **content)
    return path


def names_a_module(meta):
    meta["env_id"] = f"{EVIL}:CartPole-v1"


def recipe_names_a_module(meta):
    meta["env"]["id"] = f"{EVIL}:CartPole-v1"


def recipe_is_of_a_module(meta):
    meta["env"] |= {"id": "Unheard-v0", "module": EVIL}


def wrapped_in_anything(meta):
    meta["env"]["wrappers"] = [[f"{EVIL}:Wrapper", {}]]


@pytest.mark.parametrize(
    "change",
    [names_a_module, recipe_names_a_module, recipe_is_of_a_module, wrapped_in_anything],
)
@pytest.mark.parametrize("kind", ["save", "save_checkpoint"])
@pytest.mark.parametrize("read", ["load", "resume", "info", "eval"])
def test_no_file_makes_fastpg_import_a_module(run, tmp_path, effects, change, kind, read):
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0).learn(2048)
    path = changed(getattr(algo, kind)(tmp_path / "x"), change)
    if read in ("info", "eval"):
        run(read, str(path))
    else:
        with suppress(ValueError):  # a CheckpointError among them
            getattr(fastpg, read)(path)
    assert not effects.exists()
    assert EVIL not in sys.modules


def test_the_module_would_leave_a_file(effects):
    with pytest.raises(ValueError, match="unknown environment"):
        fastpg.train("npg", f"{EVIL}:Nothing-v0", total_timesteps=10)
    assert effects.exists()


@pytest.mark.parametrize("name", ["os:system", "gymnasium.wrappers_of_mine:X", "builtins:exec"])
def test_wrappers_of_a_file_are_gymnasium_s(name):
    env = gymnasium.make_vec("CartPole-v1", 1)
    state = EnvRecipe.of(env).state()
    state["wrappers"] = [[name, {}]]
    with pytest.raises((TypeError, ValueError), match="env: "):
        EnvRecipe.restore(json.loads(json.dumps(state)))


@pytest.mark.parametrize(
    ("features", "key", "value"),
    [("fourier", "n_features", 10**9), ("polynomial", "degree", 60), ("fourier", "seed", -1)],
)
def test_sizes_in_a_file_have_bounds(tmp_path, features, key, value):
    policy_kwargs = {"features": features}
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0, policy_kwargs=policy_kwargs)
    path = changed(
        algo.save(tmp_path / "x"), lambda meta: meta["policy"]["features"].update({key: value})
    )
    with pytest.raises(fastpg.CheckpointError, match=f"{key}: expected"):
        fastpg.load(path)


def test_training_and_files_open_no_connection(tmp_path, monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("a connection"))
    algo = fastpg.train("trpo", "CartPole-v1", total_timesteps=3000, seed=0)
    path = algo.save_checkpoint(tmp_path / "x")
    fastpg.resume(path).learn(2048)
    fastpg.evaluate_policy(fastpg.load(path), "CartPole-v1", 2, seed=0)
    fastpg.export(algo, tmp_path / "policy.py")
