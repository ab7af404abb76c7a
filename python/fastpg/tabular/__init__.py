"""Finite MDPs: exact values, gradients, Fisher matrices and algorithms; the MDP to sample from."""

from fastpg.public_names import suggest_names
from fastpg.tabular.ascent import natural_step, npg, pg, ppo_penalty, trpo
from fastpg.tabular.env import TabularVectorEnv, make_vec
from fastpg.tabular.exact import (
    fisher,
    gradient,
    kl,
    kl_gradient,
    kl_hessian,
    penalised,
    penalised_gradient,
    performance_difference,
    state_kl,
    surrogate,
    surrogate_gradient,
)
from fastpg.tabular.local_model import LocalModel, state_weights
from fastpg.tabular.makers import chain, cliff, from_gymnasium, garnet, kakade, two_actions
from fastpg.tabular.mdp import MDP, Evaluation
from fastpg.tabular.policies import FeatureSoftmax, OneLogit, TabularPolicy, TabularSoftmax
from fastpg.tabular.policy_iteration import (
    conservative_policy_iteration,
    fitted_policy_iteration,
    fitted_q,
    greedy,
    guaranteed_alpha,
    policy_iteration,
)
from fastpg.tabular.trajectories import Iterates
from fastpg.tabular.trust_region import (
    mean_advantages,
    penalised_log_ratio,
    penalised_policy,
    penalised_table,
    trust_region_policy,
    trust_region_table,
)

__all__ = [
    "MDP",
    "Evaluation",
    "FeatureSoftmax",
    "Iterates",
    "LocalModel",
    "OneLogit",
    "TabularPolicy",
    "TabularSoftmax",
    "TabularVectorEnv",
    "chain",
    "cliff",
    "conservative_policy_iteration",
    "fisher",
    "fitted_policy_iteration",
    "fitted_q",
    "from_gymnasium",
    "garnet",
    "gradient",
    "greedy",
    "guaranteed_alpha",
    "kakade",
    "kl",
    "kl_gradient",
    "kl_hessian",
    "make_vec",
    "mean_advantages",
    "natural_step",
    "npg",
    "penalised",
    "penalised_gradient",
    "penalised_log_ratio",
    "penalised_policy",
    "penalised_table",
    "performance_difference",
    "pg",
    "policy_iteration",
    "ppo_penalty",
    "state_kl",
    "state_weights",
    "surrogate",
    "surrogate_gradient",
    "trpo",
    "trust_region_policy",
    "trust_region_table",
    "two_actions",
]

suggest_names(__name__)
