"""Every option of an algorithm has its effect."""

import dataclasses
import inspect
import pydoc
import re

import numpy as np
import pytest

import fastpg
from fastpg.algorithms import ALGORITHMS, option_fields, option_texts, option_values
from trainings import NAMES, learned, untimed


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


# Options that others leave without effect: values of both, and the values that would be needed.
_MLP, _NONE, _MEAN = {"baseline": "mlp"}, {"baseline": "none"}, {"baseline": "mean"}
_FIXED, _CHOLESKY = {"step_size": 0.1}, {"solver": "cholesky"}
_LINEAR, _PENALTY = {"baseline": "linear"}, {"objective": "kl_penalty"}
_APART = _MLP | {"baseline_batch": 8}
IN_VAIN = {
    "common": [
        ("ridge", 50.0, _MLP, "baseline='linear'"),
        ("ridge", 50.0, _MEAN, "baseline='linear'"),
        ("ridge", 50.0, _NONE, "baseline='linear'"),
        ("baseline_memory", 0.1, _MLP, "baseline='linear' or 'mean'"),
        ("baseline_memory", 0.1, _NONE, "baseline='linear' or 'mean'"),
        ("baseline_time", True, _MEAN, "baseline='linear' or 'mlp'"),
        ("baseline_time", True, _NONE, "baseline='linear' or 'mlp'"),
    ],
    "critic": [
        (option, value, other, "baseline='mlp'")
        for option, value in (
            ("critic_learning_rate", 0.1), ("n_critic_updates", 3), ("batch_size", 7)
        )
        for other in (_LINEAR, _MEAN, _NONE)
    ],
    "cg": [
        ("cg_max_steps", 1, _CHOLESKY, "solver='auto' or 'cg'"),
        ("cg_tol", 0.5, _CHOLESKY, "solver='auto' or 'cg'"),
    ],
    "npg": [
        ("target_kl", 1e-4, _FIXED, "step_size=None"),
        ("kl_per", "trajectory", _FIXED, "step_size=None"),
        ("max_step_size", 1e-4, _FIXED, "step_size=None"),
    ],
    "ppo": [
        ("vf_coef", 5.0, _LINEAR, "baseline='mlp' and baseline_batch=0"),
        ("vf_coef", 5.0, _APART, "baseline='mlp' and baseline_batch=0"),
        ("clip_range_vf", 0.1, _LINEAR, "baseline='mlp'"),
        ("clip_range", 0.01, _PENALTY, "objective='clip'"),
        ("kl_coef", 9.0, {}, "objective='kl_penalty'"),
        ("kl_estimator", "sampled", {}, "objective='kl_penalty'"),
        ("adaptive_kl", True, {}, "objective='kl_penalty'"),
        ("target_kl", 1e-5, _PENALTY, "objective='clip' or adaptive_kl=True"),
    ],
}  # fmt: skip
CASES_IN_VAIN = [
    (name, *case)
    for name, groups in {
        "npg": ("common", "critic", "cg", "npg"), "trpo": ("common", "critic", "cg"),
        "ppo": ("common", "ppo"), "reinforce": ("common", "critic"),
    }.items()
    for group in groups
    for case in IN_VAIN[group]
]  # fmt: skip


@pytest.mark.parametrize(("name", "option", "value", "others", "needed"), CASES_IN_VAIN)
def test_an_option_given_in_vain_is_an_error(name, option, value, others, needed):
    kind = ALGORITHMS[name]
    default = next(spec.default for spec in dataclasses.fields(kind.options_class)
                   if spec.name == option)  # fmt: skip
    for each in (value, default):
        if each is None or each is False:
            kind("linear", "CartPole-v1", **others, **{option: each})
            continue
        expected = f"{option}: allowed only with {needed}, got {each!r} and "
        with pytest.raises(ValueError, match="^" + re.escape(expected)) as caught:
            kind("linear", "CartPole-v1", **others, **{option: each})
        assert all(f"{other}={found!r}" in str(caught.value) for other, found in others.items())
    kind("linear", "CartPole-v1", **others)  # defaults stay


@pytest.mark.parametrize(("name", "option", "value", "others", "needed"), CASES_IN_VAIN)
def test_what_is_an_error_has_no_effect_indeed(name, option, value, others, needed):
    kind, found = ALGORITHMS[name], []
    for changed in ({}, {option: value}):
        algo = kind("linear", "CartPole-v1", seed=0, n_envs=4, **others)
        options = dataclasses.replace(algo.options, **changed)  # checks no effects
        algo._set_again(options=options)
        algo.baseline = algo._make_baseline()
        algo.make_optimizer()
        found.append(algo.learn(1500))
    one, two = found
    assert np.array_equal(one.policy.theta, two.policy.theta)
    apart = "train/kl_coef", "train/clip_range"  # records of the option itself
    one, two = ([{k: v for k, v in r.items() if k not in apart} for r in untimed(each.history)]
                for each in found)  # fmt: skip
    assert one == two


