"""Importance sampling: exact expectations, variances and the conditions of the lecture (L11)."""

import numpy as np
import pytest

import fastpg

P = np.array([0.5, 0.3, 0.2])  # proposal
Q = np.array([0.1, 0.3, 0.6])  # target
F = np.array([4.0, -1.0, 2.5])


def estimates(rng, n, repeats, **kwargs):
    out = []
    for _ in range(repeats):
        x = rng.choice(3, size=n, p=P)
        out.append(fastpg.importance_sampling_estimate(F[x], np.log(Q[x]), np.log(P[x]), **kwargs))
    return np.array([e.mean for e in out]), np.array([e.variance for e in out])


def test_weights_by_hand():
    assert np.allclose(fastpg.importance_weights(np.log(Q), np.log(P)), [0.2, 1.0, 3.0])
    assert fastpg.importance_weights([-np.inf], [0.0]).tolist() == [0.0]


def test_plain_is_unbiased_and_has_the_variance_of_the_formula(rng):
    means, variances = estimates(rng, 20, 20_000)
    exact = Q @ F
    expected = (P @ (Q / P * F) ** 2 - exact**2) / 20
    assert abs(means.mean() - exact) < 4 * np.sqrt(expected / len(means))
    assert means.var() == pytest.approx(expected, rel=0.05)
    assert variances.mean() == pytest.approx(expected, rel=0.02)


def test_self_normalised_is_biased_and_consistent(rng):
    exact = Q @ F
    small, _ = estimates(rng, 5, 20_000, self_normalized=True)
    large, variances = estimates(rng, 2000, 500, self_normalized=True)
    assert abs(small.mean() - exact) > 10 * small.std() / np.sqrt(len(small))
    assert abs(large.mean() - exact) < 0.01
    assert variances.mean() == pytest.approx(large.var(), rel=0.2)


def test_self_normalised_needs_no_constants(rng):
    x = rng.choice(3, size=50, p=P)
    log_q, log_p = np.log(Q[x]), np.log(P[x])
    one = fastpg.importance_sampling_estimate(F[x], log_q, log_p, self_normalized=True)
    two = fastpg.importance_sampling_estimate(F[x], log_q + 900, log_p - 900, self_normalized=True)
    assert one.mean == pytest.approx(two.mean, rel=1e-12)


def test_effective_sample_size():
    assert fastpg.effective_sample_size(np.zeros(7), np.zeros(7)) == pytest.approx(7.0)
    assert fastpg.effective_sample_size([0.0, -np.inf], [0.0, 0.0]) == 1.0
    assert fastpg.effective_sample_size([-np.inf, -np.inf], [0.0, 0.0]) == 0.0
    w = np.array([0.2, 1.0, 3.0])
    expected = w.sum() ** 2 / (w**2).sum()
    assert fastpg.effective_sample_size(np.log(w) + 1e5, np.full(3, 0.0)) == pytest.approx(expected)


def test_identical_distributions_give_the_plain_mean(rng):
    f, log_p = rng.normal(size=30), rng.normal(size=30)
    for self_normalized in (False, True):
        found = fastpg.importance_sampling_estimate(
            f, log_p, log_p, self_normalized=self_normalized
        )
        assert found.mean == pytest.approx(f.mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: fastpg.importance_weights([0.0], [-np.inf]), "the proposal can draw"),
        (lambda: fastpg.importance_weights([np.nan], [0.0]), "log_target"),
        (lambda: fastpg.importance_weights([0.0, 0.0], [0.0]), "log_proposal"),
        (lambda: fastpg.importance_weights([1e4], [0.0]), "float64"),
        (lambda: fastpg.importance_sampling_estimate([1.0], [0.0], [0.0]), "at least two"),
        (
            lambda: fastpg.importance_sampling_estimate(
                [1.0, 2.0], [-np.inf] * 2, [0.0] * 2, self_normalized=True
            ),
            "target can draw",
        ),
    ],
)
def test_bad_input(call, text):
    with pytest.raises(ValueError, match=text):
        call()
