"""A worker's end of the pipe: a line [command, arguments] in, a line with the answer out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any


def serve(commands: Mapping[str, Callable[..., Any]]) -> None:
    """Answer until nobody asks; what others print goes to the standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        command, arguments = json.loads(line)
        print(json.dumps(commands[command](*arguments)), file=answers, flush=True)
