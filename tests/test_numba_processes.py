"""Environments compiled by Numba in other processes: pickles, checkpoints, the command line."""

import contextlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba", reason="numba is not installed")

import fastpg
from numba_line import Line
from processes import python

# Where child processes find the package and numba_line.
PATHS = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])

LOCAL = """
import pickle, sys
import fastpg

RATE = 0.5

@fastpg.numba_env("Local-v0", state=["x"], observation=1, action=2, max_episode_steps=9)
class Local:
    def reset(state, params, options, rng):
        state.x = rng.normal()

    def step(state, action, params, rng):
        state.x *= RATE
        return state.x * action, False

    def observe(state, params, out):
        out[0] = state.x

def first(env):
    made = fastpg.make_vec(env.id)
    made.reset(seed=3)
    return made.step([1])[1][0]

if __name__ == "__main__" and len(sys.argv) > 1:
    assert Local.module is None
    assert pickle.loads(pickle.dumps(Local)) is Local
    with open(sys.argv[1], "wb") as file:
        pickle.dump((Local, first(Local)), file)
"""

MANY = """
if __name__ == "__main__":
    one, two = (
        fastpg.train_many("npg", Local, seeds=2, total_timesteps=500, n_jobs=n) for n in (1, 2)
    )
    assert not two.failures, two.failures
    assert (one.returns == two.returns).all()
"""

ELSEWHERE = """
import pickle, sys
import fastpg

with open(sys.argv[1], "rb") as file:
    given = file.read()
env, expected = pickle.loads(given)
assert pickle.loads(given)[0] is env
made = fastpg.make_vec("Local-v0")
made.reset(seed=3)
assert made.step([1])[1][0] == expected
assert env.reference().unwrapped.definition is env.definition
"""


def test_what_no_module_defines_is_pickled_by_its_functions(tmp_path):
    for program in (LOCAL, ELSEWHERE):
        run = python(program, tmp_path / "env.pickle")
        assert run.returncode == 0, run.stderr


@pytest.mark.slow
def test_what_no_module_defines_is_trained_in_processes():
    pytest.importorskip("joblib", reason="joblib is not installed")
    run = python(LOCAL + MANY)
    assert run.returncode == 0, run.stderr


RESTORE = """
import sys
import fastpg

algo = fastpg.load(sys.argv[1])
from numba_line import Line

env = fastpg.make_vec(Line.id, 8)
print(fastpg.evaluate_policy(algo, env, n_eval_episodes=8)[0])
"""


def test_checkpoints_hold_the_id(tmp_path):
    algo = fastpg.train("trpo", Line, total_timesteps=20_000, seed=0)
    algo.save(tmp_path / "model.npz")
    loaded = fastpg.load(tmp_path / "model.npz")
    assert np.array_equal(loaded.policy.theta, algo.policy.theta)
    mean = fastpg.evaluate_policy(algo, Line.id, n_eval_episodes=8)[0]
    run = python(RESTORE, tmp_path / "model.npz", PYTHONPATH=PATHS)
    assert run.returncode == 0, run.stderr
    assert mean > -8.0
    assert float(run.stdout) > -8.0


def test_the_command_trains_module_and_id(tmp_path):
    run = python(
        "from fastpg.cli import main; main()", "train", "trpo", "numba_line:NumbaLine-v0",
        "--total-timesteps", 3_000, "--seed", 0,
        cwd=tmp_path, PYTHONPATH=PATHS,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "NumbaLine-v0" in run.stdout


def equal(one, two):
    return not one.failures and np.array_equal(one.returns, two.returns)


def many(env, seeds, **arguments):
    return fastpg.train_many(
        "trpo", env, seeds=seeds, total_timesteps=1_000, n_eval_episodes=2, **arguments
    )


def test_many_trainings_in_processes():
    pytest.importorskip("joblib", reason="joblib is not installed")
    assert equal(many(Line, 3, n_jobs=1), many(Line, 3, n_jobs=2))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "dask", "ray"])
def test_a_thousand_trainings(backend):
    joblib = pytest.importorskip("joblib", reason="joblib is not installed")
    with cluster(backend), joblib.parallel_config(backend=backend, n_jobs=2):
        assert equal(many(Line, 1_000, n_jobs=1), many(Line, 1_000))


@contextlib.contextmanager
def cluster(backend):
    if backend == "dask":
        distributed = pytest.importorskip("distributed", reason="dask is not installed")
        with distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=None):
            yield
    elif backend == "ray":
        ray = pytest.importorskip("ray", reason="ray is not installed")
        from ray.util.joblib import register_ray

        paths = {"env_vars": {"PYTHONPATH": PATHS}}
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env=paths)
        register_ray()
        yield
        ray.shutdown()
    else:
        yield
