"""Advantages, solvers and importance sampling: the parts that stand alone over NumPy arrays."""
