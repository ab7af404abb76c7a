"""Schedules of options, over `learn` and in checkpoints."""

import pytest

import fastpg
from fastpg.algorithms import ALGORITHMS
from trainings import learned


@pytest.mark.parametrize("schedule", ["lin_0.05", lambda progress: 0.05 * progress])
def test_schedules(tmp_path, schedule):
    algo = learned("ppo", 8192, learning_rate=schedule, clip_range="lin_0.3")
    rates = [r["train/learning_rate"] for r in algo.history]
    assert rates == pytest.approx([0.05, 0.0375, 0.025, 0.0125])
    assert [r["train/clip_range"] for r in algo.history] == pytest.approx([0.3, 0.225, 0.15, 0.075])
    fastpg.load(algo.save(tmp_path / "x"))


@pytest.mark.parametrize("name", ["npg", "trpo"])
@pytest.mark.parametrize("schedule", ["lin_0.02", lambda progress: 0.02 * progress])
def test_the_bound_on_the_kl_may_fall(tmp_path, name, schedule):
    algo = learned(name, 2048, target_kl=schedule, n_envs=8, n_steps=64)
    predicted = [r["train/predicted_kl"] for r in algo.history]
    assert predicted == pytest.approx([0.02, 0.015, 0.01, 0.005])
    assert fastpg.load(algo.save(tmp_path / "x")).options.target_kl in (0.02, "lin_0.02")


@pytest.mark.parametrize("name", ["npg", "trpo"])
def test_a_bound_of_zero_takes_no_step(name):
    """A schedule may come to 0 before the end."""
    algo = learned(
        name, 2048, target_kl=lambda progress: max(0.0, progress - 0.6), n_envs=8, n_steps=64
    )
    assert [r["train/target_kl"] for r in algo.history] == pytest.approx([0.4, 0.15, 0.0, 0.0])
    assert {r["train/status"] for r in algo.history[2:]} == {"accepted"}
    assert [r["train/step_size"] > 0.0 for r in algo.history] == [True, True, False, False]
    assert [r["train/kl"] > 0.0 for r in algo.history] == [True, True, False, False]


def test_a_schedule_may_fall_by_a_power():
    algo = learned("ppo", 8192, learning_rate="pow3_0.08")
    rates = [r["train/learning_rate"] for r in algo.history]
    assert rates == pytest.approx([0.08, 0.08 * 0.75**3, 0.01, 0.08 * 0.25**3])


BAD_SCHEDULES = ["fast", "lin_", "lin_-1", "lin_nan", "pow_1", "pow0_1", "pow2_", "0", -1.0, None]


@pytest.mark.parametrize("bad", BAD_SCHEDULES)
def test_bad_schedules(bad):
    with pytest.raises((ValueError, TypeError), match="learning_rate"):
        fastpg.PPO("linear", "CartPole-v1", learning_rate=bad)


@pytest.mark.parametrize("name", ["ppo", "reinforce"])
def test_a_second_learn_begins_its_schedules_anew(name):
    algo = ALGORITHMS[name]("linear", "CartPole-v1", seed=0, learning_rate="lin_0.02")
    for _ in range(2):
        count = len(algo.history)
        algo.learn(6000)
        assert algo.history[count]["train/learning_rate"] == 0.02


def test_a_schedule_may_end_at_zero_but_not_below():
    falling = fastpg.PPO(
        "linear", "CartPole-v1", learning_rate=lambda p: max(0.0, 0.02 * (2 * p - 1))
    )
    assert falling.learn(8192).history[-1]["train/learning_rate"] == 0.0
    negative = fastpg.REINFORCE("linear", "CartPole-v1", learning_rate=lambda p: -0.3)
    with pytest.raises(ValueError, match=r"learning_rate \(schedule\): expected values"):
        negative.learn(4000)


def test_a_rising_schedule_can_be_saved(tmp_path):
    algo = learned("reinforce", 2000, learning_rate=lambda progress: 0.3 * (1.0 - progress))
    assert fastpg.load(algo.save(tmp_path / "x")).options.learning_rate == 0.3
