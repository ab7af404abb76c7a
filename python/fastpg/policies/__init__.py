"""Policies: linear in features of the observation, and multilayer perceptrons."""

from typing import TYPE_CHECKING

from fastpg.deprecated import moved

if not TYPE_CHECKING:  # type checkers would accept any name
    __getattr__ = moved("policies")
