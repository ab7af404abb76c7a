"""The natural gradient, NPG's step and TRPO's guarantees, against dense linear algebra."""

from itertools import pairwise

import numpy as np
import pytest

import fastpg
import reference
from fastpg import _core
from fastpg.algorithms.natural import step_to_kl
from fastpg.functional.solvers import line_search


def dense_direction(f, g, damping):
    """(F + damping I)^-1 g; with damping 0 on the range of F."""
    if damping:
        return np.linalg.solve(f + damping * np.eye(len(f)), g)
    return np.linalg.pinv(f, rcond=1e-12) @ g


def ill_conditioned(rng, n=200):
    """Features whose scales span six decades, and two that are equal."""
    observations = rng.normal(size=(n, 4)) * [1e-3, 1.0, 1e2, 1e3]
    observations[:, 3] = observations[:, 2]
    return observations.astype(np.float32)


@pytest.mark.parametrize("relative", [1e-3, 1e-1, 1.0])
@pytest.mark.parametrize("sampled", [False, True])
def test_damped_direction(batch, relative, sampled):
    policy, phi = batch.policy, batch.phi
    g = policy.score_gradient(phi, batch.log_pi, batch.actions, batch.advantages)
    actions = batch.actions if sampled else None
    result = fastpg.natural_gradient(
        policy, phi, batch.log_pi, g, actions=actions, cg_max_steps=200, cg_damping=relative
    )
    f = (
        reference.sampled_fisher(phi, batch.pi, batch.actions)
        if sampled
        else reference.fisher(phi, batch.pi)
    )
    damping = relative * np.trace(f) / len(f)
    if policy.n_actions == 1:
        assert result.status == "zero_rhs"
        return
    expected = dense_direction(f, g.ravel(), damping)
    assert result.damping == pytest.approx(damping, rel=1e-12)
    assert np.allclose(result.direction.ravel(), expected, rtol=1e-7, atol=1e-9)
    assert result.curvature == pytest.approx(expected @ f @ expected, rel=1e-7)


def test_singular_fisher_without_damping(rng):
    """F is always singular: from zero, conjugate gradient gives the pseudo-inverse's answer."""
    policy = fastpg.LinearSoftmax(4, 3, rng.normal(size=(5, 3)))
    phi = policy.features(rng.normal(size=(200, 4)))
    log_pi = policy.log_probs(phi)
    actions = policy.sample(log_pi, rng.random(200) * 0.999 + 5e-4)
    g = policy.score_gradient(phi, log_pi, actions, rng.normal(size=200))
    result = fastpg.natural_gradient(policy, phi, log_pi, g, cg_max_steps=100, cg_damping=0.0)
    f = reference.fisher(phi, np.exp(log_pi))
    assert np.linalg.matrix_rank(f) == 10
    assert np.allclose(result.direction.ravel(), dense_direction(f, g.ravel(), 0.0), rtol=1e-6)


def rollout_like(rng, observations, policy):
    phi = policy.features(observations)
    log_pi = policy.log_probs(phi)
    actions = policy.sample(log_pi, rng.random(len(phi)) * 0.999 + 5e-4)
    return phi, log_pi, actions, rng.normal(size=len(phi))


