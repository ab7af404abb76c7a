"""Names of version 0.1.0 that have moved: they warn and work, or an error says what to use."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from fastpg import callers
from fastpg.public_names import missing, missing_module

REMOVAL = "0.3.0"  # the version that has the old names no longer

# Modules of 0.1.0: where their names are now.
MODULES: dict[str, dict[str, str]] = {
    "baselines": {
        "values.base": "Baseline",
        "values.factory": "make_baseline",
        "values.mean": "MeanBaseline",
        "values.ridge": "LinearBaseline",
    },
    "checkpoints": {"training.checkpoints": "CheckpointError read write"},
    "collection": {
        "rollouts.collect": "collect make_collector",
        "rollouts.make_env": "env_name make_env",
        "rollouts.stepping": "SteppingCollector",
    },
    "estimators": {"functional.advantages": "discounted_returns gae"},
    "evaluation": {"rollouts.evaluation": "Predictor evaluate_policy"},
    "families": {
        "algorithms.gae_algorithm": "StepAlgorithm",
        "functional.advantages": "standardize",
    },
    "features": {
        "policies.features": "FeatureMap Identity Polynomial RandomFourier RunningNormalizer "
        "length_scale make_features",
    },
    "interrupts": {},
    "linear_policy": {"policies.env_spaces": "observation_size single_space"},
    "naming": {"suggestions": "unknown"},
    "options": {
        "algorithms.option_fields": "Options option",
        "algorithms.option_texts": "Described described",
        "algorithms.options": "CommonOptions NaturalOptions StepOptions",
    },
    "policies": {
        "policies.factory": "make_policy require_fit restore_policy",
        "policies.linear": "LinearGaussian LinearSoftmax",
    },
    "rollout": {
        "rollouts.collector": "Collector NativeCollector",
        "rollouts.rollout": "Rollout",
    },
    "sampling": {
        "functional.importance_sampling": "ImportanceSamplingEstimate effective_sample_size "
        "importance_sampling_estimate importance_weights",
    },
    "schedules": {"algorithms.schedules": "at checked start"},
    "second_order": {"algorithms.natural": "NaturalAlgorithm step_to_kl"},
    "solvers": {
        "arrays": "norm",
        "functional.solvers": "conjugate_gradient line_search natural_gradient ppo_epochs",
    },
    "training": {"algorithms.base": "Algorithm", "algorithms.batch": "Batch"},
}

_NAMED_TUPLE = "a result with the same fields, of which no class is exported"
# Names of these modules that are gone, and what to use.
GONE = {
    "explained_variance": "fastpg.functional.advantages.prediction_error(...).explained_variance",
    "shares_environments": "nothing: learning notices steps of other code by itself",
    "AdamAlgorithm": "fastpg.algorithms.first_order.FirstOrderAlgorithm",
    "deferred_interrupt": "fastpg.training.signals.defer_sigint",
    "LinearPolicy": "fastpg.policies.base.Policy",
    "ratio_record": "fastpg.effective_sample_size",
    "Ascent": "fastpg.algorithms.natural.NaturalStep",
    "ConjugateGradientResult": _NAMED_TUPLE,
    "NaturalGradientResult": _NAMED_TUPLE,
    "LineSearchResult": _NAMED_TUPLE,
}


def warn(old: str, new: str) -> None:
    """Warn about an old name that still works.

    Args:
        old: the old name.
        new: what to use.
    """
    callers.warn(f"{old} goes in fastpg {REMOVAL}: expected {new}", FutureWarning)


def moved(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module of 0.1.0.

    Args:
        module: its name, without the package.

    Returns:
        A function of a name, which warns and returns the object from where it is now. It raises
            AttributeError for other names, and ImportError for those that are gone.
    """
    homes = {name: home for home, names in MODULES[module].items() for name in names.split()}

    def __getattr__(name: str) -> Any:
        if name in homes:
            exported = name in sys.modules["fastpg"].__all__
            warn(f"fastpg.{module}.{name}", f"fastpg.{'' if exported else homes[name] + '.'}{name}")
            return getattr(importlib.import_module(f"fastpg.{homes[name]}"), name)
        if name in GONE:  # an AttributeError would lose the text in `from … import`
            raise ImportError(f"fastpg.{module} has no {name}: expected {GONE[name]}", name=name)
        raise missing(f"fastpg.{module}", name)

    return __getattr__


class OldModules(MetaPathFinder, Loader):
    """Finds modules of 0.1.0 that are no files any more."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The specification of an old module; None for every other name.

        Args:
            fullname: full name of a module that no other finder has found.
            path: not used.
            target: not used.

        Raises:
            ModuleNotFoundError: a module of other libraries; the message says what to use.
        """
        package, _, name = fullname.partition(".")
        if package == "fastpg" and name in MODULES:
            return ModuleSpec(fullname, self)
        missing_module(fullname)
        return None

    def create_module(self, spec: ModuleSpec) -> None:
        """An ordinary module."""

    def exec_module(self, module: ModuleType) -> None:
        """Names of the module are looked up when they are used."""
        module.__doc__ = "A module of fastpg 0.1.0, whose names have moved."
        vars(module)["__getattr__"] = moved(module.__name__.partition(".")[2])


def install() -> None:
    """Make old modules importable, after every other way to find a module."""
    if not any(isinstance(finder, OldModules) for finder in sys.meta_path):
        sys.meta_path.append(OldModules())
