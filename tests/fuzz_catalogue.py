"""Valid calls of everything public; fuzz.py changes them to invalid ones."""

import dataclasses
import tempfile
from pathlib import Path

import gymnasium
import numpy as np
from gymnasium.vector import SyncVectorEnv

import fastpg
from fastpg import tabular
from fastpg.functional import solvers
from fastpg.functional.advantages import prediction_error, standardize
from kernel_catalogue import kernel_arguments


@dataclasses.dataclass
class Call:
    """A function, valid arguments, and the objects that must not change if it raises.

    rare: it takes milliseconds.
    """

    function: object
    arguments: tuple = ()
    keywords: dict = dataclasses.field(default_factory=dict)
    owners: tuple = ()
    rare: bool = False


def policies():
    features = fastpg.Polynomial(4, 2)
    return {
        "softmax": fastpg.LinearSoftmax(4, 3),
        "choices": fastpg.LinearSoftmax(4, [2, 3], features=features),
        "normalized": fastpg.LinearSoftmax(4, 2, normalize_observations=True),
        "gaussian": fastpg.LinearGaussian(4, 2, low=[-1, -1], high=[1, 1]),
        "mlp": fastpg.MlpSoftmax(4, 3, net_arch=[3]),
        "state_std": fastpg.MlpGaussian(4, 2, net_arch=[3], state_dependent_std=True),
    }


def policy_calls(name, policy):
    observations = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    phi = policy.features(observations)
    dist = policy.distribution(phi)
    size = policy._distribution.action_size
    uniforms = np.full((5, size), 0.3)
    actions = policy.sample(dist, uniforms)
    weights = np.linspace(-1.0, 1.0, 5)
    theta = policy.theta.copy()
    mask = np.ones((5, dist.shape[1]), bool) if policy.masked else None
    batch = {
        "features": Call(policy.features, (observations,), {"step_index": np.arange(5)}),
        "distribution": Call(policy.distribution, (phi,), {"theta": theta, "mask": mask}),
        "sample": Call(policy.sample, (dist, uniforms)),
        "mode": Call(policy.mode, (dist,)),
        "log_prob": Call(policy.log_prob, (dist, actions)),
        "score_gradient": Call(policy.score_gradient, (phi, dist, actions, weights),
                               {"num_threads": 1}),
        "compare": Call(policy.compare, (dist, dist, actions, weights)),
        "entropy": Call(policy.entropy, (dist,)),
        "entropy_gradient": Call(policy.entropy_gradient, (phi, dist)),
        "kl": Call(policy.kl, (dist, dist)),
        "fisher_vector_product": Call(policy.fisher_vector_product, (phi, dist, theta),
                                      {"actions": actions}),
        "fisher": Call(policy.fisher, (phi, dist), {"actions": actions}),
        "theta": Call(lambda theta: setattr(policy, "theta", theta), (theta,)),
        "natural_gradient": Call(fastpg.natural_gradient, (policy, phi, dist, theta + 0.1),
                                 {"actions": actions, "solver": "cg", "cg_max_steps": 5,
                                  "cg_tol": 1e-9, "cg_damping": 1e-3}),
        "line_search": Call(solvers.line_search,
                            (policy, phi, dist, actions, weights, theta + 0.01),
                            {"target_kl": 0.01, "shrinking_factor": 0.5}),
        "ppo_epochs": Call(solvers.ppo_epochs,
                           (policy, phi, actions, weights, solvers.Adam(theta.size)),
                           {"seed": 0, "n_epochs": 2, "batch_size": 3, "objective": "clip",
                            "kl_estimator": "exact"}),
    }  # fmt: skip
    return {
        f"{name}.{key}": dataclasses.replace(call, owners=(policy,)) for key, call in batch.items()
    }


def env_calls(env_id):
    env = fastpg.make_vec(env_id, 3)
    env.reset(seed=0)
    discrete = hasattr(env.single_action_space, "n")
    actions = np.zeros(3, int) if discrete else np.zeros((3, 1), np.float32)
    policy = fastpg.NPG("linear", fastpg.make_vec(env_id, 3)).policy
    name = "g" if env_id == "Pendulum-v1" else "gravity"
    states = np.array(env.get_attr("state"))
    calls = {
        "reset": Call(env.reset, (), {"seed": 3, "options": {"reset_mask": np.ones(3, bool)}}),
        "seeds": Call(env.reset, (), {"seed": [1, 2, 3]}),
        "step": Call(env.step, (actions,)),
        "set_state": Call(env.set_state, (states,)),
        "set_snapshot": Call(env.set_state, (env.get_state(),)),
        "get_attr": Call(env.get_attr, (name,)),
        "set_attr": Call(env.set_attr, (name, [9.0, 9.5, 10.0])),
        "call": Call(env.call, (name,)),
        "collect": Call(fastpg.collect, (env, policy), {"n_steps": 5, "seed": 0}),
        "episodes": Call(fastpg.collect, (env, policy),
                         {"n_episodes": 2, "seed": 0, "deterministic": True}, rare=True),
    }  # fmt: skip
    return {f"{env_id}.{k}": dataclasses.replace(c, owners=(env,)) for k, c in calls.items()}


