"""Many trainings: the same numbers however they are run, and nothing lost."""

import json
import sys
import time

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import fastpg
from fastpg.experiments import Results, load_results, train_many
from fastpg.training.callbacks.evaluation import evaluation_seed
from processes import PLAIN, python, started_python

SHORT = {"total_timesteps": 3000, "n_evaluations": 2, "n_eval_episodes": 3, "tuned": False}
SEVERAL = pytest.mark.skipif(
    "joblib" not in sys.modules and __import__("importlib").util.find_spec("joblib") is None,
    reason="joblib is not installed",
)


class Line(gymnasium.Env):
    """The action is the reward; episodes of five steps."""

    observation_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.first = 0, self.np_random.uniform()
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.t += 1
        return np.full(1, self.t / 5, np.float32), float(action), self.t == 5, False, {}


class Failing(Line):
    """Some seeds do not work."""

    def reset(self, *, seed=None, options=None):
        seen = super().reset(seed=seed, options=options)
        if self.first < 0.05:
            raise RuntimeError("no luck")
        return seen


def many(*args, **kwargs):
    return train_many(*args, **(SHORT | kwargs))


def equal(one, two):
    return all(
        np.array_equal(getattr(one, name), getattr(two, name), equal_nan=True)
        for name in ("points", "returns", "steps", "train_returns")
    ) and (one.settings, one.seeds, one.failures) == (two.settings, two.seeds, two.failures)


def test_a_training_is_that_of_train():
    results = many("npg", "CartPole-v1", seeds=[3, 8], grid={"gae_lambda": [0.9, 1.0]}, n_jobs=1)
    assert results.settings == ["gae_lambda=0.9", "gae_lambda=1.0"]
    assert results.returns.shape == (2, 2, 2)
    for i, gae_lambda in enumerate([0.9, 1.0]):
        for k, seed in enumerate([3, 8]):
            algo = fastpg.train(
                "npg", "CartPole-v1", seed=seed, total_timesteps=3000, tuned=False,
                gae_lambda=gae_lambda, eval_freq=1500, n_eval_episodes=3,
            )  # fmt: skip
            last = algo.history[-1]["rollout/ep_rew_mean"]
            assert results.train_returns[i, k] == last
    assert results.points.tolist() == [1500, 3000]
    assert (results.steps[:, :, 0] <= 1500).all()
    assert (results.steps[:, :, -1] == algo.num_timesteps).all()
    assert results.finished == 4


@pytest.mark.parametrize("n_steps", [300, 500, 1250])
def test_at_a_point_within_an_iteration_the_policy_from_before_it_is_evaluated(n_steps):
    arguments = {
        "total_timesteps": 5000, "n_envs": 4, "n_steps": n_steps, "tuned": False,
        "policy_kwargs": {"normalize_observations": True},
    }  # fmt: skip
    found = fastpg.train_many(
        "trpo", "CartPole-v1", seeds=2, n_jobs=1, n_evaluations=10, n_eval_episodes=3, **arguments
    )
    judge = fastpg.make_vec("CartPole-v1", 3)
    for seed in (0, 1):
        curve = {}

        def see(algo, curve=curve):
            result = fastpg.evaluate_policy(algo, judge, 3, seed=evaluation_seed(algo.seed))
            curve[algo.num_timesteps] = result[0]

        see(fastpg.TRPO("linear", "CartPole-v1", seed=seed, **{
            name: arguments[name] for name in ("n_envs", "n_steps", "policy_kwargs")
        }))  # fmt: skip
        last = fastpg.train(
            "trpo", "CartPole-v1", seed=seed, callback=EachIteration(see), **arguments
        )
        used = [max(steps for steps in curve if steps <= point) for point in found.points]
        used[-1] = last.num_timesteps
        assert found.steps[0, seed].tolist() == used
        assert found.returns[0, seed].tolist() == [curve[steps] for steps in used]


def test_points_within_a_last_batch_that_is_not_complete():
    found = fastpg.train_many(
        "reinforce", "CartPole-v1", seeds=1, total_timesteps=7000, n_jobs=1, n_evaluations=9,
        n_eval_episodes=5, tuned=False, n_envs=4,
    )  # fmt: skip
    steps, returns = found.steps[0, 0], found.returns[0, 0]
    assert (steps[:-1] <= found.points[:-1]).all()
    assert (np.diff(steps) >= 0).all()
    for i in np.flatnonzero(np.diff(steps[:-1]) == 0):
        assert returns[i] == returns[i + 1]


class EachIteration(fastpg.callbacks.Callback):
    def __init__(self, see):
        self.see = see

    def on_iteration(self, record):
        self.see(self.algo)


CLOSED = """
import sys, fastpg
sys.stdout = sys.stderr = None
found = fastpg.train_many(
    "npg", "CartPole-v1", seeds=2, total_timesteps=2048, n_jobs=2, tuned=False, n_eval_episodes=2
)
assert sys.stdout is sys.stderr is None
sys.exit(7 if found.finished == 2 and not found.failures else 1)
"""


