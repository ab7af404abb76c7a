"""Advantages, solvers and importance sampling, as functions of NumPy arrays."""