def baseline_calls():
    observations, steps = np.random.default_rng(1).normal(size=(6, 4)), np.arange(6)
    calls = {}
    for kind in (fastpg.LinearBaseline, fastpg.MeanBaseline):
        baseline = kind(4, memory=0.5)
        name = kind.__name__
        calls[f"{name}.fit"] = Call(
            baseline.fit, (observations, steps, np.ones(6)), owners=(baseline,)
        )
        calls[f"{name}.predict"] = Call(baseline.predict, (observations, steps), owners=(baseline,))
        calls[name] = Call(kind, (4,), {"memory": 0.5})
    network = fastpg.MlpBaseline(4, net_arch=(3,))
    calls["MlpBaseline.fit"] = Call(
        network.fit, (observations, steps, np.ones(6)), owners=(network,)
    )
    calls["MlpBaseline.predict"] = Call(network.predict, (observations, steps), owners=(network,))
    calls["MlpBaseline"] = Call(fastpg.MlpBaseline, (4,), {"net_arch": (3,), "batch_size": 5})
    return calls


def function_calls():
    flags = np.array([[False, True], [True, False], [False, False]])
    rewards = np.ones((3, 2))
    logs = np.log([0.2, 0.3, 0.5])
    normalizer = fastpg.RunningNormalizer(4)
    return baseline_calls() | {
        "gae": Call(fastpg.gae, (rewards, rewards, rewards, flags, flags, 0.9, 0.9)),
        "discounted_returns": Call(fastpg.discounted_returns, (rewards, flags, 0.9),
                                   {"terminated": flags, "next_values": rewards}),
        "standardize": Call(standardize, (logs,)),
        "prediction_error": Call(prediction_error, (logs, logs)),
        "importance_weights": Call(fastpg.importance_weights, (logs, logs)),
        "effective_sample_size": Call(fastpg.effective_sample_size, (logs, logs)),
        "importance_sampling": Call(fastpg.importance_sampling_estimate, (logs, logs, logs),
                                    {"self_normalized": True}),
        "conjugate_gradient": Call(fastpg.conjugate_gradient, (np.eye(3), logs),
                                   {"max_steps": 5, "tol": 1e-9, "damping": 0.1}),
        "length_scale": Call(fastpg.length_scale, (rewards * [[1], [2], [3]],), {"seed": 1}),
        "normalizer": Call(normalizer.update, (np.ones((2, 4)),), owners=(normalizer,)),
        "normalize": Call(normalizer, (np.ones((2, 4)),)),
        "Identity": Call(fastpg.Identity, (4,), {"time": True}),
        "Polynomial": Call(fastpg.Polynomial, (4, 2), {"time": True}),
        "RandomFourier": Call(fastpg.RandomFourier, (4, 5), {"nu": 1.0, "seed": 3}),
        "LinearSoftmax": Call(fastpg.LinearSoftmax, (4, 2, np.zeros((5, 2))),
                              {"normalize_observations": True}),
        "LinearGaussian": Call(fastpg.LinearGaussian, (4, 2, np.zeros(12)),
                               {"low": [-1, -1], "high": [1, 1], "log_std_init": 0.5}),
        "MlpGaussian": Call(fastpg.MlpGaussian, (4, 2),
                            {"net_arch": [3], "activation_fn": "relu", "ortho_init": True,
                             "seed": 1, "log_std_init": 0.5, "state_dependent_std": True}),
        "make_vec": Call(fastpg.make_vec, ("CartPole-v1", 3),
                         {"exact": False, "max_episode_steps": 9, "gravity": 9.0}),
        "for_env": Call(fastpg.LinearSoftmax.for_env, (gymnasium.make("CartPole-v1"),)),
    }  # fmt: skip


def algorithm_calls():
    calls = {}
    folder = Path(tempfile.mkdtemp())
    options = {
        "npg": {"target_kl": 0.01, "cg_damping": 1e-3, "n_steps": 8, "fisher": "exact"},
        "trpo": {"line_search_max_iter": 5, "gamma": 0.9, "n_steps": 8, "gae_lambda": 0.9},
        "ppo": {"n_epochs": 2, "batch_size": 8, "learning_rate": 0.01, "n_steps": 8},
        "reinforce": {"n_episodes": 2, "learning_rate": "lin_0.01", "baseline": "mean"},
    }
    for name, kind in fastpg.algorithms.ALGORITHMS.items():
        given = options.get(name, {})
        calls[name] = Call(kind, ("linear", "CartPole-v1"), {"seed": 0, **given}, rare=True)
        algo = kind("linear", "CartPole-v1", seed=0, n_envs=2, **given)
        algo.learn(600)
        own = {
            "learn": Call(algo.learn, (64,), {"reset_num_timesteps": False}),
            "predict": Call(algo.predict, (np.zeros(4),), {"deterministic": True}),
            "predict_many": Call(algo.predict, (np.zeros((3, 4)),),
                                 {"action_masks": np.ones((3, 2), bool),
                                  "step_index": np.ones(3, int)}),
            "use_env": Call(algo.use_env, ("CartPole-v1",)),
            "evaluate": Call(fastpg.evaluate_policy, (algo, "CartPole-v1", 2),
                             {"seed": 0, "deterministic": False, "max_episode_steps": 600}),
            "load": Call(fastpg.load, (algo.save(folder / name),), {"env": "CartPole-v1"}),
        }  # fmt: skip
        for key, call in own.items():
            calls[f"{name}.{key}"] = dataclasses.replace(call, owners=(algo,), rare=True)
    sync = SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 2)
    policy = fastpg.LinearSoftmax(4, 2)
    calls["collect sync"] = Call(
        fastpg.collect, (sync, policy), {"n_steps": 4, "seed": 0}, owners=(policy,), rare=True
    )
    calls["train"] = Call(
        fastpg.train, ("npg", "CartPole-v1"), {"total_timesteps": 64, "seed": 0}, rare=True
    )
    return calls