def test_every_condition_has_its_case():
    for name, kind in ALGORITHMS.items():
        for spec in dataclasses.fields(kind.options_class):
            if spec.metadata["only_with"] and spec.name != "baseline_batch":
                assert (name, spec.name) in {case[:2] for case in CASES_IN_VAIN}


@pytest.mark.parametrize("name", NAMES)
def test_samples_for_no_baseline_are_an_error(name):
    with pytest.raises(ValueError, match="baseline_batch: allowed only with baseline='linear' or"):
        ALGORITHMS[name]("linear", "CartPole-v1", baseline="none", baseline_batch=3)
    ALGORITHMS[name]("linear", "CartPole-v1", baseline="none", baseline_batch=0)


def test_the_default_of_a_perceptron_counts():
    with pytest.raises(ValueError, match=r"ridge: .* got 0\.1 and baseline='mlp'"):
        ALGORITHMS["npg"]("mlp", "CartPole-v1", ridge=0.1)
    ALGORITHMS["npg"]("mlp", "CartPole-v1", critic_learning_rate=0.1)
    ALGORITHMS["npg"]("mlp", "CartPole-v1", baseline="linear", ridge=0.1)


def test_widths_of_a_value_network_in_vain():
    kwargs = {"net_arch": {"pi": [3], "vf": [4]}}
    kind = ALGORITHMS["npg"]
    with pytest.raises(
        ValueError, match=r"net_arch\['vf'\]: allowed only with baseline='mlp', got "
    ):
        kind("mlp", "CartPole-v1", policy_kwargs=kwargs, baseline="linear")
    with pytest.raises(ValueError, match=r"net_arch\['vf'\]: .* \[4\] and \[5\]"):
        kind("mlp", "CartPole-v1", policy_kwargs=kwargs, value_kwargs={"net_arch": [5]})
    kind("mlp", "CartPole-v1", policy_kwargs=kwargs, value_kwargs={"activation_fn": "elu"})


@pytest.mark.parametrize(("name", "option", "value", "others", "needed"), CASES_IN_VAIN)
def test_checkpoints_with_such_options_are_loaded(tmp_path, name, option, value, others, needed):
    """Earlier versions took them."""
    algo = ALGORITHMS[name]("linear", "CartPole-v1", seed=0, **others)
    algo._set_again(options=dataclasses.replace(algo.options, **{option: value}))
    loaded = fastpg.load(algo.save(tmp_path / "x"))
    assert loaded.options == algo.options


@pytest.mark.parametrize("name", NAMES)
def test_defaults_would_pass_the_checks(name):
    kind = ALGORITHMS[name].options_class
    for spec in dataclasses.fields(kind):
        hint = option_fields.type_hints(kind)[spec.name]
        checked = option_values.checked(spec.name, spec.default, hint, spec.metadata)
        assert checked == spec.default


@pytest.mark.parametrize("kind", [fastpg.NPG, fastpg.TRPO])
def test_a_factorisation_needs_damping(kind):
    with pytest.raises(ValueError, match=r"cg_damping: expected .* above 0 with solver='cholesky'"):
        kind("linear", "CartPole-v1", solver="cholesky", cg_damping=0.0)
    with pytest.raises(ValueError, match=r"cg_damping: expected .* above 0 with fisher_subsample"):
        kind("linear", "CartPole-v1", fisher_subsample=0.5, cg_damping=0.0)
    for solver in ("auto", "cg"):
        kind("linear", "CartPole-v1", solver=solver, cg_damping=0.0)
    policy, phi = fastpg.LinearSoftmax(2, 2), np.ones((3, 3))
    dist = policy.distribution(phi)
    with pytest.raises(ValueError, match=r"cg_damping: expected .* above 0"):
        fastpg.natural_gradient(
            policy, phi, dist, np.ones(policy.shape), solver="cholesky", cg_damping=0.0
        )


@pytest.mark.parametrize("name", NAMES)
def test_help_lists_every_argument_and_option(name):
    kind = ALGORITHMS[name]
    text = " ".join(pydoc.plain(pydoc.render_doc(kind)).replace("|", " ").split())
    for spec in option_texts.described(kind.options_class):
        words = f"{spec.name} = {spec.default!r}: {spec.doc}"
        assert " ".join(words.replace("|", " ").split()) in text
        assert spec.limits is None or spec.limits in text
    for argument in ("policy", "env", "policy_kwargs", "value_kwargs", "seed"):
        assert f"{argument}: " in text
    assert kind.__doc__.startswith(inspect.cleandoc(vars(kind)["__doc__"].text))
    assert max(map(len, kind.__doc__.splitlines())) <= 100


def test_a_subclass_of_ones_own_keeps_its_text():
    class Mine(fastpg.NPG):
        """My algorithm."""

    class Nameless(fastpg.NPG):
        pass

    assert Mine.__doc__ == "My algorithm."
    assert inspect.getdoc(Nameless) == fastpg.NPG.__doc__
