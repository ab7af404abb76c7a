"""Ctrl-C stops every long kernel, and leaves consistent objects."""

import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import fastpg
from fastpg import _core
from fastpg.algorithms import ALGORITHMS
from fastpg.functional import solvers
from processes import GUARD
from trainings import NAMES

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

LATER = 0.2  # seconds in which a child most likely enters its kernel; the test passes in any case

# A child prints "ready", enters the kernel, and prints the outcome, long before the guard ends.
CHILD = """
import copy, signal, sys
import numpy as np
import fastpg
from fastpg import _core
from fastpg.functional import solvers
from fastpg.rollouts.collector import NativeCollector

signal.signal(signal.SIGINT, signal.default_int_handler)

def interrupted(kernel):
    try:
        print("ready", flush=True)
        kernel()
    except KeyboardInterrupt:
        return True
    return False

def same(one, other):
    return all(np.array_equal(one[k], other[k]) for k in one)

"""

COLLECT = """
env = fastpg.make_vec("Pendulum-v1", NUM_ENVS, max_episode_steps=-1, num_threads=THREADS)
features = fastpg.RandomFourier(3, 2000)
policy = fastpg.LinearGaussian.for_env(env, features=features)
collector = NativeCollector(env, policy, 1)
collector.reset(1)
collector.steps(3)
before = env.native.snapshot()
print(interrupted(lambda: KERNEL), same(before, env.native.snapshot()), collector.step_count == 3)
"""

SAMPLES = """
rng = np.random.default_rng(0)
policy = fastpg.LinearSoftmax(3, 2, rng.normal(size=(4, 2)))
phi = policy.features(rng.normal(size=(ROWS, 3)).astype(np.float32))
dist = policy.distribution(phi)
actions = policy.sample(dist, rng.uniform(0.01, 0.99, size=(ROWS, 1)))
advantages = rng.normal(size=ROWS)
"""


def collecting(kernel, num_envs, threads):
    return (
        COLLECT.replace("KERNEL", kernel)
        .replace("NUM_ENVS", str(num_envs))
        .replace("THREADS", str(threads))
    )


KERNELS = {
    "episodes": collecting("collector.episodes(1)", 1, 1),
    "episodes of many": collecting("collector.episodes(100)", 64, 1),
    "steps": collecting("collector.steps(10**7)", 1, 1),
    "steps on threads": collecting("collector.steps(10**4)", 1200, 3),
    "ppo": SAMPLES.replace("ROWS", "100_000") + """
adam = solvers.Adam(8)
theta = policy.theta.copy()
moments = adam.mean.tobytes(), adam.square.tobytes(), adam.count
kernel = lambda: solvers.ppo_epochs(
    policy, phi, actions, advantages, adam, seed=1, n_epochs=10_000, batch_size=64)
found = interrupted(kernel)
unchanged = moments == (adam.mean.tobytes(), adam.square.tobytes(), adam.count)
print(found, unchanged, np.array_equal(theta, policy.theta))
""",
    "line search": SAMPLES.replace("ROWS", "100_000") + """
kernel = lambda: solvers.line_search(
    policy, phi, dist, actions, advantages, np.full((4, 2), 1e-3), target_kl=1e-300,
    shrinking_factor=1.0, max_iter=10_000)
print(interrupted(kernel))
""",
    "fisher products": SAMPLES.replace("ROWS", "200_000") + """
batch = _core.PolicyBatch(
    policy._distribution, _core.Linear(160, 2), np.tile(phi, (1, 40)), num_threads=2)
kernel = lambda: batch.natural_gradient(
    np.ones(320), dist, np.ones(320), False, False, 10**6, 0.0, 0.0)
print(interrupted(lambda: [kernel() for _ in range(10**4)]))
""",
    "conjugate gradient": """
n = 2_000
matrix = np.diag(np.geomspace(1e-12, 1.0, n)) + 1e-9
kernel = lambda: fastpg.conjugate_gradient(matrix, np.ones(n), max_steps=10**6, tol=0.0)
print(interrupted(lambda: [kernel() for _ in range(10**4)]))
""",
    "dynamic programming": """
p = _core.Transitions(np.full((400, 200), 1 / 200), 2)
kernel = lambda: p.finite_values(np.ones((200, 2)), np.full((200, 2), 0.5), 10**6, 1.0)
print(interrupted(lambda: [kernel() for _ in range(10**4)]))
""",
    "linear systems": """
n = 4_000
p = _core.Transitions(np.full((n, n), 1 / n), 1)
kernel = lambda: p.discounted_values(np.ones((n, 1)), np.ones((n, 1)), np.full(n, 1 / n), 0.9)
print(interrupted(lambda: [kernel() for _ in range(10**4)]))
""",
    "baseline": """
rng = np.random.default_rng(0)
observations = rng.normal(size=(500_000, 32)).astype(np.float32)
steps, targets = np.zeros(500_000, np.int64), rng.normal(size=500_000)
baseline = fastpg.LinearBaseline(32)
baseline.fit(observations[:1000], steps[:1000], targets[:1000])
before, weights = baseline.state(), baseline.weights
found = interrupted(lambda: [baseline.fit(observations, steps, targets)])
print(found, same(before, baseline.state()), weights is baseline.weights)
""",
    "value network": """
rng = np.random.default_rng(0)
observations = rng.normal(size=(50_000, 8)).astype(np.float32)
steps, targets = np.zeros(50_000, np.int64), rng.normal(size=50_000)
baseline = fastpg.MlpBaseline(8, n_critic_updates=10_000)
baseline.fit_rollout(observations[:10], steps[:10], targets[:10])
before, theta = baseline.state(), baseline.theta
found = interrupted(lambda: [baseline.fit(observations, steps, targets)])
print(found, same(before, baseline.state()), theta is baseline.theta)
""",
    "orthogonal weights": """
print(interrupted(lambda: [_core.orthogonal(4000, 4000, 1.0, 0, 0) for _ in range(100)]))
""",
    "uniforms": """
print(interrupted(lambda: [_core.LaneStream(1, _core.RandomStream.action).uniforms(10**7, 0)
                           for _ in range(10**5)]))
""",
}  # fmt: skip


