"""Importance sampling: exact expectations, variances and the conditions of the lecture (L11)."""

import itertools
import math

import numpy as np
import pytest

import fastpg

P = np.array([0.5, 0.3, 0.2])  # proposal
Q = np.array([0.1, 0.3, 0.6])  # target
F = np.array([4.0, -1.0, 2.5])


def estimate(x, **options):
    return fastpg.importance_sampling_estimate(F[x], np.log(Q[x]), np.log(P[x]), **options)


def expected(n, **options):
    """Exact mean and variance of the mean of n samples, and mean of the variance it claims."""
    samples = [np.array(x) for x in itertools.combinations_with_replacement(range(3), n)]
    counts = [np.bincount(x, minlength=3) for x in samples]
    weights = np.array(
        [math.factorial(n) / math.prod(map(math.factorial, c)) * np.prod(P**c) for c in counts]
    )
    found = [estimate(x, **options) for x in samples]
    means, variances = (
        np.array([getattr(e, name) for e in found]) for name in ("mean", "variance")
    )
    mean = weights @ means
    return mean, weights @ (means - mean) ** 2, weights @ variances


def test_weights_by_hand():
    assert np.allclose(fastpg.importance_weights(np.log(Q), np.log(P)), [0.2, 1.0, 3.0])
    assert fastpg.importance_weights([-np.inf], [0.0]).tolist() == [0.0]


def test_plain_is_unbiased_and_has_the_variance_of_the_formula():
    mean, variance, claimed = expected(20)
    formula = (P @ (Q / P * F) ** 2 - (Q @ F) ** 2) / 20
    assert mean == pytest.approx(Q @ F, rel=1e-12)
    assert variance == pytest.approx(formula, rel=1e-12)
    assert claimed == pytest.approx(formula, rel=1e-12)


def test_self_normalised_is_biased_and_consistent(rng):
    exact = Q @ F
    biases = [expected(n, self_normalized=True)[0] - exact for n in (5, 10, 20)]
    assert abs(biases[0]) > 0.1
    assert abs(biases[0]) > 1.5 * abs(biases[1]) > 2.25 * abs(biases[2])
    large = [
        estimate(np.repeat(np.arange(3), counts), self_normalized=True)
        for counts in rng.multinomial(2000, P, size=500)
    ]
    means = np.array([e.mean for e in large])
    assert abs(means.mean() - exact) < 0.01
    assert np.mean([e.variance for e in large]) == pytest.approx(means.var(), rel=0.2)


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
