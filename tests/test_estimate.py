"""Values, advantages and targets of a whole rollout in one call of the core, against NumPy."""

import numpy as np
import pytest

import reference
from fastpg import _core

GAMMA, LAMBDA = 0.9, 0.8


def rollout(rng, gaps):
    """Seven steps by four environments: a terminated, a truncated and a double end.

    With gaps, column 0 has its samples at the beginning alone, column 3 lacks two in between, both
    after ends of episodes.
    """
    t, n = 7, 4
    terminated, truncated, valid = np.zeros((t, n), bool), np.zeros((t, n), bool), np.ones((t, n))
    ends = [(2, 0), (3, 1), (3, 3), (6, 2)]
    terminated[2, 0] = terminated[3, 1] = truncated[3, 1] = truncated[3, 3] = truncated[6, 2] = True
    if gaps:
        valid[3:, 0] = valid[4:6, 3] = 0
    rows, columns = np.array(ends).T
    return {
        "observations": rng.normal(size=(t, n, 3)).astype(np.float32),
        "rewards": rng.normal(size=(t, n)),
        "terminated": terminated,
        "truncated": truncated,
        "valid": valid.astype(bool),
        "step_index": rng.integers(0, 200, (t, n)).astype(np.int32),
        "last_observations": rng.normal(size=(n, 3)).astype(np.float32),
        "last_step_index": rng.integers(0, 200, n),
        "end_rows": rows.copy(),
        "end_columns": columns.copy(),
        "final_observations": rng.normal(size=(4, 3)).astype(np.float32),
        "episode_lengths": rng.integers(1, 200, 4),
    }


def expected(r, values, last, final, monte_carlo):
    """Advantages and targets by definition, sample by sample."""
    t, n = values.shape
    following, ended = np.zeros((t, n)), r["terminated"] | r["truncated"]
    following[:-1] = values[1:]
    for column in range(n):
        row = np.flatnonzero(r["valid"][:, column])[-1]
        following[row, column], ended[row, column] = last[column], True
    following[r["end_rows"], r["end_columns"]] = final
    ended[:-1] |= ~r["valid"][1:]
    args = (following, r["terminated"], ended)
    advantages = reference.gae_by_definition(r["rewards"], values, *args, GAMMA, LAMBDA)
    if monte_carlo:
        return advantages, reference.returns_by_definition(r["rewards"], *args, GAMMA)
    return advantages, advantages + values


def linear(observations, steps, weights):
    flat = observations.reshape(-1, observations.shape[-1])
    return (reference.value_features(flat, steps.ravel()) @ weights).reshape(steps.shape)


@pytest.mark.parametrize("monte_carlo", [False, True])
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("kind", ["weights", "values", "none"])
def test_against_the_definitions(rng, kind, gaps, monte_carlo):
    r = rollout(rng, gaps)
    values = [np.zeros((7, 4)), np.zeros(4), np.zeros(4)]
    given = None
    if kind == "values":
        given = values = tuple(rng.normal(size=v.shape) for v in values)
    elif kind == "weights":
        given = rng.normal(size=13)
        values = [
            linear(r["observations"], r["step_index"], given),
            linear(r["last_observations"], r["last_step_index"], given),
            linear(r["final_observations"], r["episode_lengths"], given),
        ]
    found = _core.estimate(r, given, True, GAMMA, LAMBDA, monte_carlo, 1)
    advantages, targets = expected(r, *values, monte_carlo)
    valid = r["valid"]
    for got, wanted in (
        (found.values, values[0]), (found.advantages, advantages), (found.targets, targets)
    ):  # fmt: skip
        assert np.allclose(got, wanted[valid], rtol=1e-12, atol=1e-12)
    error = (targets - values[0])[valid]
    assert found.value_loss == pytest.approx(np.mean(error**2), rel=1e-12)
    explained = 1.0 - error.var() / targets[valid].var()
    assert found.explained_variance == pytest.approx(explained, abs=1e-12)
    assert found.steps.dtype == np.int64
    assert np.array_equal(found.steps, r["step_index"][valid])
    again = _core.estimate(r, given, True, GAMMA, LAMBDA, monte_carlo, 3)
    assert all(map(np.array_equal, found, again))


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        (
            {"end_rows": np.array([7, 0, 0, 0])},
            ValueError,
            "end_rows, end_columns: expected",
        ),
        ({"end_columns": np.array([-1, 0, 0, 0])}, ValueError, "expected places"),
        ({"end_columns": np.zeros(3, np.int64)}, ValueError, "end_columns: expected shape"),
        ({"rewards": np.full((7, 4), np.nan)}, ValueError, "rewards: expected finite"),
        ({"rewards": np.zeros((7, 3))}, ValueError, "expected"),
        ({"rewards": np.zeros((0, 4))}, ValueError, "at least one sample"),
        ({"rewards": np.zeros((7, 4), np.float32)}, TypeError, "array rewards of the dtype"),
        ({"valid": np.ones((7, 4), np.int8)}, TypeError, "array valid of the dtype"),
        ({"observations": np.full((7, 4, 3), np.inf, np.float32)}, ValueError, "observations"),
        ({"step_index": None}, TypeError, "array step_index of the dtype"),
    ],
)
def test_a_wrong_field_is_named(rng, changes, error, text):
    with pytest.raises(error, match=text):
        _core.estimate(rollout(rng, False) | changes, np.ones(13), True, 0.9, 0.9, False, 1)


def test_a_field_that_is_missing_and_values_of_other_shapes(rng):
    r = rollout(rng, False)
    with pytest.raises(ValueError, match="last_values: expected shape"):
        _core.estimate(r, (np.zeros((7, 4)), np.zeros(3), np.zeros(4)), True, 0.9, 0.9, False, 1)
    with pytest.raises(ValueError, match="weights: expected size 13, got 12"):
        _core.estimate(r, np.ones(12), True, 0.9, 0.9, False, 1)
    del r["valid"]
    with pytest.raises((KeyError, TypeError), match="valid"):
        _core.estimate(r, None, True, 0.9, 0.9, False, 1)
