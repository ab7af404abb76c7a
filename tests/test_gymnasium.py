"""Native environments within Gymnasium: registry, checker, wrappers, pictures, copies."""

import copy
import json
import pickle
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import vector as wrappers

import fastpg
from fastpg.envs import EnvState, NativeVectorEnv
from lockstep import assert_unchanged, draw_actions, pair, sync
from oracles import CURRENT
from processes import python


def test_a_program_that_never_imported_fastpg():
    code = (
        "import gymnasium, json;"
        "one = gymnasium.make('fastpg:fastpg/CartPole-v1');"
        "many = gymnasium.make_vec('fastpg:fastpg/CartPole-v1', num_envs=64);"
        "print(json.dumps([str(one.reset(seed=0)[0].tolist()), str(many.reset(seed=0)[0].shape),"
        " type(many).__name__]))"
    )
    run = python(code)
    assert run.returncode == 0, run.stderr
    theirs = gymnasium.make("CartPole-v1").reset(seed=0)[0].tolist()
    assert json.loads(run.stdout) == [str(theirs), "(64, 4)", "NativeVectorEnv"]


@pytest.mark.parametrize("env_id", CURRENT)
def test_specs_are_gymnasium_s(env_id):
    ours, theirs = gymnasium.spec(f"fastpg/{env_id}"), gymnasium.spec(env_id)
    for name in ("reward_threshold", "max_episode_steps", "name", "version", "nondeterministic"):
        assert getattr(ours, name) == getattr(theirs, name)


@pytest.mark.parametrize("env_id", CURRENT)
def test_make_vec_takes_options_as_plain_keywords(env_id):
    env = gymnasium.make_vec(
        f"fastpg/{env_id}", num_envs=3, max_episode_steps=5, autoreset_mode="SameStep", exact=False
    )
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert not env.native.exact
    env.reset(seed=0)
    truncated = [env.step(env.action_space.sample())[3].all() for _ in range(5)]
    assert truncated == [False] * 4 + [True]


@pytest.mark.parametrize("env_id", CURRENT)
def test_the_spec_makes_the_same_environment_again(env_id):
    one = fastpg.make_vec(env_id, 2, max_episode_steps=5, autoreset_mode="SameStep")
    two = gymnasium.make_vec(one.spec)
    assert isinstance(two, NativeVectorEnv)
    assert two.metadata == one.metadata
    assert two.max_episode_steps == one.max_episode_steps == 5
    assert two.num_envs == 2
    assert one.spec.to_json()


@pytest.mark.parametrize("name", ["Pendulum-v1", "fastpg/Pendulum-v1", "fastpg:fastpg/Pendulum-v1"])
def test_algorithms_take_every_name_of_a_native_environment(name):
    algo = fastpg.NPG("linear", name, seed=0)
    assert isinstance(algo.env, NativeVectorEnv)
    assert algo.env_id == "Pendulum-v1"


@pytest.mark.parametrize("env_id", CURRENT)
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_gymnasium_s_own_vectorisation_of_the_single_form(env_id, mode):
    """An environment of ours in each worker gives what Gymnasium's gives."""
    ours = gymnasium.make_vec(f"fastpg:fastpg/{env_id}", 2, vectorization_mode=mode)
    theirs = sync(env_id, 2)
    assert np.array_equal(ours.reset(seed=1)[0], theirs.reset(seed=1)[0])
    rng, observations = np.random.default_rng(0), np.zeros((2, 2))
    for _ in range(30):
        actions = draw_actions(env_id, rng, observations)
        mine, other = ours.step(actions), theirs.step(actions)
        observations = mine[0]
        for one, two in zip(mine[:4], other[:4], strict=True):
            assert np.array_equal(one, two)
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    "env_id",
    [e if e == "Pendulum-v1" else pytest.param(e, marks=pytest.mark.slow) for e in CURRENT],
)
def test_check_env(env_id):
    env = gymnasium.make(f"fastpg/{env_id}", render_mode="rgb_array").unwrapped
    with warnings.catch_warnings(record=True) as ours:
        warnings.simplefilter("always")
        check_env(env)
    with warnings.catch_warnings(record=True) as theirs:
        warnings.simplefilter("always")
        check_env(gymnasium.make(env_id, render_mode="rgb_array").unwrapped)
    # The checker gives the same warnings as for Gymnasium's own environment.
    assert {str(w.message) for w in ours} <= {str(w.message) for w in theirs}


