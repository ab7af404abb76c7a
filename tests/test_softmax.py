"""LinearSoftmax: against the reference, by finite differences, and through identities."""

import mpmath
import numpy as np
import pytest

import fastpg
import reference
from fastpg.functional import solvers


def test_two_actions_by_hand():
    policy = fastpg.LinearSoftmax(1, 2, [[np.log(3.0), 0.0], [0.0, 0.0]])
    phi = policy.features([[1.0]])
    log_pi = policy.log_probs(phi)
    assert phi.tolist() == [[1.0, 1.0]]
    assert np.allclose(np.exp(log_pi), [[0.75, 0.25]], atol=1e-15)
    gradient = policy.score_gradient(phi, log_pi, [0], [2.0])
    assert np.allclose(gradient, [[0.5, -0.5], [0.5, -0.5]], atol=1e-15)
    block = 0.1875 * np.array([[1, -1], [-1, 1]])
    assert np.allclose(policy.fisher(phi, log_pi), np.kron(np.ones((2, 2)), block), atol=1e-15)
    other = fastpg.LinearSoftmax(1, 2).log_probs(phi)
    expected = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)
    assert policy.kl(log_pi, other)[0] == pytest.approx(expected, rel=1e-14)


def test_features_and_log_probs(batch):
    assert np.array_equal(batch.policy.features(batch.observations), batch.phi)
    assert np.allclose(batch.policy.log_probs(batch.phi), batch.log_pi, atol=1e-14)
    taken = batch.log_pi[np.arange(len(batch.phi)), batch.actions]
    assert np.allclose(batch.policy.log_prob(batch.log_pi, batch.actions), taken, atol=1e-14)


def test_huge_logits():
    policy = fastpg.LinearSoftmax(1, 3, [[1e150, 0.0, -1e150], [0.0, 0.0, 0.0]])
    phi = policy.features([[1.0]])
    log_pi = policy.log_probs(phi)
    assert log_pi[0, 0] == 0.0
    assert np.isfinite(policy.entropy(log_pi)).all()
    assert np.isfinite(policy.entropy_gradient(phi, log_pi)).all()
    assert policy.mode(log_pi).tolist() == [0]


def test_score_gradient(batch):
    policy, phi = batch.policy, batch.phi
    gradient = policy.score_gradient(phi, batch.log_pi, batch.actions, batch.advantages)
    scores = [reference.score(*row) for row in zip(phi, batch.pi, batch.actions, strict=True)]
    expected = np.mean(batch.advantages[:, None] * scores, axis=0)
    assert np.allclose(gradient.ravel(), expected, atol=1e-14)

    def surrogate(theta):
        return np.mean(
            batch.advantages * policy.log_prob(policy.log_probs(phi, theta), batch.actions)
        )

    assert np.allclose(gradient, reference.numerical_gradient(surrogate, policy.theta), atol=1e-8)


def test_scores_have_mean_zero(batch):
    total = np.zeros(batch.policy.shape)
    for action in range(batch.policy.n_actions):
        actions = np.full(len(batch.phi), action)
        weights = batch.pi[:, action]
        total += batch.policy.score_gradient(batch.phi, batch.log_pi, actions, weights)
    assert np.allclose(total, 0.0, atol=1e-15)


def test_scores_of_a_nearly_certain_policy():
    """logits (0, -40, -60): pi is (1, e^-40, e^-60) but for a relative error of e^-40."""
    policy = fastpg.LinearSoftmax(1, 3, [[0.0, 0.0, 0.0], [0.0, -40.0, -60.0]])
    phi = np.array([[0.0, 1.0]])
    dist = policy.distribution(phi)
    rare, rarest = np.exp([-40.0, -60.0])
    expected = ([rare, -rare, -rarest], [-1.0, 1.0, 0.0], [-1.0, -rare, 1.0])
    for action, scores in enumerate(expected):
        gradient = policy.score_gradient(phi, dist, [action], [1.0])
        assert np.allclose(gradient[1], scores, rtol=1e-6, atol=1e-25 * (action == 1))


