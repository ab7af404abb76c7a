"""Why a run did not learn: sentences from records made by hand, the main ones from real runs."""

import math

import pytest

import fastpg
from fastpg.training.diagnosis import Goal, explain

GOAL = Goal("Somewhere-v0", 100.0, 10.0)


def run(count=40, **columns):
    """Records of a run without faults that learns nothing; columns are values or functions of k."""
    usual = {
        "time/total_timesteps": lambda k: 1024 * (k + 1),
        "train/status": "accepted",
        "train/kl": 0.01,
        "train/entropy_loss": -0.7,
        "train/explained_variance": 0.8,
        "rollout/ep_rew_mean": 10.0,
        "rollout/ep_rew_min": 5.0,
        "rollout/ep_rew_max": 20.0,
        "rollout/terminated_share": 1.0,
    }
    given = usual | {key.replace("__", "/"): value for key, value in columns.items()}
    return [
        {key: value(k) if callable(value) else value for key, value in given.items()}
        for k in range(count)
    ]


def only(history, goal=None):
    (sentence,) = explain(history, goal)
    return sentence


def test_a_run_without_evidence():
    assert explain(run()) == explain(run(), GOAL) == []
    assert explain(run(1), GOAL) == []


NAN = {f"rollout__{key}": math.nan for key in ("ep_rew_mean", "ep_rew_min", "ep_rew_max")}


def test_no_episode_ended():
    assert "No episode ended in 40,960 steps" in only(run(**NAN))
    late = run(rollout__ep_rew_mean=lambda k: math.nan if k < 39 else 10.0)
    assert explain(late) == []


def equal(value, **columns):
    keys = ("ep_rew_mean", "ep_rew_min", "ep_rew_max")
    return run(**{f"rollout__{key}": value for key in keys}, **columns)


@pytest.mark.parametrize("value", [0.0, -200.0, 3.5])
def test_equal_returns_and_nothing_that_follows_from_them(value):
    follows = {
        "rollout__terminated_share": 0.0,
        "train__status": "zero_gradient",
        "train__kl": 0.0,
        "train__explained_variance": -0.1,
    }
    sentence = only(equal(value, **follows), GOAL)
    assert f"All returns are equal ({value:g})," in sentence
    assert explain(equal(lambda k: 1.0 if k < 2 else 0.0), GOAL) == []


def test_numbers_that_were_not_finite():
    history = run(train__status=lambda k: "not_finite" if k < 3 else "accepted")
    assert "A number was not finite in 3 of 40 iterations" in only(history)
    history = run(train__cg_status=lambda k: "not_finite" if k == 7 else "converged")
    assert "A number was not finite in 1 of 40 iterations" in only(history)


@pytest.mark.parametrize(("sigma", "which"), [(math.exp(-10), "lower"), (math.exp(2), "upper")])
def test_sigma_at_a_bound(sigma, which):
    history = run(train__std=lambda k: sigma if k > 30 else 1.0)
    assert f"Sigma is at its {which} bound, {sigma:.3g}" in only(history)
    assert explain(run(train__std=lambda k: 1.01 * sigma if k > 30 else 1.0)) == []


def test_almost_deterministic():
    history = run(train__entropy_loss=lambda k: -0.7 if k < 10 else -0.03)
    sentence = only(history)
    assert "deterministic since iteration 11 of 40 (entropy 0.03 nats, at most 0.7)" in sentence
    history = run(train__std=lambda k: 1.0 if k < 20 else 0.04)
    assert "since iteration 21 of 40 (sigma 0.04, at most 1)" in only(history)
    for recent in (
        lambda k: -0.7 if k < 21 else -0.03,  # late
        lambda k: -0.7 if k < 10 or k == 39 else -0.03,  # not at the end
        lambda k: -0.7 if k < 10 else -0.04,  # not so little
    ):
        assert explain(run(train__entropy_loss=recent)) == []


def test_clipped_actions():
    history = run(rollout__clipped_actions=lambda k: 0.1 if k < 30 else 0.75)
    assert "75% of the action components were outside the bounds" in only(history)
    assert explain(run(rollout__clipped_actions=lambda k: 0.9 if k < 30 else 0.5)) == []


def test_refused_steps():
    reasons = ["no_improvement", "kl_exceeded", "no_improvement", "accepted"]
    sentence = only(run(train__status=lambda k: reasons[k % 4]))
    assert "30 of 40: 20 times no point of the line search improved the objective, 10 times" in (
        sentence
    )
    assert explain(run(train__status=lambda k: reasons[k % 2 * 3])) == []  # half of them
    assert "40 times another reason." in only(run(train__status="another reason"))


