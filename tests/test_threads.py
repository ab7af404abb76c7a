"""The same bits on any number of threads, from several Python threads, and in a forked child."""

import multiprocessing
import os
import threading

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import fastpg
from lockstep import assert_same_infos, draw_actions
from oracles import CURRENT
from processes import GUARD, python
from trainings import NAMES

NUM_ENVS = 1300  # three tasks, the last one short
THREADS = (2, 3, 8)
FIELDS = (
    "observations", "actions", "rewards", "terminated", "truncated", "valid", "step_index",
    "last_observations", "end_rows", "end_columns", "final_observations", "episode_returns",
    "episode_lengths",
)  # fmt: skip


def rollout(env_id, num_threads, *, exact=True, num_envs=NUM_ENVS, steps=60):
    env = fastpg.make_vec(
        env_id, num_envs, num_threads=num_threads, exact=exact, max_episode_steps=25
    )
    continuous = isinstance(env.single_action_space, gymnasium.spaces.Box)
    kind = fastpg.LinearGaussian if continuous else fastpg.LinearSoftmax
    policy = kind.for_env(env)
    policy.theta = np.random.default_rng(0).normal(scale=0.5, size=policy.shape)
    return fastpg.collect(env, policy, n_steps=steps, seed=3)


def assert_same_rollout(one, other):
    for name in FIELDS:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("env_id", CURRENT)
def test_collecting_gives_the_same_bits(env_id, exact):
    alone = rollout(env_id, 1, exact=exact)
    assert len(alone.end_rows) > NUM_ENVS
    for num_threads in THREADS:
        assert_same_rollout(alone, rollout(env_id, num_threads, exact=exact))


def test_ends_are_in_the_order_in_which_they_happened():
    found = rollout("CartPole-v1", 3)
    order = found.end_rows * NUM_ENVS + found.end_columns
    assert (np.diff(order) > 0).all()
    ended = found.terminated | found.truncated
    assert np.array_equal(np.argwhere(ended), np.stack([found.end_rows, found.end_columns], 1))


def test_columns_do_not_depend_on_how_many_there_are():
    few, many = (rollout("CartPole-v1", 2, num_envs=n) for n in (600, NUM_ENVS))
    for name in ("observations", "actions", "rewards", "terminated"):
        assert np.array_equal(getattr(few, name), getattr(many, name)[:, :600]), name


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("env_id", CURRENT)
def test_stepping_gives_the_same_bits(env_id, mode):
    envs = [
        fastpg.make_vec(env_id, NUM_ENVS, num_threads=n, autoreset_mode=mode, max_episode_steps=20)
        for n in (1, *THREADS)
    ]
    observations = [env.reset(seed=5)[0] for env in envs]
    rng = np.random.default_rng(0)
    for _ in range(30):
        actions = draw_actions(env_id, rng, observations[0])
        steps = [env.step(actions) for env in envs]
        for step in steps[1:]:
            for mine, other in zip(step[:4], steps[0][:4], strict=True):
                assert np.array_equal(mine, other)
            assert_same_infos(step[4], steps[0][4])
        observations = [step[0] for step in steps]
        ended = steps[0][2] | steps[0][3]
        if mode is AutoresetMode.DISABLED and ended.any():
            observations = [env.reset(options={"reset_mask": ended})[0] for env in envs]


def trained(name, env_id, num_threads):
    algo = fastpg.train(
        name, env_id, total_timesteps=3 * 1300 * 16, n_envs=1300, seed=0, num_threads=num_threads,
        tuned=False,
        **({"n_episodes": 300} if name == "reinforce" else {"n_steps": 16}),
    )  # fmt: skip
    history = [
        {key: value for key, value in record.items() if not key.startswith("time/")}
        for record in algo.history
    ]
    return algo.policy.theta, history


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1"])
@pytest.mark.parametrize("name", NAMES)
def test_training_gives_the_same_bits(name, env_id):
    theta, history = trained(name, env_id, 1)
    assert history
    for num_threads in THREADS:
        other, other_history = trained(name, env_id, num_threads)
        assert np.array_equal(theta, other)
        assert history == other_history


