"""Every kernel of the core with good arguments, which tests replace by others."""

from functools import wraps

import numpy as np

import corridor
import fastpg
from fastpg import _core
from fastpg.envs import c_interface

PPO_SETTINGS = {
    "objective": _core.PpoObjective.clip, "clip_range": 0.2, "kl_coef": 0.0, "learning_rate": 0.1,
    "ent_coef": 0.0, "max_grad_norm": None, "target_kl": None, "n_epochs": 1, "batch_size": 2,
    "normalize_advantage": True, "vf_coef": 0.5, "clip_range_vf": None,
}  # fmt: skip
STREAM = _core.LaneStream(0, _core.RandomStream.action)


def by_position(function, names):
    """The same function of arguments without their names."""

    @wraps(function)
    def called(*given):
        return function(**dict(zip(names, given, strict=False)))

    return called


def moments(phi):
    made = _core.FeatureMoments(phi.shape[1])
    made.add(phi)
    return made


def rollout(gaps):
    """The fields of a rollout of four steps by three environments; gaps: some are not valid."""
    flags = np.zeros((4, 3), bool)
    terminated, truncated, valid = flags.copy(), flags.copy(), ~flags
    terminated[1, 0] = truncated[3, 2] = True
    if gaps:
        valid[2:, 0] = valid[0, 1] = False
    rng = np.random.default_rng(0)
    return {
        "observations": rng.normal(size=(4, 3, 4)).astype(np.float32),
        "rewards": rng.normal(size=(4, 3)),
        "terminated": terminated,
        "truncated": truncated,
        "valid": valid,
        "step_index": np.tile(np.arange(4, dtype=np.int32)[:, None], (1, 3)),
        "last_observations": rng.normal(size=(3, 4)).astype(np.float32),
        "last_step_index": np.full(3, 4),
        "end_rows": np.array([1, 3]),
        "end_columns": np.array([0, 2]),
        "final_observations": rng.normal(size=(2, 4)).astype(np.float32),
        "episode_lengths": np.array([2, 4]),
    }


def estimate_arguments():
    rest = (True, 0.9, 0.95, False, 2)
    weights = np.linspace(-1.0, 1.0, 18)
    values = (np.ones((4, 3)), np.ones(3), np.ones(2))
    out = {}
    for name, fields in (("whole", rollout(False)), ("gaps", rollout(True))):
        out |= {
            f"estimate {name}": (_core.estimate, (fields, weights, *rest)),
            f"estimate {name} with values": (_core.estimate, (fields, values, *rest)),
            f"estimate {name} monte carlo": (
                _core.estimate, (fields, None, True, 0.9, 0.95, True, 1),
            ),
            f"estimate fields {name}": (
                lambda *given, names=tuple(fields): _core.estimate(
                    dict(zip(names, given, strict=False)), weights, *rest
                ),
                tuple(fields.values()),
            ),
            f"estimate values {name}": (
                lambda *given, fields=fields: _core.estimate(fields, given, *rest), values,
            ),
        }  # fmt: skip
    return out


DISTRIBUTIONS = ("categorical", "gaussian", "state_std")


def of_distribution(name):
    """A distribution, three of its arrays, actions and a mask."""
    if name == "categorical":
        mask = np.array([[True, True], [True, False], [True, True]])
        dist = np.where(mask, np.log(0.5), [-np.inf, -np.inf])
        dist[1, 0] = 0.0
        return _core.Categorical([2]), dist, np.zeros((3, 1), np.int32), mask
    kind = _core.DiagGaussian if name == "gaussian" else _core.StateStdGaussian
    return kind(1), np.zeros((3, 2)), np.zeros((3, 1)), None


def distribution_arguments(name):
    kind, dist, actions, _ = of_distribution(name)
    return {
        "make": (type(kind), ([2, 3] if name == "categorical" else 3,)),
        "sample": (kind.sample, (dist, np.full((3, 1), 0.5))),
        "mode": (kind.mode, (dist,)),
        "log_prob": (kind.log_prob, (dist, actions)),
        "entropy": (kind.entropy, (dist,)),
        "kl": (kind.kl, (dist, dist)),
        "compare": (kind.compare, (dist, dist, actions, np.ones(3), 2)),
    }


def network_of(name, inputs, outputs):
    if name == "linear":
        return _core.Linear(inputs, outputs)
    return _core.Mlp(inputs, [3, 2], outputs, _core.Activation.tanh)


