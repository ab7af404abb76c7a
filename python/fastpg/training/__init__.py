"""Metrics, checkpoints, diagnosis, callbacks and Ctrl-C, for the learn loop."""
