"""Properties of every algorithm: seeds, counts, options, records, interrupts."""

import math
import signal
import threading

import numpy as np
import pytest

import fastpg
from fastpg.algorithms import ALGORITHMS
from fastpg.training import checkpoints
from fastpg.training.plan import Plan
from trainings import NAMES, STEP_NAMES, learned, untimed


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_bits(name):
    one, two, other = (learned(name, seed=seed) for seed in (5, 5, 6))
    assert np.array_equal(one.policy.theta, two.policy.theta)
    assert untimed(one.history) == untimed(two.history)
    assert not np.array_equal(one.policy.theta, other.policy.theta)


@pytest.mark.parametrize("name", NAMES)
def test_no_seed_draws_one_and_records_it(name):
    one = ALGORITHMS[name]("linear", "CartPole-v1").learn(4000)
    again = learned(name, 4000, seed=one.seed)
    assert np.array_equal(one.policy.theta, again.policy.theta)
    assert one.seed != ALGORITHMS[name]("linear", "CartPole-v1").seed


@pytest.mark.parametrize("name", STEP_NAMES)
@pytest.mark.parametrize("n_envs", [1, 7, 32])
@pytest.mark.parametrize("total", [0, 1, 31, 2047, 2048, 2049, 10_000])
def test_steps_taken(name, n_envs, total):
    total += n_envs
    algo = learned(name, total, n_envs=n_envs)
    assert total - n_envs < algo.num_timesteps <= total
    assert algo.history[-1]["time/total_timesteps"] == algo.num_timesteps


@pytest.mark.parametrize("n_envs", [1, 7, 32])
@pytest.mark.parametrize("total", [40, 1000, 5001])
def test_steps_taken_by_whole_episodes(n_envs, total):
    algo = ALGORITHMS["reinforce"]("linear", "CartPole-v1", n_envs=n_envs, seed=0)
    thetas = []
    algo.learn(total, lambda record: thetas.append(record["time/total_timesteps"]))
    assert total - n_envs < algo.num_timesteps <= total
    # Steps after the last whole batch are taken, but not learned from.
    assert all(count <= total for count in thetas)
    assert len(thetas) == algo.optimizer.count


@pytest.mark.parametrize("name", STEP_NAMES)
def test_iterations_are_evened_out(name):
    algo = learned(name, 16 * 128 * 3 + 16, n_envs=16, n_steps=128)
    counts = np.diff([0] + [r["time/total_timesteps"] for r in algo.history])
    assert len(counts) == 4
    assert counts.max() - counts.min() <= 16


@pytest.mark.parametrize("name", NAMES)
def test_fewer_steps_than_environments_raise(name):
    algo = ALGORITHMS[name]("linear", "CartPole-v1", n_envs=16, seed=0)
    with pytest.raises(ValueError, match="total_timesteps: expected at least 16, one step of each"):
        algo.learn(15)
    assert algo.num_timesteps == 0
    assert algo.history == []


def test_a_cut_batch_makes_no_update():
    algo = ALGORITHMS["reinforce"]("linear", "CartPole-v1", n_envs=16, n_episodes=16, seed=0)
    algo.learn(60)
    assert algo.history == []
    assert not algo.policy.theta.any()
    assert 44 < algo.num_timesteps <= 60


@pytest.mark.parametrize("name", STEP_NAMES)
def test_learning_in_two_calls_is_learning_in_one(name):
    has_rate = hasattr(ALGORITHMS[name].options_class, "learning_rate")
    constant = {"learning_rate": 0.01} if has_rate else {"target_kl": 0.01}
    whole = learned(name, 8192, n_envs=16, n_steps=128, **constant)
    halves = learned(name, 4096, n_envs=16, n_steps=128, **constant)
    halves.learn(4096, reset_num_timesteps=False)
    assert np.array_equal(whole.policy.theta, halves.policy.theta)
    assert halves.num_timesteps == 8192
    assert len(halves.history) == 4


@pytest.mark.parametrize("name", NAMES)
def test_a_ready_environment_is_used(name):
    env = fastpg.make_vec("CartPole-v1", 16)
    policy = fastpg.LinearSoftmax.for_env(env)
    algo = ALGORITHMS[name](policy, env, seed=0)
    assert algo.options.n_envs == 16
    algo.learn(4000)
    assert policy.theta.any()
    with pytest.raises(ValueError, match="n_envs: expected 16"):
        ALGORITHMS[name](policy, env, n_envs=8)


