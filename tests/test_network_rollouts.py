"""Rollouts of perceptrons in C++: their outputs are those of a batch, bit for bit."""

import numpy as np
import pytest

import fastpg
from fastpg import _core

CARTPOLE, PENDULUM = "CartPole-v1", "Pendulum-v1"
SIZES = {CARTPOLE: (4, 2), PENDULUM: (3, 1)}
STREAM = _core.LaneStream(5, _core.RandomStream.action)
FIELDS = ("observations", "actions", "rewards", "terminated", "final_observations", "end_rows")
HIDDEN = [(), (7,), (64, 64), (130, 3, 20)]


def feature_map(name, size):
    rng = np.random.default_rng(0)
    return {
        "inputs": _core.FeatureMap.inputs(size, False),
        "time": _core.FeatureMap.inputs(size, True),
        "normalized": _core.FeatureMap.inputs(size, False).normalized([0.1] * size, [3.0] * size),
        "polynomial": _core.FeatureMap.polynomial(size, True, 2),
        "fourier": _core.FeatureMap.fourier(size, False, rng.normal(size=20 * size), np.zeros(20)),
    }[name]


class Case:
    """A perceptron with random parameters in an environment."""

    def __init__(
        self, env_id, features="inputs", hidden=(64, 64), activation="tanh", state_std=False
    ):
        size, outputs = SIZES[env_id]
        self.env_id = env_id
        self.map = feature_map(features, size)
        kind = getattr(_core.Activation, activation)
        self.gaussian, self.state_std = env_id == PENDULUM, state_std
        if self.gaussian:
            made = _core.StateStdGaussian if state_std else _core.DiagGaussian
            self.distribution = made(outputs)
        else:
            self.distribution = _core.Categorical([outputs])
        self.network = _core.Mlp(self.map.size, list(hidden), self.distribution.outputs, kind)
        count = self.network.parameters + self.distribution.own_parameters
        self.theta = np.random.default_rng(1).normal(scale=0.4, size=count)

    def actor(self, deterministic=False):
        if self.gaussian:
            return _core.Actor.gaussian(
                self.map, self.network, [-2.0], [2.0], deterministic, self.state_std
            )
        return _core.Actor.softmax(self.map, self.network, [self.network.outputs], deterministic)

    def env(self, num_envs, threads=1):
        env = fastpg.make_vec(self.env_id, num_envs, max_episode_steps=30, num_threads=threads)
        env.reset(seed=3)
        return env.native

    def steps(self, num_envs, steps, *, threads=1, deterministic=False):
        native = self.env(num_envs, threads)
        actor = self.actor(deterministic)
        return native.collect_steps(actor, self.theta, steps, STREAM, 0)

    def dist(self, observations, step_index):
        batch = _core.PolicyBatch.of_observations(
            self.distribution, self.network, self.map, observations, step_index.astype(np.int64)
        )
        return batch.distribution(self.theta)

    def acted(self, observations, step_index, stream, draw):
        return _core.act(
            self.distribution, self.network, self.map, self.theta, observations,
            step_index.astype(np.int64), None, stream, draw,
        )  # fmt: skip


CASES = [
    *((env_id, features) for env_id in SIZES for features in ("time", "normalized", "fourier")),
    (PENDULUM, "polynomial"),
    *((PENDULUM, "inputs", hidden) for hidden in HIDDEN),
    *((CARTPOLE, "inputs", hidden) for hidden in HIDDEN),
    *((PENDULUM, "inputs", (33, 9), activation) for activation in ("relu", "elu", "silu")),
    *((PENDULUM, features, (64, 64), "tanh", True) for features in ("normalized", "polynomial")),
    (PENDULUM, "inputs", (), "tanh", True),
]


@pytest.mark.parametrize("num_envs", [1, 37, 300])
@pytest.mark.parametrize("case", [c for c in CASES if c[0] == PENDULUM], ids=str)
def test_means_are_those_of_a_batch_bit_for_bit(case, num_envs):
    case = Case(*case)
    found = case.steps(num_envs, 40, deterministic=True)
    flat = found["observations"].reshape(-1, 3), found["step_index"].ravel()
    assert np.array_equal(case.dist(*flat)[:, 0], found["actions"].ravel())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_actions_are_those_of_the_distribution(case):
    case = Case(*case)
    found = case.steps(37, 40)
    for t, actions in enumerate(found["actions"]):
        observed = found["observations"][t], found["step_index"][t]
        expected = case.distribution.sample(case.dist(*observed), STREAM.uniforms(37, t, 1))
        assert np.array_equal(actions.ravel(), expected.ravel())
        assert np.array_equal(expected, case.acted(*observed, STREAM, t))


@pytest.mark.parametrize("env_id", SIZES)
def test_the_most_probable_actions(env_id):
    case = Case(env_id)
    found = case.steps(37, 40, deterministic=True)
    for t, actions in enumerate(found["actions"]):
        observed = found["observations"][t], found["step_index"][t]
        assert np.array_equal(actions.ravel(), case.acted(*observed, None, 0).ravel())


@pytest.mark.parametrize("env_id", SIZES)
def test_columns_depend_neither_on_threads_nor_on_how_many_there_are(env_id):
    case = Case(env_id)
    alone = case.steps(1100, 70)
    assert len(alone["end_rows"]) > 1100
    for threads in (2, 5):
        other = case.steps(1100, 70, threads=threads)
        assert all(np.array_equal(alone[name], other[name]) for name in FIELDS)
    for count in (1, 5, 131, 513):
        few = case.steps(count, 70)
        assert np.array_equal(few["observations"], alone["observations"][:, :count])
        assert np.array_equal(few["actions"], alone["actions"][:, :count])