@pytest.mark.parametrize("target_kl", [1e-4, 0.01])
@pytest.mark.parametrize("case", ["collected", "ill_conditioned"])
def test_npg_moves_by_eta_d(rng, monkeypatch, case, target_kl):
    algo = fastpg.NPG(
        "linear", "CartPole-v1", seed=0, target_kl=target_kl, ent_coef=0.0,
        max_step_size=None, cg_max_steps=500, cg_tol=1e-13,
    )  # fmt: skip
    algo.policy.theta = 0.1 * rng.normal(size=(5, 2))
    seen = {}
    estimate = algo.estimate

    def remember(rollout):
        batch = estimate(rollout)
        if case == "ill_conditioned":
            phi, _, actions, advantages = rollout_like(rng, ill_conditioned(rng), algo.policy)
            zeros = np.zeros(len(phi))
            samples = algo.policy.batch(phi, actions)
            batch = batch._replace(
                samples=samples, actions=actions, advantages=advantages, values=zeros,
                targets=zeros, observations=phi[:, :4].astype(np.float32),
                step_index=zeros.astype(np.int64), halves=None,
            )  # fmt: skip
        seen.update(batch=batch, theta=algo.policy.theta.copy())
        return batch

    monkeypatch.setattr(algo, "estimate", remember)
    algo.learn(2048)
    batch, theta = seen["batch"], seen["theta"]
    pi = reference.softmax(batch.phi @ theta)
    a = (batch.advantages - batch.advantages.mean()) / (batch.advantages.std() + 1e-8)
    scores = [reference.score(*row) for row in zip(batch.phi, pi, batch.actions, strict=True)]
    g = np.mean(a[:, None] * scores, axis=0)
    f = reference.fisher(batch.phi, pi)
    d = dense_direction(f, g, algo.options.cg_damping * np.trace(f) / len(f))
    eta = np.sqrt(2 * target_kl / (d @ f @ d))
    moved = (algo.policy.theta - theta).ravel()
    assert np.linalg.norm(moved - eta * d) <= 1e-6 * np.linalg.norm(eta * d)
    record = algo.history[-1]
    assert record["train/step_size"] == pytest.approx(eta, rel=1e-6)
    assert record["train/predicted_kl"] == pytest.approx(target_kl, rel=1e-6)
    new = reference.softmax(batch.phi @ algo.policy.theta)
    assert record["train/kl"] == pytest.approx(reference.mean_kl(pi, new), rel=1e-6)


def test_small_steps_have_the_predicted_kl():
    algo = fastpg.NPG(
        "linear", "CartPole-v1", seed=0, target_kl=1e-7, ent_coef=0.0, max_step_size=None
    ).learn(2048)
    assert algo.history[0]["train/kl"] == pytest.approx(1e-7, rel=1e-2)


def natural(curvature, status="converged", direction=1.0):
    nan = np.nan
    return _core.NaturalGradient(
        (np.full((2, 2), direction), status, 1, 0.0, curvature, 0.0, nan, 1.0, nan, 1.0, direction)
    )


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (natural(1.0, "zero_rhs"), "zero_gradient"),
        (natural(0.0), "bad_curvature"),
        (natural(-1.0), "bad_curvature"),
        (natural(np.nan), "not_finite"),
        (natural(np.inf), "not_finite"),
        (natural(1.0, direction=np.nan), "not_finite"),
        (natural(1e-320), "not_finite"),
    ],
)
def test_no_step_without_curvature(result, status):
    assert step_to_kl(result, 1e300 if result.curvature == 1e-320 else 0.01, None) == (status, 0.0)


def test_the_cap_bounds_eta():
    assert step_to_kl(natural(2.0), 1.0, None) == ("ok", 1.0)
    assert step_to_kl(natural(2.0), 1.0, 0.25) == ("ok", 0.25)


@pytest.mark.parametrize("algorithm", [fastpg.NPG, fastpg.TRPO])
def test_constant_advantages_make_no_step(monkeypatch, algorithm):
    algo = algorithm("linear", "CartPole-v1", seed=0, ent_coef=0.0)
    estimate = algo.estimate
    monkeypatch.setattr(
        algo, "estimate", lambda r: (b := estimate(r))._replace(advantages=np.ones(len(b.actions)))
    )
    before = algo.policy.theta.copy()
    algo.learn(2048)
    assert algo.history[0]["train/status"] == "zero_gradient"
    assert np.array_equal(algo.policy.theta, before)
    assert algo.baseline.weights is not None


def test_before_the_step_ratio_is_one_and_kl_zero(batch):
    zero = np.zeros(batch.policy.shape)
    found = line_search(
        batch.policy, batch.phi, batch.policy.log_probs(batch.phi), batch.actions,
        batch.advantages, zero, target_kl=0.01,
    )  # fmt: skip
    assert found.kl == 0.0
    assert found.objective_before == pytest.approx(batch.advantages.mean(), abs=1e-15)
    assert found.status == "no_improvement"


