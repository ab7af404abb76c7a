"""Bad input: a typed error with the expected and the actual value, and no partial changes."""

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpg
from fastpg import _core, arrays
from fastpg.algorithms import ALGORITHMS
from fastpg.rollouts.collect import make_collector
from kernel_catalogue import rollout

GAE = {
    "rewards": np.ones((3, 2)),
    "values": np.ones((3, 2)),
    "next_values": np.ones((3, 2)),
    "terminated": np.zeros((3, 2), dtype=bool),
    "ended": np.zeros((3, 2), dtype=bool),
}
FLOATS = ["rewards", "values", "next_values"]
FLAGS = ["terminated", "ended"]


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_gae_not_finite(name, bad):
    array = np.ones((3, 2))
    array[1, 1] = bad
    with pytest.raises(ValueError, match=rf"{name}: expected finite values, got .* at .*\(1, 1\)"):
        fastpg.gae(**GAE | {name: array})


@pytest.mark.parametrize("name", FLOATS + FLAGS)
@pytest.mark.parametrize("shape", [(2, 2), (3,), (3, 2, 1), ()])
def test_gae_shapes(name, shape):
    with pytest.raises(ValueError, match="expected"):
        fastpg.gae(**GAE | {name: np.zeros(shape, dtype=GAE[name].dtype)})


@pytest.mark.parametrize("shape", [(0,), (0, 2), (3, 0)])
def test_gae_empty(shape):
    with pytest.raises(ValueError, match="rewards: expected at least one element, got shape"):
        fastpg.gae(**{name: np.zeros(shape, dtype=a.dtype) for name, a in GAE.items()})


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("dtype", [complex, object, "U1", "M8[s]", bool])
def test_gae_dtypes(name, dtype):
    with pytest.raises(TypeError, match=f"{name}: expected real numbers, got"):
        fastpg.gae(**GAE | {name: np.zeros((3, 2)).astype(dtype)})


@pytest.mark.parametrize("name", FLOATS)
def test_gae_ragged(name):
    with pytest.raises(TypeError, match=f"{name}: expected real numbers, got list"):
        fastpg.gae(**GAE | {name: [[1.0], [1.0, 2.0], [1.0]]})


@pytest.mark.parametrize("name", FLAGS)
def test_gae_flags_are_booleans(name):
    with pytest.raises(TypeError, match=f"{name}: expected booleans, got dtype int64"):
        fastpg.gae(**GAE | {name: np.zeros((3, 2), dtype=np.int64)})


@pytest.mark.parametrize("name", ["gamma", "gae_lambda"])
@pytest.mark.parametrize("bad", [-0.01, 1.01, np.nan, np.inf])
def test_gae_ranges(name, bad):
    with pytest.raises(ValueError, match=f"{name}: expected a"):
        fastpg.gae(**GAE | {name: bad})


def test_terminated_without_an_end():
    terminated = GAE["terminated"].copy()
    terminated[1, 0] = True
    with pytest.raises(ValueError, match="expected a subset of ended"):
        fastpg.gae(**GAE | {"terminated": terminated})


def test_orders_and_read_only_arrays_are_accepted(rng):
    values = rng.normal(size=(3, 2))
    expected = fastpg.gae(**GAE | {"values": values})[0]
    fortran, strided = np.asfortranarray(values), np.repeat(values, 2, axis=1)[:, ::2]
    read_only, swapped = values.copy(), values.astype(">f8")
    read_only.flags.writeable = False
    for same in (fortran, strided, read_only, swapped, values.tolist()):
        assert np.array_equal(fastpg.gae(**GAE | {"values": same})[0], expected)