@SEVERAL
def test_several_processes_without_standard_streams():
    assert python(CLOSED).returncode == 7


@SEVERAL
@pytest.mark.parametrize("env", ["CartPole-v1", Line])
def test_the_same_numbers_on_any_number_of_processes(env, tmp_path):
    grid = {"gae_lambda": [0.9, 0.95]}
    alone = many("trpo", env, seeds=4, grid=grid, n_jobs=1)
    assert equal(alone, many("trpo", env, seeds=4, grid=grid, n_jobs=2, run=tmp_path / "a"))
    assert equal(alone, load_results(tmp_path / "a"))


@SEVERAL
def test_any_backend_of_joblib():
    import joblib

    alone = many("npg", "CartPole-v1", seeds=4, n_jobs=1)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert equal(alone, many("npg", "CartPole-v1", seeds=4))


@SEVERAL
def test_a_policy_that_is_given_is_where_every_training_begins():
    policy = fastpg.LinearSoftmax(4, 2)
    given = many("npg", "CartPole-v1", seeds=4, policy=policy, n_jobs=1)
    assert equal(given, many("npg", "CartPole-v1", seeds=4, n_jobs=1))
    assert not policy.theta.any()
    assert equal(given, many("npg", "CartPole-v1", seeds=4, policy=policy, n_jobs=2))
    last = many("npg", "CartPole-v1", seeds=[3], policy=policy, n_jobs=1)
    assert np.array_equal(last.returns[0, 0], given.returns[0, 3])


def test_the_same_call_goes_on(tmp_path, monkeypatch):
    from fastpg.experiments import driver

    straight = many("npg", "CartPole-v1", seeds=6, n_jobs=1)
    run = driver.run_seeds
    done = []

    def stops(trial, seeds):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(seeds)
        return run(trial, seeds)

    monkeypatch.setattr(driver, "run_seeds", stops)
    with pytest.raises(KeyboardInterrupt):
        many("npg", "CartPole-v1", seeds=6, n_jobs=1, run=tmp_path)
    assert load_results(tmp_path).finished == 3
    with (tmp_path / "outcomes.jsonl").open("a") as file:
        file.write('{"setting": 0, "se')  # cut off by a kill
    assert load_results(tmp_path).finished == 3
    monkeypatch.setattr(driver, "run_seeds", run)
    assert equal(straight, many("npg", "CartPole-v1", seeds=6, n_jobs=1, run=tmp_path))
    lines = (tmp_path / "outcomes.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["seed"] for line in lines) == list(range(6))
    more = many("npg", "CartPole-v1", seeds=8, n_jobs=1, run=tmp_path)  # more seeds later
    assert np.array_equal(more.returns[:, :6], straight.returns)
    assert load_results(tmp_path).finished == 8


KILLED = """
import sys
from fastpg.experiments import train_many
train_many("npg", "CartPole-v1", seeds=40, total_timesteps=3000, n_evaluations=2,
           n_eval_episodes=3, tuned=False, n_jobs=int(sys.argv[2]), run=sys.argv[1])
"""


def killed_once(folder, jobs, after):
    with started_python(KILLED, folder, jobs, **PLAIN) as process:
        file = folder / "outcomes.jsonl"
        while process.poll() is None:
            if file.exists() and len(file.read_bytes().splitlines()) >= after:
                break
            time.sleep(0.001)
        process.kill()
        process.wait()


def require_nothing_lost(folder, jobs, kills):
    kept = 0
    for k in range(kills):
        killed_once(folder, jobs, after=3 * k + 2)
        found = load_results(folder).finished
        assert found >= kept
        kept = found
    straight = many("npg", "CartPole-v1", seeds=40, n_jobs=1)
    assert equal(straight, many("npg", "CartPole-v1", seeds=40, n_jobs=jobs, run=folder))


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_kills_lose_nothing_that_is_finished(tmp_path):
    require_nothing_lost(tmp_path / "run", 1, 3)


@SEVERAL
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("jobs", [1, 2])
def test_many_kills_lose_nothing(tmp_path, jobs):
    require_nothing_lost(tmp_path / "run", jobs, 6)


def test_failures_have_their_errors_and_end_nothing(tmp_path):
    results = many("npg", Failing, seeds=8, n_jobs=1, run=tmp_path, n_envs=1)
    assert len(results.failures) > 0
    assert set(results.failures.values()) == {"RuntimeError: no luck"}
    assert results.finished + len(results.failures) == 8
    assert equal(results, load_results(tmp_path))
    failed = [seed for _, seed in results.failures]
    assert np.isnan(results.returns[0, failed]).all()
    assert len(results.of("default")) == results.finished


def test_tables(tmp_path):
    results = many("npg", "CartPole-v1", seeds=2, n_jobs=1)
    results.to_csv(tmp_path / "x.csv")
    lines = (tmp_path / "x.csv").read_text().splitlines()
    assert lines[0] == "setting,seed,point,step,return,train_return,seconds"
    assert len(lines) == 1 + 2 * 2
    results.save(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as stored:
        assert np.array_equal(stored["returns"], results.returns)
        assert stored["settings"].tolist() == ["default"]
    assert results.to_rliable()["default"].shape == (2, 1)
    assert repr(results) == "Results(1 settings, 2 seeds, 2 points; 2 finished, 0 failed)"
    pandas = pytest.importorskip("pandas")
    assert isinstance(results.to_pandas(), pandas.DataFrame)
    assert results.to_pandas()["return"].tolist() == results.returns.ravel().tolist()


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"seeds": 0}, ValueError, "seeds"),
        ({"seeds": [1, 1]}, ValueError, "one of them twice"),
        ({"seeds": []}, ValueError, "at least one"),
        ({"seeds": [-1]}, ValueError, "seed"),
        ({"seeds": "12"}, TypeError, "seeds"),
        ({"grid": {"gamma": 0.9}}, TypeError, r"grid\['gamma'\]: expected a list"),
        ({"grid": {"gamma": []}}, ValueError, "at least one value"),
        ({"grid": {"gamma": [0.9, 0.9]}}, ValueError, "different values"),
        ({"grid": {"gama": [0.9]}}, TypeError, "did you mean 'gamma'.*setting gama=0.9"),
        ({"grid": {"gamma": [0.9, 2.0]}}, ValueError, "gamma: expected.*setting gamma=2.0"),
        ({"grid": [3]}, TypeError, "grid"),
        ({"n_jobs": 0}, ValueError, "n_jobs"),
        ({"n_evaluations": 0}, ValueError, "n_evaluations"),
        ({"total_timesteps": 0}, ValueError, "total_timesteps"),
        ({"total_timesteps": 3}, ValueError, "total_timesteps: expected at least 4, one step"),
        ({"seed": 3}, TypeError, "seed"),
        ({"eval_env": Line()}, TypeError, "eval_env: expected an id or a callable"),
        ({"env": Line()}, TypeError, "env: expected an id or a callable"),
        ({"env": "CartPol-v1"}, Exception, "CartPol"),
    ],
)
def test_wrong_arguments_are_errors_before_any_training(arguments, error, text, tmp_path):
    env = arguments.get("env", "CartPole-v1")
    rest = {name: value for name, value in arguments.items() if name != "env"}
    with pytest.raises(error, match=text):
        many("npg", env, **({"n_jobs": 1, "run": tmp_path / "run"} | rest))
    assert not (tmp_path / "run").exists()


