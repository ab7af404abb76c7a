"""Callbacks of `learn`: they see each iteration, and may stop the training."""
