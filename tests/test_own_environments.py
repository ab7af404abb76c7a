"""Environments of users: names, bounds, states and pictures that fit what the user has written."""

import copy
import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

pytest.importorskip("numba", reason="numba is not installed")

import fastpg
from fastpg import playing
from fastpg.envs import NativeEnv, c_interface
from fastpg.rollouts.env_recipe import EnvRecipe


def defined(env_id, render=None, **given):
    """A small environment: its state is `value`, the number of a reset."""

    def reset(state, params, options, rng):
        state.x = options.k

    def step(state, action, params, rng):
        state.x += 1.0
        return state.x, False

    def observe(state, params, out):
        out[0] = min(state.x, 1e3)

    functions = {"reset": reset, "step": step, "observe": observe}
    if render is not None:
        functions["render"] = render
    arguments = {
        "state": ["x"], "observation": 1, "action": 2, "reset_options": {"k": 2.0},
        "max_episode_steps": 5,
    }  # fmt: skip
    decorate = fastpg.numba_env(env_id, **{**arguments, **given})
    return decorate(type("Own", (), functions))


@pytest.mark.parametrize(
    "name", ["copy", "num_envs", "id", "observation_space", "spec", "state", "step", "np_random"]
)
def test_a_parameter_has_no_name_of_environments(name):
    with pytest.raises(ValueError, match=f"params: expected a name .*, got '{name}'"):
        defined("Named-v0", params={name: 1.0})
    assert "Named-v0" not in gymnasium.registry


def test_a_reset_option_has_no_name_of_resets():
    with pytest.raises(ValueError, match=r"reset_options: expected a name .*, got 'reset_mask'"):
        defined("Named-v1", reset_options={"k": 1.0, "reset_mask": 1.0})


def test_an_option_that_is_whole_takes_no_fraction():
    env = defined("Whole-v0", reset_options={"k": 2})
    vector, single = fastpg.make_vec(env, 2), gymnasium.make("Whole-v0")
    for one in (vector, single, env.reference()):
        with pytest.raises(ValueError, match=r"k: expected a whole number, got 2\.5"):
            one.reset(seed=0, options={"k": 2.5})
    assert vector.reset(options={"k": 3})[0].tolist() == [[3.0], [3.0]]


@pytest.mark.parametrize(
    ("low", "high"), [(-0.1, 0.1), (0.1, 0.3), (-1.0, 2.0), (-np.inf, 1e300), (0.1, 0.1)]
)
def test_bounds_of_actions_are_within_those_given(low, high):
    """Rounded to float32, 0.1 would be above 0.1."""
    box = c_interface.inner_box(np.array([low]), np.array([high]))
    least, most = float(box.low[0]), float(box.high[0])
    if low == high:  # no float32 number is within
        assert least == most == float(np.float32(low))
        return
    assert low <= least <= most <= high
    assert low == -np.inf or float(np.nextafter(box.low[0], np.float32(-np.inf))) < low
    assert high > 1e38 or float(np.nextafter(box.high[0], np.float32(np.inf))) > high


def test_native_and_reference_have_one_space_of_actions():
    box = spaces.Box(np.float64([-0.1]), np.float64([0.1]), dtype=np.float64)
    env = defined("Bounded-v0", action=box)
    space = fastpg.make_vec(env, 1).single_action_space
    assert env.reference().action_space == space
    assert np.float64(space.high[0]) <= 0.1
    algo = fastpg.NPG("linear", env, n_envs=2, n_steps=20, seed=0).learn(40)
    fastpg.evaluate_policy(algo, env.reference(), 1)
    with pytest.raises(ValueError, match="a Box of floating-point numbers, got dtype int32"):
        defined("Bounded-v1", action=spaces.Box(0, 5, (1,), np.int32))


def test_bounds_may_be_open_and_must_be_in_order():
    env = defined("Open-v0", params={"speed": (1.0, None, 2.0), "count": (3, 1, None)})
    assert fastpg.make_vec(env, 1, speed=-1e6, count=10**6).get_attr("count") == (10**6,)
    with pytest.raises(ValueError, match="speed"):
        fastpg.make_vec(env, 1, speed=2.5)
    for wrong in ((1.0, "x", 2.0), (1.0, 0.0, "much")):
        with pytest.raises(TypeError, match=r"params: speed \(bound\): expected a number"):
            defined("Open-v1", params={"speed": wrong})
    with pytest.raises(ValueError, match=r"observation: b: expected low <= high, got \(1, 0\)"):
        defined("Open-v2", observation={"a": (0, 1), "b": (1, 0)})