def test_ends_by_time_limits():
    bad = {"rollout__ep_rew_min": -20.0, "rollout__ep_rew_mean": -10.0}
    sentence = only(run(rollout__terminated_share=0.0, **bad))
    assert "All recent episodes ended at their time limit, with a mean return of -10" in sentence
    sentence = only(run(rollout__terminated_share=0.2, **bad))
    assert "80% of the recent episodes ended at their time limit" in sentence
    assert explain(run(rollout__terminated_share=0.5, **bad)) == []
    assert explain(run(rollout__terminated_share=0.0)) == []  # where it pays to go on


def test_steps_far_beyond_their_bound():
    jump = {"train__target_kl": 0.01, "train__kl": lambda k: 14.49 if k == 3 else 0.012}
    sentence = only(run(**jump))
    assert "1 of 40 steps had a KL more than 10 times their bound, at most 1,449 times" in sentence
    assert explain(run(train__target_kl=lambda k: 0.01 * (39 - k), train__kl=0.01)) == []


def test_a_ratio_of_many_digits():
    jump = {"train__target_kl": 0.01, "train__kl": lambda k: 3e40 if k == 3 else 0.012}
    assert "at most 3.0e+42 times" in only(run(**jump))


LARGE = "steps were far too large: their KL is above 0.2 nats, at most 0.3"


def test_steps_that_are_far_too_large_come_first_and_explain_the_rest():
    follows = {"train__explained_variance": -0.1, "train__signal_share": 0.01}
    plain = GOAL._replace(plain=True)
    sentence = only(run(train__kl=lambda k: 0.3 if k % 3 else 0.01, **follows), plain)
    assert sentence == f"26 of the 40 {LARGE}. Begin with a smaller step_size, or with " + (
        "target_kl=0.01 instead."
    )
    first = only(run(train__kl=lambda k: 0.3 if k < 3 else 0.01), plain)
    assert f"3 of the first 10 {LARGE}" in first
    for kl in (
        lambda k: 0.3 if k in (0, 1, 12, 13) else 0.01,  # some
        lambda k: 0.19,
        lambda k: 0.0,
    ):
        assert "too large" not in " ".join(explain(run(train__kl=kl), plain))
    assert "too large" not in " ".join(explain(run(3, train__kl=lambda k: 0.3 * (k == 0)), plain))
    huge = only(run(train__kl=lambda k: 2.1 if k == 20 else 0.01), plain)
    assert "1 of the 40 steps were far too large: their KL is above 0.2 nats, at most 2.1." in huge
    found = explain(run(train__kl=0.3, train__entropy_loss=lambda k: -0.7 if k < 5 else -0.01))
    assert LARGE in found[0]
    assert "almost deterministic" in found[1]


def test_the_option_that_makes_steps_smaller():
    bound = run(train__kl=0.3, train__target_kl=0.25)
    assert only(bound).endswith("Begin with a smaller target_kl (now 0.25).")
    rate = run(train__kl=0.3, train__learning_rate=10.0)
    assert only(rate).endswith("Begin with a smaller learning_rate (now 10).")


def test_large_steps_that_lowered_their_own_objective():
    objectives = {
        "train__policy_objective_before": 0.0,
        "train__policy_objective": lambda k: -0.1 if k < 4 else 0.1,
    }
    sentence = only(run(train__kl=0.3, **objectives))
    assert f"{LARGE}, and 4 of them lowered the objective that they should raise." in sentence


def test_a_deterministic_policy_gets_no_advice_on_features():
    history = run(train__entropy_loss=lambda k: -0.7 if k < 10 else -0.03)
    assert "almost deterministic" in only(history, GOAL._replace(plain=True))


@pytest.mark.parametrize(
    ("name", "options", "smaller"),
    [
        ("npg", {"step_size": 10.0}, "step_size"),
        ("npg", {"target_kl": 1.0}, "target_kl"),
        ("trpo", {"target_kl": 10.0}, "target_kl"),
        ("ppo", {"learning_rate": 10.0}, "learning_rate"),
        ("reinforce", {"learning_rate": 10.0}, "learning_rate"),
    ],
)
def test_cart_pole_with_large_steps(name, options, smaller):
    algo = fastpg.train(name, "CartPole-v1", total_timesteps=40_000, seed=0, tuned=False, **options)
    found = fastpg.diagnose(algo)
    assert "far too large" in found[0]
    assert f"a smaller {smaller}" in found[0]
    assert not any("Richer features" in each for each in found)


def test_gradients_of_noise():
    sentence = only(run(train__signal_share=lambda k: 0.08 * (k % 2)))
    assert "Gradients were mostly noise: the mean signal share was 4%" in sentence
    assert explain(run(train__signal_share=0.2)) == []


