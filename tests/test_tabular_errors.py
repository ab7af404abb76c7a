"""Bad input to `fastpg.tabular`: a typed error that names the argument; infinities, never NaN."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpg
from fastpg import _core, tabular
from fastpg.tabular import MDP, FeatureSoftmax, OneLogit, TabularSoftmax
from tabular_cases import ENDLESS, EVEN, FINITE, SOFTMAX, P, R


class Hostile:
    """An object that raises when NumPy reads it, or has another shape each time."""

    def __init__(self, error=None):
        self.error, self.calls = error, 0

    def __array__(self, dtype=None, copy=None):
        if self.error is not None:
            raise self.error
        self.calls += 1
        return np.zeros((2,) * self.calls)


def changed(array, index, value):
    other = np.array(array, dtype=float)
    other[index] = value
    return other


BAD_P = {
    "negative": (changed(changed(P, (0, 0, 0), -0.5), (0, 0, 1), 1.5), ValueError),
    "sum": (changed(P, (1, 0, 1), 0.6), ValueError),
    "nan": (changed(P, (1, 1, 1), np.nan), ValueError),
    "inf": (changed(P, (1, 1, 1), np.inf), ValueError),
    "zeros": (np.zeros((2, 2, 2)), ValueError),
    "flat": (np.ones((2, 2)), ValueError),
    "other states": (np.full((2, 2, 3), 1 / 3), ValueError),
    "empty": (np.zeros((0, 2, 0)), ValueError),
    "no actions": (np.zeros((2, 0, 2)), ValueError),
    "scalar": (1.0, ValueError),
    "text": ("P", TypeError),
    "none": (None, TypeError),
    "ragged": ([[[1.0], [0.5, 0.5]]], TypeError),
    "complex": (P.astype(complex), TypeError),
    "flags": (P > 0.0, TypeError),
    "hostile": (Hostile(TypeError("no")), TypeError),
    "broken": (Hostile(RuntimeError("no")), TypeError),
    "moody": (Hostile(), ValueError),
}


@pytest.mark.parametrize("name", BAD_P)
def test_transitions(name):
    bad, error = BAD_P[name]
    with pytest.raises(error, match=r"^P(\[\d, \d\])?: expected"):
        MDP(bad, R, horizon=3)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"r": np.zeros((2, 3))}, ValueError, r"^r: expected shape \(2, 2\)"),
        ({"r": np.zeros(2)}, ValueError, "^r: expected shape"),
        ({"r": changed(R, (0, 1), np.nan)}, ValueError, r"^r: expected finite .*\(0, 1\)"),
        ({"r": "x"}, TypeError, "^r: expected real"),
        ({"r": Hostile(ValueError("no"))}, TypeError, "^r: expected real"),
        ({"start": [0.5, 0.6]}, ValueError, "^start: expected sums of 1"),
        ({"start": [-0.5, 1.5]}, ValueError, "^start: expected probabilities"),
        ({"start": [1.0]}, ValueError, "^start: expected shape"),
        ({"start": [np.nan, 1.0]}, ValueError, "^start: expected finite"),
        ({"start": []}, ValueError, "^start: expected"),
        ({"start": 0}, ValueError, "^start: expected shape"),
        ({"terminal": [0, 1]}, TypeError, "^terminal: expected booleans"),
        ({"terminal": [True]}, ValueError, "^terminal: expected shape"),
        ({"horizon": 0}, ValueError, "^horizon: expected an integer"),
        ({"horizon": 2.0}, TypeError, "^horizon: expected an integer"),
        ({"horizon": True}, TypeError, "^horizon: expected an integer"),
        ({"horizon": 2**70}, ValueError, "^horizon: expected an integer"),
        ({"horizon": None}, ValueError, "one of horizon, gamma and average=True"),
        ({"horizon": None, "gamma": 1.0}, ValueError, "^gamma: expected a number below 1"),
        ({"gamma": 1.1}, ValueError, "^gamma: expected a number in"),
        ({"gamma": -0.1}, ValueError, "^gamma: expected a number in"),
        ({"gamma": np.nan}, ValueError, "^gamma: expected a finite"),
        ({"gamma": "0.9"}, TypeError, "^gamma: expected a number"),
        ({"average": True}, ValueError, "^average: expected neither"),
        ({"average": True, "horizon": None, "gamma": 0.9}, ValueError, "^average: expected"),
        ({"average": True, "horizon": None, "terminal": [True, False]}, ValueError, "^average"),
        ({"average": 1}, TypeError, "^average: expected True or False"),
        ({"average": None}, TypeError, "^average: expected True or False"),
    ],
)
def test_the_rest_of_an_mdp(arguments, error, text):
    with pytest.raises(error, match=text):
        MDP(P, **{"r": R, "horizon": 3} | arguments)


BAD_POLICIES = [
    (np.zeros((2, 2)), ValueError),
    (changed(EVEN, 0, [1.5, -0.5]), ValueError),
    (changed(EVEN, (0, 0), 0.6), ValueError),
    (changed(EVEN, (0, 0), np.nan), ValueError),
    (np.full((2, 3), 1 / 3), ValueError),
    (np.full((3, 2), 0.5), ValueError),
    (np.full((2, 2, 2), 0.5), ValueError),
    (np.full((1, 1, 2, 2), 0.5), ValueError),
    (np.zeros((0, 2)), ValueError),
    (0.5, ValueError),
    (TabularSoftmax(3, 2), ValueError),
    (TabularSoftmax(2, 2, horizon=4), ValueError),
    ("softmax", TypeError),
    (None, TypeError),
    (Hostile(KeyError("no")), TypeError),
    (Hostile(), ValueError),
    (EVEN > 0.0, TypeError),
    (EVEN.astype(object), TypeError),
]


@pytest.mark.parametrize(("policy", "error"), BAD_POLICIES)
def test_impossible_policies(policy, error):
    other = SOFTMAX
    for mdp in (FINITE, ENDLESS):
        for call in (
            mdp.evaluate,
            lambda p, m=mdp: tabular.kl(m, p, other),
            lambda p, m=mdp: tabular.kl(m, other, p),
            lambda p, m=mdp: tabular.surrogate(m, other, p),
            lambda p, m=mdp: tabular.penalised(m, other, p, 1.0),
            lambda p, m=mdp: tabular.performance_difference(m, p, other),
            lambda p, m=mdp: tabular.kl_gradient(m, p, other),
        ):
            with pytest.raises(error, match=r"^policy: expected"):
                call(policy)


def test_a_timed_policy_needs_a_horizon():
    timed = np.full((3, 2, 2), 0.5)
    assert FINITE.evaluate(timed).pi.shape == (3, 2, 2)
    with pytest.raises(ValueError, match=r"^policy: expected shape \(S, A\) without a horizon"):
        ENDLESS.evaluate(timed)


def test_gradients_need_a_theta():
    for call in (
        lambda p: tabular.gradient(FINITE, p),
        lambda p: tabular.fisher(FINITE, p),
        lambda p: tabular.kl_gradient(FINITE, SOFTMAX, p),
        lambda p: tabular.kl_hessian(FINITE, SOFTMAX, p),
        lambda p: tabular.surrogate_gradient(FINITE, SOFTMAX, p),
        lambda p: tabular.penalised_gradient(FINITE, SOFTMAX, p, 0.5),
    ):
        with pytest.raises(TypeError, match="expected a tabular policy with a theta"):
            call(EVEN)
        with pytest.raises(ValueError, match=r"^policy: expected shape"):
            call(TabularSoftmax(3, 2))


@pytest.mark.parametrize("name", ["pg", "npg", "trpo", "ppo_penalty"])
def test_steps_need_a_theta(name):
    mdp = tabular.chain(3, horizon=4)
    with pytest.raises(TypeError, match="expected a tabular policy with a theta, got array"):
        getattr(tabular, name)(mdp, np.full((3, 2), 0.5), 2)


def test_an_average_needs_one_recurrent_class():
    stay = np.stack([np.eye(3)] * 2, axis=1)
    mdp = MDP(stay, np.zeros((3, 2)), average=True)
    with pytest.raises(ValueError, match=r"^policy: expected one recurrent class"):
        mdp.evaluate(np.full((3, 2), 0.5))
    kakade = tabular.kakade()
    average = kakade.evaluate([[1.0, 0.0], [0.0, 1.0]]).J
    assert average == pytest.approx(1.0)
    with pytest.raises(ValueError, match=r"^policy: expected one recurrent class"):
        kakade.evaluate([[1.0, 0.0], [1.0, 0.0]])
    for n in (10, 60):
        halves = np.kron(np.eye(2), np.full((n, n), 1.0 / n))[:, None]
        with pytest.raises(ValueError, match=r"^policy: expected one recurrent class"):
            MDP(halves, np.zeros((2 * n, 1)), average=True).evaluate(np.ones((2 * n, 1)))


def test_two_recurrent_classes_and_a_state_that_leads_to_both():
    P = np.kron(np.eye(3)[:, :3], np.full((2, 2), 0.5))[:5, :5]
    P[4] = 0.2
    with pytest.raises(ValueError, match=r"^policy: expected one recurrent class"):
        MDP(P[:, None], np.zeros((5, 1)), average=True).evaluate(np.ones((5, 1)))


@pytest.mark.parametrize(
    "call",
    [
        lambda p: _core.Transitions(np.full((2, 2), 0.5), 2),
        lambda p: _core.Transitions(np.full((2, 2), 0.5), 0),
        lambda p: p.finite_values(np.zeros((3, 2)), EVEN, 2, 1.0),
        lambda p: p.finite_values(R, np.full((6, 2), 0.5), 2, 1.0),
        lambda p: p.finite_visits(np.full(3, 1 / 3), EVEN, 2),
        lambda p: p.discounted_values(R, EVEN, EVEN[0], 1.0),
        lambda p: p.discounted_values(R, np.full((4, 2), 0.5), EVEN[0], 0.9),
        lambda p: p.average_values(R[:, :1].copy(), EVEN),
        lambda p: native(p, start=[0.5, 0.6]),
        lambda p: native(p, start=[0.5, np.nan]),
        lambda p: native(p, features=np.zeros((3, 1), np.float32)),
        lambda p: native(p, features=np.zeros((2, 0), np.float32)),
        lambda p: native(p, terminal=[False] * 3),
        lambda p: native(p, horizon=0),
    ],
)
def test_kernels_check_what_they_are_given_again(call):
    with pytest.raises(ValueError, match=r"expected"):
        call(FINITE.transitions)


def native(transitions, *, start=(0.5, 0.5), features=None, terminal=(False, False), horizon=1):
    features = np.zeros((2, 2), np.float32) if features is None else features
    return _core.VectorEnv.tabular(
        transitions, R, np.array(start), features, np.array(terminal), horizon, 1, None, False, 1
    )


@pytest.mark.parametrize("per", ["episode", "", None, 1, []])
def test_per(per):
    for call in (tabular.fisher, lambda m, p, per: tabular.kl(m, p, p, per=per)):
        with pytest.raises((TypeError, ValueError), match="per"):
            call(FINITE, SOFTMAX, per=per)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, "1", None])
def test_penalty(bad):
    for call in (tabular.penalised, tabular.penalised_gradient):
        with pytest.raises((TypeError, ValueError), match=r"^kl_coef: expected"):
            call(FINITE, SOFTMAX, SOFTMAX, bad)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: TabularSoftmax(0, 2), ValueError, "^n_states"),
        (lambda: TabularSoftmax(2, 2.0), TypeError, "^n_actions"),
        (lambda: TabularSoftmax(2, 2, horizon=0), ValueError, "^horizon"),
        (lambda: TabularSoftmax(2, 2, np.zeros((2, 3))), ValueError, "^theta: expected shape"),
        (lambda: TabularSoftmax(2, 2, np.full((2, 2), np.nan)), ValueError, "^theta"),
        (lambda: OneLogit(2, [[0.0, 0.0]]), ValueError, "^theta: expected shape"),
        (lambda: OneLogit(2, Hostile(ValueError("no"))), TypeError, "^theta"),
        (lambda: FeatureSoftmax(np.zeros(3), 2), ValueError, "^features: expected 2 or 3"),
        (lambda: FeatureSoftmax("x", 2), TypeError, "^features"),
        (lambda: FeatureSoftmax(np.zeros((2, 0)), 2), ValueError, "^features"),
        (lambda: FeatureSoftmax(Hostile(), 2), ValueError, "^features"),
        (lambda: SOFTMAX.with_theta(np.zeros(3)), ValueError, "^theta: expected shape"),
        (lambda: SOFTMAX.with_theta([[0.0], [0.0, 0.0]]), TypeError, "^theta: expected real"),
        (lambda: SOFTMAX.with_theta("x"), TypeError, "^theta: expected real"),
        (lambda: SOFTMAX.score_sum(np.zeros(2)), ValueError, "^weights: expected shape"),
        (lambda: SOFTMAX.score_sum("x"), TypeError, "^weights: expected real"),
        (lambda: SOFTMAX.fisher(np.full(2, np.nan)), ValueError, "^weights: expected finite"),
        (lambda: tabular.state_kl(EVEN, "x"), TypeError, "^new: expected real"),
        (lambda: tabular.state_kl(np.zeros((2, 2)), EVEN), ValueError, "^old: expected sums"),
        (lambda: tabular.state_kl(EVEN, np.ones((3, 1))), ValueError, "^new: expected shape"),
        (lambda: tabular.garnet(2, 2, 3, gamma=0.9), ValueError, "^branching"),
        (lambda: tabular.garnet(2, 2, 1), ValueError, "one of horizon, gamma"),
        (lambda: tabular.garnet(2, 2, 1, gamma=0.9, seed=-1), ValueError, "^seed"),
        (lambda: tabular.chain(1, horizon=2), ValueError, "^length"),
        (lambda: tabular.chain(3, slip=1.5, horizon=2), ValueError, "^slip"),
        (lambda: tabular.cliff(1, 5, gamma=0.9), ValueError, "^height"),
        (lambda: tabular.cliff(), ValueError, "one of horizon, gamma"),
        (lambda: tabular.two_actions(np.nan), ValueError, "^r: expected finite"),
        (lambda: tabular.from_gymnasium(3), ValueError, "^env: expected tables"),
        (lambda: tabular.from_gymnasium(None, gamma=0.9), ValueError, "^env: expected tables"),
        (lambda: tabular.make_vec("chain"), TypeError, "^mdp: expected an MDP"),
        (lambda: tabular.make_vec(FINITE, 0), ValueError, "^num_envs"),
        (lambda: tabular.make_vec(FINITE, features=np.zeros(2)), ValueError, "^features"),
        (lambda: tabular.make_vec(FINITE, features=np.zeros((3, 1))), ValueError, "^features"),
        (lambda: tabular.make_vec(FINITE, features=np.full((2, 1), 1e300)), ValueError,
         "^features"),
        (lambda: tabular.make_vec(FINITE, copy=1), TypeError, "^copy"),
        (lambda: tabular.make_vec(FINITE, max_episode_steps=0), ValueError, "^max_episode_steps"),
        (lambda: tabular.make_vec(FINITE, autoreset_mode="never"), ValueError, "autoreset_mode"),
        (lambda: tabular.make_vec(FINITE, gravity=1), TypeError, "gravity"),
    ],
)  # fmt: skip
def test_public_functions(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_the_environment_refuses_what_others_refuse():
    env = tabular.make_vec(FINITE, 2)
    with pytest.raises(RuntimeError, match="reset"):
        env.step([0, 0])
    env.reset(seed=0)
    for bad, error in (([0, 2], ValueError), ([0.0, 1.0], TypeError), ([0], ValueError)):
        with pytest.raises(error, match="actions: expected"):
            env.step(bad)
    with pytest.raises(ValueError, match="low"):
        env.reset(options={"low": 0.0})
    for state in ([[np.nan], [0.0]], [[0.0]]):
        with pytest.raises(ValueError, match="state: expected"):
            env.set_state(state)
    with pytest.raises(AttributeError, match="gravity"):
        env.get_attr("gravity")
    with pytest.raises(TypeError, match="render"):
        tabular.make_vec(FINITE, render_mode="rgb_array")
    with pytest.raises(RuntimeError):
        env.render()


def test_a_policy_for_other_observations_is_refused():
    with pytest.raises(ValueError, match="observation_size"):
        fastpg.NPG(fastpg.LinearSoftmax(3, 2), tabular.make_vec(FINITE, 2))
    with pytest.raises(ValueError, match="observations"):
        FeatureSoftmax.of(fastpg.LinearSoftmax(3, 2), np.eye(2))


@given(
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([1.0, 30.0, 1e3, 1e100, 1e308]),
    horizon=st.sampled_from([None, 3]),
    one=st.booleans(),
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_sure_policies_give_infinities_and_no_nan(seed, scale, horizon, one):
    """Logits so far apart that probabilities are 0: every quantity stays a number or infinite."""
    rng = np.random.default_rng(seed)
    mdp = MDP(P, rng.normal(size=(2, 2)), horizon=horizon, gamma=0.9)
    policies = [
        OneLogit(2, scale * rng.uniform(-1, 1, 2))
        if one
        else TabularSoftmax(2, 2, scale * rng.uniform(-1, 1, (2, 2)))
        for _ in range(2)
    ]
    old, new = policies
    for value in (
        tabular.kl(mdp, old, new),
        tabular.penalised(mdp, old, new, 0.0),
        tabular.penalised(mdp, old, new, 2.0),
        tabular.surrogate(mdp, old, new),
    ):
        assert not np.isnan(value)
    assert tabular.kl(mdp, old, new) >= 0.0
    assert tabular.penalised(mdp, old, new, 2.0) < np.inf
    for array in (
        tabular.gradient(mdp, new),
        tabular.fisher(mdp, new),
        tabular.kl_gradient(mdp, old, new),
        tabular.penalised_gradient(mdp, old, new, 2.0),
    ):
        assert np.isfinite(array).all()


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: tabular.npg(ENDLESS, np.full((2, 2), 0.5), 0), TypeError, "policy: expected a ta"),
        (lambda: tabular.pg(ENDLESS, np.full((2, 2), 0.5), 1), TypeError, "policy: expected a ta"),
        (lambda: tabular.trpo(ENDLESS, SOFTMAX, 0, target_kl=-1.0), ValueError, "target_kl: ex"),
        (lambda: tabular.npg(ENDLESS, SOFTMAX, 0, kl_per="x"), ValueError, "kl_per"),
        (
            lambda: SOFTMAX.natural_direction([-1.0, 1.0], np.ones((2, 2)), 0.1),
            ValueError,
            "weights: expected numbers of at least 0, got -1.0",
        ),
    ],
)
def test_arguments_are_checked_without_an_iteration(call, kind, text):
    with pytest.raises(kind, match=text):
        call()