@pytest.mark.parametrize("env_id", CURRENT)
def test_the_single_form_equals_gymnasium_s(env_id):
    ours, theirs = gymnasium.make(f"fastpg/{env_id}"), gymnasium.make(env_id)
    rng = np.random.default_rng(0)
    for episode in range(4):
        seed = 7 if episode in (0, 2) else None
        mine, other = ours.reset(seed=seed), theirs.reset(seed=seed)
        assert np.array_equal(mine[0], other[0])
        state = theirs.unwrapped.np_random.bit_generator.state
        assert ours.unwrapped.np_random.bit_generator.state == state
        ended = False
        while not ended:
            action = draw_actions(env_id, rng, np.atleast_2d(mine[0]))[0]
            mine, other = ours.step(action), theirs.step(action)
            assert np.array_equal(mine[0], other[0])
            assert mine[1:] == other[1:]
            assert [type(x) for x in mine[1:]] == [float, bool, bool, dict]
            ended = mine[2] or mine[3]


def test_the_single_form_draws_from_the_generator_it_is_given():
    """Acrobot's torque noise: the generator stays in step with the C++ stream."""
    ours, theirs = gymnasium.make("fastpg/Acrobot-v1"), gymnasium.make("Acrobot-v1")
    ours.unwrapped.torque_noise_max = theirs.unwrapped.torque_noise_max = 0.3
    assert ours.unwrapped.torque_noise_max == 0.3
    ours.reset(seed=3)
    theirs.reset(seed=3)
    for k in range(50):
        if k == 20:  # other code draws too
            assert ours.unwrapped.np_random.normal() == theirs.unwrapped.np_random.normal()
        assert np.array_equal(ours.step(k % 3)[0], theirs.step(k % 3)[0])
    ours.unwrapped.np_random = np.random.Generator(np.random.MT19937(0))
    with pytest.raises(TypeError, match="PCG64"):
        ours.step(0)


def test_the_single_form_refuses_to_go_on_after_an_end():
    env = gymnasium.make("fastpg/CartPole-v1").unwrapped
    with pytest.raises(RuntimeError, match="reset"):
        env.step(0)
    env.reset(seed=0)
    while not env.step(0)[2]:
        pass
    with pytest.raises(RuntimeError, match="ended"):
        env.step(0)
    for bad in (2, -1, 0.5, [0, 0], "left"):
        env.reset()
        with pytest.raises((ValueError, TypeError), match="actions"):
            env.step(bad)


def test_errors_of_the_single_form_name_what_it_takes():
    env = gymnasium.make("fastpg/CartPole-v1").unwrapped
    env.reset(seed=0)
    before = env.get_state()
    with pytest.raises(ValueError, match=r"unknown option 'reset_mask' \(known: low, high\)"):
        env.reset(options={"reset_mask": np.array([True])})
    with pytest.raises(ValueError, match=r"expected shape \(4\), got \(3,\)"):
        env.set_state(np.zeros(3))
    assert_unchanged(env, before)


