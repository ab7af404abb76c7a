"""A `learn` that is resumed from a checkpoint is the one without a break, bit for bit."""

import json
import re
import signal
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import fastpg
from corridor import CORRIDOR
from fastpg import tabular
from fastpg.algorithms import ALGORITHMS
from fastpg.training import checkpoints
from trainings import NAMES, STEP_NAMES, everything, same, until, untimed

ENVS = ("CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1")
SMALL = {"linear": {}, "mlp": {"net_arch": [8, 8]}}
STEPS = 1_503  # in 3 environments: 6 iterations, whose lengths differ
EPISODES = {  # of REINFORCE: at least 4 iterations
    "CartPole-v1": 1_500,
    "Acrobot-v1": 20_000,
    "MountainCar-v0": 8_000,
    "MountainCarContinuous-v0": 40_000,
    "Pendulum-v1": 8_000,
}


def make(name, env="CartPole-v1", policy="linear", **options):
    sizes = {"n_episodes": 7} if name == "reinforce" else {"n_steps": 100}
    kwargs = {"policy_kwargs": SMALL[policy]} if policy in SMALL else {}
    if isinstance(env, str):
        kwargs["n_envs"] = 3
    return ALGORITHMS[name](policy, env, **{"seed": 5} | kwargs | sizes | options)


def total(name, env):
    return EPISODES[env] if name == "reinforce" else STEPS


def require_resumable(path, build, steps, at=2, **resumed):
    """Interrupt after iteration `at`, resume in another object, and compare with no break."""
    straight = build().learn(steps)
    assert len(straight.history) > at + 1
    interrupted = build()
    interrupted.learn(steps, until(interrupted, at, path))
    assert len(interrupted.history) == at
    other = fastpg.resume(path, **resumed)
    same(interrupted, other)
    assert other.learn() is other
    same(straight, other)
    return other


@pytest.mark.parametrize("policy", SMALL)
@pytest.mark.parametrize("env", ENVS)
@pytest.mark.parametrize("name", NAMES)
def test_every_environment_and_policy(tmp_path, name, env, policy):
    require_resumable(tmp_path / "x", lambda: make(name, env, policy), total(name, env))


LEARN = {
    "mean": {"baseline": "mean", "baseline_memory": 0.5},
    "none": {"baseline": "none"},
    "critic": {"baseline": "mlp", "value_kwargs": {"net_arch": [8]}},
    "normalised critic": {
        "baseline": "mlp",
        "value_kwargs": {"net_arch": [8], "normalize_observations": True},
        "baseline_time": True,
    },
    "fresh samples": {"baseline_batch": 40},
    "time": {"baseline_time": True, "baseline_memory": 0.9},
}
FEATURES = {
    "fourier": {"features": "fourier", "features_kwargs": {"n_features": 9, "seed": 3}},
    "normalised": {"normalize_observations": True},
    "normalised cubic": {
        "features": "polynomial",
        "features_kwargs": {"degree": 3, "time": True},
        "normalize_observations": True,
    },
}


@pytest.mark.parametrize("kind", LEARN)
@pytest.mark.parametrize("name", NAMES)
def test_every_baseline(tmp_path, name, kind):
    options = LEARN[kind]
    if name == "reinforce" and "baseline_batch" in options:
        options = {"baseline_batch": 3}
    steps = 3_000 if name == "reinforce" else STEPS
    require_resumable(tmp_path / "x", lambda: make(name, **options), steps)


@pytest.mark.parametrize("kind", FEATURES)
@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
@pytest.mark.parametrize("name", NAMES)
def test_features(tmp_path, name, env, kind):
    require_resumable(
        tmp_path / "x", lambda: make(name, env, policy_kwargs=FEATURES[kind]), total(name, env)
    )


@pytest.mark.parametrize("name", STEP_NAMES)
@pytest.mark.parametrize("policy", SMALL)
def test_rewards_that_are_normalised(tmp_path, name, policy):
    options = {"normalize_reward": True, "clip_reward": 2.0, "baseline_batch": 20}
    require_resumable(tmp_path / "x", lambda: make(name, "Pendulum-v1", policy, **options), STEPS)


