"""Natural policy gradient (Kakade 2001; Rajeswaran et al. 2017; lecture L6 to L8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fastpg.algorithms.batch import Batch
from fastpg.algorithms.natural import NaturalAlgorithm
from fastpg.algorithms.option_fields import inherited, option
from fastpg.algorithms.options import NaturalOptions
from fastpg.algorithms.schedules import Schedule
from fastpg.training.metrics import Metrics

_BOUNDED = ({"step_size": (None,)},)


@dataclass(frozen=True, kw_only=True)
class NPGOptions(NaturalOptions):
    """Options of NPG."""

    target_kl: Schedule | None = inherited(NaturalOptions, "target_kl", None, only_with=_BOUNDED)
    kl_per: str = inherited(NaturalOptions, "kl_per", "step", only_with=_BOUNDED)
    max_step_size: float | None = inherited(
        NaturalOptions, "max_step_size", None, only_with=_BOUNDED
    )
    step_size: float | None = option(
        None,
        "a fixed multiplier eta instead of target_kl and max_step_size; the lecture's eta only "
        "with normalize_advantage=False",
        above=0.0,
        unit_from="normalize_advantage",
    )


class NPG(NaturalAlgorithm):
    """theta <- theta + eta d, d = (F + damping)^-1 g, eta = sqrt(2 target_kl / d^T F d).

    The lecture's delta (L6) is 2 target_kl, per trajectory with `kl_per="trajectory"`. With
    `step_size`, eta is fixed and there is no bound; it is the lecture's eta only with gamma and
    gae_lambda 1, ent_coef 0 and `normalize_advantage=False`. The KL of the step is not checked; the
    history has the predicted and the measured KL. If there is no direction (a zero gradient, no
    curvature), theta does not change and `train/status` gives the reason.
    """

    name = "npg"
    options_class: ClassVar = NPGOptions
    options: NPGOptions

    def update(self, batch: Batch) -> Metrics:
        """Compute the gradient and the natural direction, and take the step.

        Args:
            batch: samples, advantages and targets of the iteration.

        Returns:
            Entries for the log, with keys "train/..."; "train/status" is "accepted", or the reason
                why there was no step.
        """
        ascent = self.ascend(batch)
        status, step = ascent.status, None
        if status == "ok":
            theta = self.policy._theta + ascent.step
            status, step = self.try_step(batch, theta, ascent.dist, ascent.advantages)
        return {"train/status": status, **self.record(batch, ascent, step)}
