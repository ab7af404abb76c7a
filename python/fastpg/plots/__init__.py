"""Pictures of runs and policies, with matplotlib (`pip install '.[plot]'`).

Every function returns a matplotlib `Figure` and leaves pyplot alone.
"""

from fastpg.plots.comparison import comparison
from fastpg.plots.diagnosing import diagnostics
from fastpg.plots.learning import learning_curves
from fastpg.plots.maps import policy_map
from fastpg.plots.reading import read_run
from fastpg.plots.runs import Run
from fastpg.plots.saving import save_figure
from fastpg.public_names import suggest_names

__all__ = [
    "Run",
    "comparison",
    "diagnostics",
    "learning_curves",
    "policy_map",
    "read_run",
    "save_figure",
]

suggest_names(__name__)
