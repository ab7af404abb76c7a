"""Exact algorithms: fixed points, guarantees, and optimality of the steps they take."""

import numpy as np
import pytest
from scipy.optimize import minimize

from fastpg import tabular
from fastpg.tabular import FeatureSoftmax, LocalModel, OneLogit, TabularSoftmax, trust_region

HORIZON = tabular.garnet(4, 2, 3, seed=1, horizon=4)
DISCOUNTED = tabular.garnet(5, 3, 3, seed=2, gamma=0.9)
POLICIES = {
    "softmax": TabularSoftmax(4, 2),
    "softmax in time": TabularSoftmax(4, 2, horizon=4),
    "one logit": OneLogit(4),
    "one logit in time": OneLogit(4, horizon=4),
    "features": FeatureSoftmax(np.random.default_rng(0).normal(size=(4, 3)), 2),
}
ALGORITHMS = {
    "pg": (tabular.pg, {"learning_rate": 0.2}),
    "npg": (tabular.npg, {"target_kl": 0.02}),
    "npg, fixed": (tabular.npg, {"step_size": 0.3}),
    "npg, damped": (tabular.npg, {"target_kl": 0.02, "cg_damping": 0.1}),
    "trpo": (tabular.trpo, {"target_kl": 0.02}),
    "ppo_penalty": (tabular.ppo_penalty, {"kl_coef": 2.0}),
    "ppo_penalty, adaptive": (tabular.ppo_penalty, {"adaptive_kl": True, "target_kl": 0.02}),
}


def optimum(mdp):
    uniform = np.full((mdp.n_states, mdp.n_actions), 1.0 / mdp.n_actions)
    return tabular.policy_iteration(mdp, uniform, 30).J[-1]


@pytest.mark.parametrize(
    "mdp", [HORIZON, DISCOUNTED, tabular.garnet(4, 2, 4, seed=1, average=True)], ids=str
)
def test_policy_iteration_ends_at_the_optimum(mdp):
    uniform = np.full((mdp.n_states, mdp.n_actions), 1.0 / mdp.n_actions)
    path = tabular.policy_iteration(mdp, uniform, 20)
    assert (np.diff(path.J) >= -1e-12).all()
    assert mdp.evaluate(path.policy).advantage.max() <= 1e-9
    assert np.isposinf(path.kl[0])
    assert path.kl[-1] == 0.0  # a fixed point


def test_policy_iteration_with_a_horizon_is_backward_induction():
    best = HORIZON.transitions.finite_optimum(HORIZON.r, 4, 1.0)[0]
    assert optimum(HORIZON) == pytest.approx(float(HORIZON.start @ best[0]), abs=1e-12)


@pytest.mark.parametrize("length", [3, pytest.param(12, marks=pytest.mark.slow)])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("kind", POLICIES)
def test_paths(kind, algorithm, length):
    function, options = ALGORITHMS[algorithm]
    path = function(HORIZON, POLICIES[kind], length, **options)
    assert len(path) == length
    assert len(path.policies) == len(path.J) == length + 1
    assert path.J[-1] > path.J[0]
    assert path.policy is path.policies[-1]
    assert (path.step > 0.0).all()
    for k in (0, length // 2, length - 1):
        old, new = path.policies[k : k + 2]
        assert path.J[k] == HORIZON.evaluate(old).J
        assert path.kl[k] == pytest.approx(tabular.kl(HORIZON, old, new, "step"), rel=1e-12)


@pytest.mark.parametrize("kind", POLICIES)
@pytest.mark.parametrize("per", tabular.local_model.PER)
def test_the_trust_region_s_maximiser_against_a_solver(kind, per):
    old, bound = POLICIES[kind], 0.03
    local = LocalModel(HORIZON, old)
    new, kl_coef = tabular.trust_region_policy(local, old, bound, per)
    assert local.kl(new, per) == pytest.approx(bound, abs=1e-9)
    assert kl_coef > 0.0
    solved = minimize(
        lambda theta: -local.surrogate(old.with_theta(theta)),
        0.1 * np.random.default_rng(1).normal(size=old.theta.size),
        constraints={
            "type": "ineq",
            "fun": lambda t: bound - local.kl(old.with_theta(t), per),
            "jac": lambda t: -local.kl_gradient(old.with_theta(t), per).ravel(),
        },
        jac=lambda theta: -local.surrogate_gradient(old.with_theta(theta)).ravel(),
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-13},
    )
    assert local.surrogate(new) >= -solved.fun - 1e-7