def test_entropy_and_its_gradient(batch):
    policy = batch.policy
    expected = -np.sum(batch.pi * batch.log_pi, axis=1)
    assert np.allclose(policy.entropy(batch.log_pi), expected, atol=1e-14)

    def mean_entropy(theta):
        return policy.entropy(policy.log_probs(batch.phi, theta)).mean()

    gradient = policy.entropy_gradient(batch.phi, batch.log_pi)
    assert np.allclose(
        gradient, reference.numerical_gradient(mean_entropy, policy.theta), atol=1e-8
    )


@pytest.mark.parametrize("num_threads", [1, 3])
def test_the_bonus_of_entropy_is_in_the_same_pass(batch, num_threads):
    policy = batch.policy
    samples = policy.batch(batch.phi, batch.actions, num_threads=num_threads)
    one = samples.score_gradient(policy.theta, batch.log_pi, batch.advantages, 0.3)
    two = policy.score_gradient(batch.phi, batch.log_pi, batch.actions, batch.advantages)
    two = two + 0.3 * policy.entropy_gradient(batch.phi, batch.log_pi)
    assert np.allclose(one.reshape(policy.shape), two, rtol=0, atol=1e-14)
    with pytest.raises(ValueError, match="ent_coef"):
        samples.score_gradient(policy.theta, batch.log_pi, batch.advantages, np.inf)


def test_kl_direction_is_old_to_new(batch, rng):
    policy = batch.policy
    moved = policy.theta + rng.normal(size=policy.shape)
    new = policy.log_probs(batch.phi, moved)
    kl = policy.kl(batch.log_pi, new)
    assert kl.mean() == pytest.approx(reference.mean_kl(batch.pi, np.exp(new)), abs=1e-13)
    assert (kl >= 0.0).all()
    assert policy.kl(batch.log_pi, batch.log_pi).tolist() == [0.0] * len(kl)
    if policy.n_actions > 1:
        assert not np.allclose(kl, policy.kl(new, batch.log_pi))


def test_tiny_kl_is_not_rounded_away():
    policy = fastpg.LinearSoftmax(1, 2)
    phi = policy.features([[1.0]])
    epsilon = 1e-9
    moved = policy.log_probs(phi, np.array([[epsilon, 0.0], [0.0, 0.0]]))
    kl = policy.kl(policy.log_probs(phi), moved)[0]
    assert kl == pytest.approx(epsilon**2 / 8, rel=1e-6)


GAPS = [1e-9, -1e-9, 0.0, 0.3, -0.49999, -0.50001, 0.49999, 0.5, 2.0, -30.0, 700.0, -700.0]


@pytest.mark.parametrize("log_ratio", GAPS)
def test_the_gap_of_one_ratio_keeps_its_digits(log_ratio):
    """(w - 1) - ln w of one sample, by series near w = 1 and without cancellation anywhere."""
    old, new = np.full((1, 1), min(-log_ratio, 0.0)), np.full((1, 1), min(log_ratio, 0.0))
    found = fastpg.LinearSoftmax(1, 1).compare(old, new, [0], [1.0]).approx_kl
    with mpmath.workprec(200):
        true = mpmath.expm1(mpmath.mpf(log_ratio)) - mpmath.mpf(log_ratio)
        assert abs(found - true) <= 1e-15 * true
    assert found >= 0.0


@pytest.mark.parametrize("ratios", [GAPS[:8], GAPS[:9], [650.0, *GAPS[:9], -650.0]])
def test_the_ratios_of_a_batch_keep_their_digits(ratios, rng):
    """One exponential for each, relative to the largest, serves every mean of the ratios."""
    r, advantages = np.array(ratios)[:, None], rng.normal(size=len(ratios))
    old, new = np.minimum(-r, 0.0), np.minimum(r, 0.0)
    actions = np.zeros(len(r), int)
    found = fastpg.LinearSoftmax(1, 1).compare(old, new, actions, advantages)
    with mpmath.workprec(2000):
        w = [mpmath.exp(mpmath.mpf(x)) for x in (new - old).ravel().tolist()]
        gap = sum(x - 1 - mpmath.log(x) for x in w) / len(w)
        terms = [x * mpmath.mpf(a) for x, a in zip(w, advantages.tolist(), strict=True)]
        size = sum(w) ** 2 / sum(x**2 for x in w)
        assert abs(found.approx_kl - gap) <= 4e-15 * gap
        assert abs(found.objective - sum(terms) / len(w)) <= 2e-15 * max(map(abs, terms))
        assert abs(found.effective_sample_size - size) <= 4e-15 * size