def test_what_a_kill_has_left_of_the_first_file(tmp_path):
    left = tmp_path / f".experiment.json.{'0' * 16}.part"
    left.write_bytes(b'{"algo')
    many("npg", "CartPole-v1", seeds=1, n_jobs=1, run=tmp_path)
    assert not left.exists()
    assert load_results(tmp_path).finished == 1


def test_folders(tmp_path):
    many("npg", "CartPole-v1", seeds=1, n_jobs=1, run=tmp_path / "a")
    for changed in ({"gamma": 0.5}, {"total_timesteps": 4000}, {"grid": {"gamma": [0.5, 0.6]}}):
        with pytest.raises(ValueError, match="holds another experiment: "):
            many("npg", "CartPole-v1", seeds=1, n_jobs=1, run=tmp_path / "a", **changed)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine").write_text("mine")
    with pytest.raises(FileExistsError, match="expected an empty folder"):
        many("npg", "CartPole-v1", seeds=1, n_jobs=1, run=tmp_path / "b")
    with pytest.raises(NotADirectoryError, match="expected a folder"):
        many("npg", "CartPole-v1", seeds=1, n_jobs=1, run=tmp_path / "b" / "mine")
    with pytest.raises(FileNotFoundError, match=r"no experiment\.json"):
        load_results(tmp_path / "b")
    (tmp_path / "a" / "experiment.json").write_text("[]")
    with pytest.raises(ValueError, match="damaged"):
        load_results(tmp_path / "a")


def test_results_ignore_what_is_not_theirs():
    results = Results(["a"], [1, 2], [10])
    outcome = {
        "setting": 0, "seed": 1, "error": None, "returns": [1.0], "steps": [10],
        "train_return": None, "seconds": 0.1,
    }  # fmt: skip
    assert results.add(outcome)
    assert not results.add(outcome | {"seed": 9})
    assert not results.add(outcome | {"setting": 4})
    assert results.finished == 1
    assert np.isnan(results.train_returns[0, 0])
    with pytest.raises(ValueError, match="setting: expected one of"):
        results.of("b")