@pytest.mark.parametrize("name", NAMES)
def test_records(name):
    algo = learned(name)
    common = {
        "rollout/ep_rew_mean", "rollout/ep_len_mean", "time/fps", "time/iterations",
        "time/total_timesteps", "time/time_elapsed", "train/kl", "train/entropy_loss",
        "train/explained_variance", "train/value_loss", "train/grad_norm",
    }  # fmt: skip
    own = {
        "reinforce": {"train/policy_gradient_loss", "train/learning_rate"},
        "npg": {"train/step_size", "train/curvature", "train/cg_residual", "train/status"},
        "trpo": {"train/step_size", "train/is_line_search_success", "train/policy_objective"},
        "ppo": {"train/clip_fraction", "train/approx_kl", "train/clip_range", "train/n_updates"},
    }
    for record in algo.history:
        assert common | own[name] <= record.keys()
        numbers = [v for v in record.values() if not isinstance(v, str)]
        assert np.isfinite(numbers).all()
    assert [r["time/iterations"] for r in algo.history] == list(range(1, len(algo.history) + 1))


@pytest.mark.parametrize("name", NAMES)
def test_a_callback_may_stop(name):
    algo = ALGORITHMS[name]("linear", "CartPole-v1", seed=0)
    algo.learn(50_000, lambda record: record["time/iterations"] < 3)
    assert len(algo.history) == 3


def test_an_error_in_a_callback_leaves_the_algorithm_usable():
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)

    def broken(record):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        algo.learn(10_000, broken)
    assert len(algo.history) == 1
    algo.learn(4096)


@pytest.mark.parametrize("name", NAMES)
def test_ctrl_c_finishes_the_iteration(name):
    algo = ALGORITHMS[name]("linear", "CartPole-v1", seed=0)
    before = signal.getsignal(signal.SIGINT)

    def press(record):
        if record["time/iterations"] == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        algo.learn(100_000, press)
    assert signal.getsignal(signal.SIGINT) is before
    assert len(algo.history) == 2
    assert algo.history[-1]["time/total_timesteps"] == algo.num_timesteps
    algo.predict(np.zeros(4, np.float32))
    algo.learn(5000)


def test_learning_from_a_second_thread_is_refused():
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
    errors = []

    def learn():
        with pytest.raises(RuntimeError, match="already learning, and called from a second") as e:
            algo.learn(600)
        errors.append(e)

    def callback(record):
        second = threading.Thread(target=learn)
        second.start()
        second.join()

    algo.learn(1024, callback)
    assert len(errors) == len(algo.history)
    algo.learn(600)


def test_means_of_episodes_are_in_every_record(tmp_path):
    env = fastpg.make_vec("Pendulum-v1", 8)
    seen = []
    algo = fastpg.NPG("linear", env, seed=0, n_steps=64).learn(
        4096, lambda record: seen.append(record["rollout/ep_rew_mean"] < 0.0)
    )
    assert seen == [False] * 3 + [True] * 5
    assert [math.isnan(r["rollout/ep_len_mean"]) for r in algo.history] == [True] * 3 + [False] * 5
    path = algo.save(tmp_path / "x")
    stored = checkpoints.read(path)[1]["history"]
    assert stored[0]["rollout/ep_rew_mean"] is None
    loaded = fastpg.load(path)
    assert loaded.history == algo.history
    assert math.isnan(loaded.history[0]["rollout/ep_rew_mean"])


def test_learning_outside_the_main_thread():
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
    worker = threading.Thread(target=algo.learn, args=(4096,))
    worker.start()
    worker.join()
    assert algo.num_timesteps > 0


@pytest.mark.parametrize("name", NAMES)
def test_predict(name):
    algo = learned(name)
    obs = np.array([[0.0, 0.1, 0.05, 0.2], [0.0, -0.1, -0.05, -0.2]], np.float32)
    actions, state = algo.predict(obs, deterministic=True)
    assert state is None
    assert actions.shape == (2,)
    assert actions.dtype == np.int64
    single, _ = algo.predict(obs[0], deterministic=True)
    assert single == actions[0]
    assert np.ndim(single) == 0
    draws = [int(algo.predict(np.zeros(4))[0]) for _ in range(200)]
    assert set(draws) == {0, 1}


def test_standardised_advantages_enter_the_gradient():
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
    seen = []
    ascend = algo.ascend
    algo.ascend = lambda batch: seen.append(ascend(batch)) or seen[-1]
    algo.learn(4096)
    for ascent in seen:
        assert ascent.advantages.mean() == pytest.approx(0.0, abs=1e-12)
        assert ascent.advantages.std() == pytest.approx(1.0, rel=1e-6)


