"""Ranges of a search: forms, limits, and the defaults beside the options."""

import pytest

from fastpg.algorithms import ALGORITHMS
from fastpg.algorithms.trpo import TRPOOptions
from fastpg.tuning import search_space
from fastpg.tuning.ranges import Range, distributions, range_of

BOTH = [(name, policy) for name in ALGORITHMS for policy in ("linear", "mlp")]


@pytest.mark.parametrize(("algorithm", "policy"), BOTH)
def test_default_ranges_are_within_the_options_limits(algorithm, policy):
    space = search_space(algorithm, policy)
    assert {"gamma", "ent_coef"} <= space.keys()
    for name, text in space.items():
        found = range_of(ALGORITHMS[algorithm].options_class, name, text)
        assert range_of(ALGORITHMS[algorithm].options_class, name, found.text()) == found


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("target_kl", "0.001:0.1:log", Range("target_kl", 0.001, 0.1, log=True)),
        ("target_kl", "lin_0.001:0.1:log", Range("target_kl", 0.001, 0.1, True, prefix="lin_")),
        ("target_kl", "pow8_1:2", Range("target_kl", 1.0, 2.0, prefix="pow8_")),
        ("target_kl", (1e-3, 0.1, "log"), Range("target_kl", 0.001, 0.1, log=True)),
        ("target_kl", "lin_0.1, 0.2,none", Range("target_kl", choices=("lin_0.1", 0.2, None))),
        ("gae_lambda", (0.9, 1), Range("gae_lambda", 0.9, 1.0)),
        ("gae_lambda", "0.9:1:0.01", Range("gae_lambda", 0.9, 1.0, step=0.01)),
        ("gae_lambda", [0.9, 1], Range("gae_lambda", choices=(0.9, 1.0))),
        ("n_steps", "64,128,none", Range("n_steps", choices=(64, 128, None))),
        ("n_steps", "64:1024:log", Range("n_steps", 64, 1024, log=True)),
        ("n_steps", "64:1024:64", Range("n_steps", 64, 1024, step=64)),
        ("n_steps", "256", Range("n_steps", choices=(256,))),
        ("fisher", "exact,sampled", Range("fisher", choices=("exact", "sampled"))),
        ("baseline_time", "true,false", Range("baseline_time", choices=(True, False))),
    ],
)
def test_forms(name, given, expected):
    assert range_of(TRPOOptions, name, given) == expected


def test_distributions_of_optuna():
    optuna = pytest.importorskip("optuna")
    of = optuna.distributions
    given = {
        "target_kl": of.FloatDistribution(1e-3, 0.1, log=True),
        "gae_lambda": of.FloatDistribution(0.9, 1.0, step=0.05),
        "n_steps": of.IntDistribution(64, 512, step=64),
        "fisher": of.CategoricalDistribution(["exact", "sampled"]),
    }
    ranges = {name: range_of(TRPOOptions, name, each) for name, each in given.items()}
    assert distributions(ranges) == given


@pytest.mark.parametrize(
    ("name", "given", "kind", "text"),
    [
        ("gae_lambda", "0.9:1.1", ValueError, r"search\['gae_lambda'\]: gae_lambda: .*\[0, 1\]"),
        ("gae_lambda", "-1,1", ValueError, "got -1.0"),
        ("gae_lambda", "1:0.9", ValueError, "low end below the high one"),
        ("gae_lambda", "0.9:0.9", ValueError, "low end below the high one"),
        ("gae_lambda", "0:1:log", ValueError, "above 0 with log"),
        ("gae_lambda", "0:1:0.3", ValueError, "divides the range"),
        ("gae_lambda", "0:1:2", ValueError, "divides the range"),
        ("gae_lambda", "0:1:-0.1", ValueError, "divides the range"),
        ("gae_lambda", "0:1:lin", ValueError, "LOW:HIGH:log"),
        ("gae_lambda", "lin_0.1:1", ValueError, "no schedule"),
        ("gae_lambda", "0:nan", ValueError, "nan"),
        ("gae_lambda", "a,b", ValueError, "expected a number, got 'a'"),
        ("gae_lambda", "0.9,0.9", ValueError, "different values"),
        ("gae_lambda", "none,0.9", ValueError, "none"),
        ("gae_lambda", [], ValueError, "at least one"),
        ("gae_lambda", [[1]], TypeError, "numbers, texts"),
        ("gae_lambda", (1,), ValueError, "low, high"),
        ("gae_lambda", (0.5, "x"), TypeError, "bound"),
        ("gae_lambda", (0.5, 1.0, "lin"), ValueError, "'log' or a step"),
        ("gae_lambda", 0.5, TypeError, "expected LOW:HIGH"),
        ("n_steps", "64:1e3", ValueError, "LOW:HIGH"),
        ("n_steps", "0:64", ValueError, "n_steps"),
        ("n_steps", "1.5", ValueError, "an integer"),
        ("fisher", "exact,other", ValueError, "other"),
        ("fisher", ("a", "b"), ValueError, "no numbers"),
        ("target_kl", "lin_0:0.1", ValueError, "above 0"),
        ("baseline_time", "yes", ValueError, "true or false"),
    ],
)
def test_wrong_ranges(name, given, kind, text):
    with pytest.raises(kind, match=text):
        range_of(TRPOOptions, name, given)


def test_values_are_short_and_within_the_bounds(rng):
    cases = [("target_kl", "lin_0.00123:0.1:log"), ("gae_lambda", "0.98765:0.98799"),
             ("ridge", "1e-3:10:log"), ("baseline_memory", "0:0.9")]  # fmt: skip
    for name, text in cases:
        found = range_of(TRPOOptions, name, text)
        for share in [0.0, 1.0, *rng.uniform(size=50)]:
            drawn = found.low + share * (found.high - found.low)
            value = found.value(drawn)
            number = float(str(value).removeprefix("lin_"))
            assert found.low <= number <= found.high
            assert abs(number - drawn) <= max(0.005 * drawn, 1e-3 * (found.high - found.low))
            assert len(repr(number)) <= 9
            assert found.value(found.drawn(value)) == value
    assert range_of(TRPOOptions, "gae_lambda", "0:1:0.1").value(0.1 * 3) == 0.1 * 3
    assert range_of(TRPOOptions, "n_steps", "64:128").value(99) == 99


def test_what_would_have_to_be_drawn():
    kl = range_of(TRPOOptions, "target_kl", "lin_0.001:0.1:log")
    assert kl.drawn("lin_0.012") == 0.012
    for other in (0.012, "pow8_0.012", "lin_0.2", None):
        assert kl.drawn(other) is None
    assert range_of(TRPOOptions, "gae_lambda", "0.9:1").drawn(0.97) == 0.97
    assert range_of(TRPOOptions, "gae_lambda", "0.9:1").drawn(0.5) is None
    steps = range_of(TRPOOptions, "n_steps", "64,512")
    assert (steps.drawn(512), steps.drawn(256)) == (512, None)
    flags = range_of(TRPOOptions, "baseline_time", "true,false")
    assert flags.drawn(False) is False


def test_a_text_keeps_every_digit():
    for given in ([0.12345678901, 1.0], (0.12345678901, 0.9), (1e-5, 0.5, "log")):
        found = range_of(TRPOOptions, "gae_lambda", given)
        assert range_of(TRPOOptions, "gae_lambda", found.text()) == found