def test_a_policy_that_hardly_moved():
    sentence = only(run(train__kl=4e-6), GOAL)
    assert "all 40 steps in one direction would give a KL of 0.0064 nats" in sentence
    assert "A larger target_kl or max_step_size" in sentence
    assert "A larger learning_rate" in only(run(train__kl=0.0, train__learning_rate=0.1), GOAL)
    assert explain(run(train__kl=7e-6), GOAL) == []


def test_a_baseline_that_explains_nothing():
    history = run(train__explained_variance=lambda k: 0.9 if k < 30 else 0.05)
    assert "(explained variance 0.05 at the end)" in only(history)
    assert explain(run(train__explained_variance=0.11)) == []
    assert explain(run(train__explained_variance=0.0)) == []  # nothing to explain


def test_a_policy_that_may_not_be_able_to():
    plain = GOAL._replace(plain=True)
    sentence = only(run(), plain)
    assert "The level of Somewhere-v0, 100, was not reached (mean return 10)" in sentence
    assert 'policy_kwargs=dict(features="polynomial", features_kwargs=dict(degree=3))' in sentence
    assert explain(run(19), plain) == []  # too short to tell
    assert explain(run(rollout__ep_rew_mean=lambda k: 10.0 + k / 5), plain) == []  # it rises
    assert only(run(rollout__ep_rew_mean=lambda k: 10.0 + k / 10), plain)  # too slowly


def test_settings_are_named_where_something_was_wrong():
    known = GOAL._replace(settings="fastpg train npg Somewhere-v0")
    assert explain(run(), known) == []
    found = explain(equal(0.0), known)
    assert found[1:] == ["Settings tuned to it: fastpg train npg Somewhere-v0."]


FAULTS = {
    "rollout__clipped_actions": 0.9,
    "train__status": "not_finite",
    "train__kl": 0.0,
    "train__explained_variance": -1.0,
}


def test_nothing_is_said_of_what_learned():
    assert len(explain(run(**FAULTS))) > 3
    reached = GOAL._replace(result=100.0)
    assert explain(run(**FAULTS), reached) == []
    improved = run(**FAULTS, rollout__ep_rew_mean=lambda k: 10.0 if k < 39 else 21.0)
    assert explain(improved) == []
    assert len(explain(improved, GOAL)) > 2


def test_records_of_older_versions():
    keys = ("rollout/ep_rew_min", "rollout/ep_rew_max", "rollout/terminated_share")
    history = [{k: v for k, v in record.items() if k not in keys} for record in run()]
    assert explain(history) == explain(history, GOAL) == []


def test_mountain_car_and_frozen_lake_without_a_reward():
    algo = fastpg.train("npg", "MountainCar-v0", total_timesteps=20_000, seed=0, tuned=False)
    found = fastpg.diagnose(algo)
    assert "All returns are equal (-200)" in found[0]
    assert found[1:] == ["Settings tuned to it: fastpg train npg MountainCar-v0."]
    assert fastpg.diagnose(algo, tuned=False) == found[:1]
    assert fastpg.diagnose(algo, score=-105.0) == []
    algo = fastpg.train("npg", "FrozenLake8x8-v1", total_timesteps=1024, seed=0)
    assert "All returns are equal (0)," in fastpg.diagnose(algo)[0]


@pytest.mark.parametrize("name", ["npg", "ppo"])
def test_pendulum_by_a_policy_of_the_observation_itself(name):
    algo = fastpg.train(name, "Pendulum-v1", total_timesteps=100_000, seed=0, tuned=False)
    found = fastpg.diagnose(algo)
    assert any("The level of Pendulum-v1, -200, was not reached" in each for each in found)
    assert found[-1] == f"Settings tuned to it: fastpg train {name} Pendulum-v1."
    assert fastpg.diagnose(fastpg.train(name, "Pendulum-v1", seed=0)) == []


@pytest.mark.parametrize("steps", [10_000, 30_000])
def test_cart_pole_is_no_fault(steps):
    assert fastpg.diagnose(fastpg.train("npg", "CartPole-v1", total_timesteps=steps, seed=0)) == []


def test_levels_are_those_of_the_environment_as_registered():
    env = fastpg.make_vec("CartPole-v1", 8, max_episode_steps=20)  # 475 is out of reach
    algo = fastpg.train("npg", env, total_timesteps=60_000, seed=0)
    assert fastpg.diagnose(algo) == []
    found = fastpg.diagnose(algo, score=20.0)
    assert "The level of CartPole-v1, 475, was not reached (mean return 20)" in found[0]


def test_a_run_without_iterations():
    algo = fastpg.REINFORCE("linear", "Pendulum-v1", seed=0)
    assert fastpg.diagnose(algo) == []
    (sentence,) = fastpg.diagnose(algo.learn(1000))
    assert "No iteration was finished in 992 steps" in sentence