@pytest.mark.parametrize("env_id", SIZES)
def test_whole_episodes_are_those_of_steps(env_id):
    case = Case(env_id)
    episodes = case.env(3).collect_episodes(case.actor(), case.theta, 3, 10**6, STREAM, 0)
    steps = case.steps(3, 30)
    for column, length in zip(episodes["end_columns"], episodes["episode_lengths"], strict=True):
        for name in ("observations", "actions", "rewards"):
            assert np.array_equal(episodes[name][:length, column], steps[name][:length, column])


def test_every_rollout_takes_the_parameters_that_it_is_given():
    case = Case(PENDULUM)
    actor, found = case.actor(True), []
    for scale in (1.0, 0.5, 1.0):
        found.append(case.env(3).collect_steps(actor, case.theta * scale, 5, STREAM, 0)["actions"])
    assert np.array_equal(found[0], found[2])
    assert not np.array_equal(found[0], found[1])


def test_the_gradient_at_other_parameters_takes_their_weights():
    """On threads too, of which the first turns the weights for the others."""
    case, rng = Case(CARTPOLE), np.random.default_rng(2)
    observations, steps = rng.normal(size=(600, 4)).astype(np.float32), np.zeros(600, np.int64)
    parts = case.distribution, case.network, case.map, observations, steps, None, None

    def gradient(batch, theta):
        return batch.entropy_gradient(theta, batch.distribution(theta))

    one, three = (_core.PolicyBatch.of_observations(*parts, threads) for threads in (1, 3))
    found = [gradient(one, theta) for theta in (case.theta, 2 * case.theta, case.theta)]
    assert np.array_equal(found[0], found[2])
    assert not np.allclose(found[0], found[1])
    for theta, expected in zip((case.theta, 2 * case.theta), found, strict=False):
        assert np.array_equal(gradient(three, theta), expected)


@pytest.mark.parametrize("inputs", [3, 5])
def test_a_network_of_other_inputs_is_refused(inputs):
    features = _core.FeatureMap.inputs(4, False)
    network = _core.Mlp(inputs, [8], 2, _core.Activation.tanh)
    expected = rf"network \(inputs\): expected size 4, got {inputs}"
    with pytest.raises(ValueError, match=expected):
        _core.Actor.softmax(features, network, [network.outputs], False)
    with pytest.raises(ValueError, match=expected):
        _core.Actor.gaussian(features, network, [-1.0] * 2, [1.0] * 2, False)


def test_a_network_of_other_outputs_is_refused():
    features, network = _core.FeatureMap.inputs(4, False), _core.Linear(4, 2)
    with pytest.raises(ValueError, match="low: expected size 2, got 1"):
        _core.Actor.gaussian(features, network, [-1.0], [1.0] * 2, False)
    with pytest.raises(ValueError, match="high: expected size 2, got 3"):
        _core.Actor.gaussian(features, network, [-1.0] * 2, [1.0] * 3, False)
    actor = _core.Actor.softmax(features, _core.Linear(4, 3), [3], False)
    with pytest.raises(ValueError, match="action"):
        Case(CARTPOLE).env(2).collect_steps(actor, np.zeros(12), 3, STREAM, 0)


@pytest.mark.parametrize("env_id", SIZES)
def test_parameters_of_the_wrong_size_or_not_finite_are_refused(env_id):
    case = Case(env_id)
    native, actor = case.env(2), case.actor()
    before = native.get_state()
    for theta in (case.theta[:-1], np.append(case.theta, 0.0), np.zeros(0)):
        with pytest.raises(ValueError, match=f"parameters: expected size {case.theta.size}"):
            native.collect_steps(actor, theta, 3, STREAM, 0)
    for k in (0, -1):
        theta = case.theta.copy()
        theta[k] = np.nan
        with pytest.raises(ValueError, match="parameters: expected finite"):
            native.collect_steps(actor, theta, 3, STREAM, 0)
    assert np.array_equal(before, native.get_state())


@pytest.mark.parametrize("env_id", SIZES)
@pytest.mark.parametrize("threads", [1, 3])
def test_outputs_beyond_float32_are_an_error(env_id, threads):
    case = Case(env_id)
    case.theta = np.full_like(case.theta, 1e300)
    if case.gaussian:
        case.theta[-1] = 0.0
    native = case.env(600, threads)
    before = native.snapshot()
    runs = (
        (native.collect_steps, (10,)),
        (native.play_steps, (10,)),
        (native.collect_episodes, (600, 10**6)),
    )
    for collect, size in runs:
        with pytest.raises(ValueError, match="observations, parameters: their products are not fi"):
            collect(case.actor(), case.theta, *size, STREAM, 0)
        assert all(np.array_equal(before[k], v) for k, v in native.snapshot().items())


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("num_envs", [1, 40, 1100])
def test_an_interrupted_rollout_leaves_the_environment_as_it_was(num_envs, threads):
    case = Case(PENDULUM, hidden=(200, 200))
    env = fastpg.make_vec(PENDULUM, num_envs, max_episode_steps=-1, num_threads=threads)
    env.reset(seed=1)
    native, run = env.native, (STREAM, 0)
    before = native.snapshot()
    _core.end_kernels(0.0)
    try:
        for collect in (
            lambda: native.collect_steps(case.actor(), case.theta, 10**6 // num_envs, *run),
            lambda: native.play_steps(case.actor(), case.theta, 2**30, *run),
            lambda: native.collect_episodes(case.actor(), case.theta, num_envs, 2**62, *run),
        ):
            with pytest.raises(KeyboardInterrupt):
                collect()
            assert all(np.array_equal(before[k], v) for k, v in native.snapshot().items())
    finally:
        _core.end_kernels(None)
