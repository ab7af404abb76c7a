"""Gymnasium's spaces: what goes through them, whether two agree, and how a file holds them."""
