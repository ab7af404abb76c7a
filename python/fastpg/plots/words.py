"""Names of records in words, with units, for the axes of figures."""

from __future__ import annotations

# docs/records.md has the whole meaning of each key.
WORDS = {
    "rollout/ep_rew_mean": "return, mean of the last 100 episodes",
    "rollout/ep_rew_min": "return, smallest of the last 100 episodes",
    "rollout/ep_rew_max": "return, largest of the last 100 episodes",
    "rollout/ep_rew_mean_raw": "return in rewards of the environment,\nlast 100 episodes",
    "rollout/ep_len_mean": "length, mean of the last 100 episodes (steps)",
    "rollout/terminated_share": "fraction of episodes that terminated",
    "rollout/clipped_actions": "fraction of actions clipped",
    "eval/mean_reward": "return, mean of an evaluation",
    "eval/std_reward": "standard deviation of the returns of an evaluation",
    "eval/mean_ep_length": "length, mean of an evaluation (steps)",
    "time/fps": "environment steps per second",
    "time/collect": "time to collect samples (s)",
    "time/estimate": "time for advantages (s)",
    "time/update": "time of the update (s)",
    "time/time_elapsed": "time since the start of learn (s)",
    "train/kl": "KL divergence of the step (nats)",
    "train/approx_kl": "KL divergence, estimated at the actions taken (nats)",
    "train/kl_trajectory": "KL divergence per trajectory (nats)",
    "train/target_kl": "KL bound (nats)",
    "train/predicted_kl": "predicted KL divergence (nats)",
    "train/entropy_loss": "minus the mean entropy (nats)",
    "train/std": "mean sigma of the actions",
    "train/explained_variance": "explained variance",
    "train/value_loss": "squared error of the baseline",
    "train/grad_norm": "norm of the gradient",
    "train/effective_sample_size": "effective sample size",
    "train/signal_share": "signal share of the gradient",
    "train/step_size": "step size",
    "train/curvature": "curvature along the step",
    "train/cg_residual": "relative residual of the linear solve",
    "train/cg_iterations": "products with the Fisher matrix",
    "train/backtracks": "points that the line search rejected",
    "train/line_search_fraction": "fraction of the full step",
    "train/learning_rate": "learning rate",
    "train/clip_fraction": "fraction of ratios outside the clip range",
}

# Values of train/step_limited_by, and of train/status where there was no step.
LIMITS = {
    "target_kl": "KL bound",
    "max_step_size": "largest step size",
    "step_size": "fixed step size",
    "line_search": "line search",
    "n_epochs": "number of epochs",
    "no_improvement": "no step: no improvement",
    "kl_exceeded": "no step: KL too large",
    "zero_gradient": "no step: zero gradient",
    "bad_curvature": "no step: bad curvature",
    "not_finite": "no step: not finite",
    "none": "no step",
}


def words(key: str) -> str:
    """A key in words.

    Args:
        key: of a record.

    Returns:
        Its words with the unit; for an unknown key the key itself.
    """
    return WORDS.get(key, key)


def title(key: str) -> str:
    """A key in words, without the unit, as a title.

    Args:
        key: of a record.

    Returns:
        The words, with a capital.
    """
    text = words(key).partition("(")[0].partition(",")[0].strip().replace("\n", " ")
    return text if text == key else text[:1].upper() + text[1:]