NORMALISED = {"net_arch": [8], "normalize_observations": True}
VARIANTS = {
    "sgd": ("ppo", {"optimizer": "sgd"}),
    "rmsprop": ("ppo", {"optimizer": "rmsprop", "baseline": "mlp"}),
    "sgd of both": ("ppo", {"optimizer": "sgd", "baseline": "mlp", "clip_range_vf": 0.5}),
    "not whitened": ("ppo", {"whiten_features": False}),
    "penalty": ("ppo", {"objective": "kl_penalty", "kl_coef": 3.0}),
    "adaptive penalty": (
        "ppo",
        {"objective": "kl_penalty", "adaptive_kl": True, "kl_estimator": "sampled"},
    ),
    "stopped epochs": ("ppo", {"target_kl": 0.001, "learning_rate": "pow2_0.05"}),
    "normalised perceptrons": (
        "ppo", {"policy": "mlp", "policy_kwargs": NORMALISED, "baseline_batch": 30},
    ),
    "sampled Fisher matrix": (
        "trpo",
        {"fisher": "sampled", "fisher_subsample": 0.3, "solver": "cg", "target_kl": "lin_0.02"},
    ),
    "normalised perceptron": ("trpo", {"policy": "mlp", "policy_kwargs": NORMALISED}),
    "bound of a trajectory": ("npg", {"kl_per": "trajectory", "ent_coef": "lin_0.1"}),
    "fixed step": ("npg", {"step_size": 0.1}),
    "reinforce by rmsprop": ("reinforce", {"optimizer": "rmsprop", "learning_rate": "lin_0.1"}),
    "reinforce by sgd": ("reinforce", {"optimizer": "sgd", "discount_weighting": True}),
}  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants(tmp_path, variant):
    name, options = VARIANTS[variant]
    require_resumable(tmp_path / "x", lambda: make(name, **options), total(name, "CartPole-v1"))


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (2, 4)])
@pytest.mark.parametrize("name", STEP_NAMES)
def test_any_number_of_threads(tmp_path, name, before, after):
    """Two tasks of environments, so that threads share them."""

    def build():
        return make(name, n_envs=600, n_steps=5, num_threads=before)

    other = require_resumable(tmp_path / "x", build, 600 * 25, num_threads=after)
    assert other.num_threads == other.env.native.num_threads == after


@pytest.mark.parametrize("at", range(1, 5))
@pytest.mark.parametrize("name", NAMES)
def test_after_every_iteration(tmp_path, name, at):
    steps = 3_000 if name == "reinforce" else STEPS
    require_resumable(tmp_path / "x", lambda: make(name, "CartPole-v1"), steps, at)


