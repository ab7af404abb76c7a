"""Arguments that native environments refuse, as Gymnasium does, without any change of state."""

import dataclasses

import gymnasium
import numpy as np
import pytest

import fastpg
from lockstep import assert_unchanged, pair
from oracles import CONTINUOUS, CURRENT


@pytest.mark.parametrize(
    ("state", "error"),
    [
        (np.zeros((2, 4)), ValueError),
        (np.zeros((3, 5)), ValueError),
        (np.zeros(4), ValueError),
        (np.full((3, 4), np.nan), ValueError),
        (np.full((3, 4), np.inf), ValueError),
        (np.full((3, 4), "x"), TypeError),
        (None, TypeError),
        (fastpg.make_vec("CartPole-v1", 2).get_state(), ValueError),
        (fastpg.make_vec("Pendulum-v1", 3).get_state(), ValueError),
    ],
)
def test_bad_states_change_nothing(state, error):
    env = fastpg.make_vec("CartPole-v1", 3)
    env.reset(seed=0)
    before = env.get_state()
    with pytest.raises(error, match="state"):
        env.set_state(state)
    assert_unchanged(env, before)


def test_an_environment_that_was_never_reset_gets_entropy_with_its_state():
    envs = [fastpg.make_vec("CartPole-v1", 2, max_episode_steps=1) for _ in range(2)]
    for env in envs:
        env.set_state(np.zeros((2, 4)))
        env.step(np.zeros(2, int))
    resets = np.concatenate([env.step(np.zeros(2, int))[0] for env in envs])
    assert len(np.unique(resets, axis=0)) == 4


BAD_CONTINUOUS = [
    (np.zeros((3, 1), np.int64), TypeError, "float32 or float64"),
    (np.zeros((3, 1), np.float16), TypeError, "float32 or float64"),
    (np.zeros((3, 1), bool), TypeError, "float32 or float64"),
    (np.zeros((3, 1), complex), TypeError, "float32 or float64"),
    (np.zeros(3, np.float32), ValueError, r"expected shape \(3, 1\)"),
    (np.zeros((3, 2), np.float32), ValueError, r"expected shape \(3, 1\)"),
    (np.zeros((2, 1), np.float32), ValueError, r"expected shape \(3, 1\)"),
    (np.full((3, 1), np.nan), ValueError, "finite"),
    (np.full((3, 1), -np.inf, np.float32), ValueError, "finite"),
    ("push", TypeError, "float32 or float64"),
    (None, TypeError, "float32 or float64"),
]

BAD_DISCRETE = [
    (np.zeros(3, np.float32), TypeError, "integer"),
    (np.zeros(3, bool), TypeError, "integer"),
    (np.array([0, 1, 9]), ValueError, r"at index \(2,\)"),
    (np.array([-1, 0, 0]), ValueError, r"at index \(0,\)"),
    (np.array([0, 0, 2**63], np.uint64), ValueError, r"at index \(2,\)"),
    (np.zeros((3, 1), int), ValueError, r"expected shape \(3,\)"),
    (np.zeros(4, int), ValueError, r"expected shape \(3,\)"),
]


@pytest.mark.parametrize("env_id", CURRENT)
def test_bad_actions_change_nothing(env_id):
    env = fastpg.make_vec(env_id, 3)
    env.reset(seed=0)
    before = env.get_state()
    for actions, error, text in BAD_CONTINUOUS if env_id in CONTINUOUS else BAD_DISCRETE:
        with pytest.raises(error, match=text):
            env.step(actions)
    assert_unchanged(env, before)


def test_continuous_actions_in_any_layout():
    env, other = (fastpg.make_vec("Pendulum-v1", 4) for _ in range(2))
    env.reset(seed=0)
    other.reset(seed=0)
    wide = np.arange(16.0).reshape(4, 4) / 10
    strided, reversed_bytes = wide[:, 1:2], wide[:, 1:2].astype(">f8")
    expected = other.step(np.ascontiguousarray(strided))
    state = env.get_state()
    for actions in (strided, reversed_bytes, strided.tolist()):
        env.set_state(state)
        assert np.array_equal(env.step(actions)[0], expected[0])


@pytest.mark.parametrize("env_id", CURRENT)
def test_a_step_before_the_reset_is_an_error(env_id):
    env = fastpg.make_vec(env_id, 2)
    with pytest.raises(RuntimeError, match="reset"):
        env.step(env.action_space.sample())
    env.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(RuntimeError, match="reset"):
        env.step(env.action_space.sample())