def batch_arguments(name, network_name):
    kind, dist, actions, mask = of_distribution(name)
    phi, w = np.ones((3, 2)), np.array([1.0, -2.0, 0.5])
    network = network_of(network_name, 2, kind.outputs)
    inputs = network_of(network_name, 6, kind.outputs)
    batch = _core.PolicyBatch(kind, network, phi, actions, mask, 2)
    theta = np.zeros(network.parameters + kind.own_parameters)
    observations, steps = np.zeros((3, 4), np.float32), np.zeros(3, np.int64)
    identity = _core.FeatureMap.identity(4, True)
    whitening = moments(phi).whitening() if network_name == "linear" else None
    settings = _core.PpoSettings(**PPO_SETTINGS)
    size = len(theta)
    return {
        "batch": (_core.PolicyBatch, (kind, network, phi, actions, mask, 2)),
        "of_observations": (
            _core.PolicyBatch.of_observations,
            (kind, inputs, identity, observations, steps, actions, mask, 2),
        ),
        "act": (
            _core.act,
            (kind, network, _core.FeatureMap.identity(1, False), theta, np.ones((3, 1), np.float32),
             steps, mask, STREAM, 0),
        ),
        "distribution": (batch.distribution, (theta,)),
        "score_gradient": (batch.score_gradient, (theta, dist, w, 0.1)),
        "entropy_gradient": (batch.entropy_gradient, (theta, dist,)),
        "fisher_vector_product": (batch.fisher_vector_product, (theta, dist, theta, True)),
        "fisher": (batch.fisher, (theta, dist, False)),
        "natural_gradient": (
            batch.natural_gradient, (theta, dist, theta, False, False, 5, 1e-9, 0.0, theta),
        ),
        "natural_step": (
            batch.natural_step, (theta, w, w, True, 0.01, True, 2, True, 5, 1e-9, 0.1),
        ),
        "batch compare": (batch.compare, (dist, theta, w)),
        "line_search": (batch.line_search, (theta, theta, dist, w, 0.0, 0.1, 0.8, 5)),
        "ppo_epochs": (
            batch.ppo_epochs, (theta, w, _core.Adam(size), 0, 0, whitening, settings),
        ),
        "ppo_epochs by sgd": (batch.ppo_epochs, (theta, w, _core.Sgd(size), 0, 0, None, settings)),
        "ppo_epochs with values": (
            batch.ppo_epochs,
            (theta, w, _core.Adam(size), 0, 0, None, settings,
             _core.ValueBatch(_core.Linear(2, 1), phi, w), np.ones(2), _core.Adam(2)),
        ),
    }  # fmt: skip


def tabular_arguments():
    transitions = _core.Transitions(np.full((6, 3), 1 / 3), 2)
    r, pi, start = np.zeros((3, 2)), np.full((3, 2), 0.5), np.full(3, 1 / 3)
    features, terminal = np.eye(3, dtype=np.float32), np.array([False, False, True])
    make = _core.VectorEnv.tabular
    env = make(transitions, r, start, features, terminal, 5, 3, None, True, 1)
    env.reset([np.array([i], np.uint32) for i in range(3)], None, None)
    actor = _core.Actor.softmax(_core.FeatureMap.identity(3, True), _core.Linear(5, 2), [2], False)
    return {
        "transitions": (_core.Transitions, (np.full((6, 3), 1 / 3), 2)),
        "finite_values": (transitions.finite_values, (r, pi, 4, 0.9)),
        "finite_optimum": (transitions.finite_optimum, (r, 4, 0.9)),
        "finite_visits": (transitions.finite_visits, (start, pi, 4)),
        "discounted_values": (transitions.discounted_values, (r, pi, start, 0.9)),
        "average_values": (transitions.average_values, (r, pi)),
        "expect": (transitions.expect, (np.zeros((3, 2)),)),
        "make_tabular": (make, (transitions, r, start, features, terminal, 5, 3, 9, True, 1)),
        "tabular_step": (env.step, (np.zeros(3, np.int64), _core.Autoreset.next_step)),
        "tabular_set_state": (env.set_state, (np.zeros((3, 1)), np.ones(3, bool))),
        "tabular_restore": (env.restore, tuple(env.snapshot().values())),
        "tabular_collect": (
            env.collect_steps, (actor, np.zeros(10), 3, STREAM, 0),
        ),
        "tabular_play": (env.play_steps, (actor, np.zeros(10), 3, STREAM, 0)),
    }  # fmt: skip


