"""Short runs of several kinds, for processes that are killed."""

import fastpg

STEPS = 1_200
_KINDS = (
    ("TRPO", "linear", "CartPole-v1", {"n_steps": 40}),
    ("PPO", "mlp", "Pendulum-v1", {"n_steps": 40, "policy_kwargs": {"net_arch": [8]}}),
    ("REINFORCE", "linear", "CartPole-v1", {"n_episodes": 3}),
    ("NPG", "linear", "Acrobot-v1", {"n_steps": 40, "normalize_reward": True}),
    ("PPO", "linear", "MountainCarContinuous-v0", {"n_steps": 40, "baseline": "mlp"}),
)


def run(number, seed):
    """The algorithm of a run, before it learns for STEPS."""
    kind, policy, env, options = _KINDS[number % len(_KINDS)]
    return getattr(fastpg, kind)(policy, env, seed=seed, n_envs=2, **options)