@pytest.mark.parametrize("env_id", CURRENT)
def test_a_finished_environment_is_not_stepped_under_disabled(env_id):
    env = fastpg.make_vec(env_id, 2, autoreset_mode="Disabled", max_episode_steps=1)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    before = env.get_state()
    with pytest.raises(RuntimeError, match="reset_mask"):
        env.step(env.action_space.sample())
    assert_unchanged(env, before)


BOUNDS = [np.array(0.125), np.array(0.1, np.float32), np.array(1), np.float32(0.1), np.int8(1)]

BOUNDS += [1, True, np.True_, "0.1", np.array("0.1"), b"0.1"]

NO_BOUNDS = ["x", None, [0.1], (0.1,), {}, [], 1j, np.array(1j), np.zeros(0), np.zeros(2), object()]


@pytest.mark.parametrize("given", BOUNDS, ids=repr)
@pytest.mark.parametrize(
    ("env_id", "name"),
    [("CartPole-v1", "high"), ("Pendulum-v1", "x_init"), ("Pendulum-v1", "y_init")],
)
def test_bounds_of_a_reset_are_what_gymnasium_takes(env_id, name, given):
    ids, options = (env_id, f"fastpg:fastpg/{env_id}"), {name: given}
    # Without the checker, which warns of starts beyond the observation space.
    made = [gymnasium.make(id, disable_env_checker=True) for id in ids]
    theirs, native = (env.reset(seed=3, options=options)[0] for env in made)
    several, _ = fastpg.make_vec(env_id, 2).reset(seed=3, options=options)
    assert np.array_equal(native, theirs)
    assert np.array_equal(several[0], theirs)


def test_a_low_bound_may_be_an_array_of_no_dimensions():
    options = {"low": np.array(-0.1), "high": np.array(0.1)}
    theirs, _ = gymnasium.make("CartPole-v1").reset(seed=3, options=options)
    assert np.array_equal(
        fastpg.make_vec("CartPole-v1").reset(seed=3, options=options)[0][0], theirs
    )


# No addresses in names, which differ between the processes of pytest-xdist.
@pytest.mark.parametrize("given", NO_BOUNDS, ids=lambda given: type(given).__name__)
@pytest.mark.parametrize(
    ("env_id", "name"), [("CartPole-v1", "low"), ("CartPole-v1", "high"), ("Pendulum-v1", "x_init")]
)
def test_what_is_no_number_is_a_value_error_as_in_gymnasium(env_id, name, given):
    with pytest.raises(ValueError, match="could not be converted to a float"):
        gymnasium.make(env_id).reset(seed=3, options={name: given})
    for env in (gymnasium.make(f"fastpg:fastpg/{env_id}"), fastpg.make_vec(env_id, 2)):
        with pytest.raises(ValueError, match=f"{name}: expected a number, got"):
            env.reset(seed=3, options={name: given})


def test_the_state_of_a_vector_environment_is_gymnasium_s():
    theirs = gymnasium.make_vec("CartPole-v1", 3, vectorization_mode="vector_entry_point")
    env = gymnasium.make_vec("fastpg:fastpg/CartPole-v1", 3)
    assert env.unwrapped.state is None
    assert theirs.unwrapped.state is None
    env.reset(seed=0)
    theirs.reset(seed=0)
    mine, other = env.unwrapped.state, theirs.unwrapped.state
    assert (mine.shape, mine.dtype) == (other.shape, other.dtype) == ((4, 3), np.float64)
    env.unwrapped.state = other
    assert np.array_equal(env.unwrapped.state, other)
    actions = np.array([0, 1, 1])
    assert np.allclose(env.step(actions)[0], theirs.step(actions)[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("env_id", "size"), [("Pendulum-v1", 2), ("Acrobot-v1", 4)])
def test_the_state_of_any_vector_environment(env_id, size):
    env = fastpg.make_vec(env_id, 3)
    assert env.state is None
    env.state = np.arange(3.0 * size).reshape(size, 3) / 10
    assert env.state.shape == (size, 3)
    assert np.array_equal(env.state, env.get_state().states)
    assert np.array_equal(env.state.T, np.array(env.get_attr("state")))
    before = env.state
    env.state[:] = 0.0  # a copy
    for bad in (np.zeros((3, size)), np.full((size, 3), np.nan), 0.0, None):
        with pytest.raises((TypeError, ValueError), match="state"):
            env.state = bad
    assert np.array_equal(env.state, before)


def test_a_state_that_some_environments_do_not_have_yet():
    env = fastpg.make_vec("CartPole-v1", 2)
    env.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(RuntimeError, match="reset"):
        _ = env.state


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"reset_mask": np.zeros(3, bool)}, ValueError, "at least one True"),
        ({"reset_mask": np.ones(2, bool)}, ValueError, "reset_mask"),
        ({"reset_mask": np.ones(3, int)}, TypeError, "reset_mask"),
        ({"reset_mask": "all"}, TypeError, "reset_mask"),
        ({"low": 1.0, "high": 0.5}, ValueError, "low <= high"),
        ({"low": np.nan}, ValueError, "low"),
        ({"high": 1e39}, ValueError, "1e\\+38"),
        ({"lo": 0.0}, ValueError, "unknown option 'lo'; did you mean 'low'"),
        ({"x_init": 0.0}, ValueError, "unknown option 'x_init'"),
    ],
)
def test_bad_options_of_a_reset_change_nothing(options, error, text):
    env = fastpg.make_vec("CartPole-v1", 3)
    env.reset(seed=0)
    before = env.get_state()
    with pytest.raises(error, match=text):
        env.reset(options=options)
    assert_unchanged(env, before)


