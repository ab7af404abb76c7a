"""Names that users bring from elsewhere, and messages that point to ours."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

# Spellings of other libraries and the name here.
ELSEWHERE = {
    "num_envs": "n_envs",
    "num_env_runners": "n_envs",
    "num_steps": "n_steps",
    "steps_per_epoch": "n_steps",
    "minibatch_size": "batch_size",
    "num_minibatches": "batch_size",
    "update_epochs": "n_epochs",
    "num_epochs": "n_epochs",
    "train_pi_iters": "n_epochs",
    "lr": "learning_rate",
    "pi_lr": "learning_rate",
    "step": "step_size",
    "discount": "gamma",
    "lam": "gae_lambda",
    "lambda_": "gae_lambda",
    "clip_coef": "clip_range",
    "clip_eps": "clip_range",
    "clip_param": "clip_range",
    "clip_ratio": "clip_range",
    "eps_clip": "clip_range",
    "entropy_coeff": "ent_coef",
    "entropy_coef": "ent_coef",
    "grad_clip": "max_grad_norm",
    "norm_adv": "normalize_advantage",
    "advantage_normalization": "normalize_advantage",
    "standardize_advantages": "normalize_advantage",
    "max_kl": "target_kl",
    "delta": "target_kl",
    "kl_target": "target_kl",
    "kl_dist": "target_kl",
    "max_constraint_value": "target_kl",
    "normalized_step_size": "target_kl",
    "trust_region_size": "step_size",
    "const_learn_rate": "step_size",
    "cg_iters": "cg_max_steps",
    "cg_iterations": "cg_max_steps",
    "damping": "cg_damping",
    "damping_coeff": "cg_damping",
    "hvp_reg_coeff": "cg_damping",
    "backtrack_coeff": "line_search_shrinking_factor",
    "backtrack_ratio": "line_search_shrinking_factor",
    "backtrack_iters": "line_search_max_iter",
    "max_backtracks": "line_search_max_iter",
    "line_search_steps": "line_search_max_iter",
    "total_steps": "total_timesteps",
    "kl_coeff": "kl_coef",
    "beta": "kl_coef",
    "hvp_sample_frac": "fisher_subsample",
    "sub_sampling_factor": "fisher_subsample",
    "MlpPolicy": "linear",
    "LinearPolicy": "linear",
    "REINFORCE": "reinforce",
    "vpg": "reinforce",
    "pg": "reinforce",
}


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """One line: what was not known, the nearest known name, and all of them."""
    names = list(known)
    nearest = ELSEWHERE.get(str(name))
    if nearest not in names:
        lowered = {candidate.lower(): candidate for candidate in names}
        matches = difflib.get_close_matches(str(name).lower(), lowered, n=1, cutoff=0.5)
        nearest = lowered[matches[0]] if matches else None
    hint = f"; did you mean {nearest!r}?" if nearest else ""
    return f"unknown {kind} {name!r}{hint} (known: {', '.join(names)})"