def test_the_baseline_is_fitted_after_the_gradient():
    """The values that enter the advantages come from earlier iterations (lecture L1)."""
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
    first = {}
    estimate = algo.estimate
    algo.estimate = lambda rollout: first.setdefault("batch", estimate(rollout))
    algo.learn(2048)
    assert not first["batch"].values.any()
    assert algo.baseline.weights is not None


def test_reinforce_gradient_is_the_lecture_s():
    """g' = mean over episodes of sum_h score (R_h - b), with b = 0 before the first fit."""
    import reference

    algo = fastpg.REINFORCE("linear", "CartPole-v1", seed=0, learning_rate=1e-9, n_episodes=3)
    env = fastpg.make_vec("CartPole-v1", algo.options.n_envs)
    rollout = fastpg.collect(env, fastpg.LinearSoftmax.for_env(env), n_episodes=3, seed=0)
    total = np.zeros(10)
    for column in range(3):
        length = rollout.valid[:, column].sum()
        for h in range(length):
            phi = np.append(rollout.observations[h, column].astype(float), 1.0)
            pi = np.array([0.5, 0.5])
            total += (length - h) * reference.score(phi, pi, rollout.actions[h, column])
    algo.learn(rollout.sample_count)
    assert len(algo.history) == 1
    assert algo.history[0]["train/grad_norm"] == pytest.approx(np.linalg.norm(total / 3), rel=1e-10)
    assert np.allclose(algo.optimizer.mean, 0.1 * total / 3, rtol=1e-10)


def test_train():
    algo = fastpg.train("npg", "CartPole-v1", total_timesteps=5000, seed=0, target_kl=0.005)
    assert isinstance(algo, fastpg.NPG)
    assert algo.options.target_kl == 0.005
    assert algo.num_timesteps <= 5000


def test_learn_within_learn_is_refused():
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
    with pytest.raises(RuntimeError, match="already learning"):
        algo.learn(4096, lambda _: algo.learn(4096))
    algo.learn(4096)
    assert algo.num_timesteps == 4096


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
        algo.learn(2048, lambda _: signal.raise_signal(signal.SIGINT))
        assert algo.num_timesteps == 2048
    finally:
        signal.signal(signal.SIGINT, before)


# A callable schedule is called during learning: its range is not known before.
def huge(progress_remaining):
    return 1e308


def large(progress_remaining):
    return 1e200


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("npg", {"ent_coef": large}),
        ("trpo", {"ent_coef": large}),
        ("ppo", {"learning_rate": huge}),
        ("reinforce", {"learning_rate": huge}),
        ("reinforce", {"ent_coef": large}),
        ("reinforce", {"learning_rate": huge, "optimizer": "sgd"}),
    ],
)
def test_a_step_that_overflows_is_a_status(tmp_path, name, options):
    algo = learned(name, 3000, **options)
    assert {r["train/status"] for r in algo.history} - {"accepted"}
    assert np.isfinite(algo.policy.theta).all()
    algo.save(tmp_path / "x.npz")


@pytest.mark.parametrize("name", NAMES)
def test_an_entropy_bonus_keeps_the_policy_random(name):
    total = 40_000
    plain, rewarded = learned(name, total, ent_coef=0.0), learned(name, total, ent_coef=1.0)
    if name == "reinforce":  # raw advantages: the bonus must be of their size
        rewarded = learned(name, total, ent_coef=100.0)
    entropy = [a.history[-1]["train/entropy_loss"] for a in (plain, rewarded)]
    assert entropy[1] < entropy[0] - 0.02


@pytest.mark.parametrize("name", STEP_NAMES)
@pytest.mark.parametrize(("n_envs", "n_steps"), [(1, 1), (1, 7), (9, 1)])
def test_batches_of_any_shape(name, n_envs, n_steps):
    """One sample, one row, one column: nothing is normalised along the wrong axis or by 0 / 0."""
    algo = learned(name, 300, n_envs=n_envs, n_steps=n_steps)
    assert np.isfinite(algo.policy.theta).all()
    assert {r["train/status"] for r in algo.history} <= {
        "accepted", "zero_gradient", "no_improvement", "kl_exceeded",
    }  # fmt: skip
    if n_envs * n_steps > 1:
        assert algo.policy.theta.any()