BAD_SEEDS = [-1, 1.5, "seed", [1, 2], [1, 2, -3], [0.5, 1, 2], [[1], [2], [3]], True, np.array(5)]


@pytest.mark.parametrize("seed", BAD_SEEDS)
def test_bad_seeds_change_nothing(seed):
    env = fastpg.make_vec("CartPole-v1", 3)
    env.reset(seed=0)
    before = env.get_state()
    with pytest.raises((ValueError, TypeError), match="seed"):
        env.reset(seed=seed)
    assert_unchanged(env, before)


def test_the_options_dict_is_left_as_it_is():
    env = fastpg.make_vec("CartPole-v1", 2)
    env.reset(seed=0)
    options = {"reset_mask": np.array([True, False]), "low": -0.01}
    env.reset(options=options)
    assert list(options) == ["reset_mask", "low"]


@pytest.mark.parametrize(
    ("name", "values", "error", "text"),
    [
        ("gravty", 9.8, AttributeError, "did you mean 'gravity'"),
        ("gravity", "strong", TypeError, "gravity"),
        ("gravity", np.nan, ValueError, "gravity"),
        ("gravity", True, TypeError, "gravity"),
        ("gravity", [9.8, 9.8], ValueError, "expected 3 values, got 2"),
        ("gravity", [9.8, 9.8, np.inf], ValueError, "gravity"),
        ("kinematics_integrator", "rk4", ValueError, "unknown kinematics_integrator 'rk4'"),
        ("sutton_barto_reward", 1, TypeError, "sutton_barto_reward"),
    ],
)
def test_bad_attributes_change_nothing(name, values, error, text):
    env = fastpg.make_vec("CartPole-v1", 3)
    before = env.native.parameters()
    with pytest.raises(error, match=text):
        env.set_attr(name, values)
    assert env.native.parameters() == before


def test_attributes_that_are_not_parameters():
    env, gym = pair("CartPole-v1", 3)
    env.reset(seed=[4, 5, 6])
    gym.reset(seed=[4, 5, 6])
    assert env.get_attr("np_random_seed") == gym.get_attr("np_random_seed") == (4, 5, 6)
    for mine, other in zip(env.np_random, gym.np_random, strict=True):
        assert mine.bit_generator.state == other.bit_generator.state
    for mine, other in zip(env.get_attr("state"), gym.get_attr("state"), strict=True):
        assert np.array_equal(mine, other)
    env.set_attr("state", [np.zeros(4), np.ones(4) / 10, np.zeros(4)])
    assert env.get_attr("state")[1].tolist() == [0.1] * 4
    env.np_random = gym.np_random
    assert np.array_equal(env.reset()[0], gym.reset()[0])
    with pytest.raises(AttributeError, match="did you mean 'state'"):
        env.get_attr("stat")
    with pytest.raises(ValueError, match="expected 3 generators"):
        env.np_random = gym.np_random[:1]
    gym.close()


WRONG_GENERATORS = (np.random.RandomState(0), 3, np.random.Generator)


@pytest.mark.parametrize("wrong", WRONG_GENERATORS, ids=str)
def test_what_is_no_generator_is_refused_by_the_next_reset(wrong):
    env = gymnasium.make("fastpg:fastpg/CartPole-v1").unwrapped
    env.reset(seed=0)
    before = env.get_state()
    env.np_random = wrong
    with pytest.raises(TypeError, match=r"np_random: expected a NumPy generator.*, got"):
        env.reset()
    assert_unchanged(env, before)
    env.reset(seed=0)


