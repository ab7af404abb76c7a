"""Natural policy gradient (Kakade 2001; Rajeswaran et al. 2017; lecture L6 to L8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fastpg.options import NaturalOptions
from fastpg.rollout import Rollout
from fastpg.second_order import NaturalAlgorithm
from fastpg.training import Record


@dataclass(frozen=True, kw_only=True)
class NPGOptions(NaturalOptions):
    """Options of NPG."""


class NPG(NaturalAlgorithm):
    """theta <- theta + eta d, d = (F + damping)^-1 g, eta = sqrt(2 target_kl / d^T F d).

    The lecture's delta (L6) is 2 target_kl. The step is taken unchecked; the KL measured after it
    stands in the history beside the predicted one. Where there is no direction (a zero gradient, no
    curvature) theta stays as it was and `train/status` says why.
    """

    name = "npg"
    options_class: ClassVar = NPGOptions
    options: NPGOptions

    def update(self, rollout: Rollout) -> Record:
        """Advantages, direction, step, fit, log."""
        batch = self.estimate(rollout)
        ascent = self.ascend(batch)
        if ascent.status == "ok":
            self.policy.theta = self.policy.theta + ascent.step
        return {
            "train/status": "accepted" if ascent.status == "ok" else ascent.status,
            **ascent.record(),
            **self.measured(batch, ascent),
            **self.fit_baseline(batch),
        }