def test_a_trajectory_s_bound_is_the_step_s_times_the_mean_length():
    algo = fastpg.NPG(
        "linear", "CartPole-v1", seed=0, kl_per="trajectory", target_kl=0.5, max_step_size=None
    )
    lengths = []
    ascend = algo.ascend
    algo.ascend = lambda batch: lengths.append(algo.mean_length) or ascend(batch)
    algo.learn(20_000)
    for record, length in zip(algo.history, lengths, strict=True):
        if record["train/status"] == "accepted":
            assert record["train/predicted_kl"] * length == pytest.approx(0.5, rel=1e-9)


def test_a_fixed_step_size_is_the_multiplier():
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0, step_size=0.123).learn(3000)
    assert {r["train/step_size"] for r in algo.history} == {0.123}


@pytest.mark.parametrize("name", NAMES)
def test_a_fresh_baseline_batch_is_counted_and_fitted_first(name):
    algo = ALGORITHMS[name]("linear", "CartPole-v1", seed=0, baseline_batch=8)
    seen = []
    fit = algo.baseline.fit_rollout
    algo.baseline.fit_rollout = lambda s, h, y: (seen.append(len(y)), fit(s, h, y))
    estimate = algo.estimate
    first = []
    algo.estimate = lambda rollout: first.append(estimate(rollout)) or first[-1]
    algo.learn(6000)
    assert len(seen) == len(algo.history)
    assert len(first) == 2 * len(algo.history)
    assert not first[0].values.any()
    assert first[1].values.any()
    assert sum(len(batch.actions) for batch in first) <= algo.num_timesteps <= 6000


@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(250, marks=pytest.mark.slow),
        pytest.param(25_000, marks=pytest.mark.exhaustive),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_a_thousand_trainings_without_a_number_that_is_not_finite(name, seeds):
    """Every algorithm logs finite numbers; others would be missing from the record."""
    keys = None
    for seed in range(seeds):
        algo = learned(name, 30_000, seed=seed)
        keys = keys or algo.history[-1].keys()
        for record in algo.history[1:]:
            assert record["train/status"] != "not_finite"
            assert record.keys() >= keys
        assert np.isfinite(algo.policy.theta).all()


def test_mean_length_before_an_episode_has_ended_and_after_loading(tmp_path):
    algo = learned("npg", 800, n_envs=8, n_steps=8)
    lengths = algo.mean_length
    assert fastpg.load(algo.save(tmp_path / "x")).mean_length == lengths
    env = fastpg.make_vec("CartPole-v1", 2)
    young = fastpg.NPG("linear", env, seed=0, n_steps=6).learn(12)
    assert young.mean_length == 6


def test_a_fixed_step_without_standardised_advantages_is_the_lecture_s():
    """theta = eta F^-1 g, with g and F from the samples of the first iteration."""
    options = {
        "step_size": 0.1, "gamma": 1.0, "gae_lambda": 1.0, "ent_coef": 0.0, "baseline": "none",
        "normalize_advantage": False, "cg_damping": 1e-8, "n_envs": 4, "n_steps": 512,
    }  # fmt: skip
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0, **options)
    policy = fastpg.LinearSoftmax.for_env(algo.env)
    collected = fastpg.NPG("linear", "CartPole-v1", seed=0, **options)
    _, rollout = collected.collect(collected._ready_collector(), Plan(total=2048))
    phi, actions = map(rollout.flat, (rollout.observations, rollout.actions))
    phi = policy.features(phi)
    zeros = np.zeros_like(rollout.rewards)
    returns, _ = fastpg.gae(
        rollout.rewards, zeros, zeros, rollout.terminated, rollout.ended, 1.0, 1.0
    )
    score = np.eye(2)[actions] - 0.5
    gradient = (phi.T @ (score * rollout.flat(returns)[:, None]) / len(phi)).ravel()
    covariance = np.array([[0.25, -0.25], [-0.25, 0.25]])
    fisher = np.kron(phi.T @ phi / len(phi), covariance)
    step = 0.1 * np.linalg.pinv(fisher, rcond=1e-10) @ gradient
    algo.learn(2048)
    np.testing.assert_allclose(algo.policy.theta.ravel(), step, rtol=0, atol=1e-4 * abs(step).max())


def test_steps_as_a_float_and_the_text_of_an_algorithm():
    algo = fastpg.NPG("linear", "CartPole-v1", n_steps=50, seed=0)
    assert algo.learn(4e2).num_timesteps == 400
    with pytest.raises(TypeError, match="total_timesteps: expected an integer"):
        algo.learn(400.5)
    assert repr(algo) == f"NPG({algo.policy!r}, env='CartPole-v1', steps=400)"
