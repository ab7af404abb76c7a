"""Files of earlier formats, written by PPO with seed 0 in CartPole-v1, are still read.

Each format has a file in tests/files: one of version 0.1.0, which has neither the recipe of the
environment nor the ends of episodes; one of `save`, and one of `save_checkpoint`.
"""

from pathlib import Path

import numpy as np
import pytest

import fastpg

FILES = Path(__file__).parent / "files"
SAVED = ["0.1.0", "saved", "checkpoint"]


@pytest.mark.parametrize("name", SAVED)
def test_load(name):
    path = FILES / f"{name}.npz"
    algo = fastpg.load(path, "CartPole-v1")
    with np.load(path) as archive:
        assert np.array_equal(algo.policy.theta, archive["theta"])
        assert np.array_equal(algo.optimizer.mean, archive["adam_mean"])
    iterations = {"checkpoint": 2}.get(name, 4)
    assert [record["time/iterations"] for record in algo.history] == [*range(1, iterations + 1)]
    assert algo.num_timesteps == 64 * iterations
    assert algo.options.n_steps == 32
    assert fastpg.evaluate_policy(algo, "CartPole-v1", 3, seed=0)[0] > 8.0
    algo.learn(128, reset_num_timesteps=False)
    assert algo.num_timesteps == 64 * (iterations + 2)
    assert algo.optimizer.count > 10 * iterations


@pytest.mark.parametrize("name", SAVED)
def test_resume(name):
    path = FILES / f"{name}.npz"
    if name != "checkpoint":
        with pytest.raises(
            fastpg.CheckpointError, match="got a file of save, which has no running"
        ):
            fastpg.resume(path)
        return
    algo = fastpg.resume(path)
    assert algo.env.get_state().elapsed_steps.sum() > 0
    algo.learn()
    assert (len(algo.history), algo.num_timesteps) == (4, 256)
    with np.load(FILES / "saved.npz") as archive:  # the same run, without a break
        assert np.allclose(algo.policy.theta, archive["theta"], rtol=1e-6, atol=0)
