"""What Numba compiles; the import loads Numba."""
