"""Around the learn loop: metrics, checkpoints, diagnosis, callbacks and Ctrl-C."""
