"""Every option of an algorithm has its effect."""

import dataclasses

import numpy as np
import pytest

from fastpg.algorithms import ALGORITHMS, options
from trainings import NAMES, learned


def test_options_are_frozen_and_described():
    for algorithm in ALGORITHMS.values():
        options = algorithm.options_class()
        with pytest.raises(dataclasses.FrozenInstanceError):
            options.gamma = 0.5
        assert all(spec.metadata["doc"] for spec in dataclasses.fields(options))


CHANGES = {
    "common": {
        "gamma": 0.9, "ent_coef": 0.3, "ridge": 50.0, "baseline_memory": 0.1, "baseline": "mean",
        "baseline_batch": 3, "n_envs": 5,
    },
    "steps": {
        "n_steps": 30, "gae_lambda": 0.5, "normalize_advantage": False,
    },
    "natural": {
        "target_kl": 1e-4, "kl_per": "trajectory", "max_step_size": 0.01, "fisher": "sampled",
        "fisher_subsample": 0.5, "cg_damping": 0.5, "value_target": "lambda",
    },
    "trpo": {"line_search_shrinking_factor": 0.5},
    "npg": {"step_size": 0.5},
    "ppo": {
        "value_target": "lambda", "whiten_features": False, "learning_rate": 0.003,
        "clip_range": 0.01, "n_epochs": 3, "batch_size": 100,
        "target_kl": 1e-5, "max_grad_norm": 1e-3, "optimizer": "sgd", "objective": "kl_penalty",
    },
    "reinforce": {
        "learning_rate": 0.01, "n_episodes": 5, "optimizer": "sgd", "baseline_time": False,
    },
}  # fmt: skip

GROUPS = {
    "npg": ("common", "steps", "natural", "npg"), "trpo": ("common", "steps", "natural"),
    "ppo": ("common", "steps", "ppo"), "reinforce": ("common", "reinforce"),
}  # fmt: skip


def test_every_algorithm_has_options_to_change():
    assert GROUPS.keys() == ALGORITHMS.keys()


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        (name, option, value)
        for name, groups in GROUPS.items()
        for group in groups
        for option, value in CHANGES[group].items()
    ],
)
def test_every_option_reaches_the_update(name, option, value):
    total = 20_000 if name == "reinforce" else 6000
    changed = {option: value}
    if option == "target_kl" and name in ("npg", "trpo"):
        changed["max_step_size"] = None
    plain = {"max_step_size": None} if option == "kl_per" else {}
    before, after = learned(name, total, **plain), learned(name, total, **plain, **changed)
    assert not np.array_equal(before.policy.theta, after.policy.theta)


@pytest.mark.parametrize("name", ["npg", "trpo"])
@pytest.mark.parametrize(("option", "value"), [("cg_max_steps", 1), ("cg_tol", 0.5)])
def test_conjugate_gradient_options_reach_it(name, option, value):
    before = learned(name, 3000, solver="cg")
    after = learned(name, 3000, solver="cg", **{option: value})
    assert not np.array_equal(before.policy.theta, after.policy.theta)
    assert after.history[0]["train/cg_iterations"] == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [("kl_coef", 30.0), ("kl_estimator", "sampled"), ("adaptive_kl", True), ("target_kl", 1e-4)],
)
def test_penalty_options_reach_the_update(option, value):
    plain = {"adaptive_kl": True} if option == "target_kl" else {}
    before = learned("ppo", 8192, objective="kl_penalty", **plain)
    after = learned("ppo", 8192, objective="kl_penalty", **plain | {option: value})
    assert not np.array_equal(before.policy.theta, after.policy.theta)


@pytest.mark.parametrize(
    ("name", "options", "names"),
    [
        ("npg", {"step_size": 0.1, "target_kl": 0.01}, ("step_size", "target_kl")),
        ("ppo", {"kl_coef": 1.0}, ("kl_coef", "objective")),
        ("ppo", {"kl_estimator": "exact"}, ("kl_estimator", "objective")),
        ("ppo", {"adaptive_kl": True}, ("adaptive_kl", "objective")),
        ("ppo", {"objective": "kl_penalty", "kl_coef": 1.0, "target_kl": 0.1},
         ("target_kl", "adaptive_kl")),
    ],
)  # fmt: skip
def test_options_that_do_not_belong_together(name, options, names):
    with pytest.raises(ValueError, match=f"{names[0]}.*{names[1]}|{names[1]}.*{names[0]}"):
        ALGORITHMS[name]("linear", "CartPole-v1", **options)


@pytest.mark.parametrize("name", NAMES)
def test_defaults_would_pass_the_checks(name):
    kind = ALGORITHMS[name].options_class
    for spec in dataclasses.fields(kind):
        hint = options._hints(kind)[spec.name]
        assert options._check(spec.name, spec.default, hint, spec.metadata) == spec.default
