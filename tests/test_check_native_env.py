"""check_native_env finds each kind of mistake, and nothing where nothing is wrong."""

import pytest

import c_envs
import fastpg

# Defect of an environment, and the findings: a kind, and words of the text.
DEFECTS = {
    "Drawing": {"draws": "set draws_in_steps to 1"},
    "Remembering": {"memory": "differs in the reward", "neighbours": "the reward"},
    "Restarting": {"memory": "reset: with the same seed, the state differs the second time"},
    "Placed": {"neighbours": "in another order differs in the reward"},
    "Sized": {"neighbours": "alone differs in the reward"},
    "Looking": {"look": "changes the states"},
    "Masking": {"look": "changes the streams", "draws": "draws from the random stream"},
    "Forbidding": {"failure": "expected at least one allowed action"},
    "Outside": {"observation": "step: expected number 0 from -1 to 10, got 11"},
    "Infinite": {"state": "step: expected finite numbers, got inf as number 1"},
    "Lost": {"state": "reset: expected finite numbers, got inf as number 1"},
    "Nothing": {"failure": "expected a finite number, got nan"},
    "Bounded": {"options": "a reset with speed = 1 fails"},
    "Far": {"options": "reset with speed = 1000", "observation": "got 1000"},
}


def found(env, **arguments):
    """Findings by kind; empty if the check passes."""
    try:
        fastpg.check_native_env(env, **arguments)
    except fastpg.EnvCheckError as error:
        return {one.kind: one.text for one in error.findings}
    return {}


def test_the_error_has_each_kind_once_and_all_texts():
    env_id = c_envs.registered("CBoth-v0", c_envs.Masking())
    with pytest.raises(fastpg.EnvCheckError, match=r"CBoth-v0: 2 finding\(s\)") as caught:
        fastpg.check_native_env(env_id, n_steps=60)
    findings = caught.value.findings
    assert sorted(one.kind for one in findings) == ["draws", "look"]
    assert all(f"- {one}" in str(caught.value) for one in findings)


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_found(name):
    env_id = c_envs.registered(f"C{name}-v0", getattr(c_envs, name)())
    findings = found(env_id, n_steps=60)
    assert set(findings) == set(DEFECTS[name])
    for kind, text in DEFECTS[name].items():
        assert text in findings[kind]


def test_what_is_right_passes():
    assert found(c_envs.registered("CCounting-v0", c_envs.Counting()), n_steps=60) == {}
    flawless = c_envs.Drawing()
    flawless.draws_in_steps = 1
    assert found(c_envs.registered("CFlawless-v0", flawless), n_steps=60) == {}


@pytest.mark.parametrize("env_id", ["CartPole-v1", "fastpg/Pendulum-v1", "fastpg:Acrobot-v1"])
def test_the_built_in_environments_pass(env_id):
    assert found(env_id) == {}


def test_arguments():
    with pytest.raises(ValueError, match="n_envs: expected"):
        fastpg.check_native_env("CartPole-v1", n_envs=1)
    with pytest.raises(ValueError, match="unknown environment 'CartPol-v1'"):
        fastpg.check_native_env("CartPol-v1")
    with pytest.raises(TypeError, match="expected a native environment or its id"):
        fastpg.check_native_env(3)
    with pytest.raises(TypeError, match="speed"):
        fastpg.check_native_env("CartPole-v1", speed=1.0)
