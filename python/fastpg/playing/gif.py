"""GIFs, written picture by picture, so that long episodes need little memory.

A GIF stores for each picture how long it is shown, in hundredths of a second, and viewers show
delays below two of these far too long. Pictures are left out where an environment has more.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from fastpg import arrays
from fastpg.playing.drawn_env import Frame

FPS = 0.1, 10_000.0  # pictures per second, the least and the most

_SHORTEST = 2  # hundredths of a second that every viewer keeps to
_PAUSE = 100  # hundredths of a second at the end of an episode
_MOST_DELAY = 0xFFFF
_COLOURS = 256
_LOOP_FOREVER = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
_END = b";"


class Gif:
    """A GIF of episodes that loops; needs pillow, `pip install '.[render]'`.

    Args:
        fps: pictures per second of the environment, in [0.1, 10000]; above 50, only every second,
            third, … picture is stored, so that the speed is right.

    Attributes:
        frames: number of pictures stored; equal ones in a row are one.
        shape: (height, width, 3) of the pictures; None before the first.

    Raises:
        ImportError: pillow is missing.
        ValueError: `fps` is out of range.
    """

    def __init__(self, fps: float) -> None:
        _pillow()
        self.fps = arrays.between("fps", fps, *FPS)
        self.frames = 0
        self.shape: tuple[int, ...] | None = None
        self._every = max(1, math.ceil(round(self.fps * _SHORTEST / 100.0, 9)))
        self._index = 0  # of the next picture within its episode
        self._time = 0  # of the last stored picture within its episode, hundredths of a second
        self._shown: Frame | None = None  # what a viewer shows now
        self._waiting: tuple[Frame, int, int] | None = None  # a part, its left and its top
        self._delay = 0  # of the waiting part
        self._hundredths = 0
        self._parts: list[bytes] = []

    @property
    def seconds(self) -> float:
        """How long the pictures added so far are shown in one loop."""
        return (self._hundredths + self._delay) / 100.0

    def add(self, frame: Frame, last: bool = False) -> None:
        """Add the next picture; it may be left out, unless it is the last of its episode.

        Args:
            frame: uint8 (height, width, 3), of one shape.
            last: whether the episode ends with it, after which there is a pause of one second.

        Raises:
            ValueError: a picture of another shape or type.
        """
        self._require(frame)
        if last or self._index % self._every == 0:
            now = round(100.0 * self._index / self.fps)
            if self._index:
                self._delay += max(now - self._time, _SHORTEST)
            self._store(frame)
            self._time = now
        self._index += 1
        if last:
            self._delay += _PAUSE
            self._index = self._time = 0

    def _require(self, frame: Frame) -> None:
        expected = self.shape or (*frame.shape[:2], 3)
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape != expected:
            raise ValueError(
                f"frame: expected uint8 pictures {self.shape or '(height, width, 3)'}, got "
                f"{frame.dtype} {frame.shape}"
            )
        if self.shape is None:
            if max(frame.shape) > 0xFFFF or min(frame.shape) < 1:
                raise ValueError(f"frame: expected 1 to 65,535 pixels a side, got {frame.shape}")
            self.shape = frame.shape

    def _store(self, frame: Frame) -> None:
        """Keep the part of a picture that differs from the one before."""
        if self._shown is None:
            box = (0, frame.shape[0], 0, frame.shape[1])
        else:
            differs = (frame != self._shown).any(axis=2)
            if not differs.any():
                return
            box = (*_extent(differs.any(axis=1)), *_extent(differs.any(axis=0)))
        self._write_waiting()
        top, bottom, left, right = box
        self._shown = frame.copy()
        self._waiting = (self._shown[top:bottom, left:right], left, top)
        self.frames += 1

    def _write_waiting(self) -> None:
        """Write the waiting part, now that it is known how long it is shown."""
        if self._waiting is None:
            return
        part, left, top = self._waiting
        self._parts.append(_encoded(part, left, top, min(self._delay, _MOST_DELAY)))
        self._hundredths += self._delay
        self._waiting, self._delay = None, 0

    def content(self) -> bytes:
        """The bytes of the file; no pictures can be added afterwards.

        Raises:
            ValueError: no picture was added.
        """
        if self.shape is None:
            raise ValueError("GIF: expected at least one picture, got none")
        self._write_waiting()
        height, width = self.shape[:2]
        screen = b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little")
        # No colours common to all pictures: each has its own.
        return b"".join([screen, b"\x70\x00\x00", _LOOP_FOREVER, *self._parts, _END])


def _extent(flags: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """First index that is True, and one beyond the last."""
    where = np.flatnonzero(flags)
    return int(where[0]), int(where[-1]) + 1


def _pillow() -> Any:
    try:
        from PIL import GifImagePlugin, Image
    except ImportError as error:
        raise ImportError("GIFs need pillow: pip install '.[render]'") from error
    return Image, GifImagePlugin


def _encoded(part: Frame, left: int, top: int, delay: int) -> bytes:
    """A picture that is drawn over the one before, with its own colours."""
    _, plugin = _pillow()
    blocks = plugin.getdata(
        _indexed(part), (left, top), duration=10 * delay, include_color_table=True
    )
    return b"".join(blocks)


def _indexed(part: Frame) -> Any:
    """The picture with a palette: its own colours if they are at most 256, else similar ones."""
    image, _ = _pillow()
    height, width = part.shape[:2]
    packed = part.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
    colours, indices = np.unique(packed, return_inverse=True)
    if len(colours) > _COLOURS:
        return image.fromarray(part).quantize(_COLOURS, dither=image.Dither.NONE)
    found = image.frombytes("P", (width, height), indices.astype(np.uint8).tobytes())
    found.putpalette(colours.astype(">u4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes())
    return found