def solver_arguments():
    phi, theta, w = np.ones((3, 2)), np.zeros((2, 2)), np.ones(3)
    return {
        "standardize": (_core.standardize, (w,)),
        "prediction_error": (_core.prediction_error, (w, w)),
        "bootstrap": (_core.bootstrap, (phi, _core.ScoreStatistic.iqm, 0, 5, 2)),
        "resample_counts": (_core.resample_counts, (2, 3, 0, 0, 5, 2)),
        "conjugate_gradient": (_core.conjugate_gradient, (np.eye(3), w, 5, 1e-9, 0.0)),
        "make_adam": (_core.Adam, (3,)),
        "adam": (_core.Adam(4).ascend, (theta, theta, 0.1)),
        "adam_restore": (_core.Adam(3).restore, (w, w, 1)),
        "make_rmsprop": (_core.RMSprop, (3,)),
        "rmsprop": (_core.RMSprop(4).ascend, (theta, theta, 0.1)),
        "rmsprop_restore": (_core.RMSprop(3).restore, (w, 1)),
        "make_sgd": (_core.Sgd, (3,)),
        "sgd": (_core.Sgd(4).ascend, (theta, theta, 0.1)),
        "sgd_restore": (_core.Sgd(3).restore, (1,)),
        "ppo_settings": (
            by_position(_core.PpoSettings, PPO_SETTINGS), tuple(PPO_SETTINGS.values()),
        ),
        "feature_moments": (_core.FeatureMoments, (3,)),
        "feature_moments_add": (_core.FeatureMoments(2).add, (phi,)),
        "feature_moments_restore": (_core.FeatureMoments(3).restore, (w, w, np.eye(3))),
        "feature_moments_whitening": (moments(phi).whitening, ()),
        "discounted_returns": (_core.discounted_returns, (phi, phi, phi > 2, phi > 2, 0.9, 2)),
        "gae": (_core.gae, (phi, phi, phi, phi > 2, phi > 2, 0.9, 0.9, 2)),
        "sincos": (_core.sincos, (w, False)),
        "exp": (_core.exp, (w,)),
        "log": (_core.log, (w,)),
    }  # fmt: skip


def value_network_arguments():
    x, y, observations = np.ones((3, 2)), np.ones(3), np.zeros((3, 4), np.float32)
    steps, inputs = np.zeros(3, np.int64), _core.FeatureMap.inputs(4, True)
    network, wide = _core.Mlp(2, [3], 1, _core.Activation.tanh), _core.Linear(5, 1)
    batch, theta = _core.ValueBatch(network, x, y, 2), np.linspace(-1.0, 1.0, 13)
    fit = {
        "learning_rate": 0.1, "max_grad_norm": 0.5, "clip_range_vf": 0.2, "n_epochs": 2,
        "batch_size": 2,
    }  # fmt: skip
    settings = _core.ValueFitSettings(**fit)
    return {
        "orthogonal": (_core.orthogonal, (3, 2, 1.0, 0, 1)),
        "value_fit_settings": (by_position(_core.ValueFitSettings, fit), tuple(fit.values())),
        "value_batch": (_core.ValueBatch, (network, x, y, 2)),
        "value_batch_of_observations": (
            _core.ValueBatch.of_observations, (wide, inputs, observations, steps, y, 2),
        ),
        "values": (batch.values, (theta,)),
        "loss_gradient": (batch.loss_gradient, (theta,)),
        "value_fit": (batch.fit, (theta, _core.RMSprop(13), 0, 0, settings)),
    }  # fmt: skip


