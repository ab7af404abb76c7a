"""f^k of TRPO and l^k of PPO, exactly: values, gradients, and both at theta_k (L4, L6, L10)."""

import numpy as np
import pytest
from hypothesis import strategies as st
from scipy.optimize import minimize

import finite_mdp
from fastpg import tabular
from tabular_cases import cases, dozens, hundreds, slope, tiny

penalties = st.sampled_from([0.0, 0.3, 1.0, 50.0])


@hundreds(cases())
def test_at_theta_k_the_surrogate_is_zero_with_the_true_gradient(case):
    mdp, policy = case.mdp, case.new
    g = tabular.gradient(mdp, policy)
    size = 1e-9 * (1.0 + np.abs(g).max())
    assert tabular.surrogate(mdp, policy, policy) == pytest.approx(0.0, abs=1e-9)
    assert np.allclose(tabular.surrogate_gradient(mdp, policy, policy), g, atol=size)


@hundreds(cases(), penalties)
def test_at_theta_k_the_penalty_has_no_gradient(case, penalty):
    mdp, policy = case.mdp, case.new
    g = tabular.gradient(mdp, policy)
    weight = tabular.state_weights(mdp, mdp.evaluate(policy)).sum()
    found = tabular.penalised_gradient(mdp, policy, policy, penalty)
    assert np.allclose(found, g, atol=1e-12 * (1.0 + penalty) * (1.0 + weight + np.abs(g).max()))


@hundreds(cases(), penalties)
def test_gradients_elsewhere_by_differences(case, penalty):
    mdp, old, v = case.mdp, case.old, case.direction()
    weight = tabular.state_weights(mdp, mdp.evaluate(old)).sum()
    close = {"abs": 1e-6 * (1.0 + penalty) * (1.0 + weight), "rel": 1e-6}
    for value, gradient, extra in (
        (tabular.surrogate, tabular.surrogate_gradient, ()),
        (tabular.penalised, tabular.penalised_gradient, (penalty,)),
    ):
        expected = slope(lambda new, f=value, x=extra: f(mdp, old, new, *x), case, v)
        assert np.sum(gradient(mdp, old, case.new, *extra) * v) == pytest.approx(expected, **close)


@dozens(tiny(), penalties)
def test_values_by_enumeration(case, penalty):
    """States of the old policy, its advantages, actions of the new one; + lambda ln pi_new."""
    mdp = case.mdp
    old, new = (
        finite_mdp.timed(policy.probabilities(), mdp.horizon) for policy in (case.old, case.new)
    )
    V, Q = finite_mdp.finite_values(mdp.P, mdp.r, old, mdp.gamma)

    def value(states, actions):
        total = 0.0
        for h, (s, a) in enumerate(zip(states, actions, strict=True)):
            total += mdp.gamma**h * new[h, s] @ (Q[h, s] - V[h, s])
            total += penalty * np.log(new[h, s, a])
        return total

    expected = finite_mdp.expectation(mdp.P, mdp.start, old, mdp.terminal, value)
    found = tabular.penalised(mdp, case.old, case.new, penalty)
    assert found == pytest.approx(expected, abs=1e-11, rel=1e-11)
    if penalty == 0.0:
        assert tabular.surrogate(mdp, case.old, case.new) == pytest.approx(expected, abs=1e-11)


@hundreds(cases(), penalties)
def test_the_penalty_is_the_kl_but_for_a_constant(case, penalty):
    """l^k(new) - l^k(old) = f^k(new) - lambda KL(old | new)."""
    mdp, old, new = case.mdp, case.old, case.new
    gain = tabular.penalised(mdp, old, new, penalty) - tabular.penalised(mdp, old, old, penalty)
    kl = tabular.kl(mdp, old, new)
    expected = tabular.surrogate(mdp, old, new) - penalty * kl
    assert gain == pytest.approx(expected, abs=1e-9 * (1.0 + penalty * kl), rel=1e-9)


def test_a_policy_that_gives_up_an_action():
    mdp = tabular.two_actions()
    even, sure = [[0.5, 0.5]], [[1.0, 0.0]]
    assert tabular.penalised(mdp, even, sure, 0.5) == -np.inf
    assert tabular.penalised(mdp, even, sure, 0.0) == tabular.surrogate(mdp, even, sure) == 49.5
    assert tabular.penalised(mdp, sure, even, 1.0) == pytest.approx(-49.5 - np.log(2.0))
    assert tabular.penalised(mdp, sure, sure, 1.0) == 0.0


@dozens(cases(scale=1.0, states=3, actions=3, horizon=3), st.sampled_from([1e-3, 0.1]))
def test_the_natural_step_solves_its_constrained_problem(case, delta):
    """max g.x subject to x.F x <= delta, by a solver that knows neither (lecture L6)."""
    mdp, policy = case.mdp, case.new
    g, F = tabular.gradient(mdp, policy).ravel(), tabular.fisher(mdp, policy)
    values, vectors = np.linalg.eigh(F)
    kept = values > 1e-3 * values.max()
    g = vectors[:, kept] @ (vectors[:, kept].T @ g)  # directions that the solver resolves
    if np.linalg.norm(g) < 1e-3 or values.max() < 1e-3:
        return
    direction = np.linalg.pinv(F, rcond=1e-3, hermitian=True) @ g
    x = np.sqrt(delta / (g @ direction)) * direction
    scale = np.sqrt(delta / values.max())
    unit = np.linalg.norm(g)
    found = minimize(
        lambda y: -(g @ y) / unit,
        1e-2 * g / unit,
        jac=lambda y: -g / unit,
        method="SLSQP",
        bounds=[(-1e3, 1e3)] * len(g),
        constraints={
            "type": "ineq",
            "fun": lambda y: 1.0 - scale**2 / delta * (y @ F @ y),
            "jac": lambda y: -2.0 * scale**2 / delta * (F @ y),
        },
        options={"maxiter": 500, "ftol": 1e-13},
    )
    assert x @ F @ x == pytest.approx(delta)
    assert scale * (g @ found.x) == pytest.approx(g @ x, rel=1e-5)
    assert scale * found.x @ F @ x == pytest.approx(delta, rel=1e-3)  # the same up to F's kernel


@hundreds(cases(scale=1.0))
def test_the_quadratic_model_of_the_kl(case):
    """KL of a small step is half of x.F x: the lecture's delta is twice the KL (lecture L6)."""
    mdp, policy = case.mdp, case.new
    x = 1e-4 * case.direction()
    F = tabular.fisher(mdp, policy)
    kl = tabular.kl(mdp, policy, case.moved(x))
    quadratic = 0.5 * x.ravel() @ F @ x.ravel()
    weight = tabular.state_weights(mdp, mdp.evaluate(policy)).sum()
    assert kl == pytest.approx(quadratic, rel=1e-2, abs=1e-10 * weight)