POLICY = fastpg.LinearSoftmax(4, 2)
EVEN = np.log([[0.5, 0.5]])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: fastpg.LinearSoftmax(0, 2), ValueError, "observation_size: expected an integer"),
        (lambda: fastpg.LinearSoftmax(2.5, 2), TypeError, "expected an integer, got 2.5"),
        (lambda: fastpg.LinearSoftmax(4, -1), ValueError, "n_actions"),
        (lambda: fastpg.LinearSoftmax(4, True), TypeError, "n_actions"),
        (lambda: fastpg.LinearSoftmax(4, 2, np.zeros((4, 2))), ValueError, r"theta.*\(5, 2\)"),
        (lambda: POLICY.features(np.zeros((3, 5))), ValueError, "observations: expected shape"),
        (lambda: POLICY.features(np.zeros((0, 4))), ValueError, "at least one element"),
        (lambda: POLICY.features([["a"] * 4]), TypeError, "real numbers"),
        (lambda: POLICY.features([[1.0, 2.0], [3.0]]), TypeError, "real numbers"),
        (lambda: POLICY.features(np.full((1, 4), 1e300)), ValueError, "range of float32"),
        (lambda: POLICY.sample(np.log([[0.5, 0.5]]), [1.0]), ValueError, "uniforms"),
        (lambda: POLICY.log_prob(EVEN, [2]), ValueError, r"actions.*\[0, 2\), got 2"),
        (lambda: POLICY.log_prob(EVEN, [0.0]), TypeError, "actions: expected integers"),
        (lambda: fastpg.conjugate_gradient(np.eye(3), np.ones(2)), ValueError, "matrix"),
        (lambda: fastpg.conjugate_gradient(np.eye(2), np.ones(2), max_steps=0), ValueError,
         "max_steps"),
        (lambda: fastpg.conjugate_gradient(np.eye(2), np.ones(2), tol=-1.0), ValueError, "tol"),
        (lambda: fastpg.conjugate_gradient(np.eye(2), np.ones(2), damping=-1.0), ValueError,
         "damping"),
        (lambda: fastpg.LinearBaseline(4, ridge=0.0), ValueError, "ridge"),
        (lambda: fastpg.LinearBaseline(4, memory=1.5), ValueError, "memory"),
        (lambda: fastpg.LinearBaseline(4).fit(np.zeros((2, 4)), [0], [0.0]), ValueError,
         "step_index"),
        (lambda: fastpg.make_vec("CartPole-v1", 0), ValueError, "num_envs"),
        (lambda: fastpg.make_vec("CartPole-v1", -3), ValueError, "num_envs"),
        (lambda: fastpg.make_vec("CartPole-v1", 2.0), TypeError, "num_envs"),
        (lambda: fastpg.make_vec("CartPole-v1", max_episode_steps=0), ValueError,
         "max_episode_steps"),
        (lambda: fastpg.make_vec(3), TypeError, "id: expected a string"),
        (lambda: fastpg.make_vec("CartPole-v1", autoreset_mode="Sometimes"), ValueError,
         "unknown autoreset_mode 'Sometimes'"),
        (lambda: fastpg.make_vec("CartPole-v1", gravty=3.0), TypeError,
         "unknown option 'gravty'; did you mean 'gravity'"),
        (lambda: fastpg.make_vec("CartPole-v1", exact="yes"), TypeError, "exact"),
        (lambda: fastpg.make_vec("CartPole-v1", sutton_barto_reward=1), TypeError,
         "sutton_barto_reward"),
        (lambda: fastpg.make_vec("CartPole-v1", kinematics_integrator="euler2"), ValueError,
         "did you mean 'euler'"),
        (lambda: fastpg.collect(fastpg.make_vec("CartPole-v1"), POLICY), ValueError,
         "exactly one of n_steps and n_episodes"),
        (lambda: fastpg.collect(fastpg.make_vec("CartPole-v1"), POLICY, n_steps=0), ValueError,
         "n_steps"),
        (lambda: fastpg.collect("CartPole-v1", POLICY, n_steps=1), TypeError, "make_vec"),
        (lambda: fastpg.collect(fastpg.make_vec("CartPole-v1"), fastpg.LinearSoftmax(3, 2),
                                n_steps=1), ValueError, "observation_size"),
    ],
)  # fmt: skip
def test_public_functions(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize(
    ("id", "nearest"),
    [("CartPole-v2", "CartPole-v1"), ("cartpole-v1", "CartPole-v1"), ("CartPol", "CartPole-v1")],
)
def test_unknown_environment_names_the_nearest(id, nearest):
    with pytest.raises(ValueError, match=f"unknown environment '{id}'; did you mean '{nearest}'"):
        fastpg.make_vec(id)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("PPO", "ppo"), ("tpro", "trpo"), ("vpg", "reinforce"), ("REINFORCE", "reinforce")],
)
def test_unknown_algorithm_names_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=f"unknown algorithm '{name}'; did you mean '{nearest}'"):
        fastpg.train(name, "CartPole-v1")


