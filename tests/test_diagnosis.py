"""Why a run did not learn: sentences from records made by hand, the main ones from real runs."""

import math

import gymnasium
import numpy as np
import pytest

import fastpg
from fastpg.training.diagnosis import Goal, explain
from fastpg.training.series import Setup

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


def only(history, goal=None, **setup):
    (sentence,) = explain(history, goal, Setup(**setup))
    return sentence


NO_SIGN = "no known sign of a fault was found"


def test_a_run_without_evidence():
    assert explain(run()) == []
    below = "The level of Somewhere-v0, 100, was not reached (mean return 10)"
    assert only(run(), GOAL).startswith(f"{below}, and returns no longer rose; {NO_SIGN}.")
    for short in (run(1), run(19), run(rollout__ep_rew_mean=lambda k: 10.0 + k / 5)):
        assert only(short, GOAL) == f"{below}; {NO_SIGN}, and the run may just be too short."


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
    assert NO_SIGN in only(equal(lambda k: 1.0 if k < 2 else 0.0), GOAL)


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
    assert "at most 0.7), so it no longer explores: a larger ent_coef" in sentence
    history = run(train__std=lambda k: 1.0 if k < 20 else 0.04)
    assert "since iteration 21 of 40 (sigma 0.04, at most 1)" in only(history)
    for recent in (
        lambda k: -0.7 if k < 21 else -0.03,  # late
        lambda k: -0.7 if k < 10 or k == 39 else -0.03,  # not at the end
        lambda k: -0.7 if k < 10 else -0.04,  # not so little
    ):
        assert explain(run(train__entropy_loss=recent)) == []


def test_almost_deterministic_beside_the_number_of_actions():
    """Not beside the largest entropy of the run, which may be small from the start."""
    history = run(train__entropy_loss=-0.02)
    assert explain(history) == []
    sentence = only(history, max_entropy=math.log(2))
    assert "since iteration 1 of 40 (entropy 0.02 nats, at most 0.693)" in sentence
    assert explain(run(train__entropy_loss=-0.04), None, Setup(max_entropy=math.log(2))) == []
    sentence = only(run(train__std=0.01), action_range=4.0)
    assert "since iteration 1 of 40 (sigma 0.01, half of the actions' range is 2)" in sentence
    assert "a larger log_std_init or ent_coef" in sentence


def test_a_policy_that_the_entropy_bonus_holds():
    setup = {"options": {"ent_coef": 10.0}, "max_entropy": math.log(2)}
    sentence = only(run(train__entropy_loss=-0.69), GOAL._replace(plain=True), **setup)
    assert "stays almost uniform (entropy 0.69 nats, at most 0.693)" in sentence
    assert "A smaller ent_coef (now 10)" in sentence
    for entropy, weight in ((0.6, 10.0), (0.69, 0.03)):
        setup["options"]["ent_coef"] = weight
        assert explain(run(train__entropy_loss=-entropy), None, Setup(**setup)) == []


def test_clipped_actions_because_of_the_means():
    history = run(rollout__clipped_actions=0.75, train__std=1.0)
    sentence = only(history, action_range=4.0)  # with means of 0, 5 % would be
    assert "only 5% would be, with this sigma (1), so the means are far out" in sentence
    assert "log_std_init" not in sentence
    assert "a smaller sigma (log_std_init)" in only(history, action_range=1.0)  # 62 %
    assert "a smaller sigma (log_std_init)" in only(history)


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
    huge = only(run(train__kl=lambda k: 1.1 if k == 20 else 0.01), plain)
    assert "1 of the 40 steps were far too large: their KL is above 0.2 nats, at most 1.1." in huge
    found = explain(run(train__kl=0.3, train__entropy_loss=lambda k: -0.7 if k < 5 else -0.01))
    assert LARGE in found[0]
    assert "almost deterministic" in found[1]


def test_large_steps_on_large_observations():
    sentence = only(run(train__kl=0.3), observation_bound=100.0)
    assert "Observations may be as large as 100: policy_kwargs=dict(normalize_obs" in sentence
    assert "Observations" not in only(run(train__kl=0.3), observation_bound=4.8)


