"""Rollouts: from an id or an environment to the (T, N) arrays of what a policy met in it."""