def feature_arguments():
    w, observations, steps = np.ones(3), np.zeros((3, 4), np.float32), np.zeros(3, np.int64)
    identity, ridge = _core.FeatureMap.identity(4, True), _core.RidgeRegression(18)
    fit = (observations, steps, True, w, 0.5, 0.1, 2)
    return {
        "make_ridge": (_core.RidgeRegression, (3,)),
        "ridge_fitted": (ridge.fitted, fit),
        "ridge_solve": (ridge.fitted(*fit).regression.solve, (0.1,)),
        "ridge_restore": (_core.RidgeRegression(3).restore, (w, np.eye(3), 1.0)),
        "features": (identity.features, (observations, steps)),
        "normalized": (identity.normalized, ([0.0] * 4, [1.0] * 4)),
        "moments": (_core.RunningMoments, (3,)),
        "moments_updated": (_core.RunningMoments(4).updated, (observations,)),
        "inverse_std": (_core.RunningMoments(4).updated(observations).inverse_std, ()),
        "moments_restore": (_core.RunningMoments(2).restore, ([0.0, 0.0], [1.0, 1.0], 3)),
        "inputs": (_core.FeatureMap.inputs, (4, True)),
        "identity": (_core.FeatureMap.identity, (4, True)),
        "polynomial": (_core.FeatureMap.polynomial, (4, True, 2)),
        "fourier": (_core.FeatureMap.fourier, (2, False, [1.0] * 4, [0.0, 1.0])),
        "value_features": (_core.value_features, (observations, steps, True)),
        "value_predict": (_core.value_predict, (observations, steps, True, np.ones(18))),
    }


def environment_arguments():
    env = fastpg.make_vec("CartPole-v1", 3)
    env.reset(seed=0)
    native = env.native
    identity, theta = _core.FeatureMap.identity(4, True), np.zeros((6, 2))
    network = _core.Linear(6, 2)
    actor = _core.Actor.softmax(identity, network, [network.outputs], False)
    _, (arguments, values, snapshot) = native.__reduce__()
    return {
        "describe_environment": (_core.describe_environment, ("CartPole",)),
        "register_environment": (
            _core.register_environment,
            (c_interface.capsule_of(corridor.CATALOGUED),),
        ),
        "philox4x32": (_core.philox4x32, ([0, 1, 2, 3], [4, 5])),
        "pcg64_uniform": (_core.pcg64_uniform, (np.zeros(1, np.uint32), 3)),
        "lane_stream": (_core.LaneStream, (0, _core.RandomStream.action)),
        "uniforms": (STREAM.uniforms, (3, 0, 1, 0)),
        "step": (native.step, (np.zeros(3, np.int64), _core.Autoreset.next_step)),
        "reset": (native.reset, ([None] * 3, np.ones(3, bool), (-0.1, 0.1))),
        "set_state": (native.set_state, (np.zeros((3, 4)), np.ones(3, bool))),
        "restore": (native.restore, tuple(snapshot.values())),
        "set_streams": (lambda words: setattr(native, "streams", words), (native.streams,)),
        "parameters": (native.parameters, (0,)),
        "masks": (native.masks, ()),
        "get_state": (native.get_state, ()),
        "snapshot": (native.snapshot, ()),
        "set_parameter": (native.set_parameter, ("gravity", [9.8])),
        "restored_env": (_core.restored_env, (arguments, values, snapshot)),
        "make_env": (_core.VectorEnv, ("Pendulum", 3, 200, True, True, 1)),
        "softmax_actor": (_core.Actor.softmax, (identity, network, [2], False)),
        "gaussian_actor": (
            _core.Actor.gaussian,
            (identity, network, [-1.0] * 2, [1.0] * 2, False),
        ),
        "state_std_actor": (
            _core.Actor.gaussian,
            (identity, network, [-1.0], [1.0], False, True),
        ),
        "collect_steps": (native.collect_steps, (actor, theta, 3, STREAM, 0)),
        "play_steps": (native.play_steps, (actor, theta, 3, STREAM, 0)),
        "collect_episodes": (native.collect_episodes, (actor, theta, 3, 10**6, STREAM, 0)),
    }


def kernel_arguments():
    """By name a function and its arguments, all of them new."""
    of_policies = {
        f"{name}.{key}": call
        for name in DISTRIBUTIONS
        for key, call in distribution_arguments(name).items()
    }
    of_policies |= {
        f"{name}.{network}.{key}": call
        for name in DISTRIBUTIONS
        for network in ("linear", "mlp")
        for key, call in batch_arguments(name, network).items()
    }
    of_policies |= {
        "linear": (_core.Linear, (2, 3)),
        "mlp": (_core.Mlp, (2, [3], 2, _core.Activation.relu)),
    }
    return (
        of_policies
        | estimate_arguments()
        | tabular_arguments()
        | solver_arguments()
        | value_network_arguments()
        | feature_arguments()
        | environment_arguments()
    )
