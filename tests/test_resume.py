"""Checkpoints of save_checkpoint: training goes on bit for bit, also after it was killed."""

import random
import subprocess
import sys
import time

import gymnasium
import numpy as np
import pytest

import fastpg
from fastpg.algorithms import ALGORITHMS
from fastpg.training import checkpoints
from fastpg.training.checkpoints import CheckpointError
from processes import GUARD
from trainings import untimed

NAMES = list(ALGORITHMS)
STEPS = {"reinforce": 30_000, "npg": 9000, "trpo": 9000, "ppo": 9000}
STOPS = {"reinforce": 2, "npg": 3, "trpo": 3, "ppo": 3}
FOURIER = {"features": "fourier", "features_kwargs": {"n_features": 9}}
CASES = [
    *((name, "CartPole-v1", "linear", {}) for name in NAMES),
    *((name, "Pendulum-v1", "mlp", {"policy_kwargs": {"net_arch": [8]}}) for name in NAMES),
    ("npg", "Acrobot-v1", "linear", {"n_envs": 7, "n_steps": 100, "fisher_subsample": 0.5}),
    ("trpo", "MountainCar-v0", "linear", {"baseline": "mean", "ent_coef": "lin_0.1"}),
    ("ppo", "MountainCarContinuous-v0", "linear", {"baseline": "none", "target_kl": 0.01}),
    ("ppo", "CartPole-v1", "linear", {"objective": "kl_penalty", "adaptive_kl": True}),
    ("ppo", "CartPole-v1", "mlp", {"optimizer": "rmsprop", "baseline_batch": 100}),
    ("ppo", "Pendulum-v1", "mlp", {"optimizer": "sgd", "learning_rate": 1e-4}),
    ("ppo", "CartPole-v1", "linear", {"baseline_batch": 50, "n_envs": 3, "n_steps": 333}),
    ("reinforce", "CartPole-v1", "linear", {"optimizer": "rmsprop", "baseline_batch": 4}),
    ("npg", "CartPole-v1", "linear", {"normalize_reward": True, "clip_reward": 2.0}),
    ("trpo", "Pendulum-v1", "linear", {
        "policy_kwargs": FOURIER | {"normalize_observations": True}, "baseline": "mlp",
    }),
]  # fmt: skip


def made(name, env, policy, options):
    return ALGORITHMS[name](policy, env, seed=5, **options)


def stopped(algo, name, path):
    """Learn until a callback has saved a checkpoint and stops; returns the file's path."""
    saved = []

    def save_and_stop(record):
        if len(algo.history) == STOPS[name]:
            saved.append(algo.save_checkpoint(path))
            return False
        return None

    algo.learn(STEPS[name], save_and_stop)
    return saved[0]


def require_same(one, other):
    assert np.array_equal(one.policy.theta, other.policy.theta)
    assert repr(untimed(one.history)) == repr(untimed(other.history))
    theirs = other.baseline.state()
    assert all(np.array_equal(v, theirs[name]) for name, v in one.baseline.state().items())
    assert one.num_timesteps == other.num_timesteps


@pytest.mark.parametrize(("name", "env", "policy", "options"), CASES, ids=str)
def test_a_resumed_training_is_the_straight_one(tmp_path, name, env, policy, options):
    straight = made(name, env, policy, options).learn(STEPS[name])
    interrupted = made(name, env, policy, options)
    path = stopped(interrupted, name, tmp_path / "here")
    resumed = fastpg.resume(path)
    assert resumed.plan.iterations == STOPS[name]
    require_same(resumed.learn(), straight)
    require_same(interrupted.learn(), straight)  # in the same process too
    assert resumed.plan is None


def test_every_iteration_can_be_the_last(tmp_path):
    straight = made("npg", "CartPole-v1", "linear", {"n_steps": 64}).learn(1500)
    algo = made("npg", "CartPole-v1", "linear", {"n_steps": 64})
    algo.learn(1500, lambda record: False)
    while algo.plan is not None:
        algo = fastpg.resume(algo.save_checkpoint(tmp_path / "x.npz"))
        algo.learn(callback=lambda record: False)
    require_same(algo, straight)


def test_threads_may_differ(tmp_path, monkeypatch):
    options = {"n_envs": 300, "n_steps": 10}
    straight = made("trpo", "CartPole-v1", "linear", options).learn(STEPS["trpo"])
    path = stopped(made("trpo", "CartPole-v1", "linear", options), "trpo", tmp_path / "x")
    monkeypatch.setenv("FASTPG_NUM_THREADS", "3")
    resumed = fastpg.resume(path)
    assert resumed.num_threads == 3
    require_same(resumed.learn(), straight)


def test_a_new_learn_after_a_resume(tmp_path):
    path = stopped(made("npg", "CartPole-v1", "linear", {}), "npg", tmp_path / "x")
    algo = fastpg.resume(path)
    algo.learn(4096)
    assert (algo.num_timesteps, algo.plan) == (4096, None)
    with pytest.raises(ValueError, match="total_timesteps: expected a number of environment steps"):
        algo.learn()