def test_line_search_keeps_its_promises(batch, rng):
    policy, phi = batch.policy, batch.phi
    log_pi = policy.log_probs(phi)
    for scale in (1e-3, 1.0, 100.0):
        step = scale * rng.normal(size=policy.shape)
        found = line_search(
            policy, phi, log_pi, batch.actions, batch.advantages, step, target_kl=0.01
        )
        new = reference.softmax(phi @ found.theta)
        if found.status == "accepted":
            ratio = (new / batch.pi)[np.arange(len(phi)), batch.actions]
            assert reference.mean_kl(batch.pi, new) <= 0.01
            assert np.mean(ratio * batch.advantages) > batch.advantages.mean()
            assert np.allclose(found.theta, policy.theta + 0.8**found.backtracks * step)
        else:
            assert np.array_equal(found.theta, policy.theta)
            assert (found.fraction, found.backtracks) == (0.0, 10)


def test_line_search_statuses(rng):
    policy = fastpg.LinearSoftmax(1, 2)
    phi = policy.features([[1.0], [1.0]])
    arguments = (policy, phi, policy.log_probs(phi), np.array([0, 1]), np.array([1.0, -1.0]))
    better = np.array([[0.1, -0.1], [0.0, 0.0]])

    def status(step, target_kl):
        return line_search(*arguments, step, target_kl=target_kl, max_iter=1).status

    assert status(better, 1.0) == "accepted"
    assert status(-better, 1.0) == "no_improvement"
    assert status(better, 1e-9) == "kl_exceeded"
    assert status(np.full((2, 2), 1e308) * [[1, -1], [1, -1]], 1.0) == "not_finite"


def test_trpo_never_passes_its_bound_and_never_gets_worse():
    for seed in range(5):
        algo = fastpg.TRPO("linear", "CartPole-v1", seed=seed, target_kl=0.01, ent_coef=0.0)
        thetas, batches = [algo.policy.theta], []
        estimate = algo.estimate
        algo.estimate = lambda rollout, e=estimate, b=batches: b.append(e(rollout)) or b[-1]
        algo.learn(30_000, lambda _, a=algo, t=thetas: t.append(a.policy.theta))
        steps = zip(algo.history, batches, thetas[:-1], thetas[1:], strict=True)
        for record, batch, old, new in steps:
            pi, moved = reference.softmax(batch.phi @ old), reference.softmax(batch.phi @ new)
            a = (batch.advantages - batch.advantages.mean()) / (batch.advantages.std() + 1e-8)
            rows = np.arange(len(a))
            ratio = moved[rows, batch.actions] / pi[rows, batch.actions]
            assert reference.mean_kl(pi, moved) <= algo.kl_bound * (1 + 1e-9)
            if record["train/status"] == "accepted":
                assert np.mean(ratio * a) > a.mean()
            assert record["train/policy_objective"] == pytest.approx(np.mean(ratio * a), abs=1e-9)
            if record["train/status"] != "accepted":
                assert np.array_equal(old, new)
                assert record["train/kl"] == 0.0


def test_the_default_bound_of_a_perceptron():
    algo = fastpg.TRPO("mlp", "CartPole-v1", seed=0)
    assert (algo.kl_bound, algo.options.cg_damping) == (0.02, 10.0)
    per_trajectory = fastpg.TRPO("mlp", "CartPole-v1", seed=0, kl_per="trajectory")
    per_trajectory.learn(4096)
    assert per_trajectory.history[0]["train/target_kl"] < 1.0
    assert fastpg.TRPO("linear", "CartPole-v1", seed=0).kl_bound == 0.012


@pytest.mark.parametrize("algorithm", [fastpg.NPG, fastpg.TRPO])
@pytest.mark.parametrize("env_id", ["CartPole-v1", "Acrobot-v1", "Pendulum-v1"])
def test_by_default_the_bound_alone_limits_a_step(algorithm, env_id):
    algo = algorithm("linear", env_id, seed=0).learn(20_480)
    for k, record in enumerate(algo.history):
        bound = 0.012 * (1.0 - k / 10)
        assert record["train/target_kl"] == pytest.approx(bound, rel=1e-12)
        assert record["train/predicted_kl"] == pytest.approx(bound, rel=1e-9)
        whole = record.get("train/line_search_fraction", 1.0) == 1.0
        assert record["train/step_limited_by"] == ("target_kl" if whole else "line_search")
        assert record["train/kl"] <= (bound if algorithm is fastpg.TRPO else 2.0 * bound)


