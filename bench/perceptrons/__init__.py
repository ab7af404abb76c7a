"""Multilayer perceptrons of fastpg beside those of stable-baselines3: times, and learning runs."""