def test_ratios_beyond_the_range_of_doubles():
    """The largest is infinite, and so are the means; one sample has all the weight."""
    r = np.array([[800.0], [0.0], [-800.0]])
    old, new = np.minimum(-r, 0.0), np.minimum(r, 0.0)
    found = fastpg.LinearSoftmax(1, 1).compare(old, new, [0, 0, 0], [1.0, 1.0, 1.0])
    assert (found.approx_kl, found.objective) == (np.inf, np.inf)
    assert found.effective_sample_size == 1.0


@pytest.mark.parametrize("old", [-1e-12, -0.01, -0.7, -20.0, -800.0])
@pytest.mark.parametrize("new", [-1e-12, -0.011, -0.69, -21.0, -790.0])
def test_kl_of_two_actions_keeps_its_digits(old, new):
    """Each of the two probabilities may be the smaller one, whose exponential is computed."""
    with mpmath.workprec(2000):
        pairs = [[mpmath.mpf(x), mpmath.log(-mpmath.expm1(mpmath.mpf(x)))] for x in (old, new)]
        dists = np.array([[float(x) for x in pair] for pair in pairs])
        p, q = [[mpmath.exp(mpmath.mpf(x)) for x in pair] for pair in dists.tolist()]
        true = sum(a * mpmath.log(a / b) + b - a for a, b in zip(p, q, strict=True))
    policy = fastpg.LinearSoftmax(1, 2)
    for order in ([0, 1], [1, 0]):
        found = policy.kl(dists[:1, order], dists[1:, order])[0]
        assert abs(found - true) <= 1e-15 * true + 2e-16


def test_fisher_is_the_mean_outer_product_of_scores(batch):
    policy = batch.policy
    dense = policy.fisher(batch.phi, batch.log_pi)
    assert np.allclose(dense, reference.fisher(batch.phi, batch.pi), atol=1e-14)
    taken = policy.fisher(batch.phi, batch.log_pi, batch.actions)
    expected = reference.sampled_fisher(batch.phi, batch.pi, batch.actions)
    assert np.allclose(taken, expected, atol=1e-14)


def test_fisher_vector_product_is_the_dense_product(batch, rng):
    policy = batch.policy
    vector = rng.normal(size=policy.shape)
    for actions in (None, batch.actions):
        product = policy.fisher_vector_product(batch.phi, batch.log_pi, vector, actions)
        dense = policy.fisher(batch.phi, batch.log_pi, actions)
        assert np.allclose(product.ravel(), dense @ vector.ravel(), atol=1e-13)


def test_fisher_is_the_hessian_of_the_exact_kl(batch):
    policy = batch.policy

    def kl_gradient(theta):
        def mean_kl(other):
            return policy.kl(batch.log_pi, policy.log_probs(batch.phi, other)).mean()

        return reference.numerical_gradient(mean_kl, theta, 1e-5)

    dense = policy.fisher(batch.phi, batch.log_pi)
    step = 1e-4
    for k in range(dense.shape[0]):
        unit = np.zeros(policy.shape)
        unit.flat[k] = step
        change = kl_gradient(policy.theta + unit) - kl_gradient(policy.theta - unit)
        assert np.allclose(change.ravel() / (2 * step), dense[k], atol=1e-5)


def test_fisher_is_singular_along_equal_columns_and_never_negative(batch, rng):
    policy = batch.policy
    dense = policy.fisher(batch.phi, batch.log_pi)
    assert np.linalg.eigvalsh(dense).min() > -1e-14
    common = np.repeat(rng.normal(size=(policy.shape[0], 1)), policy.n_actions, axis=1)
    product = policy.fisher_vector_product(batch.phi, batch.log_pi, common)
    assert np.allclose(product, 0.0, atol=1e-14)


def test_sampled_fisher_has_the_exact_one_as_its_mean(rng):
    theta = rng.normal(size=(3, 3))
    policy = fastpg.LinearSoftmax(2, 3, theta)
    phi = np.repeat(policy.features(rng.normal(size=(4, 2))), 50_000, axis=0)
    log_pi = policy.log_probs(phi)
    actions = policy.sample(log_pi, rng.random(len(phi)) * (1 - 2e-9) + 1e-9)
    difference = policy.fisher(phi, log_pi, actions) - policy.fisher(phi, log_pi)
    assert np.abs(difference).max() < 5.0 / np.sqrt(len(phi)) * np.abs(phi).max() ** 2