def tabular_calls():
    mdp = tabular.garnet(3, 2, 2, seed=0, horizon=4)
    old, new = tabular.TabularSoftmax(3, 2), tabular.TabularSoftmax(3, 2, np.ones((3, 2)))
    pi = np.full((3, 2), 0.5)
    local = tabular.LocalModel(mdp, old)
    advantages = np.array([[1.0, -1.0]] * 3)
    P, r = np.full((3, 2, 3), 1 / 3), np.ones((3, 2))
    weights = np.full(3, 1 / 3)
    return {
        f"tabular.{name}": call
        for name, call in {
            "MDP": Call(tabular.MDP, (P, r, weights), {"gamma": 0.9}),
            "evaluate": Call(mdp.evaluate, (old,)),
            "garnet": Call(tabular.garnet, (3, 2, 2), {"seed": 1, "horizon": 4}),
            "chain": Call(tabular.chain, (4,), {"slip": 0.1, "horizon": 5}),
            "cliff": Call(tabular.cliff, (3, 4), {"slip": 0.1, "horizon": 5}),
            "two_actions": Call(tabular.two_actions, (100.0, 1.0)),
            "gradient": Call(tabular.gradient, (mdp, old)),
            "fisher": Call(tabular.fisher, (mdp, old), {"per": "step"}),
            "kl": Call(tabular.kl, (mdp, old, new), {"per": "step"}),
            "kl_gradient": Call(tabular.kl_gradient, (mdp, old, new)),
            "kl_hessian": Call(tabular.kl_hessian, (mdp, old, new)),
            "state_kl": Call(tabular.state_kl, (pi, pi)),
            "greedy": Call(tabular.greedy, (advantages,)),
            "surrogate": Call(tabular.surrogate, (mdp, old, new)),
            "surrogate_gradient": Call(tabular.surrogate_gradient, (mdp, old, new)),
            "penalised": Call(tabular.penalised, (mdp, old, new, 1.0)),
            "penalised_gradient": Call(tabular.penalised_gradient, (mdp, old, new, 1.0)),
            "penalised_table": Call(tabular.penalised_table, (pi, advantages, 1.0)),
            "penalised_policy": Call(tabular.penalised_policy, (local, old, 1.0)),
            "trust_region_table": Call(tabular.trust_region_table, (pi, advantages, weights, 0.01)),
            "trust_region_policy": Call(tabular.trust_region_policy, (local, old, 0.01, "step")),
            "natural_step": Call(tabular.natural_step, (local, old, 0.1)),
            "performance_difference": Call(tabular.performance_difference, (mdp, old, new)),
            "guaranteed_alpha": Call(tabular.guaranteed_alpha, (local, new)),
            "fitted_q": Call(tabular.fitted_q, (local, np.eye(3))),
            "npg": Call(tabular.npg, (mdp, old, 2), {"target_kl": 0.01}),
            "pg": Call(tabular.pg, (mdp, old, 2), {"learning_rate": 0.1}),
            "trpo": Call(tabular.trpo, (mdp, old, 2), {"target_kl": 0.01}),
            "ppo_penalty": Call(tabular.ppo_penalty, (mdp, old, 2), {"kl_coef": 1.0}),
            "policy_iteration": Call(tabular.policy_iteration, (mdp, old, 2)),
            "make_vec": Call(tabular.make_vec, (mdp, 2), {"features": np.eye(3)}),
            "FeatureSoftmax": Call(tabular.FeatureSoftmax, (np.eye(3), 2)),
            "OneLogit": Call(tabular.OneLogit, (3,)),
        }.items()
    }


def core_calls():
    return {
        f"_core.{name}": Call(function, tuple(arguments))
        for name, (function, arguments) in kernel_arguments().items()
    }


def catalogue():
    """Every call by name, each with new objects."""
    calls = function_calls() | tabular_calls() | core_calls() | algorithm_calls()
    for name, policy in policies().items():
        calls |= policy_calls(name, policy)
    for env_id in ("CartPole-v1", "Pendulum-v1"):
        calls |= env_calls(env_id)
    return calls
