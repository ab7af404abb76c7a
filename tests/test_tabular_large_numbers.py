"""Numbers at the ends of double precision: finite results, or errors that name the quantity."""

import re

import numpy as np
import pytest

from fastpg import tabular
from fastpg.tabular import MDP, FeatureSoftmax, LocalModel, OneLogit, TabularSoftmax

S, A = 3, 2
HUGE = [1e308, -1e308, 1.7e308, 1e150, -1e150, 1e20, 1e-300, 1e-320]
POSITIVE = [1e308, 1e150, 1e-300, 1e-320, 5e-324]
RNG = np.random.default_rng(0)
P, R = RNG.dirichlet(np.ones(S), size=(S, A)), RNG.normal(size=(S, A))
PI = np.array([[0.3, 0.7], [0.5, 0.5], [0.9, 0.1]])
PHI = RNG.normal(size=(S, 2))
CRITERIA = [
    {"horizon": 3},
    {"horizon": 2, "gamma": 1e-320},
    {"gamma": 0.9},
    {"gamma": float(np.nextafter(1.0, 0.0))},
    {"average": True},
]
POLICIES = {
    "softmax": (lambda theta: TabularSoftmax(S, A, theta), RNG.normal(size=(S, A))),
    "one logit": (lambda theta: OneLogit(S, theta), RNG.normal(size=S)),
    "features": (lambda theta: FeatureSoftmax(PHI, A, theta), RNG.normal(size=(2, A))),
}


def extremes(values):
    """The array with every extreme number in every place, in one, and with both signs."""
    for number in HUGE:
        yield np.full(values.shape, number)
        first, signs = values.copy(), np.full(values.shape, number)
        first.flat[-1] = number
        yield first
        signs.flat[::2] *= -1.0
        yield signs


def answer(call, infinite=False):
    """The parts of what is returned, all finite; nothing for an error that names a quantity."""
    try:
        found = call()
    except (ValueError, TypeError) as error:
        named = re.match(r"^[\w' ]+: expected ", str(error))
        if type(error) is not ValueError or not named:  # LinAlgError is a ValueError too
            raise
        return ()
    parts = found if isinstance(found, tuple) else (found,)
    for part in parts:
        if isinstance(part, tabular.TabularPolicy):
            numbers = [part.theta, part.probabilities()]
        elif isinstance(part, tabular.Iterates):
            assert not np.isnan(part.kl).any()
            numbers = [part.J, part.step]
        elif isinstance(part, tabular.Evaluation):
            numbers = list(vars(part).values())
        else:
            numbers = [part]
        for array in numbers:
            assert not np.isnan(array).any()
            assert infinite or np.isfinite(array).all()
    return parts


def ask_everything(mdp, old, new, number):
    """Every exact quantity and a step of every algorithm."""
    model = LocalModel(mdp, old)
    answer(lambda: mdp.evaluate(new))
    answer(lambda: tabular.gradient(mdp, new))
    answer(lambda: tabular.performance_difference(mdp, old, new))
    answer(lambda: model.surrogate(new))
    answer(lambda: model.surrogate_gradient(new))
    answer(lambda: tabular.mean_advantages(model, old))
    answer(lambda: tabular.fitted_q(model, np.ones((S, A, 1)) * number))
    for per in ("trajectory", "step"):
        answer(lambda per=per: tabular.fisher(mdp, new, per))
        answer(lambda per=per: model.kl(new, per), infinite=True)
        answer(lambda per=per: model.kl_gradient(new, per))
        answer(lambda per=per: model.kl_hessian(new, per))
    for coefficient in (1.0, abs(number)):
        answer(lambda c=coefficient: model.penalised(new, c), infinite=True)
        answer(lambda c=coefficient: model.penalised_gradient(new, c))
        answer(lambda c=coefficient: tabular.natural_step(model, old, c))
        answer(lambda c=coefficient: tabular.penalised_policy(model, old, c))
        if not isinstance(old, FeatureSoftmax):  # whose search takes seconds
            answer(lambda c=coefficient: tabular.trust_region_policy(model, old, c, "step"))
    if mdp.criterion == "discounted":
        answer(lambda: tabular.guaranteed_alpha(model, new))
    for algorithm in (tabular.pg, tabular.npg, tabular.policy_iteration):
        answer(lambda a=algorithm: a(mdp, old, 1))