@pytest.mark.parametrize(
    ("algorithm", "option", "nearest"),
    [
        ("trpo", "max_kl", "target_kl"),
        ("trpo", "delta", "target_kl"),
        ("npg", "damping", "cg_damping"),
        ("npg", "cg_iters", "cg_max_steps"),
        ("npg", "normalized_step_size", "target_kl"),
        ("trpo", "backtrack_coeff", "line_search_shrinking_factor"),
        ("ppo", "clip_coef", "clip_range"),
        ("ppo", "eps_clip", "clip_range"),
        ("ppo", "lr", "learning_rate"),
        ("ppo", "num_envs", "n_envs"),
        ("ppo", "lam", "gae_lambda"),
        ("ppo", "update_epochs", "n_epochs"),
        ("ppo", "learning_rat", "learning_rate"),
        ("reinforce", "discount", "gamma"),
    ],
)
def test_other_libraries_spellings(algorithm, option, nearest):
    with pytest.raises(TypeError, match=f"unknown option '{option}'; did you mean '{nearest}'"):
        ALGORITHMS[algorithm]("linear", "CartPole-v1", **{option: 1})


@pytest.mark.parametrize(
    ("algorithm", "option", "bad", "error"),
    [
        (name, option, bad, error)
        for name in ("npg", "ppo", "reinforce")
        for option, bad, error in [
            ("gamma", 1.5, ValueError),
            ("gamma", -0.1, ValueError),
            ("gamma", np.nan, ValueError),
            ("gamma", "0.9", TypeError),
            ("gamma", None, TypeError),
            ("gamma", [0.9], TypeError),
            ("n_envs", 0, ValueError),
            ("n_envs", 2.0, TypeError),
            ("ent_coef", -1.0, ValueError),
            ("ent_coef", np.inf, ValueError),
        ]
    ]
    + [
        ("npg", "target_kl", 0.0, ValueError),
        ("npg", "target_kl", -1.0, ValueError),
        ("npg", "fisher", "empirical", ValueError),
        ("npg", "normalize_advantage", 1, TypeError),
        ("npg", "n_steps", 0, ValueError),
        ("npg", "cg_max_steps", 0, ValueError),
        ("npg", "cg_damping", -1e-9, ValueError),
        ("trpo", "line_search_shrinking_factor", 0.0, ValueError),
        ("trpo", "line_search_shrinking_factor", 1.5, ValueError),
        ("ppo", "learning_rate", 0.0, ValueError),
        ("ppo", "clip_range", -0.2, ValueError),
        ("ppo", "batch_size", 0, ValueError),
        ("ppo", "n_epochs", 1.5, TypeError),
        ("ppo", "max_grad_norm", 0.0, ValueError),
        ("reinforce", "n_episodes", 0, ValueError),
    ],
)
def test_option_ranges(algorithm, option, bad, error):
    with pytest.raises(error, match=f"{option}"):
        ALGORITHMS[algorithm]("linear", "CartPole-v1", **{option: bad})


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_algorithm_arguments(name):
    algorithm = ALGORITHMS[name]
    with pytest.raises(ValueError, match="LinearSoftmax"):
        algorithm("CnnPolicy", "CartPole-v1")
    with pytest.raises(TypeError, match="policy: expected a policy or its name"):
        algorithm(None, "CartPole-v1")
    with pytest.raises(ValueError, match="observation_size 3, got 4"):
        algorithm(fastpg.LinearSoftmax(3, 2), "CartPole-v1")
    with pytest.raises(TypeError, match="env: expected an id, an Env, a callable"):
        algorithm("linear", 3)
    for bad, error in ((-1, ValueError), (2**64, ValueError), (1.5, TypeError), ("a", TypeError)):
        with pytest.raises(error, match="seed"):
            algorithm("linear", "CartPole-v1", seed=bad)
    algo = algorithm("linear", "CartPole-v1", seed=0)
    for bad, error in (
        (-1, ValueError),
        (1e3 + 0.5, TypeError),
        (None, TypeError),
        (True, TypeError),
    ):
        with pytest.raises(error, match="total_timesteps"):
            algo.learn(bad)
    for bad in (np.zeros(3), np.zeros((2, 3)), np.zeros((1, 2, 4))):
        with pytest.raises(ValueError, match="observation: expected shape"):
            algo.predict(bad)
    with pytest.raises(ValueError, match="observation: expected finite"):
        algo.predict([0.0, np.nan, 0.0, 0.0])
    assert algo.history == []
    assert not algo.policy.theta.any()