@pytest.mark.parametrize("kind", POLICIES)
def test_the_penalised_maximiser_has_no_gradient(kind):
    old = POLICIES[kind]
    local = LocalModel(HORIZON, old)
    new = tabular.penalised_policy(local, old, 0.7)
    assert np.abs(local.penalised_gradient(new, 0.7)).max() < 1e-6
    assert local.penalised(new, 0.7) > local.penalised(old, 0.7)


@pytest.mark.parametrize("per", tabular.local_model.PER)
@pytest.mark.parametrize("kind", POLICIES)
def test_the_predicted_kl_of_a_natural_step_is_its_target(kind, per):
    """x.F x / 2 is the target, and the KL itself comes near it where the step is short."""
    old, target = POLICIES[kind], 1e-6
    path = tabular.npg(HORIZON, old, 1, target_kl=target, kl_per=per)
    moved = (path.policy.theta - old.theta).ravel()
    F = tabular.fisher(HORIZON, old, per)
    assert 0.5 * moved @ F @ moved == pytest.approx(target, rel=1e-9)
    assert path.kl[0] == pytest.approx(target, rel=1e-2)


def test_an_adaptive_penalty_is_halved_and_doubled_towards_its_target():
    path = tabular.ppo_penalty(
        HORIZON, POLICIES["softmax"], 40, kl_coef=64.0, adaptive_kl=True, target_kl=0.02
    )
    factors = np.where(path.kl < 0.02 / 1.5, 0.5, np.where(path.kl > 1.5 * 0.02, 2.0, 1.0))
    assert np.allclose(1.0 / path.step[1:], (factors / path.step)[:-1], rtol=1e-12)
    assert {0.5, 1.0} <= set(factors)
    high = tabular.ppo_penalty(
        HORIZON, POLICIES["softmax"], 2, kl_coef=0.2, adaptive_kl=True, target_kl=0.02
    )
    assert np.allclose(1.0 / high.step, [0.2, 0.4])
    # In units of J there is no usual size: far from 1 it is halved and doubled as well.
    for coefficient, target, factor in ((5000.0, 1e-9, 2.0), (1e-3, 1.0, 2.0), (5000.0, 1.0, 0.5)):
        far = tabular.ppo_penalty(
            HORIZON, POLICIES["softmax"], 2, kl_coef=coefficient, adaptive_kl=True, target_kl=target
        )
        assert np.allclose(1.0 / far.step, [coefficient, factor * coefficient])


@pytest.mark.parametrize("scale", [1e-15, 1e-9, 1e9])
def test_steps_do_not_depend_on_the_unit_of_rewards(scale):
    mdp = tabular.garnet(5, 3, 3, seed=0, gamma=0.9)
    scaled = tabular.MDP(mdp.P, mdp.r * scale, gamma=0.9)
    even = np.full((5, 3), 1.0 / 3.0)
    paths = [tabular.policy_iteration(each, even, 4).J for each in (mdp, scaled)]
    assert np.allclose(paths[1] / scale, paths[0], rtol=1e-9)
    steps = [tabular.trpo(each, FeatureSoftmax(np.eye(5), 3), 1) for each in (mdp, scaled)]
    assert steps[1].kl[0] == pytest.approx(steps[0].kl[0], rel=1e-3)
    assert steps[1].J[-1] / scale == pytest.approx(steps[0].J[-1], rel=1e-3)


