"""The map that a policy is given, however it is named, and the one of a file."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from fastpg import arrays
from fastpg.policies.features import MAPS, FeatureMap, Identity, make_features
from fastpg.policies.function_features import Function, FunctionFeatures
from fastpg.suggestions import one_of, unknown

Features = str | FeatureMap | type[FeatureMap] | Function | None


class FeatureFunctionError(ValueError):
    """A file whose features are a function that was not given, or one given that it has not."""


def choose_features(
    features: Features, observation_size: int, features_kwargs: Mapping[str, Any] | None = None
) -> FeatureMap:
    """A map of its own for a policy.

    Args:
        features: "identity", "polynomial" or "fourier", or the class; a function of arrays
            (n, d), see `FunctionFeatures`; or a map. None is "identity".
        observation_size: length d of an observation.
        features_kwargs: arguments of the class but `observation_size`; of a function, `time`.

    Raises:
        TypeError: none of these, an unknown argument, or arguments beside a map.
        ValueError: an unknown name, or a map of observations of another length.
    """
    given = arrays.keywords("features_kwargs", features_kwargs)
    if isinstance(features, FeatureMap):
        if given:
            raise TypeError(f"features_kwargs: goes only with a name, got {features!r} too")
        _require_size(features, observation_size)
        return features.fresh()
    if isinstance(features, str) or features is None:
        kind = MAPS[Identity.kind if features is None else one_of("features", features, MAPS)]
        return _made(kind, observation_size, given)
    if isinstance(features, type) and features in MAPS.values():
        return _made(features, observation_size, given)
    if callable(features) and not isinstance(features, type):
        _require_known(given, ["time"])
        return FunctionFeatures(observation_size, features, **given)
    raise TypeError(
        f"features: expected {', '.join(MAPS)}, a feature map or a function of arrays, "
        f"got {features!r}"
    )


def _made(kind: type[FeatureMap], observation_size: int, given: dict[str, Any]) -> FeatureMap:
    known = [name for name in inspect.signature(kind).parameters if name != "observation_size"]
    _require_known(given, known)
    return kind(observation_size, **given)


def _require_known(given: Iterable[str], known: list[str]) -> None:
    for name in given:
        if name not in known:
            raise TypeError(f"features_kwargs: {unknown('argument', name, known)}")


def _require_size(features: FeatureMap, observation_size: int) -> None:
    if features.observation_size != observation_size:
        raise ValueError(
            f"features: expected a map of {observation_size} numbers, got one of "
            f"{features.observation_size}"
        )


def restore_features(state: dict[str, Any], function: Function | None = None) -> FeatureMap:
    """The map of a `state` in a file, where nothing is left out.

    Args:
        state: what `FeatureMap.state` gave.
        function: the one of a map that was a function, which no file can hold.

    Raises:
        FeatureFunctionError: no function for such a map, or one for another.
        KeyError, TypeError, ValueError: anything else.
    """
    made: FeatureMap
    if state["kind"] == FunctionFeatures.kind:
        if function is None:
            raise FeatureFunctionError(
                "features: the policy's were a function, which a file cannot hold: "
                "expected fastpg.load(path, features=...), got none"
            )
        arguments = {name: value for name, value in state.items() if name != "kind"}
        made = FunctionFeatures(function=function, **arguments)
    else:
        made = make_features(state)
        if function is not None:
            raise FeatureFunctionError(
                f"features: expected none for a file that has its own ({made.kind}), "
                f"got {function!r}"
            )
    if made.state() != state:  # a seed left out, or null, would be another map in silence
        raise ValueError(f"features: expected the state of a map, got {state!r}")
    return made