def test_a_policy_keeps_its_theta_when_a_new_one_is_refused():
    policy = fastpg.LinearSoftmax(1, 2, np.ones((2, 2)))
    for bad in (np.zeros((3, 2)), np.full((2, 2), np.nan), "x", None):
        with pytest.raises((TypeError, ValueError)):
            policy.theta = bad
        assert np.array_equal(policy.theta, np.ones((2, 2)))


@pytest.mark.parametrize("observation_size", [2, 40])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e151])
def test_no_policy_takes_a_theta_that_is_not_finite(observation_size, bad):
    policy = fastpg.LinearSoftmax(observation_size, 4)
    theta = np.zeros(policy.shape)
    theta[1, 2] = bad
    with pytest.raises(ValueError, match="theta: expected"):
        policy.theta = theta
    assert not policy.theta.any()


@pytest.mark.parametrize("size", [3, 100])
def test_norms(size):
    values = np.zeros(size)
    assert arrays.norm(values) == 0.0
    values[:2] = 3e200, -4e200
    assert arrays.norm(values) == pytest.approx(5e200, rel=1e-15)
    for bad in (np.nan, np.inf, -np.inf):
        values[1] = bad
        assert not np.isfinite(arrays.norm(values))


def test_an_environment_keeps_its_state_when_a_step_is_refused():
    env = fastpg.make_vec("CartPole-v1", 2)
    with pytest.raises(RuntimeError, match="reset"):
        env.step(np.zeros(2, dtype=int))
    env.reset(seed=0)
    before = env.native.get_state()
    bad = [
        ([0, 2], ValueError), ([0, -1], ValueError), ([0], ValueError), ([0, 1, 0], ValueError),
        ([0.0, 1.0], TypeError), ([[0, 1]], ValueError), (None, TypeError), (["a", "b"], TypeError),
        ([True, False], TypeError), (np.array([0, 2**63], dtype=np.uint64), ValueError),
    ]  # fmt: skip
    for actions, error in bad:
        with pytest.raises(error, match="actions: expected"):
            env.step(actions)
    for options, error in [
        ({"low": 1.0, "high": 0.0}, ValueError),
        ({"low": np.nan}, ValueError),
        ({"high": "x"}, ValueError),
        ({"reset_mask": np.array([True])}, ValueError),
        ({"reset_mask": np.array([1, 0])}, TypeError),
        ({"reset_mask": np.array([False, False])}, ValueError),
    ]:
        with pytest.raises(error):
            env.reset(options=options)
    for seed, error in [(-1, ValueError), ([1], ValueError), ([1, -2], ValueError),
                        (1.5, TypeError), ("a", TypeError), ([1, "a"], TypeError)]:  # fmt: skip
        with pytest.raises(error, match="seed"):
            env.reset(seed=seed)
    assert np.array_equal(env.native.get_state(), before)


@pytest.mark.parametrize("was_reset", [True, False])
def test_a_refused_state_is_no_move(was_reset):
    """A training in the environment does not notice it."""
    env = fastpg.make_vec("CartPole-v1", 2)
    if was_reset:
        env.reset(seed=0)
    ended = dataclasses.replace(env.get_state(), status=np.zeros(3, np.uint8))

    def seen():
        return [*vars(env.get_state()).values(), env.moves, env.np_random_seed]

    before = seen()
    for state in (np.zeros((1, 4)), np.full((2, 4), np.nan), np.full((2, 4), 1e39), ended, "x"):
        with pytest.raises((ValueError, TypeError)):
            env.set_state(state)
        with pytest.raises((ValueError, TypeError, AttributeError)):
            env.set_attr("state", state)
    assert all(np.array_equal(one, two) for one, two in zip(before, seen(), strict=True))
    env.set_state(np.zeros((2, 4)))
    assert env.moves > before[-2]


@pytest.mark.parametrize("sign", [1, -1])
def test_integers_that_python_does_not_write_out(sign):
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
    huge = sign * 10**5000
    for name, call in {
        "seed": lambda: fastpg.evaluate_policy(algo, "CartPole-v1", seed=huge),
        "total_timesteps": lambda: algo.learn(huge),
        "num_envs": lambda: fastpg.make_vec("CartPole-v1", huge),
    }.items():
        with pytest.raises(ValueError, match=f"{name}: expected an integer .*of 16,610 bits"):
            call()


