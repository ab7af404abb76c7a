"""Loggers: where `learn(log=…)` writes its records."""