@pytest.mark.parametrize(
    "wrong", [3, None, np.random.default_rng(0), "abc", *([one] * 3 for one in WRONG_GENERATORS)]
)
def test_what_are_no_generators_change_nothing(wrong):
    env = fastpg.make_vec("CartPole-v1", 3)
    env.reset(seed=0)
    before = env.get_state()
    with pytest.raises(TypeError, match=r"np_random: expected a .*generator.*, got"):
        env.np_random = wrong
    assert_unchanged(env, before)
    assert env.np_random_seed == (0, 1, 2)


def restored(**changes):
    """A state after some steps, the same with changes, and where an environment is put by these."""
    env = fastpg.make_vec("CartPole-v1", 3)
    env.reset(seed=0)
    env.step([0, 1, 0])
    start = env.get_state()
    changed = {name: change(getattr(start, name)) for name, change in changes.items()}
    other = fastpg.make_vec("CartPole-v1", 3)
    before = other.get_state()
    try:
        other.set_state(dataclasses.replace(start, **changed))
    except (TypeError, ValueError):
        assert_unchanged(other, before)
        assert other.np_random_seed == (None,) * 3
        raise
    return start, other


FORMS = {
    "list": lambda field: field.tolist(),
    "Fortran": np.asfortranarray,
    "transposed": lambda field: np.ascontiguousarray(field.T).T,
    "strided": lambda field: np.repeat(field, 2, axis=0)[::2],
    "other bytes": lambda field: field.astype(field.dtype.newbyteorder()),
}
FIELDS = [field.name for field in dataclasses.fields(fastpg.EnvState)]


@pytest.mark.parametrize("form", FORMS)
def test_fields_of_a_state_in_other_forms(form):
    start, env = restored(**dict.fromkeys(FIELDS, FORMS[form]))
    assert_unchanged(env, start)
    assert env.step([1, 1, 1])[1].tolist() == [1.0] * 3
    whole = {"elapsed_steps": np.int8, "status": np.int64, "episode_returns": np.int64}
    start, env = restored(**{name: lambda x, d=d: x.astype(d) for name, d in whole.items()})
    assert_unchanged(env, start)


NO_NUMBERS = (None, "x", 3, np.full(3, None), [[1, 2], [3]], [2**70, 0, 0])
NO_WHOLE_NUMBERS = ([0.5] * 3, [-1] * 3, np.full((3, 4), -1), np.zeros((3, 4), bool))


@pytest.mark.parametrize(
    ("field", "wrong"),
    [(field, wrong) for field in FIELDS for wrong in NO_NUMBERS]
    + [(field, wrong) for field in FIELDS[1:3] + FIELDS[4:] for wrong in NO_WHOLE_NUMBERS],
)
def test_wrong_fields_of_a_state_are_named(field, wrong):
    with pytest.raises((TypeError, ValueError), match=f"{field}: expected .*"):
        restored(**{field: lambda _: wrong})


@pytest.mark.parametrize("options", [3, 0, "low", [0.1]])
def test_options_that_are_no_dict(options):
    vector = fastpg.make_vec("CartPole-v1", 2)
    single = gymnasium.make("fastpg:fastpg/CartPole-v1").unwrapped
    copies = fastpg.NPG("linear", lambda: gymnasium.make("CartPole-v1")).env
    for env in (vector, single, copies):
        with pytest.raises(TypeError, match="options: expected a dict, got"):
            env.reset(options=options)
        env.reset(options={})


@pytest.mark.parametrize("env_id", ["CartPole-v1", "MountainCar-v0"])
def test_states_that_cannot_be_drawn(env_id):
    pytest.importorskip("pygame")
    vector = fastpg.make_vec(env_id, 2, render_mode="rgb_array")
    single = gymnasium.make(f"fastpg:fastpg/{env_id}", render_mode="rgb_array").unwrapped
    for env in (vector, single):
        env.reset(seed=0)
        start = env.get_state()
        env.set_state(dataclasses.replace(start, states=np.full_like(start.states, 1e37)))
        with pytest.raises(
            ValueError, match=r"render: expected a state that can be drawn, got \[1e"
        ):
            env.render()
        env.set_state(start)
        env.render()
        env.close()


def test_parameters_that_cannot_be_drawn():
    pytest.importorskip("pygame")
    env = fastpg.make_vec("CartPole-v1", length=1e300, render_mode="rgb_array")
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"render: expected a state .* 'length': 1e\+300"):
        env.render()
