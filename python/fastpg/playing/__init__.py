"""A policy's episodes as pictures: in a window, or as a GIF (`pip install '.[render]'`)."""

from fastpg.playing.drawn_env import NoPictureError, frames_per_second, make_drawn
from fastpg.playing.episodes import play
from fastpg.playing.gif import Gif
from fastpg.public_names import suggest_names

__all__ = ["Gif", "NoPictureError", "frames_per_second", "make_drawn", "play"]

suggest_names(__name__)