def test_samples_follow_the_probabilities(rng):
    policy = fastpg.LinearSoftmax(2, 4, rng.normal(size=(3, 4)))
    phi = np.repeat(policy.features([[0.3, -1.0]]), 100_000, axis=0)
    log_pi = policy.log_probs(phi)
    actions = policy.sample(log_pi, rng.random(len(phi)) * (1 - 2e-9) + 1e-9)
    expected = np.exp(policy.log_probs(phi[:1]))[0]
    counts = np.bincount(actions, minlength=4) / len(phi)
    assert np.all(np.abs(counts - expected) < 4 * np.sqrt(expected / len(phi)))


def test_sampling_is_the_inverse_cdf():
    policy = fastpg.LinearSoftmax(1, 3, np.log([[0.2, 0.3, 0.5], [1.0, 1.0, 1.0]]))
    phi = policy.features(np.ones((6, 1)))
    actions = policy.sample(policy.log_probs(phi), [0.001, 0.199, 0.201, 0.499, 0.501, 0.999])
    assert actions.tolist() == [0, 0, 1, 1, 2, 2]


def test_ties_go_to_the_first_action():
    policy = fastpg.LinearSoftmax(1, 3)
    assert policy.mode(policy.log_probs(policy.features([[1.0]]))).tolist() == [0]