def test_a_descending_gradient_is_refused():
    with pytest.raises(ValueError, match="learning_rate: expected a number of at least 0"):
        tabular.pg(tabular.two_actions(), OneLogit(1), 1, learning_rate=-1.0)


def test_the_natural_direction_of_least_norm_where_a_probability_underflows():
    policy = TabularSoftmax(1, 3, theta=[[0.0, 1.0, -2000.0]])
    gradient = np.array([[0.5, -0.5, 0.0]])
    pi = policy.probabilities()[0]
    expected = np.linalg.pinv(np.diag(pi) - np.outer(pi, pi)) @ gradient[0]
    assert np.allclose(policy.natural_direction([1.0], gradient)[0], expected, rtol=1e-9)


def test_npg_takes_one_measure_of_a_step():
    mdp = tabular.garnet(3, 2, 2, seed=0, gamma=0.9)
    policy = tabular.TabularSoftmax(3, 2)
    with pytest.raises(ValueError, match="target_kl: allowed only with step_size=None"):
        tabular.npg(mdp, policy, 1, target_kl=0.01, step_size=0.1)
    default = tabular.npg(mdp, policy, 2)
    assert np.array_equal(default.J, tabular.npg(mdp, policy, 2, target_kl=0.01).J)


def test_npg_of_a_table_adds_advantages():
    old = TabularSoftmax(5, 3, np.random.default_rng(0).normal(size=(5, 3)))
    new = tabular.npg(DISCOUNTED, old, 1, step_size=0.3).policy
    moved = new.theta - old.theta - 0.3 * DISCOUNTED.evaluate(old).advantage
    assert np.allclose(moved, moved[:, :1], atol=1e-12)


@pytest.mark.parametrize("damping", [0.0, 0.05])
@pytest.mark.parametrize("kind", POLICIES)
def test_natural_directions_against_dense_algebra(kind, damping):
    policy = POLICIES[kind]
    policy = policy.with_theta(np.random.default_rng(2).normal(size=policy.theta.size))
    direction, curvature = tabular.natural_step(LocalModel(HORIZON, policy), policy, damping)
    metric = tabular.fisher(HORIZON, policy, "step")
    g = tabular.gradient(HORIZON, policy).ravel() / 4
    dense = np.linalg.pinv(metric + damping * np.eye(len(g)), rcond=1e-12) @ g
    assert np.allclose(direction.ravel(), dense, atol=1e-9)
    assert curvature == pytest.approx(dense @ metric @ dense, rel=1e-9)


def test_a_damped_step_needs_no_matrix_of_theta_by_theta():
    """40,000 logits: F would have 1.6e9 elements."""
    mdp = tabular.garnet(200, 10, 3, horizon=20)
    local = LocalModel(mdp, policy := TabularSoftmax(200, 10, horizon=20))
    x, curvature = tabular.natural_step(local, policy, 0.1)
    pi, w = policy.probabilities(), local.weights("step")
    spread = (pi * x**2).sum(axis=-1) - (pi * x).sum(axis=-1) ** 2
    assert curvature == pytest.approx(float(np.sum(w * spread)), rel=1e-9)


@pytest.mark.parametrize("target_kl", [1e-6, 1e-3, 0.1, 3.0])
def test_the_multiplier_of_a_bound_is_found_in_a_few_trials(target_kl, monkeypatch):
    """Each is a maximisation of its own where the policy is one of features."""
    tried = []
    ascend = trust_region._ascent
    monkeypatch.setattr(
        trust_region, "_ascent", lambda *given: tried.append(given) or ascend(*given)
    )
    old = POLICIES["features"]
    local = LocalModel(HORIZON, old)
    new, _ = tabular.trust_region_policy(local, old, target_kl, "trajectory")
    assert local.kl(new) == pytest.approx(target_kl, rel=1e-7)
    assert len(tried) <= 30