def answers(code, presses=1):
    """What a child prints after SIGINT, sent as soon as it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD + textwrap.dedent(code)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    for _ in range(presses):
        time.sleep(LATER)
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=GUARD)
    assert process.returncode == 0, err
    return out.split()


USUAL = ("ppo",)


@pytest.mark.parametrize(
    "name",
    [name if name in USUAL else pytest.param(name, marks=pytest.mark.slow) for name in KERNELS],
)
def test_ctrl_c_stops_a_kernel_and_leaves_things_as_they_were(name):
    assert set(answers(KERNELS[name])) == {"True"}


LEARN = """
class Endless:
    def __call__(self, record):
        global theta, weights, steps, moments
        theta, weights = algo.policy.theta, algo.baseline.state()
        steps, moments = algo.num_timesteps, getattr(algo, "optimizer", None)
        moments = moments and (moments.mean, moments.square)
        LATER

algo = fastpg.ALGORITHM("linear", ENV, seed=0, **OPTIONS)
Endless()(None)
found = interrupted(lambda: algo.learn(10**15, Endless()))
adam = getattr(algo, "optimizer", None)
print(
    found, np.array_equal(theta, algo.policy.theta), same(weights, algo.baseline.state()),
    steps == algo.num_timesteps, len(algo.history) == COUNT,
    adam is None or np.array_equal(moments, (adam.mean, adam.square)),
    signal.getsignal(signal.SIGINT) is signal.default_int_handler,
)
algo.predict(np.zeros(algo.observation_space.shape, np.float32))
"""


def learning(algorithm, env, options, count=0, later="pass"):
    return (
        LEARN.replace("ALGORITHM", algorithm).replace("ENV", env).replace("OPTIONS", options)
        .replace("COUNT", str(count)).replace("LATER", later)
    )  # fmt: skip


PENDULUM = 'fastpg.make_vec("Pendulum-v1", 4, max_episode_steps=-1)'
PPO = '{"n_epochs": 10_000, "n_steps": 50_000, "batch_size": 64}'


@pytest.mark.parametrize(
    ("presses", "algorithm", "env", "options"),
    [
        pytest.param(1, "PPO", PENDULUM, PPO, marks=pytest.mark.slow),
        (2, "REINFORCE", PENDULUM, "{}"),
        pytest.param(1, "REINFORCE", PENDULUM, "{}", marks=pytest.mark.slow),
        pytest.param(2, "PPO", PENDULUM, PPO, marks=pytest.mark.slow),
        pytest.param(1, "NPG", PENDULUM, '{"n_steps": 5 * 10**6}', marks=pytest.mark.slow),
        pytest.param(2, "NPG", PENDULUM, '{"n_steps": 5 * 10**6}', marks=pytest.mark.slow),
    ],
)
def test_learn_gives_up_a_long_kernel(presses, algorithm, env, options):
    assert set(answers(learning(algorithm, env, options), presses)) == {"True"}


SLOW = """
import gymnasium, time
class Slow(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-1, 1, (2,))
    action_space = gymnasium.spaces.Discrete(2)
    def reset(self, *, seed=None, options=None):
        return np.zeros(2, np.float32), {}
    def step(self, action):
        return np.zeros(2, np.float32), 0.0, False, False, {}