def test_theta_is_copied_and_read_only():
    theta = np.zeros((2, 2))
    policy = fastpg.LinearSoftmax(1, 2, theta)
    theta[0, 0] = 5.0
    assert policy.theta[0, 0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        policy.theta[0, 0] = 1.0


def test_for_env():
    env = fastpg.make_vec("CartPole-v1")
    assert fastpg.LinearSoftmax.for_env(env).shape == (5, 2)


@pytest.mark.parametrize("gap", [50.0, 500.0, 720.0, 800.0, 1e4, 1e140])
@pytest.mark.parametrize("new", [[0.9, 0.1], [0.5, 0.5], [1e-9, 1 - 1e-9]])
def test_kl_of_a_nearly_certain_policy(gap, new):
    """Where an old probability underflows, its part of sum(q - p) still counts."""
    policy = fastpg.LinearSoftmax(1, 2)
    kl = policy.kl(np.array([[0.0, -gap]]), np.log([new]))[0]
    assert kl == pytest.approx(-np.log(new[0]), rel=1e-12)


def test_several_choices_are_independent(rng):
    """MultiDiscrete: log-probabilities, entropies and KLs add up, F is block diagonal."""
    policy = fastpg.LinearSoftmax(2, [3, 2], rng.normal(size=(3, 5)))
    parts = [
        fastpg.LinearSoftmax(2, 3, policy.theta[:, :3]),
        fastpg.LinearSoftmax(2, 2, policy.theta[:, 3:]),
    ]
    phi = policy.features(rng.normal(size=(40, 2)))
    dist = policy.distribution(phi)
    dists = [part.distribution(phi) for part in parts]
    assert np.allclose(dist, np.hstack(dists), atol=1e-14)
    actions = policy.sample(dist, rng.random((40, 2)) * 0.99 + 0.005)
    assert actions.shape == (40, 2)
    weights = rng.normal(size=40)
    pairs = list(zip(parts, dists, actions.T, strict=True))
    assert np.allclose(policy.log_prob(dist, actions), sum(p.log_prob(d, a) for p, d, a in pairs))
    assert np.allclose(policy.entropy(dist), sum(p.entropy(d) for p, d, _ in pairs))
    gradient = policy.score_gradient(phi, dist, actions, weights)
    each = [p.score_gradient(phi, d, a, weights) for p, d, a in pairs]
    assert np.allclose(gradient, np.hstack(each), atol=1e-14)
    fisher = policy.fisher(phi, dist).reshape(3, 5, 3, 5)
    assert np.allclose(fisher[:, :3, :, :3].reshape(9, 9), parts[0].fisher(phi, dists[0]))
    assert not fisher[:, :3, :, 3:].any()


def test_masked_actions(rng):
    policy = fastpg.LinearSoftmax(2, 3, rng.normal(size=(3, 3)))
    phi = policy.features(rng.normal(size=(500, 2)))
    mask = np.ones((500, 3), dtype=bool)
    mask[np.arange(500), rng.integers(0, 3, 500)] = False
    dist = policy.distribution(phi, mask=mask)
    pi = np.where(mask, np.exp(phi @ policy.theta), 0.0)
    assert np.allclose(np.exp(dist), pi / pi.sum(axis=1, keepdims=True), atol=1e-14)
    for actions in (policy.mode(dist), policy.sample(dist, rng.random(500) * 0.99 + 0.005)):
        assert mask[np.arange(500), actions].all()
    assert np.isfinite(policy.entropy(dist)).all()
    assert policy.kl(dist, dist).max() == 0.0
    assert np.isfinite(policy.score_gradient(phi, dist, actions, np.ones(500))).all()
    assert np.isfinite(policy.fisher(phi, dist)).all()
    with pytest.raises(ValueError, match="at least one allowed action"):
        policy.distribution(phi, mask=np.zeros((500, 3), dtype=bool))


def test_masks_of_several_choices_and_of_any_byte():
    policy = fastpg.LinearSoftmax(1, [2, 2])
    mask = np.array([[1, 0, 1, 255]], np.uint8).view(np.bool_)
    dist = policy.distribution(np.ones((1, 2)), mask=mask)
    assert dist[0, :2].tolist() == [0.0, -np.inf]
    assert policy.entropy(dist)[0] == pytest.approx(np.log(2.0), abs=1e-15)
    assert policy.kl(dist, dist)[0] == 0.0


def test_theta_must_not_be_made_infinite_behind_the_check():
    policy = fastpg.LinearSoftmax(1, 2)
    with pytest.raises(ValueError, match="read-only"):
        policy.theta[0, 0] = np.nan
    for bad in (np.full((2, 2), 1e308), np.full((2, 2), np.longdouble("1e4000"))):
        with pytest.raises(ValueError, match="theta"):
            policy.theta = bad


def test_what_a_step_did(batch, rng):
    policy = batch.policy
    new = policy.log_probs(batch.phi, policy.theta + 0.3 * rng.normal(size=policy.shape))
    found = policy.compare(batch.log_pi, new, batch.actions, batch.advantages)
    log_ratio = np.array([policy.log_prob(d, batch.actions) for d in (new, batch.log_pi)])
    w = np.exp(log_ratio[0] - log_ratio[1])
    assert found.kl == pytest.approx((batch.pi * (batch.log_pi - new)).sum(axis=1).mean())
    assert found.approx_kl == pytest.approx(np.mean(w - 1.0 - np.log(w)), rel=1e-12)
    assert found.effective_sample_size == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert found.entropy == pytest.approx(-(np.exp(new) * new).sum(axis=1).mean())
    assert found.objective_before == pytest.approx(batch.advantages.mean())
    assert found.objective == pytest.approx((w * batch.advantages).mean())


def test_no_step_did_nothing(batch):
    found = batch.policy.compare(batch.log_pi, batch.log_pi, batch.actions, batch.advantages)
    assert found[:2] == (0.0, 0.0)
    assert found.effective_sample_size == len(batch.actions)
    assert found.objective == found.objective_before


@pytest.mark.parametrize("choices", [(3,), (2, 3)])
def test_an_action_that_the_mask_forbids_is_an_error(choices):
    """Its probability is 0: no ratio, and no score."""
    policy = fastpg.LinearSoftmax(2, choices if len(choices) > 1 else choices[0])
    phi = np.ones((2, policy.n_features))
    mask = np.ones((2, sum(choices)), dtype=bool)
    actions = np.zeros((2, len(choices)), dtype=np.int32).squeeze()
    mask[1, sum(choices) - 3] = False  # action 0 of the last choice
    adam = solvers.Adam(policy.theta.size)
    with pytest.raises(
        ValueError, match="actions: expected actions that the mask allows, got 0 in row 1"
    ):
        solvers.ppo_epochs(policy, phi, actions, np.ones(2), adam, seed=0, mask=mask)
    mask[1] = True
    solvers.ppo_epochs(policy, phi, actions, np.ones(2), adam, seed=0, mask=mask)