def test_backtracking_sets_trpo_apart_from_npg():
    npg, trpo = (
        a("linear", "CartPole-v1", seed=1).learn(40_960) for a in (fastpg.NPG, fastpg.TRPO)
    )
    assert sum(record["train/backtracks"] for record in trpo.history) > 0
    assert not np.array_equal(npg.policy.theta, trpo.policy.theta)


@pytest.mark.parametrize("algorithm", [fastpg.NPG, fastpg.TRPO])
def test_another_bound_makes_other_steps(algorithm):
    small, large = (
        algorithm("linear", "CartPole-v1", seed=0, target_kl=kl).learn(10_240).history
        for kl in (0.001, 0.1)
    )
    assert small[0]["train/kl"] < 0.0011
    assert large[0]["train/kl"] > 0.05


@pytest.mark.parametrize(
    ("options", "limited_by"),
    [({"max_step_size": 1e-3}, "max_step_size"), ({"step_size": 1e-3}, "step_size")],
)
def test_what_limits_a_step_is_told(options, limited_by):
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0, **options).learn(2048)
    assert algo.history[0]["train/step_limited_by"] == limited_by
    assert ("train/target_kl" in algo.history[0]) == (limited_by != "step_size")


def test_trpo_that_cannot_step_keeps_theta_bit_for_bit():
    algo = fastpg.TRPO(
        "linear", "CartPole-v1", seed=0, line_search_max_iter=1, target_kl=1e-2,
        max_step_size=None, ent_coef=0.0,
    )  # fmt: skip
    algo.policy.theta = np.array([[0.0, 3.0], [0.0, 5.0], [0.0, 9.0], [0.0, 9.0], [0.0, 0.0]])
    thetas = [algo.policy.theta]
    algo.learn(40_000, lambda _: thetas.append(algo.policy.theta))
    rejected = 0
    for record, old, new in zip(algo.history, thetas, thetas[1:], strict=False):
        rejected += record["train/status"] != "accepted"
        assert np.array_equal(old, new) == (record["train/status"] != "accepted")
    assert rejected > 0
    assert algo.baseline.weights is not None


@pytest.mark.parametrize("algorithm", [fastpg.NPG, fastpg.TRPO, fastpg.PPO, fastpg.REINFORCE])
def test_every_parameter_with_a_gradient_moves(algorithm):
    algo = algorithm("linear", "CartPole-v1", seed=0).learn(4096)
    assert (algo.policy.theta != 0.0).all()


@pytest.mark.parametrize("sampled", [False, True])
def test_cholesky_and_conjugate_gradient_agree(batch, sampled):
    policy = batch.policy
    if policy.n_actions == 1:
        return
    g = policy.score_gradient(batch.phi, batch.log_pi, batch.actions, batch.advantages)
    actions = batch.actions if sampled else None
    dense, cg = (
        fastpg.natural_gradient(
            policy, batch.phi, batch.log_pi, g, actions=actions, solver=solver,
            cg_max_steps=500, cg_tol=1e-13, cg_damping=1e-2,
        )
        for solver in ("cholesky", "cg")
    )  # fmt: skip
    scale = np.linalg.norm(dense.direction)
    assert np.linalg.norm(dense.direction - cg.direction) <= 1e-8 * scale
    assert dense.curvature == pytest.approx(cg.curvature, rel=1e-8)
    assert (dense.status, dense.damping) == ("converged", cg.damping)


def test_auto_chooses_by_size(rng):
    for size, iterations in ((4, 0), (40, 1)):
        policy = fastpg.LinearSoftmax(size, 3)
        phi = policy.features(rng.normal(size=(50, size)))
        log_pi = policy.log_probs(phi)
        g = policy.score_gradient(phi, log_pi, np.zeros(50, int), rng.normal(size=50))
        result = fastpg.natural_gradient(policy, phi, log_pi, g, solver="auto")
        assert min(result.iterations, 1) == iterations


