"""Policies: linear in features of the observation, and multilayer perceptrons."""
