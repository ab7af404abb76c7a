"""Bad input to the maximisers, steps and makers of `fastpg.tabular`: typed errors, never NaN."""

from types import SimpleNamespace

import numpy as np
import pytest

from fastpg import tabular
from fastpg.tabular import MDP, OneLogit, TabularSoftmax
from tabular_cases import ENDLESS, EVEN, FINITE, SOFTMAX, P, R

LOCAL, ENDLESS_LOCAL = (tabular.LocalModel(mdp, SOFTMAX) for mdp in (FINITE, ENDLESS))
NANS = np.array([[0.5, 0.5], [np.nan, 0.5]])


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, "1", None])
def test_coefficients_and_bounds_of_the_maximisers(bad):
    for name, call in (
        ("kl_coef", lambda x: tabular.penalised_log_ratio(EVEN, R, x)),
        ("kl_coef", lambda x: tabular.penalised_table(EVEN, R, x)),
        ("kl_coef", lambda x: tabular.penalised_policy(LOCAL, SOFTMAX, x)),
        ("target_kl", lambda x: tabular.trust_region_table(EVEN, R, [0.5, 0.5], x)),
        ("target_kl", lambda x: tabular.trust_region_policy(LOCAL, SOFTMAX, x, "step")),
    ):
        with pytest.raises((TypeError, ValueError), match=f"^{name}: expected"):
            call(bad)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, "1", None])
def test_what_may_be_zero(bad):
    for name, call in (
        ("kl_coef", lambda x: LOCAL.penalised(SOFTMAX, x)),
        ("kl_coef", lambda x: LOCAL.penalised_gradient(SOFTMAX, x)),
        ("damping", lambda x: tabular.natural_step(LOCAL, SOFTMAX, x)),
        ("damping", lambda x: SOFTMAX.natural_direction([0.5, 0.5], R, x)),
        ("damping", lambda x: OneLogit(2).natural_direction([0.5, 0.5], [0.0, 0.0], x)),
    ):
        with pytest.raises((TypeError, ValueError), match=f"^{name}: expected"):
            call(bad)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: tabular.penalised_log_ratio(NANS, R, 1.0), "^pi: expected finite"),
        (lambda: tabular.penalised_log_ratio(R, R, 1.0), "^pi: expected sums of 1"),
        (lambda: tabular.penalised_log_ratio(EVEN, NANS, 1.0), "^advantages: expected finite"),
        (lambda: tabular.penalised_table(EVEN, R[0], 1.0), "^advantages: expected shape"),
        (lambda: tabular.trust_region_table(NANS, R, [1, 1], 0.1), "^pi: expected finite"),
        (lambda: tabular.trust_region_table(EVEN, NANS, [1, 1], 0.1), "^advantages: expected"),
        (lambda: tabular.trust_region_table(EVEN, R, [1], 0.1), "^weights: expected shape"),
        (lambda: tabular.trust_region_table(EVEN, R, [-1, 1], 0.1), "^weights: expected numbers"),
        (lambda: tabular.mean_advantages(LOCAL, TabularSoftmax(3, 2)), "^policy: expected shape"),
        (lambda: tabular.greedy(NANS), "^q: expected finite"),
        (lambda: tabular.guaranteed_alpha(ENDLESS_LOCAL, NANS), "^policy: expected finite"),
        (lambda: tabular.guaranteed_alpha(LOCAL, EVEN), "^local: expected a discounted MDP"),
        (lambda: tabular.fitted_q(LOCAL, EVEN), "^features: expected shape"),
        (lambda: tabular.fitted_q(LOCAL, np.ones((2, 2, 1)), "visit"), "did you mean 'visits'"),
        (lambda: SOFTMAX.natural_direction([0.5, 0.5], NANS), "^gradient: expected finite"),
        (lambda: SOFTMAX.curvature([0.5, 0.5], NANS), "^direction: expected finite"),
    ],
)
def test_tables_of_the_maximisers(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_what_is_no_mdp():
    for call in (
        lambda: tabular.gradient(P, SOFTMAX),
        lambda: tabular.fisher(P, SOFTMAX),
        lambda: tabular.kl(None, SOFTMAX, SOFTMAX),
        lambda: tabular.LocalModel("mdp", SOFTMAX),
        lambda: tabular.performance_difference(P, EVEN, EVEN),
        lambda: tabular.policy_iteration(P, EVEN, 0),
        lambda: tabular.npg(P, SOFTMAX, 1),
        lambda: tabular.conservative_policy_iteration(P, EVEN, 1),
        lambda: tabular.fitted_policy_iteration(P, EVEN, 1, features=np.ones((2, 2, 1))),
    ):
        with pytest.raises(TypeError, match=r"^mdp: expected an MDP"):
            call()


@pytest.mark.parametrize("criterion", [{"horizon": 100}, {"gamma": 0.99}])
def test_rewards_whose_sums_overflow(criterion):
    """Every reward is a number, the values would not be."""
    for sign in (1.0, -1.0):
        mdp = MDP(P, sign * np.array([[1e308, 0.0], [0.0, 1e308]]), **criterion)
        for call in (mdp.evaluate, lambda p, m=mdp: tabular.gradient(m, p)):
            with pytest.raises(ValueError, match=r"^r: expected rewards whose values are finite"):
                call(TabularSoftmax(2, 2, [[9.0, 0.0], [0.0, 9.0]]))


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({0: {0: [(1.0, 7, 0.0, False)]}}, "expected states below 1"),
        ({0: {0: [(1.0, -1, 0.0, False)]}}, "expected states below 1"),
        ({0: {0: [(1.0, 0, 0.0)]}}, "expected"),
        ({0: {0: [(0.7, 0, 0.0, False)]}}, "sums of 1"),
        ({0: {0: [(1.0, 0, np.nan, False)]}}, "^r: expected finite"),
        ({0: {}}, "expected"),
        ({1: {0: [(1.0, 0, 0.0, False)]}}, "expected tables"),
        ({}, "expected tables"),
        (
            {0: {a: [(1.0, 0, 0.0, False)] for a in range(2)}, 1: {0: [(1.0, 0, 0.0, False)]}},
            r"expected 2 actions in P\[1\], got 1",
        ),
    ],
)
def test_malformed_tables_of_an_environment(table, text):
    env = SimpleNamespace(P=table, initial_state_distrib=[1.0], spec=None)
    env.unwrapped = env
    with pytest.raises(ValueError, match=text):
        tabular.from_gymnasium(env, gamma=0.9)