def test_a_fixed_step_needs_no_bound():
    """A falling bound is 0 after the run; an update by hand still works."""
    algo = fastpg.NPG("linear", "CartPole-v1", n_envs=2, n_steps=32, seed=0, step_size=0.1)
    batches = []
    update = algo.update
    algo.update = lambda batch: batches.append(batch) or update(batch)
    algo.learn(256)
    assert algo.kl_bound == 0.0
    assert update(batches[-1])["train/kl"] > 0.0


def samples(rng, kind, n=3000):
    """Of a masked softmax or a Gaussian policy: its theta, and what a batch is made of."""
    if kind == "gaussian":
        policy, mask = fastpg.LinearGaussian(4, 2, 0.3 * rng.normal(size=12)), None
    else:
        policy, mask = fastpg.LinearSoftmax(4, 3, rng.normal(size=(5, 3))), rng.random((n, 3)) < 0.8
        mask[:, 1] = True
    phi = policy.features(rng.normal(size=(n, 4)))
    dist = policy.distribution(phi, mask=mask)
    size = policy._distribution.action_size
    actions = policy.sample(dist, rng.random((n, size)) * 0.98 + 0.01).reshape(n, size)
    return policy, phi, actions, mask


def spread_rows(n, count):
    """One row of each of `count` equal parts, at a place that changes by the golden ratio."""
    edges = [i * n // count for i in range(count + 1)]
    golden = (5**0.5 - 1.0) / 2.0
    return [
        begin + int((i * golden) % 1.0 * (end - begin))
        for i, (begin, end) in enumerate(pairwise(edges))
    ]


@pytest.mark.parametrize(("n", "n_envs"), [(2048, 4), (2048, 8), (2000, 5), (1000, 1)])
@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 1.0])
def test_a_share_of_the_rows_is_of_all_environments_alike(n, n_envs, share):
    """Those of one step lie side by side: every fourth row would be of one of four."""
    rows = spread_rows(n, round(share * n))
    assert len(set(rows)) == len(rows)
    counts = np.bincount(np.array(rows) % n_envs, minlength=n_envs)
    assert counts.max() - counts.min() <= 0.2 * counts.mean() + 2.0


@pytest.mark.parametrize("num_threads", [1, 3])
@pytest.mark.parametrize(("share", "halved"), [(1.0, True), (0.3, True), (1.0, False)])
@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize("kind", ["softmax", "gaussian"])
def test_a_step_in_one_call_has_the_bits_of_the_separate_calls(
    rng, kind, sampled, share, halved, num_threads
):
    policy, phi, actions, mask = samples(rng, kind)
    n, theta, advantages = len(phi), policy.theta, rng.normal(size=len(phi))
    batch = _core.PolicyBatch(
        policy._distribution, policy._network, phi, actions, mask, num_threads
    )
    dist, a = batch.distribution(theta), _core.standardize(advantages)
    gradient = batch.score_gradient(theta, dist, a, 0.02).reshape(theta.shape)
    halves = np.where(np.arange(n) % 4 < 2, 1.0, -1.0) if halved else None
    noise = batch.score_gradient(theta, dist, halves * a) if halved else None
    rows = spread_rows(n, round(share * n))
    some = _core.PolicyBatch(
        policy._distribution, policy._network, phi[rows], actions[rows], None, num_threads
    )
    for factorise in (False, True):
        solver = (factorise, 7, 1e-9, 1e-3)
        natural = some.natural_gradient(theta, dist[rows], gradient, sampled, *solver, noise)
        step = batch.natural_step(
            theta, advantages, halves, True, 0.02, sampled, len(rows), *solver
        )
        for found, wanted in zip(step[:3], (a, dist, gradient), strict=True):
            assert np.array_equal(found, wanted)
        assert np.array_equal(step.natural.direction, natural.direction)
        assert np.array_equal(step.natural[1:3], natural[1:3])
        assert np.array_equal(step.natural[3:6], natural[3:6])
        assert np.array_equal(step.natural.noise, natural.noise, equal_nan=True)
        assert np.isfinite(natural.noise) == (halved and factorise)