def test_a_learn_that_an_error_has_ended_goes_on():
    def fails(record):
        raise RuntimeError("mine")

    straight = made("ppo", "CartPole-v1", "linear", {}).learn(9000)
    algo = made("ppo", "CartPole-v1", "linear", {})
    with pytest.raises(RuntimeError, match="mine"):
        algo.learn(9000, fails)
    require_same(algo.learn(), straight)


def test_parameters_and_modes_of_the_environment_come_back(tmp_path):
    def env():
        return fastpg.make_vec(
            "Pendulum-v1", 4, g=3.0, exact=False, max_episode_steps=50, autoreset_mode="SameStep"
        )

    straight = made("npg", env(), "linear", {}).learn(STEPS["npg"])
    path = stopped(made("npg", env(), "linear", {}), "npg", tmp_path / "x")
    resumed = fastpg.resume(path)
    assert (resumed.env.get_attr("g")[0], resumed.env.native.exact) == (3.0, False)
    assert resumed.env.metadata == env().metadata
    require_same(resumed.learn(), straight)
    require_same(fastpg.resume(path, env=env()).learn(), straight)


def test_an_environment_that_cannot_be_made_again(tmp_path):
    def env():
        made = fastpg.make_vec("CartPole-v1", 4)
        made.set_attr("length", [0.5, 0.6, 0.7, 0.8])
        return made

    straight = made("npg", env(), "linear", {}).learn(STEPS["npg"])
    path = stopped(made("npg", env(), "linear", {}), "npg", tmp_path / "x")
    with pytest.raises(ValueError, match="parameters of their own: pass env"):
        fastpg.resume(path)
    require_same(fastpg.resume(path, env=env()).learn(), straight)
    with pytest.raises(ValueError, match="expected one of 3 environments, got 4"):
        fastpg.resume(path, env=fastpg.make_vec("CartPole-v1", 3))
    with pytest.raises(ValueError, match="env"):
        fastpg.resume(path, env="Acrobot-v1")


def test_environments_in_python_begin_new_episodes(tmp_path):
    def env():
        return gymnasium.make_vec("CartPole-v1", 4, vectorization_mode="sync")

    path = stopped(made("npg", env(), "linear", {}), "npg", tmp_path / "x")
    with pytest.warns(UserWarning, match="stepped from Python: a file cannot hold its state"):
        algo = fastpg.resume(path)
    with pytest.warns(UserWarning, match="new episodes"):
        other = fastpg.resume(path, env=env())
    require_same(algo.learn(), other.learn())
    assert (algo.num_timesteps, len(algo.history)) == (9000, 5)


def test_functions_are_given_again(tmp_path):
    def rate(remaining):
        return 0.01 * remaining

    options = {"learning_rate": rate}
    straight = made("ppo", "CartPole-v1", "linear", options).learn(STEPS["ppo"])
    path = stopped(made("ppo", "CartPole-v1", "linear", options), "ppo", tmp_path / "x")
    with pytest.raises(ValueError, match="resume: expected learning_rate=…, since"):
        fastpg.resume(path)
    with pytest.raises(ValueError, match="got learning_rate, gamma"):
        fastpg.resume(path, learning_rate=rate, gamma=0.9)
    require_same(fastpg.resume(path, learning_rate=rate).learn(), straight)


def test_of_another_class_or_of_save(tmp_path):
    algo = made("npg", "CartPole-v1", "linear", {})
    path = stopped(algo, "npg", tmp_path / "x")
    assert fastpg.NPG.resume(path).plan.taken == algo.plan.taken
    assert fastpg.NPG.load(path).num_timesteps == fastpg.load(path).num_timesteps
    for wrong in (fastpg.PPO.resume, fastpg.PPO.load):
        with pytest.raises(CheckpointError, match="a checkpoint of ppo, and it is one of npg"):
            wrong(path)
    with pytest.raises(CheckpointError, match="a file of save, which does not hold the place"):
        fastpg.resume(algo.save(tmp_path / "y"))


def test_the_checkpoint_before_is_kept(tmp_path):
    algo = made("npg", "CartPole-v1", "linear", {"n_steps": 64})
    kept = []

    def save(record):
        kept.append(algo.save_checkpoint(tmp_path / "x").read_bytes())

    algo.learn(1024, save)
    assert (tmp_path / "x.npz").read_bytes() == kept[-1]
    assert (tmp_path / "x.previous.npz").read_bytes() == kept[-2]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.npz", "x.previous.npz"]


def test_the_checkpoint_before_is_kept_without_hard_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    algo = made("npg", "CartPole-v1", "linear", {})
    first = algo.save_checkpoint(tmp_path / "x").read_bytes()
    algo.learn(2048)
    algo.save_checkpoint(tmp_path / "x")
    assert (tmp_path / "x.previous.npz").read_bytes() == first