@pytest.mark.parametrize("seed", range(20))
def test_conservative_policy_iteration_improves_as_promised(seed):
    mdp = tabular.garnet(5, 3, 2, seed=seed, gamma=0.8)
    path = tabular.conservative_policy_iteration(mdp, np.full((5, 3), 1 / 3), 30)
    for k, alpha in enumerate(path.step):
        local = LocalModel(mdp, path.policies[k])
        gains = (tabular.greedy(local.evaluation.Q) * local.evaluation.advantage).sum(axis=-1)
        gain, eps = local.evaluation.visits @ gains, np.abs(gains).max()
        promised = alpha / 0.2 * (gain - 2 * alpha * 0.8 * eps / (1 - 0.8 * (1 - alpha)))
        assert path.J[k + 1] - path.J[k] >= promised - 1e-12
        assert promised >= -1e-12


def test_trpo_stays_where_nothing_is_to_be_gained():
    flat = tabular.MDP(np.full((2, 2, 2), 0.5), np.ones((2, 2)), horizon=3)
    path = tabular.trpo(flat, TabularSoftmax(2, 2), 3)
    assert (path.step == 0.0).all()
    assert np.array_equal(path.policy.theta, np.zeros((2, 2)))
    assert (tabular.npg(flat, TabularSoftmax(2, 2), 3).step == 0.0).all()


def test_long_runs_towards_a_deterministic_optimum_stay_finite():
    for function in (tabular.npg, tabular.trpo, tabular.ppo_penalty):
        path = function(DISCOUNTED, TabularSoftmax(5, 3), 200)
        assert np.isfinite(path.J).all()
        assert np.isfinite(path.kl).all()
        assert path.J[-1] == pytest.approx(optimum(DISCOUNTED), abs=1e-2)


def test_fitted_policy_iteration_with_every_feature_is_policy_iteration():
    features = np.eye(8).reshape(4, 2, 8)
    start = np.full((4, 2), 0.5)
    fitted = tabular.fitted_policy_iteration(
        HORIZON, start, 4, features=features, weighting="uniform"
    )
    assert np.allclose(fitted.J, tabular.policy_iteration(HORIZON, start, 4).J)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p: tabular.pg(HORIZON, p, -1), ValueError, "n_iterations"),
        (lambda p: tabular.pg(HORIZON, p, 1, learning_rate="fast"), ValueError, "learning_rate"),
        (lambda p: tabular.npg(HORIZON, p, 1, step_size=0.0), ValueError, "step_size"),
        (lambda p: tabular.npg(HORIZON, p, 1, cg_damping=-1.0), ValueError, "cg_damping"),
        (lambda p: tabular.npg(HORIZON, p, 1, kl_per="episode"), ValueError, "per"),
        (lambda p: tabular.trpo(HORIZON, p, 1, target_kl=0.0), ValueError, "target_kl"),
        (lambda p: tabular.ppo_penalty(HORIZON, p, 1, kl_coef=0.0), ValueError, "kl_coef"),
        (lambda p: tabular.conservative_policy_iteration(HORIZON, p, 1), ValueError, "alpha"),
        (
            lambda p: tabular.conservative_policy_iteration(HORIZON, p, 1, alpha=1.5),
            ValueError,
            "alpha",
        ),
        (
            lambda p: tabular.fitted_policy_iteration(HORIZON, p, 1, features=np.ones((2, 2, 1))),
            ValueError,
            "features",
        ),
        (
            lambda p: tabular.fitted_policy_iteration(
                HORIZON, p, 1, features=np.ones((4, 2, 1)), weighting="visit"
            ),
            ValueError,
            "did you mean 'visits'",
        ),
        (lambda p: tabular.npg(HORIZON, np.full((4, 2), 0.5), 1), TypeError, "policy|new"),
        (lambda p: tabular.trpo(HORIZON, np.full((4, 2), 0.5), 1), TypeError, "policy|new"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call(POLICIES["softmax"])
