"""Choosing the feature map of a policy, and restoring it from a file."""

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
    """A file needs a feature function that was not given, or one was given that it does not use."""


def choose_features(
    features: Features, observation_size: int, features_kwargs: Mapping[str, Any] | None = None
) -> FeatureMap:
    """Make the feature map of a policy, which no other policy shares.

    Args:
        features: "identity" (None means this too), "polynomial" or "fourier", or one of their
            classes; a map; or a function of arrays (n, d), as in `FunctionFeatures`.
        observation_size: length d of an observation.
        features_kwargs: arguments of the class, except `observation_size`; for a function only
            `time`.

    Raises:
        TypeError: `features` of another type, an unknown argument, or arguments for a map.
        ValueError: an unknown name, or a map of observations of another length.
    """
    given = arrays.keywords("features_kwargs", features_kwargs)
    if isinstance(features, FeatureMap):
        if given:
            raise TypeError(f"features_kwargs: allowed only with a name, got {features!r} too")
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
    if given:  # a look at the signature takes a tenth of a construction
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
    """The feature map with a `state` from a file, which must be complete.

    Args:
        state: return value of `FeatureMap.state`.
        function: the feature function, if the map was one; a file cannot hold it.

    Raises:
        FeatureFunctionError: the function is missing, or is given for another kind of map.
        KeyError, TypeError, ValueError: another error in the state.
    """
    made: FeatureMap
    if state["kind"] == FunctionFeatures.kind:
        if function is None:
            raise FeatureFunctionError(
                "features: the policy's features are a function, which a file cannot hold: "
                "expected load(path, features=...), or resume, got none"
            )
        arguments = {name: value for name, value in state.items() if name != "kind"}
        made = FunctionFeatures(function=function, **arguments)
    else:
        made = make_features(state)
        if function is not None:
            raise FeatureFunctionError(
                f"features: expected none, since the file has its own ({made.kind}), "
                f"got {function!r}"
            )
    if made.state() != state:  # a missing or null seed would silently give another map
        raise ValueError(f"features: expected the state of a map, got {state!r}")
    return made