@pytest.mark.parametrize("env_id", CURRENT)
def test_pictures_are_gymnasium_s(env_id):
    pytest.importorskip("pygame")
    native, gym = pair(env_id, 2, render_mode="rgb_array")
    single = gymnasium.make(f"fastpg/{env_id}", render_mode="rgb_array")
    with pytest.raises(RuntimeError, match="reset"):
        native.render()
    native.reset(seed=1)
    gym.reset(seed=1)
    single.reset(seed=1)
    rng = np.random.default_rng(0)
    for k in range(4):
        if k:
            actions = draw_actions(env_id, rng, np.zeros((2, 2)))
            native.step(actions)
            gym.step(actions)
            single.step(actions[0])
        frames = native.render()
        assert len(frames) == 2
        for mine, other in zip(frames, gym.render(), strict=True):
            assert np.array_equal(mine, other)
        assert np.array_equal(single.render(), frames[0])
        assert (frames[0] != frames[0][0, 0]).any()
    assert np.array_equal(native.call("render")[1], frames[1])
    native = pickle.loads(pickle.dumps(native))
    assert np.array_equal(native.render()[0], frames[0])
    for env in (native, gym, single):
        env.close()


def test_pictures_must_be_asked_for():
    env = fastpg.make_vec("CartPole-v1")
    env.reset(seed=0)
    with pytest.raises(RuntimeError, match="render_mode"):
        env.render()
    with pytest.raises(ValueError, match="unknown render_mode 'human'"):
        fastpg.make_vec("CartPole-v1", render_mode="human")
    assert env.render_mode is None


