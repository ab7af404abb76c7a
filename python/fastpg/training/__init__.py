"""What a training writes down: checkpoints, metrics and what they say; and Ctrl-C meanwhile."""