ONE = {"gamma=0": {"gamma": 0.0},
       'gae_lambda=0 and baseline="none"': {"gae_lambda": 0.0, "baseline": "none"}}  # fmt: skip


@pytest.mark.parametrize("which", ONE)
def test_advantages_of_one_reward_alone(which):
    plain = GOAL._replace(plain=True)
    stuck = run(train__status="zero_gradient", train__kl=0.0)
    sentence = only(stuck, plain, options=ONE[which])
    assert f"With {which} an action is judged by its own reward alone" in sentence
    assert "all advantages were equal, and the gradient was zero" in sentence
    assert "were all equal" not in only(run(), plain, options=ONE[which])
    other = {"gamma": 0.9, "gae_lambda": 0.0, "baseline": "linear"}
    assert NO_SIGN in only(run(), GOAL, options=other)


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
    assert NO_SIGN in only(run(train__kl=7e-6), GOAL)


def test_the_option_that_holds_a_policy_back():
    rate = {"train__kl": 1e-8, "train__learning_rate": 0.1}
    clipped = run(**rate, train__clip_fraction=0.9, train__clip_range=1e-4)
    assert "A larger clip_range (now 0.0001) makes" in only(clipped, GOAL)
    inside = run(**rate, train__clip_fraction=0.0, train__clip_range=0.2)
    assert "A larger learning_rate makes" in only(inside, GOAL)
    assert "A smaller kl_coef (now 1e+06)" in only(run(**rate, train__kl_coef=1e6), GOAL)
    assert "A larger learning_rate" in only(run(**rate, train__kl_coef=1.0), GOAL)
    fixed = run(train__kl=1e-8, train__step_limited_by="step_size")
    assert "A larger step_size makes" in only(fixed, GOAL)


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
    assert NO_SIGN in only(run(19), plain)  # too short to tell
    assert NO_SIGN in only(run(rollout__ep_rew_mean=lambda k: 10.0 + k / 5), plain)  # it rises
    slowly = run(rollout__ep_rew_mean=lambda k: 10.0 + k / 10)
    assert "may be too simple" in only(slowly, plain)


def test_settings_are_named_where_something_was_wrong():
    known = GOAL._replace(settings="fastpg train npg Somewhere-v0")
    assert explain(run(), known._replace(result=100.0)) == []
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
    assert explain(history) == []
    assert NO_SIGN in only(history, GOAL)


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
def test_a_short_run_on_cart_pole_has_no_sign_of_a_fault(steps):
    algo = fastpg.train("npg", "CartPole-v1", total_timesteps=steps, seed=0)
    assert NO_SIGN in fastpg.diagnose(algo)[0]
    assert fastpg.diagnose(algo, score=475.0) == []


# Options with which CartPole-v1 is not learned, and what the diagnosis names.
BAD = [
    ("npg", {"gamma": 0.0}, "all advantages were equal"),
    ("ppo", {"gae_lambda": 0.0, "baseline": "none", "ent_coef": 0.0}, "all advantages were equal"),
    ("reinforce", {"gamma": 0.0}, "With gamma=0"),
    ("ppo", {"clip_range": 1e-4}, "A larger clip_range"),
    ("ppo", {"objective": "kl_penalty", "kl_coef": 1e6}, "A smaller kl_coef"),
    ("ppo", {"learning_rate": 1e-6}, "A larger learning_rate"),
    ("npg", {"target_kl": 1e-8}, "A larger target_kl"),
    ("npg", {"ent_coef": 10.0}, "A smaller ent_coef (now 10)"),
]


@pytest.mark.parametrize(("name", "options", "words"), BAD)
def test_cart_pole_with_an_option_that_prevents_learning(name, options, words):
    algo = fastpg.train(name, "CartPole-v1", total_timesteps=40_000, seed=0, tuned=False, **options)
    found = fastpg.diagnose(algo)
    assert words in found[0]
    assert "too simple" not in " ".join(found)  # linear policies learn it


