"""Trust region policy optimisation (Schulman et al. 2015; lecture L4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fastpg.algorithms.batch import Batch
from fastpg.algorithms.natural import NaturalAlgorithm
from fastpg.algorithms.option_fields import option
from fastpg.algorithms.options import NaturalOptions
from fastpg.functional.solvers import MOST_LINE_SEARCH
from fastpg.training.metrics import Metrics


@dataclass(frozen=True, kw_only=True)
class TRPOOptions(NaturalOptions):
    """Options of TRPO."""

    line_search_shrinking_factor: float = option(
        0.8, "factor of the step at each backtrack", above=0.0, high=1.0
    )
    line_search_max_iter: int = option(
        10, "maximum number of points tried along the step", low=1, high=MOST_LINE_SEARCH
    )


class TRPO(NaturalAlgorithm):
    """The natural step, shortened until KL(old | new) <= target_kl and the surrogate improved.

    The surrogate is mean_i w_i A_i + ent_coef mean_i H_i over the batch, and the KL is exact: the
    action is summed out. `train/status` is "accepted", or the reason why theta did not change:
    "no_improvement", "kl_exceeded", "zero_gradient", "bad_curvature", "not_finite". The baseline is
    fitted in every case.
    """

    name = "trpo"
    options_class: ClassVar = TRPOOptions
    options: TRPOOptions

    def update(self, batch: Batch) -> Metrics:
        """Compute the gradient and the natural direction, and search along it.

        Args:
            batch: samples, advantages and targets of the iteration.

        Returns:
            Entries for the log, with keys "train/..."; "train/status" is "accepted", or the reason
                why there was no step.
        """
        options = self.options
        ascent = self.ascend(batch)
        status, searched = ascent.status, self._no_search()
        if status == "ok" and not ascent.step_size:  # a schedule has come to 0
            status = "accepted"
        elif status == "ok":
            found = batch.samples.line_search(
                self.policy.theta,
                ascent.step,
                ascent.dist,
                ascent.advantages,
                ent_coef=ascent.ent_coef,
                target_kl=self.kl_bound,
                shrinking_factor=options.line_search_shrinking_factor,
                max_iter=options.line_search_max_iter,
            )
            status = found.status
            searched = {
                "train/backtracks": found.backtracks,
                "train/line_search_fraction": found.fraction,
            }
            if found.fraction < 1.0:
                searched["train/step_limited_by"] = "line_search"
            if status == "accepted":
                status = self.try_theta(found.theta)
        return {
            "train/status": status,
            "train/is_line_search_success": status == "accepted",
            **self.record(batch, ascent),
            **searched,
        }

    @staticmethod
    def _no_search() -> Metrics:
        return {"train/backtracks": 0, "train/line_search_fraction": 0.0}
