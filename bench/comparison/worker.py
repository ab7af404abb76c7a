"""One version's process: what it can be asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from comparison import kernels_of_tree, measures
from comparison.pipe import serve

COMMANDS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        measures.options,
        measures.iteration,
        measures.interpreter,
        measures.counts,
        measures.solve,
        measures.predict,
        measures.package_size,
        kernels_of_tree.load_kernels,
        kernels_of_tree.kernel,
    )
}


if __name__ == "__main__":
    serve(COMMANDS)
