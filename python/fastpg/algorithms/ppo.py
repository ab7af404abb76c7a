"""Proximal policy optimisation, clipped or penalised (Schulman et al. 2017; lecture L10, L12)."""

from __future__ import annotations

from collections.abc import Collection
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fastpg import arrays
from fastpg.algorithms.batch import Batch
from fastpg.algorithms.first_order import FirstOrderAlgorithm
from fastpg.algorithms.gae_algorithm import StepAlgorithm
from fastpg.algorithms.option_fields import inherited, option
from fastpg.algorithms.options import MLP, StepOptions
from fastpg.algorithms.schedules import Schedule
from fastpg.arrays import Floats
from fastpg.functional.solvers import (
    KL_ESTIMATORS,
    OBJECTIVES,
    OPTIMIZERS,
    FeatureMoments,
    PpoUpdate,
    Whitening,
    ppo_settings,
)
from fastpg.training.checkpoints import State
from fastpg.training.metrics import Metrics
from fastpg.values.mlp import MOST_CRITIC_UPDATES, MlpBaseline, ValueTask

_TARGET_KL = 0.01
_KL_COEF = 1.0
_LOWEST_KL_COEF, _HIGHEST_KL_COEF = 0.1, 1e3
_MOST_KL_COEF = 1e100  # as for every option
_PASSED_ON = (
    "max_grad_norm", "n_epochs", "batch_size", "normalize_advantage", "vf_coef", "clip_range_vf",
)  # fmt: skip
_MOMENTS = ("square", "fourth", "products")


_CLIPPED = {"objective": ("clip",)}
_PENALISED = {"objective": ("kl_penalty",)}


@dataclass(frozen=True, kw_only=True)
class PPOOptions(StepOptions):
    """Options of PPO."""

    ent_coef: Schedule = inherited(StepOptions, "ent_coef", 0.02, mlp=0.0)
    objective: str = option(
        "clip",
        "surrogate with clipped ratios (clip), or with a KL penalty (kl_penalty)",
        choices=tuple(OBJECTIVES),
    )
    learning_rate: Schedule = option(
        "lin_0.01",
        "step size of the optimizer",
        above=0.0,
        mlp=0.0003,
        search="lin_1e-3:0.1:log",
        mlp_search="lin_1e-5:3e-3:log",
    )
    optimizer: str = option(
        "adam",
        "adam, rmsprop, or plain gradient ascent (sgd)",
        choices=OPTIMIZERS,
        fixed=True,
    )
    whiten_features: bool | None = option(
        None,
        "ascend in coordinates in which features are uncorrelated and of equal scale, and means of "
        "a Gaussian are in units of sigma; None: only with adam and a linear policy",
        fixed=True,
    )
    n_epochs: int = option(
        10,
        "passes over the samples of an iteration",
        low=1,
        high=MOST_CRITIC_UPDATES,
        search="3:30:log",
    )
    batch_size: int = option(
        256,
        "samples per minibatch; sizes differ by at most one",
        low=1,
        mlp=64,
        search="32,64,128,256,512",
    )
    clip_range: Schedule = option(
        0.2,
        "epsilon of the clipped ratio",
        above=0.0,
        only_with=(_CLIPPED,),
        search="0.05:0.4",
    )
    max_grad_norm: float | None = option(
        None, "upper bound of the gradient's norm", above=0.0, mlp=0.5
    )
    vf_coef: float = option(
        0.5,
        "weight of the loss of the mlp baseline, if the epochs fit it: not with baseline_batch",
        low=0.0,
        only_with=({"baseline": ("mlp",), "baseline_batch": (0,)},),
        search="0.1:1",
    )
    clip_range_vf: float | None = option(
        None,
        "bound of the change of a value of the mlp baseline in an iteration, in units of the "
        "values; None: no bound",
        above=0.0,
        only_with=MLP,
    )
    target_kl: float | None = option(
        None,
        "with clip: stop before the first minibatch at which the exact KL(old | new) is above it; "
        "None: never; with adaptive_kl: the goal of the KL; None: 0.01",
        above=0.0,
        only_with=(_CLIPPED, {"adaptive_kl": (True,)}),
    )
    kl_coef: float | None = option(
        None,
        "weight lambda of the KL penalty; with adaptive_kl its first value; None: 1",
        low=0.0,
        only_with=(_PENALISED,),
        unit_from="normalize_advantage",
    )
    adaptive_kl: bool | None = option(
        None,
        "halve or double kl_coef after iterations whose KL is far from target_kl; None: no",
        only_with=(_PENALISED,),
    )
    kl_estimator: str | None = option(
        None,
        "KL of the penalty: action summed out (exact) or action taken (sampled); None: exact",
        choices=KL_ESTIMATORS,
        only_with=(_PENALISED,),
    )