def test_collecting_before_a_reset():
    env = fastpg.make_vec("CartPole-v1", 2)
    with pytest.raises(RuntimeError, match="reset"):
        make_collector(env, POLICY, 0).steps(3)


def test_sizes_beyond_any_memory():
    with pytest.raises(ValueError, match="num_envs"):
        fastpg.make_vec("CartPole-v1", 2**24 + 1)
    env = fastpg.make_vec("CartPole-v1", 4)
    env.reset(seed=0)
    before = env.native.get_state()
    for size in (2**46 + 1, 2**61, 2**62, 2**63 - 1):
        for name, of_env in (("steps", "collect_steps"), ("play", "play_steps")):
            with pytest.raises(ValueError, match="n_steps: expected an integer in"):
                getattr(make_collector(env, POLICY, 0), name)(size)
            with pytest.raises(ValueError, match="expected at most"):
                getattr(env.native, of_env)(
                    POLICY.actor(env.single_action_space, False), POLICY.theta, size,
                    _core.LaneStream(0, _core.RandomStream.action), 0,
                )  # fmt: skip
    for size in (2**48 + 1, 2**62, 2**63 - 1):
        with pytest.raises(ValueError, match="n_episodes: expected an integer in"):
            make_collector(env, POLICY, 0).episodes(size)
    assert np.array_equal(env.native.get_state(), before)


@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(1, 6),
    n_actions=st.integers(1, 6),
    n=st.integers(1, 30),
    scale=st.sampled_from([1e-300, 1e-8, 1.0, 1e8, 1e140]),
)
@settings(max_examples=60, deadline=None)
def test_extreme_policies_never_give_a_nan_silently(seed, size, n_actions, n, scale):
    rng = np.random.default_rng(seed)
    policy = fastpg.LinearSoftmax(size, n_actions, scale * rng.normal(size=(size + 1, n_actions)))
    phi = policy.features(rng.normal(size=(n, size)))
    log_pi = policy.log_probs(phi)
    assert not np.isnan(log_pi).any()
    assert np.isfinite(policy.entropy(log_pi)).all()
    actions = policy.sample(log_pi, rng.random(n) * 0.99 + 0.005)
    assert ((actions >= 0) & (actions < n_actions)).all()


@pytest.mark.parametrize(
    ("given", "written"), [(-1e-300, "-1e-300"), (1.0 + 2**-52, "1.0000000000000002"),
                           (1e22, "1e+22"), (-np.inf, "-inf"), (np.nan, "nan")]
)  # fmt: skip
def test_kernels_write_numbers_in_full(given, written):
    arrays = (np.ones(2), None, np.zeros(2, bool), np.zeros(2, bool))
    with pytest.raises(ValueError, match=rf"gamma: .* in \[0, 1\], got {re.escape(written)}$"):
        _core.discounted_returns(*arrays, given, 1)


@pytest.mark.parametrize(("bad", "written"), [(1.5e-8, "1.5e-08"), (1e300, "1e+300"),
                                              (np.nan, "nan"), (-np.nan, "nan")])  # fmt: skip
def test_distributions_write_numbers_in_full(bad, written):
    dist = np.log(np.full((2, 3), 1 / 3))
    dist[1, 2] = bad
    with pytest.raises(
        ValueError, match=rf"logarithms of probabilities, got {re.escape(written)}$"
    ):
        _core.Categorical([3]).entropy(dist)


def test_kernels_name_the_index_in_any_number_of_dimensions():
    fields = rollout(False)
    fields["observations"][2, 1, 3] = np.nan
    with pytest.raises(ValueError, match=r"^observations: .* got nan at index \(2, 1, 3\)$"):
        _core.estimate(fields, np.ones(18), True, 0.9, 0.95, False, 1)


def test_rows_of_transitions():
    rows = np.full((6, 3), 1 / 3)
    for row, bad, text in [
        (0, [0.5, 0.25, 0.125], r"P\[0, 0\]: expected a sum of 1, got 0.875"),
        (3, [1.0, -1e-9, 1e-9], r"P\[1, 1\]: expected probabilities, got -1e-09"),
        (5, [1.0, np.nan, 0.0], r"P: expected finite values, got nan at index \(5, 1\)"),
    ]:
        table = rows.copy()
        table[row] = bad
        with pytest.raises(ValueError, match=f"^{text}$"):
            _core.Transitions(table, 2)
