"""Metrics, checkpoints, diagnosis, Ctrl-C, and callbacks and logs, for the learn loop."""