def test_an_object_whose_id_was_taken_is_refused():
    old = defined("Again-v0")
    vector = fastpg.make_vec(old, 2)
    algo = fastpg.NPG("linear", vector, n_steps=10, seed=0)
    new = defined("Again-v0", reset_options={"k": 5.0})
    vector.reset(seed=0)
    assert vector.step([0, 0])[1].tolist() == [3.0, 3.0]  # those that are made go on
    for use in (
        lambda: fastpg.make_vec(old, 1),
        lambda: fastpg.NPG("linear", old),
        lambda: fastpg.evaluate_policy(algo, old, 1),
        lambda: fastpg.check_native_env(old),
        lambda: copy.deepcopy(vector),
        lambda: pickle.dumps(old),
    ):
        with pytest.raises(ValueError, match="Again-v0 was registered again"):
            use()
    assert EnvRecipe.of(vector).obstacle == "another environment has its id now"
    assert fastpg.make_vec(new, 1).reset(seed=0)[0].tolist() == [[5.0]]


def test_a_definition_that_comes_back_is_its_own_again():
    first = defined("Back-v0")
    first.module = None  # a pickle then holds the definition
    packed = pickle.dumps(first)
    defined("Back-v0", reset_options={"k": 5.0})
    back = pickle.loads(packed)
    assert fastpg.make_vec(back, 1).reset(seed=0)[0].tolist() == [[2.0]]


@pytest.mark.parametrize(
    ("number", "name"), [(np.inf, "Most"), (-np.inf, "Least"), (np.nan, "None"), (1e300, "Large")]
)
def test_a_state_may_hold_any_number(number, name, tmp_path):
    """Such as the best value so far, which begins as infinity."""
    env = defined(f"{name}-v0", state=["x", "best"])
    vector, single = fastpg.make_vec(env, 2), gymnasium.make(env.id).unwrapped
    for one in (vector, single):
        one.reset(seed=0)
        state = one.get_state()
        state.states[1] = number
        one.set_state(state)
        one.state = one.state
        assert np.array_equal(one.get_state().states[1], state.states[1], equal_nan=True)
    algo = fastpg.NPG("linear", vector, n_steps=10, seed=0)
    kept = tmp_path / "kept.npz"

    def stop(record):
        vector.native.restore(**{**vector.native.snapshot(), "states": changed(vector, number)})
        algo.save_checkpoint(kept)
        return False

    algo.learn(200, callback=stop)
    resumed = fastpg.resume(kept)
    found = resumed.env.get_state().states
    assert np.array_equal(found, vector.get_state().states, equal_nan=True)
    built_in = fastpg.make_vec("Pendulum-v1", 1)
    built_in.reset(seed=0)
    with pytest.raises(ValueError, match="state: expected finite"):
        built_in.set_state([[np.inf, 0.0]])


@pytest.mark.parametrize("bad", [0.5, np.nan, -np.inf, 1e300])
def test_an_integer_of_a_state_is_one(bad):
    env = defined("Count-v0", state={"x": float, "counts": (np.int64, 2)})
    vector, single = fastpg.make_vec(env, 2), gymnasium.make("Count-v0").unwrapped
    for one in (vector, single):
        one.reset(seed=0)
        before = one.get_state()
        state = one.get_state()
        state.states[2, -1] = bad
        for given in (state, state.states.T if one is vector else state.states[:, 0]):
            with pytest.raises(ValueError, match=r"state.counts: expected whole numbers .*, got"):
                one.set_state(given)
        assert np.array_equal(one.get_state().states, before.states)


def changed(vector, number):
    states = vector.get_state().states.copy()
    states[1] = number
    return states


def draw(state, params):
    return np.full((8, 6, 3), min(int(state.x), 255), np.uint8)


def test_pictures_of_a_trained_environment():
    env = defined("Drawn-v0", render=draw)
    algo = fastpg.NPG("linear", env, n_envs=2, n_steps=10, seed=0).learn(20)
    made = playing.make_drawn(algo.env_recipe)
    made.reset(seed=0)
    assert made.render().max() == 2


def test_an_environment_without_pictures_says_how_to_have_them():
    made = gymnasium.make(defined("NoPicture-v0").id, render_mode="rgb_array")
    made.reset(seed=0)
    with pytest.raises(NotImplementedError, match=r"expected a function render\(state, params\)"):
        made.render()


@pytest.mark.parametrize("env_id", ["Spaces-v0", "Pendulum-v1"])
@pytest.mark.parametrize(
    "make",
    [
        lambda env_id: fastpg.make_vec(env_id).single_action_space,
        lambda env_id: fastpg.make_vec(env_id).single_observation_space,
        lambda env_id: NativeEnv(env_id).action_space,
    ],
)
def test_spaces_belong_to_one_environment(env_id, make):
    if env_id == "Spaces-v0":
        defined(env_id, action=spaces.Box(-1.0, 1.0, (2,)))
    one, two = make(env_id), make(env_id)
    assert one == two
    one.seed(3)
    two.seed(3)
    expected = two.sample()
    two.seed(4)
    two.sample()
    assert np.array_equal(one.sample(), expected)
    one.low[...] = 7.0
    assert (two.low < 0.0).all()
