"""Advantages, solvers and importance sampling, as functions of NumPy arrays."""

from fastpg.public_names import suggest_names

suggest_names(__name__)
