"""Making environments, collecting rollouts of a policy in them, and evaluation."""