@pytest.mark.parametrize("name", NAMES)
def test_resumed_again_and_again(tmp_path, name):
    path, steps = tmp_path / "x.npz", total(name, "CartPole-v1")
    straight, algo, count = make(name).learn(steps), make(name), 1
    algo.learn(steps, until(algo, count, path))
    while len(algo.history) < len(straight.history):
        algo, count = fastpg.resume(path), count + 1
        algo.save_checkpoint(path)
        same(algo, fastpg.resume(path))
        algo.learn(callback=until(algo, count, path))
    same(straight, fastpg.resume(algo.learn().save_checkpoint(path)))


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_changes_nothing(tmp_path, name):
    steps = total(name, "CartPole-v1")
    one, other = make(name).learn(steps), make(name)
    other.learn(steps, lambda record: other.save_checkpoint(tmp_path / "x"))
    same(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_a_learn_that_ended_and_one_that_follows(tmp_path, name):
    steps = total(name, "CartPole-v1")
    straight = make(name).learn(steps)
    path = straight.save_checkpoint(tmp_path / "x")
    resumed = fastpg.resume(path)
    count = len(resumed.history)
    assert len(resumed.learn().history) == count  # nothing is left
    for algo in (straight, resumed):
        algo.learn(steps, reset_num_timesteps=False)
    same(straight, resumed)
    assert resumed.num_timesteps > steps


def test_the_same_object_goes_on_too(tmp_path):
    straight, algo = make("trpo").learn(STEPS), make("trpo")
    with pytest.raises(TypeError, match="expected an integer, since there is no earlier learn"):
        algo.learn()
    algo.learn(STEPS, until(algo, 2, tmp_path / "x"))
    same(straight, algo.learn())
    algo.use_env("CartPole-v1")
    with pytest.raises(TypeError, match="total_timesteps"):
        algo.learn()


def test_a_learn_that_a_callback_s_error_has_ended(tmp_path):
    def fail(record):
        raise LookupError("mine")

    algo = make("ppo")
    with pytest.raises(LookupError, match="mine"):
        algo.learn(STEPS, fail)
    resumed = fastpg.resume(algo.save_checkpoint(tmp_path / "x"))
    assert (resumed.plan.iterations, resumed.plan.over) == (1, False)
    for each in (algo, resumed):
        same(make("ppo").learn(STEPS), each.learn())
        assert each.plan.over


def test_threads_of_the_environment_variable(tmp_path, monkeypatch):
    straight, algo = (make("trpo", n_envs=600, n_steps=5) for _ in range(2))
    algo.learn(600 * 25, until(algo, 2, tmp_path / "x"))
    monkeypatch.setenv("FASTPG_NUM_THREADS", "3")
    resumed = fastpg.resume(tmp_path / "x").learn()
    assert resumed.num_threads == 3
    same(straight.learn(600 * 25), resumed)


def test_a_new_learn_begins_a_new_plan(tmp_path):
    algo = make("npg")
    algo.learn(STEPS, until(algo, 2, tmp_path / "x"))
    resumed = fastpg.resume(tmp_path / "x").learn(900)
    assert resumed.num_timesteps == 900
    assert len(resumed.history) == 2 + 3
    assert resumed.history[2]["train/target_kl"] == resumed.history[0]["train/target_kl"]


def test_ctrl_c_in_the_middle(tmp_path):
    algo, straight = make("ppo"), make("ppo").learn(STEPS)

    def press(record):
        if record["time/iterations"] == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        algo.learn(STEPS, press)
    assert len(algo.history) == 2
    same(straight, fastpg.resume(algo.save_checkpoint(tmp_path / "x")).learn())


@pytest.mark.parametrize("moved", [False, True])
def test_an_iteration_that_fails_is_taken_anew(tmp_path, monkeypatch, moved):
    """The environments have gone on meanwhile; everything else is as before the iteration."""
    algo = make("npg", "Acrobot-v1")
    algo.learn(STEPS, until(algo, 2, tmp_path / "x"))
    with monkeypatch.context() as patch:
        patch.setattr(algo, "update", lambda batch: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            algo.learn()
    if moved:
        algo.env.reset(seed=1)
    resumed = fastpg.resume(algo.save_checkpoint(tmp_path / "x"))
    if not moved:
        same(algo, resumed)
    same(algo.learn(), resumed.learn())
    assert len(resumed.history) == 6


def test_environments_that_a_callback_moves(tmp_path):
    """Learning goes on with new episodes, with or without a break."""
    algo, other = (make("npg") for _ in range(2))

    def moving(algo):
        def callback(record):
            fastpg.evaluate_policy(algo, algo.env, 2, seed=0)
            if record["time/iterations"] == 2 and algo is other:
                algo.save_checkpoint(tmp_path / "x")
                return False
            return True

        return callback

    algo.learn(STEPS, moving(algo))
    other.learn(STEPS, moving(other))
    resumed = fastpg.resume(tmp_path / "x")
    resumed.learn(callback=moving(resumed))
    assert np.array_equal(algo.policy.theta, resumed.policy.theta)
    assert untimed(algo.history) == untimed(resumed.history)


def test_predictions_continue(tmp_path):
    algo, observations = make("npg").learn(600), np.zeros((40, 4), np.float32)
    algo.predict(observations)
    resumed = fastpg.resume(algo.save_checkpoint(tmp_path / "x"))
    for _ in range(3):
        assert np.array_equal(algo.predict(observations)[0], resumed.predict(observations)[0])


def test_times_continue(tmp_path):
    algo = make("npg")
    algo.learn(STEPS, until(algo, 2, tmp_path / "x"))
    history = fastpg.resume(tmp_path / "x").learn().history
    elapsed = [record["time/time_elapsed"] for record in history]
    assert elapsed == sorted(elapsed)
    assert elapsed[1] == algo.history[1]["time/time_elapsed"]
    assert [r["time/iterations"] for r in history] == [1, 2, 3, 4, 5, 6]


def squares(x):
    return np.hstack([x, x**2])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", ["NEXT_STEP", "SAME_STEP", "DISABLED"])
def test_features_of_a_function_which_are_stepped_from_python(tmp_path, name, mode):
    def build():
        env = fastpg.make_vec("CartPole-v1", 3, autoreset_mode=mode)
        return make(name, env, policy_kwargs={"features": squares, "normalize_observations": True})

    steps = total(name, "CartPole-v1")
    require_resumable(tmp_path / "x", build, steps, features=squares)
    with pytest.raises(ValueError, match="a function, which a file cannot hold"):
        fastpg.resume(tmp_path / "x")
    with pytest.raises(TypeError, match="features: expected a function"):
        fastpg.resume(tmp_path / "x", features=3)


@pytest.mark.parametrize("mode", ["NEXT_STEP", "SAME_STEP", "DISABLED"])
def test_a_resumed_run_takes_no_masked_action(tmp_path, mode):
    def build():
        env = fastpg.make_vec(CORRIDOR, 60, autoreset_mode=mode)
        return fastpg.NPG("linear", env, n_steps=5, seed=0, policy_kwargs={"features": squares})

    require_resumable(tmp_path / "x", build, 1200, features=squares)


def falling(progress):
    return 0.02 * progress**2


def test_schedules_that_are_functions(tmp_path):
    path = tmp_path / "x"
    options = {"learning_rate": falling, "clip_range": lambda r: 0.1 + 0.1 * r}
    require_resumable(path, lambda: make("ppo", **options), STEPS, **options)
    with pytest.raises(
        ValueError, match=r"expected learning_rate=\.\.\., a function as in the run"
    ):
        fastpg.resume(path)
    with pytest.raises(ValueError, match=r"clip_range=\.\.\., a function"):
        fastpg.resume(path, learning_rate=falling)
    with pytest.raises(TypeError, match="unknown argument of resume 'ent_cof'"):
        fastpg.resume(path, **options, ent_cof=falling)
    assert fastpg.resume(path, **options | {"clip_range": 0.2}).options.clip_range == 0.2
    assert fastpg.load(path).options.learning_rate == 0.02


def test_environments_with_parameters(tmp_path):
    """A time limit, parameters at the start and later, some of each environment's own."""

    def build():
        env = fastpg.make_vec("Pendulum-v1", 3, g=9.0, exact=False, max_episode_steps=70)
        env.set_attr("max_torque", 1.0)  # the space keeps the bounds of before
        env.set_attr("m", [1.0, 1.5, 2.0])
        return make("trpo", env)

    resumed = require_resumable(tmp_path / "x", build, STEPS)
    env = resumed.env
    assert (env.max_episode_steps, env.native.exact) == (70, False)
    assert env.get_attr("g") == (9.0, 9.0, 9.0)
    assert env.get_attr("m") == (1.0, 1.5, 2.0)
    assert env.single_action_space.high.tolist() == [2.0]
    assert env.spec.max_episode_steps == 70
    same(resumed, fastpg.resume(resumed.save_checkpoint(tmp_path / "x"), build().env))


@pytest.mark.parametrize("mode", ["NEXT_STEP", "SAME_STEP", "DISABLED"])
def test_autoreset_modes_and_endless_episodes(tmp_path, mode):
    def build():
        env = fastpg.make_vec("Pendulum-v1", 3, autoreset_mode=mode, max_episode_steps=-1)
        return make("ppo", env)

    resumed = require_resumable(tmp_path / "x", build, STEPS)
    assert resumed.env.metadata["autoreset_mode"].name == mode
    assert not resumed.env.has_time_limit


def test_a_finite_mdp(tmp_path):
    mdp = tabular.garnet(20, 4, 3, seed=0, horizon=10)

    def build(copies=3):
        return make("npg", tabular.make_vec(mdp, copies))

    path = tmp_path / "x"
    require_resumable(path, build, STEPS, env=tabular.make_vec(mdp, 3))
    with pytest.raises(ValueError, match="those of Tabular were not made by id"):
        fastpg.resume(path)
    with pytest.raises(ValueError, match="expected the checkpoint's num_envs 3, got num_envs 4"):
        fastpg.resume(path, build(4).env)


def test_an_environment_of_the_user_is_put_into_the_state(tmp_path):
    algo = make("npg").learn(600)
    path = algo.save_checkpoint(tmp_path / "x")
    env = fastpg.make_vec("CartPole-v1", 3)
    env.reset(seed=9)
    resumed = fastpg.NPG.resume(path, env)
    assert resumed.env is env
    same(algo, resumed)
    same(algo.learn(600), fastpg.resume(path, "CartPole-v1").learn(600))


def test_before_the_first_learn(tmp_path):
    algo = make("trpo")
    resumed = fastpg.resume(algo.save_checkpoint(tmp_path / "x"))
    with pytest.raises(TypeError, match="total_timesteps"):
        resumed.learn()
    same(algo.learn(600), resumed.learn(600))


def test_without_an_environment(tmp_path):
    loaded = fastpg.load(make("trpo").learn(600).save(tmp_path / "x"))
    path = loaded.save_checkpoint(tmp_path / "y")
    with pytest.warns(UserWarning, match="new episodes start"):  # of Gymnasium's CartPole
        resumed = fastpg.resume(path)
    assert np.array_equal(loaded.policy.theta, resumed.policy.theta)


def test_load_reads_a_checkpoint(tmp_path):
    algo = make("ppo").learn(900)
    path = algo.save_checkpoint(tmp_path / "x")
    loaded = fastpg.load(path)
    assert np.array_equal(loaded.policy.theta, algo.policy.theta)
    assert loaded.history == algo.history
    with pytest.raises(RuntimeError, match="learn: expected an environment"):
        loaded.learn()
    loaded.use_env("CartPole-v1")
    with pytest.raises(TypeError, match="total_timesteps"):
        loaded.learn()
    fastpg.evaluate_policy(loaded, "CartPole-v1", 2, seed=0)


class Seeds(gymnasium.Wrapper):
    """Notes the seeds of resets."""

    def __init__(self, env, seeds):
        super().__init__(env)
        self.seeds = seeds

    def reset(self, *, seed=None, options=None):
        self.seeds.append(seed)
        return super().reset(seed=seed, options=options)


@pytest.mark.parametrize("name", NAMES)
def test_python_environments_start_new_episodes(tmp_path, name):
    path, seeds = tmp_path / "x", []

    def env():
        return Seeds(gymnasium.make("CartPole-v1"), seeds)

    def given():
        return [seed for seed in seeds if seed is not None]

    algo = make(name, env, n_envs=2)
    algo.learn(800, until(algo, 2, path))
    first, found = given(), []
    for _ in range(2):
        seeds.clear()
        with pytest.warns(
            UserWarning, match="resume: new episodes start, since a file cannot hold"
        ):
            resumed = fastpg.resume(path, env)
        assert everything(resumed)[1] == everything(algo)[1]
        resumed.learn()
        assert resumed.num_timesteps <= 800
        found.append((given(), resumed.policy.theta.tobytes(), untimed(resumed.history)))
    assert json.dumps(found[0][2]) == json.dumps(found[1][2])
    assert found[0][:2] == found[1][:2]
    assert not set(found[0][0]) & set(first)


def test_python_environments_are_made_again(tmp_path):
    algo = make("npg", lambda: gymnasium.make("FrozenLake-v1", is_slippery=False), n_envs=2)
    algo.learn(400)
    path = algo.save_checkpoint(tmp_path / "x")
    with pytest.warns(UserWarning, match="new episodes start"):
        resumed = fastpg.resume(path)
    assert str(resumed.env_recipe) == "FrozenLake-v1(is_slippery=False)"
    assert resumed.env.num_envs == 2
    with pytest.raises(
        ValueError, match="env: expected 2 environments, as in the checkpoint, got 1"
    ):
        fastpg.resume(path, gymnasium.make("FrozenLake-v1", is_slippery=False))


def test_another_python_environment_is_refused(tmp_path):
    algo = make("npg", lambda: gymnasium.make("CartPole-v1"), n_envs=2).learn(400)
    path = algo.save_checkpoint(tmp_path / "x")
    with pytest.raises(
        ValueError, match="expected CartPole-v1, as in the checkpoint, got CartPole-v0"
    ):
        fastpg.resume(path, lambda: gymnasium.make("CartPole-v0"))


def test_one_that_cannot_be_made_again_is_asked_for(tmp_path):
    algo = make("npg", lambda: Seeds(gymnasium.make("CartPole-v1"), []), n_envs=2).learn(400)
    path = algo.save_checkpoint(tmp_path / "x")
    with pytest.raises(
        ValueError, match="cannot be made again, since it was wrapped in Seeds: pass"
    ):
        fastpg.resume(path)


class Shifted(fastpg.NativeVectorEnv):
    """Native environments with code of their own, whose state is not all in C++."""

    def step(self, actions):
        observations, rewards, *others = super().step(actions)
        return observations, rewards + 1.0, *others


def test_native_environments_with_code_of_their_own(tmp_path):
    algo = make("npg", Shifted("CartPole-v1", 2))
    algo.learn(600, until(algo, 2, tmp_path / "x"))
    with pytest.raises(ValueError, match="since Shifted has a step of its own: pass env"):
        fastpg.resume(tmp_path / "x")
    with pytest.warns(UserWarning, match="new episodes start"):
        resumed = fastpg.resume(tmp_path / "x", Shifted("CartPole-v1", 2))
    assert resumed.learn().num_timesteps == 600


def test_within_an_iteration_there_is_no_checkpoint(tmp_path):
    """As from the handler of a signal."""
    algo, seen = None, []

    def features(x):
        if algo is not None:
            with pytest.raises(RuntimeError, match="expected a call between two iterations"):
                algo.save_checkpoint(tmp_path / "x")
            seen.append(len(x))
        return x

    algo = make("npg", policy_kwargs={"features": features})
    algo.learn(300)
    assert seen
    assert not (tmp_path / "x.npz").exists()
    algo.save_checkpoint(tmp_path / "x")


def test_the_previous_checkpoint_is_kept(tmp_path):
    path, algo = tmp_path / "a.b.npz", make("npg")
    contents = []
    algo.learn(STEPS, lambda record: contents.append(algo.save_checkpoint(path).read_bytes()))
    previous = checkpoints.previous_of(path)
    assert previous == tmp_path / "a.b.previous.npz"
    assert checkpoints.previous_of(tmp_path / "a.b") == previous
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.b.npz", "a.b.previous.npz"]
    assert [path.read_bytes(), previous.read_bytes()] == contents[:-3:-1]
    same(fastpg.resume(previous).learn(), algo)
    algo.save(path)
    assert previous.read_bytes() == contents[-2]


def test_the_program_of_the_documentation(tmp_path, monkeypatch):
    """It stops by itself after some iterations, and the same program finishes it."""
    page = Path(__file__).parent.parent / "docs" / "checkpoints.md"
    program = re.search(r"```python\n(.*?)```", page.read_text(), re.DOTALL)[1]
    monkeypatch.chdir(tmp_path)
    save = fastpg.TRPO.save_checkpoint

    def stop(algo, path):
        save(algo, path)
        return len(algo.history) != 3

    with monkeypatch.context() as patch:
        patch.setattr(fastpg.TRPO, "save_checkpoint", stop)
        exec(program, stopped := {})
    assert len(stopped["algo"].history) == 3
    exec(program, finished := {})
    same(fastpg.TRPO("linear", "Pendulum-v1", seed=0).learn(20_000), finished["algo"])
    exec(program, again := {})
    same(finished["algo"], again["algo"])


def test_a_checkpoint_is_small_and_loads_no_pickle(tmp_path):
    path = make("npg").learn(900).save_checkpoint(tmp_path / "x")
    with np.load(path, allow_pickle=False) as archive:
        meta = json.loads(archive["meta"][()])
        assert all(archive[name].dtype != object for name in archive.files)
    assert (meta["format"], meta["running"]["format"]) == (1, 1)
    assert path.stat().st_size < 30_000