class PPO(FirstOrderAlgorithm, StepAlgorithm):
    """Epochs of minibatch ascent on a surrogate, with advantages A and ratios w.

    `objective="clip"`: mean_i min(w_i A_i, clip(w_i, 1 - eps, 1 + eps) A_i).
    `objective="kl_penalty"`: mean_i w_i A_i - lambda KL(old | new), lambda = `kl_coef`; with
    `kl_estimator="sampled"` the last term is + lambda ln pi(a_i|s_i). Both terms are means over
    steps, so lambda is the lecture's lambda for raw advantages; with `normalize_advantage` its unit
    is their standard deviation. With `adaptive_kl`, lambda is halved after an iteration with KL <
    target_kl / 1.5 and doubled after one with KL > 1.5 target_kl, within [0.1, 1000].

    Adam's steps depend on the coordinates: each parameter moves by about `learning_rate`, whatever
    the scale of its feature. With `whiten_features` PPO ascends in t, theta = W t, where the
    features phi W are uncorrelated and of equal scale in the samples so far, and a Gaussian's means
    are in units of sigma (Desjardins et al. 2015, arXiv 1507.00210, whiten the layers of a network
    in this way). The set of policies is the same; `max_grad_norm` bounds the gradient in t. More
    than 128 features are only scaled.

    With `baseline="mlp"` the epochs fit the value network too: minus `vf_coef` mean (V - y)^2 joins
    the objective, `max_grad_norm` bounds the norm of both gradients together, and each network has
    its own optimizer state. `target_kl` stops both.

    Every sample is used once in an epoch. With `normalize_advantage`, advantages are standardised
    in each minibatch. If a gradient is not finite, theta and the optimizer do not change and
    `train/status` is "not_finite"; if all gradients are zero, it is "zero_gradient".
    """

    name = "ppo"
    options_class: ClassVar = PPOOptions
    options: PPOOptions
    moments: FeatureMoments
    kl_coef: float

    def make_optimizer(self) -> None:
        """The optimizer before its first step, no features seen, and lambda at its start."""
        super().make_optimizer()
        if self.options.whiten_features and not self.policy.is_linear:
            raise ValueError("whiten_features: allowed only with a linear policy, got True")
        self.moments = FeatureMoments(self.policy.n_features)
        self.kl_coef = self._first_kl_coef

    @property
    def _first_kl_coef(self) -> float:
        return _KL_COEF if self.options.kl_coef is None else self.options.kl_coef

    @property
    def _optimizer_name(self) -> str:
        return self.options.optimizer

    def update(self, batch: Batch) -> Metrics:
        """Run the epochs of minibatch ascent; with `adaptive_kl` adapt lambda afterwards.

        Args:
            batch: samples, advantages and targets of the iteration.

        Returns:
            Entries for the log, with keys "train/..."; "train/status" is "accepted",
                "zero_gradient" or "not_finite".
        """
        settings = self._settings()
        optimizer, task = copy(self.optimizer), self._value_task(batch)
        before = self.policy.theta
        found = batch.samples.ppo_epochs(
            before,
            batch.advantages,
            optimizer,
            self.seed,
            self.optimizer.count,
            self._whitening(batch),
            ppo_settings(**settings),
            *(task or ()),
        )
        finite = found.finite and self.policy._takes(found.theta)
        if finite:
            self.optimizer = optimizer
        if task is not None and isinstance(self.baseline, MlpBaseline):
            self.baseline.take(task, found.value_theta, finite)
            self.baseline.observe_after(batch.observations)
        status = _status(found, finite, moved=not np.array_equal(before, self.policy.theta))
        return self._record(found, settings, status) | self._adapt(found, finite)

    def _settings(self) -> dict[str, Any]:
        """The current arguments of `ppo_settings`."""
        options = self.options
        return {
            "objective": options.objective,
            "clip_range": self.at_progress(options.clip_range, "clip_range"),
            "kl_coef": self.kl_coef,
            "kl_estimator": options.kl_estimator or "exact",
            "learning_rate": self.at_progress(options.learning_rate, "learning_rate"),
            "ent_coef": self.at_progress(options.ent_coef, "ent_coef"),
            "target_kl": options.target_kl if options.objective == "clip" else None,
            **{name: getattr(options, name) for name in _PASSED_ON},
        }

    @property
    def whitens(self) -> bool:
        """Whether it ascends in whitened coordinates."""
        chosen = self.options.whiten_features
        return (
            self.policy.is_linear and self.options.optimizer == "adam" if chosen is None else chosen
        )

    @property
    def fits_in_update(self) -> bool:
        """Whether the epochs fit a value network too; with `baseline_batch` it is fitted apart."""
        return isinstance(self.baseline, MlpBaseline) and not self.options.baseline_batch

    def fit_baseline(self, batch: Batch) -> None:
        """As for every algorithm, unless `update` fits it.

        Args:
            batch: observations, steps and targets.
        """
        if not self.fits_in_update:
            super().fit_baseline(batch)

    @property
    def critic_learning_rate(self) -> Schedule:
        """That of the policy."""
        return self.options.learning_rate

    def _critic_arguments(self) -> dict[str, Any]:
        options = self.options
        names = ("batch_size", "clip_range_vf", "max_grad_norm", "optimizer")
        shared = {name: getattr(options, name) for name in names}
        return {"n_critic_updates": options.n_epochs} | shared

    def _value_task(self, batch: Batch) -> ValueTask | None:
        """The value network that the epochs fit, if they do."""
        if not isinstance(self.baseline, MlpBaseline) or not self.fits_in_update:
            return None
        return self.baseline.task(batch.observations, batch.step_index, batch.targets)

    def _whitening(self, batch: Batch) -> Whitening | None:
        """The coordinates to ascend in, from all features seen so far."""
        if not self.whitens:
            return None
        moments = copy(self.moments)
        moments.add(batch.phi)
        self.moments = moments
        return moments.whitening()

    def _record(self, found: PpoUpdate, settings: dict[str, Any], status: str) -> Metrics:
        entries: Metrics = {
            "train/status": status,
            "train/policy_gradient_loss": found.policy_loss,
            "train/kl": found.kl,
            "train/approx_kl": found.statistics.approx_kl,
            "train/effective_sample_size": found.statistics.effective_sample_size,
            "train/entropy_loss": -found.entropy,
            "train/grad_norm": found.grad_norm,
            "train/learning_rate": settings["learning_rate"],
            "train/n_updates": self.optimizer.count,
            "train/step_limited_by": "target_kl" if found.stopped else "n_epochs",
        }
        if self.options.objective == "clip":
            entries["train/clip_fraction"] = found.clip_fraction
            entries["train/clip_range"] = settings["clip_range"]
        return entries

    def _adapt(self, found: PpoUpdate, finite: bool) -> Metrics:
        """Set lambda for the next iteration; returns the log entry with that of this iteration."""
        options, used = self.options, self.kl_coef
        if options.objective == "clip":
            return {}
        if options.adaptive_kl and finite:
            self.kl_coef = adapted(used, found.kl, options.target_kl or _TARGET_KL)
        return {"train/kl_coef": used}

    def state(self) -> State:
        """Arrays and JSON values, with lambda and the features' moments."""
        stored, meta = super().state()
        if self.whitens:
            stored |= {f"{name}_of_features": getattr(self.moments, name) for name in _MOMENTS}
        return stored, meta | {"kl_coef": self.kl_coef}

    def take_changes(self, names: Collection[str]) -> None:
        """Begin with another lambda if `kl_coef` has changed.

        Args:
            names: of the options that have other values than those of the file.
        """
        if "kl_coef" in names:
            self.kl_coef = self._first_kl_coef

    @classmethod
    def stored_options(cls, given: dict[str, Any]) -> dict[str, Any]:
        """The options of a checkpoint; `whiten_features` is False if the file lacks it.

        Args:
            given: values by option name, as stored.

        Returns:
            The options with which the algorithm is restored.
        """
        return {"whiten_features": False} | given

    def restore_optimizer(self, stored: dict[str, npt.NDArray[Any]], meta: dict[str, Any]) -> None:
        """Restore the optimizer, the moments of the features and lambda.

        Args:
            stored: the optimizer's arrays; with whitening also "square_of_features",
                "fourth_of_features" and "products_of_features", in the shapes of `FeatureMoments`.
            meta: the optimizer's count, and "kl_coef", lambda, at least 0.

        Raises:
            KeyError: an entry is missing.
            TypeError, ValueError: an entry of another kind or shape, or with wrong values.
        """
        super().restore_optimizer(stored, meta)
        if self.whitens:
            self.moments.restore(*(_moments(self.moments, stored, name) for name in _MOMENTS))
        self.kl_coef = arrays.between("kl_coef", meta["kl_coef"], 0.0, _MOST_KL_COEF)


def _status(found: PpoUpdate, finite: bool, *, moved: bool) -> str:
    """What became of the epochs; momentum may move theta without a gradient."""
    if not finite:
        return "not_finite"
    nothing = found.grad_norm == 0.0 and not moved and not found.stopped
    return "zero_gradient" if nothing else "accepted"


def _moments(like: FeatureMoments, stored: dict[str, npt.NDArray[Any]], name: str) -> Floats:
    key = f"{name}_of_features"
    shape = getattr(like, name).shape
    if 0 in shape:  # with many features no products are kept
        return np.zeros(shape)
    return arrays.finite_floats(key, stored[key], shape)


def adapted(
    kl_coef: float,
    kl: float,
    target_kl: float,
    bounds: tuple[float, float] = (_LOWEST_KL_COEF, _HIGHEST_KL_COEF),
) -> float:
    """Lambda for the next iteration (Schulman et al. 2017, section 4), within bounds."""
    if kl < target_kl / 1.5:
        kl_coef = kl_coef / 2.0
    elif kl > 1.5 * target_kl:
        kl_coef = kl_coef * 2.0
    return min(max(kl_coef, bounds[0]), bounds[1])