"""


def test_a_second_ctrl_c_is_not_held_back_in_python():
    code = SLOW + learning("REINFORCE", "Slow", '{"n_envs": 1}')
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD + code], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    while process.poll() is None:  # signals that arrive together are one
        process.send_signal(signal.SIGINT)
        try:
            process.wait(0.5)
        except subprocess.TimeoutExpired:
            continue
    out, err = process.communicate()
    assert process.returncode in (0, -signal.SIGINT), err
    if out:
        assert set(out.split()) == {"True"}


@pytest.mark.slow
def test_a_handler_s_own_exception_comes_through():
    code = """
    def handler(signum, frame):
        raise LookupError("mine")
    signal.signal(signal.SIGINT, handler)
    env = fastpg.make_vec("Pendulum-v1", 1, max_episode_steps=-1)
    policy = fastpg.LinearGaussian.for_env(env)
    try:
        print("ready", flush=True)
        fastpg.collect(env, policy, n_episodes=1, max_episode_steps=2**31 - 1)
    except LookupError as error:
        print(error)
    """
    assert answers(code) == ["mine"]


@pytest.mark.slow
def test_a_handler_may_use_the_library_while_a_kernel_waits():
    code = """
    def handler(signum, frame):
        other = fastpg.make_vec("CartPole-v1", 2000, num_threads=2)
        fastpg.collect(other, fastpg.LinearSoftmax.for_env(other), n_steps=5)
        try:
            env.reset()
        except RuntimeError as error:
            print("refused" if "in use" in str(error) else error)
        raise KeyboardInterrupt
    signal.signal(signal.SIGINT, handler)
    env = fastpg.make_vec("Pendulum-v1", 1, max_episode_steps=-1)
    policy = fastpg.LinearGaussian.for_env(env)
    endless = {"n_episodes": 1, "max_episode_steps": 2**31 - 1}
    print(interrupted(lambda: fastpg.collect(env, policy, **endless)))
    """
    assert answers(code) == ["refused", "True"]


def test_kernels_end_when_they_are_told_to():
    env = fastpg.make_vec("Pendulum-v1", 2, max_episode_steps=-1)
    policy = fastpg.LinearGaussian.for_env(env)
    _core.end_kernels(0.0)
    try:
        with pytest.raises(KeyboardInterrupt):
            fastpg.collect(env, policy, n_episodes=1, max_episode_steps=2**31 - 1)
    finally:
        _core.end_kernels(None)
    assert fastpg.collect(env, policy, n_steps=5, seed=1).sample_count == 10


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), 1e7])
def test_times_to_end_are_checked(seconds):
    with pytest.raises(ValueError, match="seconds"):
        _core.end_kernels(seconds)


@pytest.mark.parametrize("name", NAMES)
def test_an_iteration_that_raises_is_taken_back(name, monkeypatch):
    algo = ALGORITHMS[name](
        fastpg.LinearSoftmax(4, 2, normalize_observations=True), "CartPole-v1", seed=0
    )
    algo.learn(5000)
    stored, meta = algo.state()
    moments = algo.policy.normalizer.state()

    def give_up(observations):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(algo.policy, "observe", give_up)  # the last that an iteration does
        with pytest.raises(KeyboardInterrupt):
            algo.learn(5000, reset_num_timesteps=False)
    again, again_meta = algo.state()
    assert meta == again_meta
    assert all(np.array_equal(stored[key], again[key]) for key in stored)
    assert np.array_equal(moments, algo.policy.normalizer.state())
    algo.learn(5000)


@pytest.mark.parametrize(
    ("algorithm", "option", "most"),
    [
        (fastpg.PPO, "n_epochs", 10_000),
        (fastpg.TRPO, "line_search_max_iter", 10_000),
        (fastpg.NPG, "cg_max_steps", 1_000_000),
    ],
)
def test_counts_of_iterations_have_bounds(algorithm, option, most):
    algorithm("linear", "CartPole-v1", **{option: most})
    with pytest.raises(ValueError, match=option):
        algorithm("linear", "CartPole-v1", **{option: most + 1})


def test_kernels_bound_their_iterations_too(rng):
    matrix, ones = np.eye(2), np.ones(2)
    with pytest.raises(ValueError, match=r"max_steps.*1000000"):
        fastpg.conjugate_gradient(matrix, ones, max_steps=10**6 + 1)
    with pytest.raises(ValueError, match=r"max_steps.*1000000"):
        _core.conjugate_gradient(matrix, ones, 10**6 + 1, 0.0, 0.0)
    policy = fastpg.LinearSoftmax(1, 2)
    phi = policy.features(np.zeros((3, 1), np.float32))
    dist, actions = policy.distribution(phi), np.zeros((3, 1), np.int32)
    with pytest.raises(ValueError, match=r"max_iter.*10000"):
        solvers.line_search(
            policy, phi, dist, actions.ravel(), np.ones(3), np.zeros((2, 2)), target_kl=0.1,
            max_iter=10_001,
        )  # fmt: skip
    with pytest.raises(ValueError, match=r"n_epochs.*1000000"):
        solvers.ppo_epochs(
            policy, phi, actions.ravel(), np.ones(3), solvers.Adam(4), seed=0, n_epochs=10**6 + 1
        )