@pytest.mark.parametrize("every", [17, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("name", POLICIES)
def test_rewards(criterion, name, every):
    make, theta = POLICIES[name]
    for r in list(extremes(R))[::every]:
        mdp = MDP(P, r, **criterion)
        try:
            mdp.evaluate(make(theta))
        except ValueError as error:
            if not str(error).startswith("r: expected"):
                raise
            continue
        ask_everything(mdp, make(theta), make(-theta), r[-1, -1])


@pytest.mark.parametrize("every", [17, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", POLICIES)
def test_theta(name, every):
    make, theta = POLICIES[name]
    mdp = MDP(P, R, horizon=2)
    for extreme in list(extremes(theta))[::every]:
        try:
            make(extreme).probabilities()
        except ValueError as error:
            if not str(error).startswith("logits: expected a finite"):
                raise
            continue
        ask_everything(mdp, make(theta), make(extreme), 1e150)
        ask_everything(mdp, make(extreme), make(theta), 1e-320)


@pytest.mark.parametrize("name", POLICIES)
def test_policies(name):
    make, theta = POLICIES[name]
    policy = make(theta)
    for w in extremes(np.ones((S, A))):
        answer(lambda w=w: policy.score_sum(w))
        answer(lambda w=w: policy.score_sum(np.stack([w, w])))
        if name != "features":
            answer(lambda w=w: policy.with_log_ratio(w))
    for w in extremes(np.ones(S)):
        answer(lambda w=w: policy.fisher(w))
        answer(lambda w=w: policy.curvature(w, theta))
        for damping in (0.0, 1e-320, 1e308):
            answer(lambda w=w, d=damping: policy.natural_direction(np.abs(w), theta, d))
    for x in extremes(theta):
        answer(lambda x=x: policy.curvature(np.ones(S), x))
        answer(lambda x=x: policy.natural_direction(np.full(S, 1e-300), x, 1e-310))


@pytest.mark.parametrize("number", POSITIVE)
def test_options_of_algorithms(number):
    mdp, policy = MDP(P, R, horizon=2), TabularSoftmax(S, A)
    for algorithm, name in (
        (tabular.pg, "learning_rate"),
        (tabular.npg, "target_kl"),
        (tabular.npg, "step_size"),
        (tabular.npg, "cg_damping"),
        (tabular.trpo, "target_kl"),
        (tabular.ppo_penalty, "kl_coef"),
        (tabular.ppo_penalty, "target_kl"),
    ):
        answer(lambda a=algorithm, n=name: a(mdp, policy, 2, **{n: number}))
    model = LocalModel(mdp, policy)
    answer(lambda: tabular.fitted_q(model, np.ones((S, A, 1)), np.full((S, A), number)))
    answer(lambda: tabular.two_actions(number, -number).evaluate([[0.5, 0.5]]))


@pytest.mark.parametrize(
    "number",
    [0.01, 1e-320, *(pytest.param(n, marks=pytest.mark.slow) for n in (1e308, 1.0, 1e-300))],
)
@pytest.mark.parametrize(
    "pi",
    [
        PI,
        pytest.param(np.eye(2)[[0, 1, 0]], marks=pytest.mark.slow),
        pytest.param(
            np.array([[1.0, 1e-16], [1e-300, 1.0], [1.0, 1e-320]]), marks=pytest.mark.slow
        ),
    ],
)
def test_tables(pi, number):
    weights = [np.ones(S), np.full(S, 1e308), np.array([1.0, 1e-320, 1e308]), np.full(S, 1e-320)]
    for advantages in [R, *extremes(R)]:
        answer(lambda a=advantages: tabular.penalised_log_ratio(pi, a, number))
        tables = answer(lambda a=advantages: tabular.penalised_table(pi, a, number))
        for w in weights:
            tables += answer(lambda a=advantages, w=w: tabular.trust_region_table(pi, a, w, number))
        for table in tables:
            assert np.allclose(table.sum(axis=-1), 1.0, rtol=0.0, atol=1e-8)


def test_errors_name_the_quantity():
    far = [[1.0, -1.0], [1e308, -1e308], [1.0, -1.0]]
    for call, quantity in (
        (lambda: tabular.penalised_table(PI, far, 1.0), "differences of advantages"),
        (lambda: tabular.trust_region_table(PI, far, np.ones(S), 0.01), "differences of adv"),
        (lambda: tabular.penalised_table(PI, R, 5e-324), "maximiser"),
        (lambda: tabular.penalised_log_ratio(PI, R, 5e-324), "log ratio"),
        (lambda: FeatureSoftmax([[1e200]], 2, [[1e200, 0.0]]).probabilities(), "logits"),
        (lambda: FeatureSoftmax([[1e200]], 2).fisher([1.0]), "Fisher matrix"),
        (lambda: TabularSoftmax(1, 2).curvature([1.0], [[1e200, 0.0]]), "curvature"),
        (lambda: TabularSoftmax(1, 2).score_sum([[1.7e308, 1.7e308]]), "sum of scores"),
        (lambda: TabularSoftmax(1, 2, [[1e308, 0.0]]).with_log_ratio(np.full((1, 2), 1e308)),
         "theta"),
        (lambda: tabular.ppo_penalty(MDP(P, R, horizon=2), TabularSoftmax(S, A), 1,
                                     kl_coef=1e-320), "step"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"^{quantity}.*: expected"):
            call()


def test_a_trust_region_of_far_advantages():
    """Once a warning of NumPy's: the bound holds where the differences are finite."""
    far = [[1.0, -1.0], [1.0, -1e308], [1.0, -1.0]]
    for table in answer(lambda: tabular.trust_region_table(PI, far, np.ones(S), 0.01)):
        assert tabular.state_kl(PI, table).sum() <= 0.01 * (1.0 + 1e-9)
    with pytest.raises(ValueError, match=r"^pi: expected at least one element"):
        tabular.trust_region_table(np.zeros((0,)), far, np.ones(S), 0.01)