def rewritten(path, arrays=None, running=None):
    stored, meta = checkpoints.read(path)
    meta.pop("format")
    meta["running"] |= running or {}
    return checkpoints.write(path.with_name("wrong.npz"), stored | (arrays or {}), meta)


@pytest.mark.parametrize(
    "changes",
    [
        {"running": {"plan": {"total": 9000, "taken": 9001, "iterations": 1}}},
        {"running": {"plan": {"total": 0, "taken": 0, "iterations": 0}}},
        {"running": {"plan": {"total": 9000, "taken": "1", "iterations": 0}}},
        {"running": {"plan": {}}},
        {"running": {"plan": 3}},
        {"running": {"env": 3}},
        {"running": {"env": {"autoreset_mode": "SOMETIMES", "exact": True, "in_use": True}}},
        {"running": {"env": {"autoreset_mode": "DISABLED", "exact": 1, "in_use": True}}},
        {"running": {"env": {"autoreset_mode": "DISABLED", "exact": True}}},
        {"running": {"schedules": 3}},
        {"arrays": {"env_states": np.zeros((4, 4), np.float32)}},
    ],
    ids=str,
)
def test_a_damaged_place_in_training(tmp_path, changes):
    path = stopped(made("npg", "CartPole-v1", "linear", {}), "npg", tmp_path / "x")
    with pytest.raises(CheckpointError, match="expected a complete checkpoint, got"):
        fastpg.resume(rewritten(path, **changes))


@pytest.mark.parametrize(
    "arrays",
    [
        {"env_states": np.full((4, 4), np.nan)},
        {"env_states": np.zeros((4, 3))},
        {"env_streams": np.zeros((4, 3), np.uint64)},
        {"env_elapsed_steps": np.full(4, -1)},
        {"env_status": np.full(4, 9, np.uint8)},
        {"env_status": np.zeros((2, 2), np.uint8)},
    ],
    ids=str,
)
def test_a_damaged_state_of_the_environment(tmp_path, arrays):
    path = stopped(made("npg", "CartPole-v1", "linear", {}), "npg", tmp_path / "x")
    with pytest.raises(ValueError, match=r"state|streams|elapsed|status"):
        fastpg.resume(rewritten(path, arrays=arrays))


def test_a_folder_that_does_not_exist(tmp_path):
    algo = made("npg", "CartPole-v1", "linear", {})
    with pytest.raises(FileNotFoundError):
        algo.save_checkpoint(tmp_path / "no" / "x")


KILLED = """
import sys
import fastpg
from pathlib import Path
path, env, policy = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
if path.exists():
    algo = fastpg.resume(path)
else:
    algo = fastpg.PPO(policy, env, seed=3, n_envs=4, n_steps=16, n_epochs=2)
    algo.save_checkpoint(path)

def save(record):
    algo.save_checkpoint(path)
    print(record["time/iterations"], flush=True)

if algo.plan is not None or not algo.history:
    algo.learn(None if algo.plan else int(sys.argv[4]), save)
print("finished", flush=True)
"""


def killed_training(path, env, policy, total, seed):
    """Kill the training at random moments until it is finished; returns the number of kills."""
    draw, kills = random.Random(seed), 0
    while True:
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path), env, policy, str(total)],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            lines = draw.randrange(1, 40)
            seen = ""
            for seen in process.stdout:
                lines -= 1
                if seen == "finished\n" or lines == 0:
                    break
            else:
                raise AssertionError(f"ended with code {process.wait(GUARD)} (seed {seed})")
            if seen == "finished\n":
                return kills
            time.sleep(draw.uniform(0.0, 0.004))  # anywhere within the next iterations
            process.kill()
            kills += 1
        fastpg.resume(path)  # never damaged, whenever the process was killed


def test_a_killed_training_loses_nothing(tmp_path):
    path = tmp_path / "x.npz"
    kills = killed_training(path, "CartPole-v1", "linear", 64 * 60, seed=1)
    straight = fastpg.PPO("linear", "CartPole-v1", seed=3, n_envs=4, n_steps=16, n_epochs=2)
    require_same(fastpg.load(path), straight.learn(64 * 60))
    assert kills > 0


@pytest.mark.slow
@pytest.mark.parametrize(("env", "policy"), [("CartPole-v1", "linear"), ("Pendulum-v1", "mlp")])
def test_a_hundred_kills_lose_nothing(tmp_path, env, policy):
    path = tmp_path / "x.npz"
    total = 64 * 20 * 105
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    kills = killed_training(path, env, policy, total, seed)
    straight = fastpg.PPO(policy, env, seed=3, n_envs=4, n_steps=16, n_epochs=2).learn(total)
    require_same(fastpg.load(path), straight)
    assert kills > 70
