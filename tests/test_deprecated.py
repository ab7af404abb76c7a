"""Every public name, argument and option of version 0.1.0 works, warns, or says what to use.

tests/files/0.1.0-names.json was written by that version: exports with their arguments and members,
options of the algorithms, and the functions and classes of each module.
"""

import importlib
import inspect
import json
from pathlib import Path

import pytest

import fastpg
from fastpg import deprecated
from fastpg.algorithms import ALGORITHMS

OLD = json.loads((Path(__file__).parent / "files" / "0.1.0-names.json").read_text())
EXPORTS = OLD["exports"]
# Modules that users could import in 0.1.0. The others have their names still.
MODULES = [
    (module, name)
    for module, names in OLD["modules"].items()
    if module.removeprefix("fastpg.") in deprecated.MODULES
    for name in names
]
# Functions for the package itself, which 0.1.0 did not document, and which are gone.
INTERNAL = {
    "fastpg.algorithms": {"train"},  # a module now: fastpg.train is the function
    "fastpg.arrays": {"floats", "log_densities", "log_probs", "non_negative", "positive",
                      "seed_words", "unit_interval"},
    "fastpg.cli": {"AlgorithmGroup", "evaluate", "gymnasium_env", "info"},
    "fastpg.envs": {"NativeSpec", "native_spec"},
}  # fmt: skip
WITHOUT_CODE = {"REINFORCEOptions", "NPGOptions", "PPOOptions", "TRPOOptions"}
RENAMED = {("Rollout", "cut")}
MOVED_ARGUMENTS = {("evaluate_policy", "return_episode_rewards")}


def parameters(function):
    return inspect.signature(function).parameters


def positional(given, moved):
    return [name for name in given if not name.startswith("*") and name not in moved]


def require_arguments(function, old, moved=()):
    """The old arguments exist, and those given by position have their order."""
    new = parameters(function)
    assert {name.lstrip("*") for name in old} <= set(new)
    order = [name for name in new if name in positional(old, moved)]
    assert order == positional(old, moved)
    first = [n for n, p in new.items() if p.kind is not p.KEYWORD_ONLY and n != "self"]
    assert first[: len(order)] == order or moved


@pytest.mark.parametrize("name", EXPORTS)
def test_exports_and_their_arguments(name):
    moved = {argument for function, argument in MOVED_ARGUMENTS if function == name}
    value = getattr(fastpg, name)
    if EXPORTS[name]["parameters"] is not None:
        require_arguments(value, EXPORTS[name]["parameters"], moved)


@pytest.mark.parametrize(
    ("kind", "member"),
    [(kind, member) for kind in EXPORTS for member in EXPORTS[kind].get("members", {})],
)
def test_members(kind, member):
    owner, old = getattr(fastpg, kind), EXPORTS[kind]["members"][member]
    known = (*dir(owner), *getattr(owner, "__dataclass_fields__", ()))
    assert member in known or inspect.ismethoddescriptor(getattr(owner, member, None))
    if old is not None:
        require_arguments(getattr(owner, member), [n for n in old if n != "self"])


@pytest.mark.parametrize("name", OLD["options"])
def test_options(name):
    known = ALGORITHMS[name].options_class.__dataclass_fields__
    assert set(OLD["options"][name]) <= set(known)


@pytest.mark.parametrize(("module", "name"), MODULES)
def test_old_modules_warn_and_work_or_say_what_to_use(module, name):
    found = importlib.import_module(module)
    if name in deprecated.GONE:
        with pytest.raises(ImportError, match=f"{module} has no {name}: expected .+"):
            getattr(found, name)
        return
    with pytest.warns(FutureWarning, match=rf"{module}\.{name} goes in .*: expected fastpg\."):
        value = getattr(found, name)
    assert value.__name__ == name
    assert value is getattr(fastpg, name, value)


def test_the_table_has_no_other_names():
    named = {
        (f"fastpg.{module}", name)
        for module, homes in deprecated.MODULES.items()
        for names in homes.values()
        for name in names.split()
    }
    assert named | {(m, n) for m, n in MODULES if n in deprecated.GONE} == set(MODULES)


def test_all_other_modules_have_their_names():
    for module, names in OLD["modules"].items():
        if module.removeprefix("fastpg.") not in deprecated.MODULES:
            kept = set(names) - INTERNAL.get(module, set()) - WITHOUT_CODE
            assert kept <= set(dir(importlib.import_module(module))), module


def test_from_import_of_an_old_module():
    with pytest.warns(FutureWarning, match="expected fastpg.conjugate_gradient"):
        from fastpg.solvers import conjugate_gradient
    assert conjugate_gradient is fastpg.conjugate_gradient
    with pytest.warns(FutureWarning, match="expected fastpg.LinearSoftmax"):
        from fastpg.policies import LinearSoftmax
    assert LinearSoftmax is fastpg.LinearSoftmax
    assert fastpg.baselines is importlib.import_module("fastpg.baselines")
    with pytest.raises(ImportError, match=r"LinearPolicy: expected fastpg\.policies"):
        from fastpg.linear_policy import LinearPolicy  # noqa: F401
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        _ = fastpg.solvers.other
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("fastpg.unheard_of")


def test_a_warning_names_the_line_that_uses_the_old_name():
    with pytest.warns(FutureWarning) as found:
        _ = fastpg.solvers.natural_gradient
    assert found[0].filename == __file__


def test_renamed_attributes():
    algo = fastpg.PPO("linear", "CartPole-v1", seed=0)
    with pytest.warns(FutureWarning, match=r"algo.adam .*: expected algo.optimizer"):
        assert algo.adam is algo.optimizer
    with pytest.warns(FutureWarning, match="forget_episodes .*: expected nothing"):
        algo.forget_episodes(algo.env)
    rollout = fastpg.collect(fastpg.make_vec("CartPole-v1", 2), algo.policy, n_steps=40, seed=0)
    with pytest.warns(FutureWarning, match="Rollout.cut .*: expected Rollout.segment_ends") as got:
        assert (rollout.cut == rollout.segment_ends).all()
    assert got[0].filename == __file__


@pytest.mark.parametrize("name", ["PRESETS", "Preset", "train_preset"])
def test_presets_name_tuned_settings(name):
    words = f"no attribute '{name}'; expected fastpg.*(tuned|Tuned)"
    with pytest.raises(AttributeError, match=words):
        getattr(fastpg, name)


def test_the_argument_of_evaluate_policy_that_moved():
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
    with pytest.raises(ValueError, match="expected return_episode_rewards by name"):
        fastpg.evaluate_policy(algo, "CartPole-v1", 2, True, True)
    returns, _ = fastpg.evaluate_policy(algo, "CartPole-v1", 2, return_episode_rewards=True)
    assert returns.shape == (2,)


def test_a_warning_in_code_without_a_module():
    """Such as code that `exec` runs with globals of its own."""
    with pytest.warns(UserWarning, match="never stops the training"):
        exec(
            "from fastpg import NPG, callbacks\n"
            "stop = callbacks.StopTrainingOnRewardThreshold(10)\n"
            "NPG('linear', 'CartPole-v1', seed=0).learn(600, stop)",
            {},
        )
