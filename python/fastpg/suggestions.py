"""Errors about unknown names, which suggest the right one; they know names of other libraries."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

# Names in other libraries, and the name in fastpg.
ELSEWHERE = {
    "num_envs": "n_envs",
    "num_env_runners": "n_envs",
    "num_steps": "n_steps",
    "steps_per_epoch": "n_steps",
    "batch": "batch_size",
    "minibatch_size": "batch_size",
    "num_minibatches": "batch_size",
    "update_epochs": "n_epochs",
    "num_epochs": "n_epochs",
    "train_pi_iters": "n_epochs",
    "lr": "learning_rate",
    "pi_lr": "learning_rate",
    "policy_lr": "learning_rate",
    "step": "step_size",
    "discount": "gamma",
    "lam": "gae_lambda",
    "lambda_": "gae_lambda",
    "clip_coef": "clip_range",
    "clip_eps": "clip_range",
    "clip_param": "clip_range",
    "clip_ratio": "clip_range",
    "eps_clip": "clip_range",
    "entropy": "ent_coef",
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
    "features_extractor_class": "features",
    "features_extractor_kwargs": "features_kwargs",
    "feature_map": "features",
    "normalize": "normalize_observations",
    "normalize_obs": "normalize_observations",
    "norm_obs": "normalize_observations",
    "log_std": "log_std_init",
    "hidden_sizes": "net_arch",
    "critic_lr": "critic_learning_rate",
    "vf_lr": "critic_learning_rate",
    "LinearPolicy": "linear",
    "REINFORCE": "reinforce",
    "vpg": "reinforce",
    "pg": "reinforce",
}


_ITS_OWN_FIT = "the baseline is fitted separately: it shares no loss with the policy"
_OF_A_POLICY = "it belongs to the policy: give it in policy_kwargs"
_NO_LAYERS = "a linear policy has no layers: expected with policy='mlp'"
_NO_FEATURES = "a perceptron takes the observation itself: expected with policy='linear'"
_OF_AN_ENV = (
    "it belongs to the environment: make the environment with it, or give env_kwargs to train()"
)
_OF_LEARN = "it belongs to learn() and train()"

# Names that are no options: of other libraries, or of other functions of fastpg; and the reason.
NOT_HERE = {
    "vf_coef": _ITS_OWN_FIT,
    "value_coef": _ITS_OWN_FIT,
    "value_loss_coef": _ITS_OWN_FIT,
    "vf_loss_coeff": _ITS_OWN_FIT,
    "clip_range_vf": _ITS_OWN_FIT,
    "net_arch": _OF_A_POLICY,
    "activation_fn": _OF_A_POLICY,
    "ortho_init": _OF_A_POLICY,
    "features": _OF_A_POLICY,
    "features_kwargs": _OF_A_POLICY,
    "log_std_init": _OF_A_POLICY,
    "state_dependent_std": _OF_A_POLICY,
    "normalize_observations": _OF_A_POLICY,
    "env_kwargs": _OF_AN_ENV,
    "max_episode_steps": _OF_AN_ENV,
    "render_mode": _OF_AN_ENV,
    "total_timesteps": _OF_LEARN,
    "callback": _OF_LEARN,
    "tuned": "it belongs to train()",
    "reset_num_timesteps": "it belongs to learn()",
}

# Arguments of other policies, and the reason.
NOT_OF_THIS_POLICY = {
    "net_arch": _NO_LAYERS,
    "activation_fn": _NO_LAYERS,
    "ortho_init": _NO_LAYERS,
    "features": _NO_FEATURES,
    "features_kwargs": _NO_FEATURES,
    "state_dependent_std": "a linear policy has one sigma: expected with policy='mlp'",
}

_REASONS = {"option": NOT_HERE, "policy argument": NOT_OF_THIS_POLICY}

_ALIKE = 0.75  # least similarity, by difflib's measure, of a name that is suggested


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """The message for an unknown name.

    Args:
        kind: what the name stands for, such as "option" or "algorithm".
        name: the unknown name.
        known: the known names.

    Returns:
        One line with the unknown name, a reason or the nearest known name, and all known names.
    """
    names = list(known)
    reasons = _REASONS.get(kind, {})
    if name in reasons:
        hint = f": {reasons[str(name)]}"
    else:
        nearest = _nearest(str(name), names)
        hint = f"; did you mean {nearest!r}?" if nearest else ""
    return f"unknown {kind} {name!r}{hint} (known: {', '.join(names)})"


def one_of(kind: str, name: Any, known: Iterable[str]) -> str:
    """Check that a name is known.

    Args:
        kind: what the name stands for, for errors.
        name: the name.
        known: the known names.

    Returns:
        `name`.

    Raises:
        TypeError: not a string.
        ValueError: unknown name; the message suggests the nearest known one.
    """
    if not isinstance(name, str):
        raise TypeError(f"{kind}: expected one of {', '.join(known)}, got {name!r}")
    if name not in known:
        raise ValueError(unknown(kind, name, known))
    return name


def _nearest(name: str, names: list[str]) -> str | None:
    """The known name most like `name`, if any is similar; version numbers of ids are ignored."""
    if name in ELSEWHERE:
        return ELSEWHERE[name] if ELSEWHERE[name] in names else None
    stems = {_stem(candidate): candidate for candidate in names}
    matches = difflib.get_close_matches(_stem(name), stems, n=1, cutoff=_ALIKE)
    return stems[matches[0]] if matches else None


def _stem(name: str) -> str:
    return re.sub(r"-v\d+$", "", name.lower())
