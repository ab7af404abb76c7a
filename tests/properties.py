"""Property tests on random cases: few by default, many in the slower suites."""

import functools
import inspect

import pytest
from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy


def tried_on(few, many, exhaustive, **options):
    """A decorator instead of `given`: three versions of the test, marked by the number of cases."""
    sizes = (
        few,
        pytest.param(many, marks=pytest.mark.slow),
        pytest.param(exhaustive, marks=pytest.mark.exhaustive),
    )
    counted = functools.partial(settings, deadline=None, derandomize=True, **options)

    def on_cases(*strategies):
        if not all(isinstance(strategy, SearchStrategy) for strategy in strategies):
            raise TypeError("expected strategies, as for hypothesis.given, which this replaces")

        def decorate(test):
            tried = given(*strategies)
            runs = {n: counted(max_examples=n)(tried(test)) for n in (few, many, exhaustive)}

            def run(examples, **arguments):
                runs[examples](**arguments)

            left = inspect.signature(runs[few]).parameters.values()
            first = inspect.Parameter("examples", inspect.Parameter.POSITIONAL_OR_KEYWORD)
            run.__signature__ = inspect.Signature([first, *left])
            for name in ("__name__", "__qualname__", "__doc__", "__module__"):
                setattr(run, name, getattr(test, name))
            return pytest.mark.parametrize("examples", sizes)(run)

        return decorate

    return on_cases