def test_a_zero_gradient_is_a_status_of_every_algorithm():
    alone = {"gae_lambda": 0.0, "baseline": "none", "ent_coef": 0.0}
    for kind in (fastpg.NPG, fastpg.TRPO, fastpg.PPO):
        algo = kind("linear", "CartPole-v1", seed=0, **alone).learn(4096)
        assert {record["train/status"] for record in algo.history} == {"zero_gradient"}
        assert not algo.policy.theta.any()
    options = {"gamma": 0.0, "baseline": "mean", "optimizer": "sgd", "learning_rate": 0.01}
    algo = fastpg.REINFORCE("linear", "CartPole-v1", seed=0, **options).learn(4096)
    first, *later = (record["train/status"] for record in algo.history)
    assert (first, set(later)) == ("accepted", {"zero_gradient"})  # then the baseline knows all


def test_means_that_leave_the_bounds():
    algo = fastpg.train("reinforce", "Pendulum-v1", total_timesteps=100_000, seed=0, tuned=False)
    assert "the means are far out" in fastpg.diagnose(algo)[0]


def test_levels_are_those_of_the_environment_as_registered():
    env = fastpg.make_vec("CartPole-v1", 8, max_episode_steps=20)  # 475 is out of reach
    algo = fastpg.train("npg", env, total_timesteps=60_000, seed=0)
    assert fastpg.diagnose(algo) == []  # returns of shorter episodes are not compared
    found = fastpg.diagnose(algo, score=20.0)
    assert "The level of CartPole-v1, 475, was not reached (mean return 20)" in found[0]


def test_a_reward_wrapper_does_not_hide_other_episodes():
    """With rewards that a wrapper may change, those of the environment itself are compared."""

    def made(limit):
        env = gymnasium.make("CartPole-v1", max_episode_steps=limit)
        return gymnasium.wrappers.TransformReward(env, lambda reward: 10.0 * reward)

    found = {}
    for limit in (100, 500):
        env = gymnasium.vector.SyncVectorEnv([lambda limit=limit: made(limit)] * 4)
        found[limit] = fastpg.diagnose(fastpg.TRPO("linear", env, seed=0).learn(4096))
    assert not any("Settings tuned to it" in sentence for sentence in found[100])
    assert any("Settings tuned to it" in sentence for sentence in found[500])


class Masked(gymnasium.Env):
    """One of fifty actions is allowed, and rarely a second one; rewards are noise."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,))
    action_space = gymnasium.spaces.Discrete(50)

    def _seen(self):
        self.mask = np.zeros(50, bool)
        self.mask[self.np_random.integers(50, size=1 + (self.np_random.random() < 0.1))] = True
        return self.np_random.uniform(-1.0, 1.0, 2).astype(np.float32)

    def action_masks(self):
        return self.mask

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self._seen(), {}

    def step(self, action):
        self.t += 1
        return self._seen(), float(self.np_random.normal()), self.t > 19, False, {}


def test_masks_bound_the_entropy_too():
    algo = fastpg.PPO("linear", Masked, seed=0).learn(20_000)
    assert -algo.history[-1]["train/entropy_loss"] < 0.1
    assert not any("deterministic" in sentence for sentence in fastpg.diagnose(algo))


def test_steps_that_were_refused_are_not_to_be_larger():
    for status in ("zero_gradient", "bad_curvature", "not_finite", "no_improvement"):
        found = explain(run(train__kl=0.0, train__status=status), GOAL)
        assert not any("makes larger steps" in sentence for sentence in found), status


def test_arguments_of_another_type():
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0).learn(2048)
    for wrong, kind, text in (
        ({"score": "500"}, TypeError, "score: expected a number, got '500'"),
        ({"score": math.nan}, ValueError, "score: expected a finite number"),
    ):
        with pytest.raises(kind, match=text):
            fastpg.diagnose(algo, **wrong)
    with pytest.raises(TypeError, match="algo: expected an algorithm, got list"):
        fastpg.diagnose(algo.history)


def test_a_run_without_iterations():
    algo = fastpg.REINFORCE("linear", "Pendulum-v1", seed=0)
    assert fastpg.diagnose(algo) == []
    (sentence,) = fastpg.diagnose(algo.learn(1000))
    assert "No iteration was finished in 992 steps" in sentence