def test_several_python_threads_at_once():
    expected = [rollout("CartPole-v1", 1), rollout("Acrobot-v1", 1), rollout("Pendulum-v1", 1)]
    found = {}

    def work(k, env_id):
        found[k] = rollout(env_id, 2)

    threads = [
        threading.Thread(target=work, args=(k, env_id))
        for k, env_id in enumerate(("CartPole-v1", "Acrobot-v1", "Pendulum-v1"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, one in enumerate(expected):
        assert_same_rollout(one, found[k])


def _child(queue):
    queue.put(rollout("CartPole-v1", 2).rewards.sum())


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own():
    expected = rollout("CartPole-v1", 2).rewards.sum()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_child, args=(queue,))
    child.start()
    assert queue.get(timeout=GUARD) == expected
    child.join(timeout=GUARD)
    assert child.exitcode == 0
    assert rollout("CartPole-v1", 2).rewards.sum() == expected


ENDLESS = """
import threading
import numpy as np
import fastpg

policy = fastpg.LinearSoftmax(15, 4)
phi = np.random.default_rng(0).normal(size=(500, 16))
dist = policy.distribution(phi)

at_work = threading.Barrier(4)

def forever():
    for k in range(10**9):
        policy.fisher(phi, dist, num_threads=2)
        if k == 5:
            at_work.wait()

for _ in range(3):
    threading.Thread(target=forever, daemon=True).start()
at_work.wait()
for _ in range(20):
    policy.fisher(phi, dist, num_threads=2)
"""


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_the_process_ends_while_daemon_threads_are_at_work(times):
    for _ in range(times):
        ended = python(ENDLESS)
        assert (ended.returncode, ended.stderr) == (0, "")


ONE_CORE = """
import os
import fastpg

core = min(os.sched_getaffinity(0))
os.sched_setaffinity(0, {core})
env = fastpg.make_vec("CartPole-v1", 1300, num_threads=4)
policy = fastpg.LinearSoftmax.for_env(env)
for _ in range(3):
    fastpg.collect(env, policy, n_steps=20, seed=0)
assert len(os.listdir("/proc/self/task")) > 1
for thread in os.listdir("/proc/self/task"):
    if int(thread) == os.getpid():
        assert os.sched_getaffinity(int(thread)) == {core}
print("done")
"""

AFFINITIES = """
import os
import fastpg

allowed = os.sched_getaffinity(0)
env = fastpg.make_vec("CartPole-v1", 1300, num_threads=2)
fastpg.collect(env, fastpg.LinearSoftmax.for_env(env), n_steps=20, seed=0)
assert os.sched_getaffinity(0) == allowed
for thread in map(int, os.listdir("/proc/self/task")):
    assert os.sched_getaffinity(thread) <= allowed
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
@pytest.mark.parametrize(
    "code",
    [ONE_CORE, pytest.param(AFFINITIES, marks=pytest.mark.slow)],
    ids=["one core", "all cores"],
)
def test_the_caller_may_run_where_it_might_before(code):
    done = python(code)
    assert done.stdout.strip() == "done", done.stderr


def test_the_environment_variable_is_the_default(monkeypatch):
    monkeypatch.setenv("FASTPG_NUM_THREADS", "2")
    assert fastpg.make_vec("CartPole-v1", 2).native.num_threads == 2
    assert fastpg.make_vec("CartPole-v1", 2, num_threads=3).native.num_threads == 3


@pytest.mark.parametrize(("bad", "error"), [(0, ValueError), (257, ValueError), (2.0, TypeError)])
def test_a_bad_number_of_threads(bad, error):
    with pytest.raises(error, match="num_threads: expected"):
        fastpg.make_vec("CartPole-v1", 2, num_threads=bad)
