"""One version's side of the pipe: a line [command, arguments] in, a line with the answer out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from comparison import kernels_of_tree, measures

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


def serve() -> None:
    """Answer until nobody asks; what others print goes to the standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        command, arguments = json.loads(line)
        print(json.dumps(COMMANDS[command](*arguments)), file=answers, flush=True)


if __name__ == "__main__":
    serve()
