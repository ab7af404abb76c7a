"""Policies that are linear in features of the observation, and the features."""