@pytest.mark.parametrize("env_id", CURRENT)
@pytest.mark.parametrize("clone", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_on_identically_and_apart(env_id, clone):
    env = fastpg.make_vec(env_id, 3, max_episode_steps=8)
    env.reset(seed=1)
    env.action_space.seed(5)
    for _ in range(5):
        env.step(env.action_space.sample())
    other = clone(env)
    assert other.spec == env.spec
    assert other.np_random_seed == env.np_random_seed == (1, 2, 3)
    for _ in range(20):
        one, two = env.step(env.action_space.sample()), other.step(other.action_space.sample())
        assert all(np.array_equal(a, b) for a, b in zip(one[:4], two[:4], strict=True))
    env.step(env.action_space.sample())
    assert not np.array_equal(env.get_state().state, other.get_state().state)


def test_copies_of_the_single_form():
    env = gymnasium.make("fastpg/Pendulum-v1")
    env.reset(seed=1)
    other = copy.deepcopy(env)
    action = np.array([0.5], np.float32)
    assert np.array_equal(env.step(action)[0], other.step(action)[0])
    assert np.array_equal(env.reset()[0], other.reset()[0])


def test_copies_of_an_environment_that_reuses_its_arrays_have_arrays_of_their_own():
    env = fastpg.make_vec("CartPole-v1", 2, copy=False)
    env.reset(seed=0)
    first = env.step(np.zeros(2, int))[0]
    other = copy.deepcopy(env)
    kept = first.copy()
    assert other.step(np.ones(2, int))[0] is not first
    assert np.array_equal(first, kept)
    assert env.step(np.ones(2, int))[0] is first


@pytest.mark.parametrize("env_id", CURRENT)
def test_states_for_planning(env_id):
    env = fastpg.make_vec(env_id, 3, max_episode_steps=6)
    env.reset(seed=2)
    rng = np.random.default_rng(0)
    plans = [draw_actions(env_id, rng, np.zeros((3, 2))) for _ in range(15)]
    start = env.get_state()
    assert isinstance(start, EnvState)
    first = [env.step(actions) for actions in plans]
    env.set_state(start)
    for before, actions in zip(first, plans, strict=True):
        after = env.step(actions)
        assert all(np.array_equal(a, b) for a, b in zip(before[:4], after[:4], strict=True))
    assert env.get_attr("elapsed_steps") == tuple(env.get_state().elapsed_steps)


def test_context_use_and_close():
    with fastpg.make_vec("CartPole-v1") as env:
        env.reset(seed=0)
    assert env.closed
    env.close()


WRAPPED = {
    "RecordEpisodeStatistics": wrappers.RecordEpisodeStatistics,
    "NormalizeObservation": wrappers.NormalizeObservation,
    "NormalizeReward": wrappers.NormalizeReward,
    "ClipReward": lambda env: wrappers.ClipReward(env, -0.5, 0.5),
    "DtypeObservation": lambda env: wrappers.DtypeObservation(env, np.float64),
    "FlattenObservation": wrappers.FlattenObservation,
    "TransformReward": lambda env: wrappers.TransformReward(env, lambda r: 2 * r),
    "VectorizeTransformObservation": lambda env: wrappers.VectorizeTransformObservation(
        env, gymnasium.wrappers.RescaleObservation, min_obs=np.float32(-1), max_obs=np.float32(1)
    ),
    "DictInfoToList": wrappers.DictInfoToList,
}


def supports(wrapper, mode):
    """Whether Gymnasium's wrapper accepts its own SyncVectorEnv in this mode."""
    try:
        wrapper(sync("MountainCar-v0", 2, mode))
    except (AssertionError, ValueError, TypeError):
        return False
    return True


@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
@pytest.mark.parametrize("name", WRAPPED)
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_vector_wrappers_give_what_they_give_over_gymnasium_s(name, mode):
    wrapper = WRAPPED[name]
    if not supports(wrapper, mode):
        with pytest.raises((AssertionError, ValueError, TypeError)):
            wrapper(fastpg.make_vec("MountainCar-v0", 2, autoreset_mode=mode))
        return
    native, gym = pair("MountainCar-v0", 2, mode, max_episode_steps=6)
    native, gym = wrapper(native), wrapper(gym)
    assert np.array_equal(native.reset(seed=3)[0], gym.reset(seed=3)[0])
    rng = np.random.default_rng(0)
    for _ in range(30):
        actions = rng.integers(0, 3, 2)
        mine, other = native.step(actions), gym.step(actions)
        for one, two in zip(mine[:4], other[:4], strict=True):
            assert np.array_equal(one, two)
        assert without_times(mine[4]) == without_times(other[4])
    gym.close()


def test_episode_statistics_survive_masked_resets():
    """With SyncVectorEnv, which removes the mask from the dict, every count would restart."""
    env = wrappers.RecordEpisodeStatistics(
        fastpg.make_vec("MountainCar-v0", 2, autoreset_mode="Disabled", max_episode_steps=10)
    )
    env.reset(seed=0)
    for _ in range(4):
        env.step(np.array([0, 2]))
    env.reset(options={"reset_mask": np.array([True, False])})
    lengths = {}
    for _ in range(10):
        _, _, _, truncated, info = env.step(np.array([0, 2]))
        for i in np.flatnonzero(truncated):
            lengths.setdefault(int(i), int(info["episode"]["l"][i]))
        if truncated.any():
            env.reset(options={"reset_mask": truncated})
    assert lengths == {0: 10, 1: 10}


def without_times(info):
    if isinstance(info, list):
        return [without_times(one) for one in info]
    if isinstance(info, dict):
        return {k: without_times(v) for k, v in info.items() if k not in ("t", "_t")}
    return info.tolist() if isinstance(info, np.ndarray) and info.dtype != object else str(info)


def test_actions_are_rescaled_by_gymnasium_s_wrapper():
    native, gym = pair("Pendulum-v1", 2)
    bounds = np.float32(-1), np.float32(1)
    native, gym = (wrappers.RescaleAction(env, *bounds) for env in (native, gym))
    native.reset(seed=0)
    gym.reset(seed=0)
    actions = np.array([[0.5], [-1.0]], np.float32)
    assert np.array_equal(native.step(actions)[0], gym.step(actions)[0])
    gym.close()


def test_the_old_version_s_warning_is_passed_on_once():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        fastpg.make_vec("CartPole-v0")
    assert [w.category for w in seen] == [DeprecationWarning]
    assert "CartPole-v1" in str(seen[0].message)
    assert seen[0].filename == __file__
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        gymnasium.make_vec("fastpg/CartPole-v0")
    assert [w.category for w in seen] == [DeprecationWarning]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        fastpg.NPG("linear", "CartPole-v0", seed=0)
    assert [w.filename for w in seen] == [__file__]
