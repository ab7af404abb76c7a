"""Value baselines b(s, h)."""
