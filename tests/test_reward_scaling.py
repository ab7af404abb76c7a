"""Rewards of the estimates: the running deviation of discounted sums, clipping, checkpoints."""

from types import SimpleNamespace as Namespace

import numpy as np
import pytest

import fastpg
from fastpg.algorithms.reward_scaling import RewardScaling

GAMMA = 0.9


def rollout_of(**given):
    """Of a rollout, with all rows valid unless others are given."""
    valid = np.ones(given["rewards"].shape, bool)
    return Namespace(**({"valid": valid} | given))


def rollouts(rng, count):
    """Consecutive rollouts of 7 steps in 3 environments; all episodes begin with the first."""
    goes_on = np.zeros(3, np.int64)
    for _ in range(count):
        ended = rng.random((7, 3)) < 0.2
        steps = np.tile(goes_on, (7, 1))
        yield rollout_of(rewards=rng.normal(1.0, 2.0, (7, 3)), ended=ended, step_index=steps)
        goes_on = np.where(ended[-1], 0, 5)


def test_rewards_are_divided_by_the_deviation_of_discounted_sums(rng):
    scaling, sums, running = RewardScaling(GAMMA, True, None), [], np.zeros(3)
    for rollout in rollouts(rng, 4):
        scaled = scaling(rollout)
        for reward, ended in zip(rollout.rewards, rollout.ended, strict=True):
            running = GAMMA * running + reward
            sums.append(running)
            running = np.where(ended, 0.0, running)
        expected = rollout.rewards / np.sqrt(np.var(sums) + 1e-8)
        assert np.allclose(scaled, expected, rtol=1e-12, atol=0)


def test_rows_that_only_reset_are_not_counted(rng):
    """Episodes of one step, each followed by such a row, have the deviation of their rewards."""
    rewards = rng.normal(10.0, 0.5, (40, 3))
    valid = np.arange(40)[:, None] % 2 == np.zeros((1, 3))
    one, two = (RewardScaling(GAMMA, True, None) for _ in range(2))
    steps = np.zeros((40, 3), np.int64)
    found = one(
        rollout_of(
            rewards=np.where(valid, rewards, 0.0), ended=valid, step_index=steps, valid=valid
        )
    )
    expected = two(
        rollout_of(rewards=rewards[::2], ended=np.ones((20, 3), bool), step_index=steps[::2])
    )
    assert one.deviation == pytest.approx(two.deviation, rel=1e-12)
    assert one.count == two.count == 60
    assert np.allclose(found[::2], expected, rtol=1e-12)


def test_an_environment_that_begins_anew_forgets_its_sum(rng):
    one, two = (RewardScaling(GAMMA, True, None) for _ in range(2))
    first, second = rollouts(rng, 2)
    one(first)
    one(rollout_of(**{**vars(second), "step_index": np.zeros((7, 3), np.int64)}))
    first.ended[-1] = True
    two(first)
    two(rollout_of(**{**vars(second), "step_index": np.zeros((7, 3), np.int64)}))
    assert one.deviation == two.deviation


def test_rewards_of_sums_that_do_not_vary_stay():
    rewards, ended = np.full((4, 2), 3.0), np.ones((4, 2), bool)
    rollout = rollout_of(rewards=rewards, ended=ended, step_index=np.zeros((4, 2), np.int64))
    scaling = RewardScaling(GAMMA, True, None)
    for _ in range(3):
        assert (scaling(rollout) == 3.0).all()


def test_clipping_by_hand():
    rollout = rollout_of(rewards=np.array([[-3.0, 0.5, 2.0]]), ended=np.zeros((1, 3), bool))
    assert RewardScaling(GAMMA, False, 1.0)(rollout).tolist() == [[-1.0, 0.5, 1.0]]


@pytest.mark.parametrize("algorithm", [fastpg.NPG, fastpg.TRPO, fastpg.PPO])
def test_records_keep_the_rewards_of_the_environment(algorithm):
    options = {"n_steps": 64, "n_envs": 4, "seed": 3, "gamma": 0.9}
    plain = algorithm("linear", "Pendulum-v1", **options).learn(2_048)
    scaled = algorithm("linear", "Pendulum-v1", normalize_reward=True, **options).learn(2_048)
    clipped = algorithm("linear", "Pendulum-v1", clip_reward=0.5, **options).learn(2_048)
    returns = plain.history[-1]["rollout/ep_rew_mean"]
    for other in (scaled, clipped):
        assert other.history[-1]["rollout/ep_rew_mean"] < -500.0
        assert other.history[0]["train/value_loss"] < plain.history[0]["train/value_loss"]
        assert (other.policy.theta != plain.policy.theta).any()
    assert returns < -500.0


@pytest.mark.parametrize("algorithm", [fastpg.TRPO, fastpg.PPO])
def test_the_deviation_is_saved(algorithm, tmp_path):
    algo = algorithm("linear", "Pendulum-v1", normalize_reward=True, seed=3).learn(4_096)
    loaded = fastpg.load(algo.save(tmp_path / "one.npz"))
    assert loaded.reward_scaling.state() == algo.reward_scaling.state()
    assert loaded.reward_scaling.count == 4_096


def test_an_iteration_that_fails_leaves_the_deviation(monkeypatch):
    algo = fastpg.TRPO("linear", "Pendulum-v1", normalize_reward=True, seed=3).learn(2_048)
    before = algo.reward_scaling.state()
    monkeypatch.setattr(algo, "update", lambda batch: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        algo.learn(2_048)
    assert algo.reward_scaling.state() == before


def test_rewards_whose_sums_cannot_be_squared_are_named():
    rollout = rollout_of(
        rewards=np.array([[1e160], [-1e160]]), ended=np.zeros((2, 1), bool),
        step_index=np.zeros((2, 1), np.int64),
    )  # fmt: skip
    with pytest.raises(ValueError, match="rewards: expected values whose discounted sums"):
        RewardScaling(GAMMA, True, None)(rollout)
