"""Records for TensorBoard, written by its own package: neither torch nor TensorFlow is needed."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from fastpg.files import path_of
from fastpg.suggestions import names_checked
from fastpg.training.loggers.base import Logger
from fastpg.training.metrics import Metrics

_MISSING = "TensorBoardLogger needs the package tensorboard: pip install '.[tensorboard]'"


class TensorBoardLogger(Logger):
    """Writes the numbers of each record as scalars over environment steps, and the configuration.

    Needs the extra `tensorboard`. A thread of its package writes the file every few seconds.

    Args:
        folder: folder of this run, made if needed; `tensorboard --logdir` takes it or its parent.

    Raises:
        ImportError: tensorboard is not installed.
    """

    _writer: Any = None

    @names_checked
    def __init__(self, folder: str | os.PathLike[str]) -> None:
        try:
            import tensorboard  # noqa: F401
        except ImportError as error:
            raise ImportError(_MISSING) from error
        self.folder = path_of(folder)

    def start(self, config: dict[str, Any]) -> None:
        """Open a new file in the folder.

        Args:
            config: what the training was started with; it becomes a text.

        Raises:
            OSError: the file cannot be made.
        """
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self.folder.mkdir(parents=True, exist_ok=True)
        self._event, self._summary = Event, Summary
        self._writer = EventFileWriter(str(self.folder))
        self._add(_text("config", json.dumps(config, indent=2)), 0)

    def write(self, record: Metrics) -> None:
        """Write the numbers of a record; texts are left out.

        Args:
            record: the record.
        """
        summary = self._summary()
        for key, value in record.items():
            if isinstance(value, int | float) and value == value:
                summary.value.add(tag=key, simple_value=value)
        self._add(summary, int(record["time/total_timesteps"]))

    def write_evaluation(self, record: Metrics) -> None:
        """Write the numbers of an evaluation.

        Args:
            record: the record.
        """
        self.write({k: v for k, v in record.items() if k.startswith("eval/")} | _steps(record))

    def close(self) -> None:
        """Write what is left, and close the file."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _add(self, summary: Any, step: int) -> None:
        event = self._event(wall_time=time.time(), step=step, summary=summary)
        self._writer.add_event(event)


def _steps(record: Metrics) -> Metrics:
    return {"time/total_timesteps": record["time/total_timesteps"]}


def _text(tag: str, text: str) -> Any:
    """A summary that TensorBoard shows as text: indented lines are code in Markdown."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

    lines = "\n".join(f"    {line}" for line in text.splitlines())
    plugin = SummaryMetadata.PluginData(plugin_name="text")
    tensor = TensorProto(
        dtype="DT_STRING",
        string_val=[lines.encode()],
        tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
    )
    value = Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=plugin), tensor=tensor)
    return Summary(value=[value])
