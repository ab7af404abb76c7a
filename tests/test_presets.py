"""Presets: what they are, that they learn, and how they are asked for."""

import dataclasses
import itertools

import numpy as np
import pytest

import fastpg
from fastpg import PRESETS

NAMES = list(PRESETS)


def greedy(algo, preset, seed):
    return fastpg.evaluate_policy(algo, preset.env_id, 100, seed=seed)[0]


def test_names():
    assert NAMES == ["cartpole", "acrobot", "pendulum", "mountain-car", "mountain-car-continuous"]
    assert all(preset.name == name and preset.doc for name, preset in PRESETS.items())
    with pytest.raises(TypeError):
        PRESETS["mine"] = PRESETS["pendulum"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        PRESETS["pendulum"].n_envs = 3


@pytest.mark.parametrize("name", NAMES)
def test_settings_reach_the_algorithm(name):
    preset = PRESETS[name]
    algo = preset.build(seed=7)
    assert (algo.name, algo.env_id, algo.seed) == (preset.algorithm, preset.env_id, 7)
    assert algo.options == algo.options_class(**{**preset.options, "n_envs": preset.n_envs})
    features = algo.policy.feature_map
    assert features.kind == preset.features.get("kind", "identity")
    assert features.state().items() >= preset.features.items()
    normalized = preset.policy.get("normalize_observations", False)
    assert (algo.policy.normalizer is not None) == normalized
    own = fastpg.make_vec(preset.env_id).max_episode_steps
    assert algo.env.max_episode_steps == preset.env_options.get("max_episode_steps", own)
    assert not getattr(algo.policy, "weights", algo.policy.theta).any()


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_learns_something(name):
    algo = PRESETS[name].build(seed=0)
    start = algo.policy.theta.copy()
    algo.learn(40_000)
    assert algo.history[-1]["train/status"] in ("accepted", "no_improvement")
    assert np.isfinite(algo.policy.theta).all()
    assert not np.array_equal(algo.policy.theta, start)


@pytest.mark.parametrize("name", ["acrobot", "pendulum", "mountain-car-continuous"])
def test_one_seed_reaches_the_level(name):
    preset = PRESETS[name]
    assert greedy(preset.build(seed=0), preset, 0) < preset.threshold
    algo = fastpg.train_preset(name, seed=0)
    assert algo.num_timesteps <= preset.total_timesteps
    assert greedy(algo, preset, 0) >= preset.threshold


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "seed"),
    list(itertools.product(["acrobot", "pendulum", "mountain-car-continuous"], range(1, 10))),
)
def test_more_seeds_reach_the_level(name, seed):
    algo = fastpg.train_preset(name, seed=seed)
    assert greedy(algo, PRESETS[name], seed) >= PRESETS[name].threshold


def test_training_is_that_of_the_algorithm():
    records = []
    algo = fastpg.train_preset("pendulum", seed=3, total_timesteps=10_000, callback=records.append)
    again = PRESETS["pendulum"].build(3).learn(10_000)
    assert len(records) == len(algo.history) == len(again.history)
    assert np.array_equal(algo.policy.theta, again.policy.theta)


@pytest.mark.parametrize("name", NAMES)
def test_checkpoints_load_and_go_on(tmp_path, name):
    algo = fastpg.train_preset(name, seed=1, total_timesteps=20_000)
    loaded = fastpg.load(algo.save(tmp_path / "x"), env=algo.env)
    observations = np.random.default_rng(0).normal(
        size=(20, algo.policy.observation_size), scale=0.1
    )
    assert loaded.options == algo.options
    assert np.array_equal(
        loaded.predict(observations, deterministic=True)[0],
        algo.predict(observations, deterministic=True)[0],
    )
    loaded.learn(20_000, reset_num_timesteps=False)
    assert loaded.num_timesteps > algo.num_timesteps


def test_unknown_names_have_a_nearest():
    with pytest.raises(ValueError, match="unknown preset 'pendulm'; did you mean 'pendulum'"):
        fastpg.train_preset("pendulm")
