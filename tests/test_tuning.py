"""Tuning: the same study however it is run, and an honest judgement of the best settings."""

import json
import sqlite3
import sys
import threading
import time
import tomllib
from typing import ClassVar

import gymnasium
import numpy as np
import pytest

import fastpg
from fastpg.algorithms import ALGORITHMS
from fastpg.experiments import statistics, train_many
from fastpg.experiments.statistics import Interval
from fastpg.tuning import rows, search_space, trials, tune
from fastpg.tuning.judging import Final, Judges
from fastpg.tuning.result import TrialRecord
from processes import GUARD
from test_experiments import Line

optuna = pytest.importorskip("optuna")
pytest.importorskip("joblib")

SHORT = {
    "n_trials": 4, "total_timesteps": 1500, "seeds": 2, "fresh_seeds": 2, "n_evaluations": 3,
    "n_eval_episodes": 2, "tuned": False, "n_finalists": 2,
}  # fmt: skip
SEARCH = {"target_kl": "lin_0.001:0.1:log", "n_steps": [64, 128], "gae_lambda": (0.9, 1.0)}


def short(algorithm="npg", env="CartPole-v1", **arguments):
    return tune(algorithm, env, **(SHORT | {"search": SEARCH} | arguments))


def history(found):
    """What a study is: the trials that were not interrupted, without their numbers."""
    return [
        (each.state, each.score, each.settings, each.error)
        for each in found.trials
        if each.state != "interrupted"
    ]


def test_a_trial_is_a_setting_of_train_many():
    found = short(pruner="none")
    for record, trial in zip(found.trials, found.study.trials, strict=True):
        results = train_many(
            "npg", "CartPole-v1", seeds=2, total_timesteps=1500, n_evaluations=3,
            n_eval_episodes=2, tuned=False, n_jobs=1, **record.settings,
        )  # fmt: skip
        assert np.array_equal(results.returns[0], trial.user_attrs["returns"])
        assert record.score == statistics.interval(results.final[0], "mean")
        assert trial.value == results.final.mean()
        assert list(trial.intermediate_values) == [500, 1000, 1500]
        means = results.returns[0].mean(axis=0)
        assert np.allclose(list(trial.intermediate_values.values()), means, rtol=0, atol=0)


def test_the_first_trial_has_the_settings_of_train():
    found = short(search=None, n_trials=1)
    assert set(found.trials[0].settings) == set(search_space("npg"))
    options = fastpg.NPG("linear", "CartPole-v1").options
    expected = {name: getattr(options, name) for name in search_space("npg")}
    assert found.trials[0].settings == expected | {"target_kl": "lin_0.012", "n_steps": 512}
    results = train_many("npg", "CartPole-v1", seeds=2, n_jobs=1, total_timesteps=1500,
                         n_evaluations=3, n_eval_episodes=2, tuned=False)  # fmt: skip
    assert np.array_equal(results.returns[0], found.study.trials[0].user_attrs["returns"])
    tuned = short("npg", tuned=True, search=["cg_damping"], n_trials=1)
    assert tuned.best.settings == {"cg_damping": 1e-2}
    assert list(tuned.judged) == ["best", "tuned", "defaults"]


def test_equal_calls_give_equal_studies():
    one = short(n_trials=14)  # beyond the random trials that the sampler begins with
    assert history(one) == history(short(n_trials=14))
    assert one.row == short(n_trials=14).row
    assert history(one) != history(short(n_trials=14, seed=1))
    for name, results in one.judged.items():
        arguments = one.best.settings if name == "best" else {}
        expected = train_many(
            "npg", "CartPole-v1", seeds=[1_000_000, 1_000_001], n_jobs=1, total_timesteps=1500,
            n_evaluations=3, n_eval_episodes=2, tuned=False, **arguments,
        )  # fmt: skip
        assert np.array_equal(results.returns, expected.returns)


@pytest.mark.parametrize("where", [0, 5, 13])
def test_a_study_that_was_stopped_goes_on(where, tmp_path, monkeypatch):
    from fastpg.tuning import trials

    straight = short(n_trials=16)
    trained = trials._trained
    calls = []

    def stops(*arguments):
        calls.append(arguments)
        if len(calls) == where + 1:
            raise KeyboardInterrupt
        return trained(*arguments)

    monkeypatch.setattr(trials, "_trained", stops)
    with pytest.raises(KeyboardInterrupt):
        short(n_trials=16, run=tmp_path / "a")
    monkeypatch.setattr(trials, "_trained", trained)
    found = short(n_trials=16, run=tmp_path / "a")
    assert [each.state for each in found.trials].count("interrupted") == 1
    assert history(found) == history(straight)
    assert found.row == straight.row
    again = short(n_trials=16, run=tmp_path / "a")
    assert history(again) == history(found)
    assert len(again.trials) == 17
    assert history(short(n_trials=18, run=tmp_path / "a"))[:16] == history(straight)


def test_a_killed_process_leaves_a_study_that_goes_on(tmp_path, monkeypatch):
    from fastpg.tuning import trials

    straight = short(n_trials=6)
    tell = optuna.study.Study.tell

    def dies(*arguments, **keywords):
        raise SystemExit

    def trained(*arguments):
        if arguments[0].number == 3:
            monkeypatch.setattr(optuna.study.Study, "tell", dies)
            raise SystemExit
        return before(*arguments)

    before = trials._trained
    monkeypatch.setattr(trials, "_trained", trained)
    with pytest.raises(SystemExit):
        short(n_trials=6, run=tmp_path)
    monkeypatch.setattr(optuna.study.Study, "tell", tell)
    monkeypatch.setattr(trials, "_trained", before)
    with (tmp_path / "journal.log").open("a") as file:
        file.write('{"op_code": 4, "wor')  # cut off by the kill
    (tmp_path / "journal.log.lock").touch()
    assert history(short(n_trials=6, run=tmp_path)) == history(straight)


def test_threads_run_as_many_trials(tmp_path):
    found = short(n_trials=7, n_jobs=2, run=tmp_path)
    assert len(found.trials) == 7
    assert {each.state for each in found.trials} <= {"complete", "pruned"}
    for trial in found.study.trials:
        results = train_many(
            "npg", "CartPole-v1", seeds=2, total_timesteps=1500, n_evaluations=3, n_jobs=1,
            n_eval_episodes=2, tuned=False, **trial.user_attrs["settings"],
        )  # fmt: skip
        points = len(trial.user_attrs["returns"][0])
        assert np.array_equal(results.returns[0, :, :points], trial.user_attrs["returns"])


def test_ctrl_c_ends_the_threads(tmp_path, monkeypatch):
    from fastpg.tuning import trials

    claimed = trials._Pool._claimed
    begun = threading.Event()

    def counted(pool):
        if len(pool._study.trials) >= 3:
            begun.set()
        return claimed(pool)

    def join(thread, timeout=None):
        if not begun.is_set() and threading.current_thread() is threading.main_thread():
            assert begun.wait(GUARD)
            raise KeyboardInterrupt
        before(thread, timeout)

    before = threading.Thread.join
    monkeypatch.setattr(trials._Pool, "_claimed", counted)
    monkeypatch.setattr(threading.Thread, "join", join)
    with pytest.raises(KeyboardInterrupt):
        short(n_trials=10_000, n_jobs=2, run=tmp_path)
    monkeypatch.undo()
    study = optuna.load_study(
        study_name="fastpg",
        storage=optuna.storages.JournalStorage(
            optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal.log"))
        ),
    )
    assert 3 <= len(study.trials) < 10_000
    assert all(each.state.is_finished() for each in study.trials)


class Scripted:
    """A training whose returns are its gae_lambda."""

    calls: ClassVar[list] = []

    def __init__(self, trial, seed):
        self.value, self.returns = trial.arguments["gae_lambda"], []

    def until(self, count, callback=None):
        self.returns.append(self.value)
        self.calls.append(count)

    def close(self):
        pass


@pytest.fixture
def scripted(monkeypatch):
    from fastpg.tuning import trials

    monkeypatch.setattr(trials, "Training", Scripted)
    monkeypatch.setattr(Scripted, "calls", [])
    return Scripted.calls


class InOrder(optuna.samplers.BaseSampler):
    """Trial k has the k-th value."""

    def __init__(self, values):
        self.values = values

    def infer_relative_search_space(self, study, trial):
        return {}

    def sample_relative(self, study, trial, search_space):
        return {}

    def sample_independent(self, study, trial, name, distribution):
        return self.values[trial.number]


def test_bad_trials_are_pruned_at_their_first_evaluation(scripted):
    values = [0.97, 0.5, 0.6, 0.7, 0.8, 0.3, 0.9, 0.69, 0.75, 0.99]  # the first is the default
    found = short(search={"gae_lambda": "0:1"}, sampler=InOrder(values), n_trials=10)
    assert [each.settings["gae_lambda"] for each in found.trials] == values
    # The median of the complete trials: 0.7 after five, then 0.75 of six.
    assert [k for k, each in enumerate(found.trials) if each.state == "pruned"] == [5, 7]
    assert {each.state for each in found.trials} == {"complete", "pruned"}
    lengths = [len(each.intermediate_values) for each in found.study.trials]
    assert lengths == [1 if k in (5, 7) else 3 for k in range(10)]
    assert len(scripted) == 2 * sum(lengths)  # two seeds
    assert found.trials[5].score == statistics.Interval(0.3, 0.3, 0.3)


@pytest.mark.parametrize(("pruner", "prunes"), [("none", False), ("percentile", True),
                                                ("halving", True), ("median", True)])  # fmt: skip
def test_pruners(scripted, pruner, prunes):
    found = short(search={"gae_lambda": "0:1"}, n_trials=30, pruner=pruner, gamma=1.0)
    assert ("pruned" in {each.state for each in found.trials}) == prunes
    best = max(each.settings["gae_lambda"] for each in found.trials if each.state == "complete")
    assert best > 0.9


def test_area_under_the_curve():
    found = short(objective="auc", pruner="none")
    for trial in found.study.trials:
        returns = np.array(trial.user_attrs["returns"])
        areas = statistics.area_under_curve([500, 1000, 1500], returns)
        assert trial.value == areas.mean()
        values = list(trial.intermediate_values.values())
        assert values[0] == returns[:, 0].mean()
        assert values[1] == pytest.approx(returns[:, :2].mean())
    curves = found.judged["best"].of(0)
    areas = statistics.area_under_curve([500, 1000, 1500], curves)
    assert found.intervals()["best"] == statistics.interval(areas, "mean")
    assert found.best.score.value == pytest.approx(found.study.trials[found.best.number].value)


def test_the_best_is_chosen_by_other_seeds():
    alone = short(n_trials=8, n_finalists=1)
    complete = [each for each in alone.trials if each.state == "complete"]
    assert alone.best == max(complete, key=lambda each: each.value)
    found = short(n_trials=8, n_finalists=100)
    scores = [
        train_many(
            "npg", "CartPole-v1", seeds=[500_000, 500_001], total_timesteps=1500, n_jobs=1,
            n_evaluations=3, n_eval_episodes=2, tuned=False, **each.settings,
        ).final.mean()
        for each in complete
    ]  # fmt: skip
    assert found.best.value == complete[int(np.argmax(scores))].value or (
        scores.count(max(scores)) > 1
    )


def test_finalists_are_different_settings_and_the_first_trial(monkeypatch):
    values = [1.0, 5.0, 5.0, 4.0, 3.0]
    records = [
        TrialRecord(k, "complete", Interval(value, value, value), {"gamma": gamma}, None)
        for k, (value, gamma) in enumerate(zip(values, [0.5, 0.9, 0.9, 0.8, 0.7], strict=True))
    ]
    trained = []
    monkeypatch.setattr(Final, "_score", lambda _, settings: trained.append(settings) or 0.0)
    judges = Judges.of([0], 2, 3)
    Final(None, judges, None, 1, False).best(records)
    assert [each["gamma"] for each in trained] == [0.9, 0.8, 0.7, 0.5]


def test_the_seeds_that_choose_are_not_those_of_the_trials():
    judges = Judges.of([500_001, 7], 3, 2)
    assert judges.choosing == [500_000, 500_002, 500_003]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"n": np.int64(3), "wet": np.bool_(False), "g": np.float32(0.5)}, None),
        ({"reward": {"per step": -1, "a.b": 2, "": 3}}, None),
        ({"opts": None}, ""),
        ({"at": np.zeros(3)}, ""),
        ({"map": {3: 1}}, ""),
    ],
)
def test_keywords_in_toml(given, expected):
    text = "\n".join(rows._lines({"env_kwargs": given}))
    if expected is None:
        assert tomllib.loads(text)["env_kwargs"] == given
    else:
        assert text.startswith("# env_kwargs: ")
        assert text.endswith("which TOML cannot hold")


class Picky(Line):
    """An environment fails after 1,400 steps, so that some settings do."""

    def step(self, action):
        self.steps = getattr(self, "steps", 0) + 1
        if self.steps > 1400:
            raise RuntimeError("worn out")
        return super().step(action)


def test_failed_trials_keep_their_settings_and_their_error():
    search = {"n_envs": [1, 2]}  # alone, an environment takes all the steps
    found = short(env=Picky, search=search, n_trials=10, n_eval_episodes=1, fresh_seeds=1,
                  n_steps=64, pruner="none")  # fmt: skip
    failed = [each for each in found.trials if each.state == "failed"]
    assert {each.settings["n_envs"] for each in failed} == {1}
    assert {each.error for each in failed} == {"RuntimeError: worn out"}
    assert {e.settings["n_envs"] for e in found.trials if e.state == "complete"} == {2}
    assert found.best.settings == {"n_envs": 2}
    assert len(found.judged["defaults"].failures) == 0
    with pytest.raises(RuntimeError, match=r"the first error: RuntimeError: worn out"):
        short(env=Picky, search={"n_steps": [64, 128]}, n_envs=1)


def test_settings_that_diverge_are_a_failed_trial(monkeypatch):
    def until(self, count, callback=None):
        self.returns += [np.inf]

    monkeypatch.setattr(Scripted, "until", until)
    from fastpg.tuning import trials

    monkeypatch.setattr(trials, "Training", Scripted)
    with pytest.raises(RuntimeError, match="expected finite ones"):
        short(n_trials=2)


def test_options_without_effect_are_left_out_of_a_trial():
    search = {"baseline": ["linear", "mean"], "ridge": "1e-3:10:log"}
    found = short(search=search, n_trials=12, pruner="none")
    kinds = {each.settings["baseline"] for each in found.trials}
    assert kinds == {"linear", "mean"}
    for each in found.trials:
        assert ("ridge" in each.settings) == (each.settings["baseline"] == "linear")
        assert each.error is None


def test_the_row_trains_like_the_best_trial(tmp_path):
    found = short("ppo", "Pendulum-v1", search=None, run=tmp_path, n_trials=3,
                  policy_kwargs={"features": "polynomial", "features_kwargs": {"degree": 2}},
                  env_kwargs={"g": 9.81})  # fmt: skip
    settings = fastpg.tuned_settings("ppo", "Pendulum-v1", tmp_path / "tuned.toml")
    assert settings.total_timesteps == 1500
    assert settings.policy_kwargs["features_kwargs"] == {"degree": 2}
    assert settings.env_kwargs == {"g": 9.81}
    algo = fastpg.train("ppo", "Pendulum-v1", seed=1_000_000, tuned=tmp_path / "tuned.toml")
    expected = fastpg.train(
        "ppo", "Pendulum-v1", seed=1_000_000, tuned=False, total_timesteps=1500,
        policy_kwargs={"features": "polynomial", "features_kwargs": {"degree": 2}},
        env_kwargs={"g": 9.81}, **found.best.settings,
    )  # fmt: skip
    assert np.array_equal(algo.policy.theta, expected.policy.theta)
    assert "# env_kwargs" in (tmp_path / "best.toml").read_text()
    assert found.row in (tmp_path / "tuned.toml").read_text()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("policy", ["linear", "mlp"])
def test_every_algorithm_and_policy(algorithm, policy, tmp_path):
    found = short(algorithm, search=None, n_trials=2, policy=policy, run=tmp_path,
                  total_timesteps=600, seeds=1, fresh_seeds=1, n_eval_episodes=1)  # fmt: skip
    assert [each.state for each in found.trials] == ["complete"] * 2, found.trials
    settings = fastpg.tuned_settings(
        algorithm, "CartPole-v1", tmp_path / "tuned.toml", policy=policy
    )
    assert settings.file is not None
    names = set(found.best.settings)
    assert {name: settings.options[name] for name in names} == found.best.settings


@pytest.fixture
def connections(monkeypatch):
    """All connections to SQLite that are made; those of the test itself are closed after it."""
    made, connect = [], sqlite3.dbapi2.connect

    def noted(*args, **kwargs):
        made.append(connect(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(sqlite3.dbapi2, "connect", noted)
    yield made
    for one in made:
        one.close()


def is_open(connection):
    try:
        connection.total_changes  # noqa: B018
    except sqlite3.ProgrammingError:
        return False
    return True


def test_connections_to_a_storage_are_closed(tmp_path, connections):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    short(n_trials=4, storage=url, study_name="mine", n_jobs=2)
    with pytest.raises(ValueError, match="'mine' holds another study"):
        short("trpo", storage=url, study_name="mine")
    assert connections
    assert not any(map(is_open, connections))


def test_threads_ask_for_one_trial_after_the_other(monkeypatch):
    """Two that ask a storage at once may get the same waiting trial."""
    asking, ask = threading.Lock(), optuna.Study.ask

    def alone(study, *args):
        assert asking.acquire(blocking=False)
        try:
            return ask(study, *args)
        finally:
            time.sleep(0.01)
            asking.release()

    monkeypatch.setattr(optuna.Study, "ask", alone)
    assert len(short(n_jobs=2).trials) == 4


@pytest.mark.parametrize("fails", [False, True])
def test_a_trial_that_another_process_has_ended_is_not_told_again(monkeypatch, fails):
    trained = trials._trained

    def late(trial, *others):
        found = trained(trial, *others)
        if trial.number == 0:
            trial.study.tell(0, 7.0)
            if fails:
                raise ValueError("too late")
        return found

    monkeypatch.setattr(trials, "_trained", late)
    found = short(n_trials=2)
    assert [each.state for each in found.trials] == ["complete", "complete"]


def test_a_storage_of_the_caller_stays_open(tmp_path, connections):
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'study.db'}")
    short(n_trials=1, storage=storage, study_name="mine")
    assert any(map(is_open, connections))
    storage.engine.dispose()


def test_a_storage_is_shared(tmp_path, connections):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    first = short(n_trials=2, storage=url, study_name="mine")
    assert len(short(n_trials=4, storage=url, study_name="mine").trials) == 4
    assert history(short(n_trials=4, storage=url, study_name="mine")) == history(short())
    assert len(first.trials) == 2
    study = optuna.load_study(study_name="mine", storage=url)
    config = study.user_attrs["fastpg"]
    assert (config["algorithm"], config["seeds"]) == ("npg", [0, 1])
    assert optuna.importance.get_param_importances(study).keys() == SEARCH.keys()
    with pytest.raises(ValueError, match="'mine' holds another study: algorithm was 'npg'"):
        short("trpo", storage=url, study_name="mine")
    optuna.create_study(storage=url, study_name="other").add_trial(optuna.create_trial(value=1.0))
    with pytest.raises(ValueError, match="'other' holds a study of another program"):
        short(storage=url, study_name="other")
    with pytest.raises(ValueError, match="storage"):
        short(storage="sqlite:////nowhere/at/all.db")


def test_folders_of_something_else(tmp_path):
    from fastpg.files import FileLock

    short(n_trials=1, run=tmp_path / "a")
    for wrong, text in [
        ({"algorithm": "trpo"}, "algorithm was 'npg', got 'trpo'"),
        ({"env": "Acrobot-v1"}, "env was 'CartPole-v1', got 'Acrobot-v1'"),
        ({"gamma": 0.9}, "arguments was"),
        ({"seeds": 3}, r"seeds was \[0, 1\]"),
        ({"objective": "auc"}, "objective was"),
        ({"search": {"gae_lambda": "0.9:1"}}, "search was"),
        ({"pruner": "none"}, "pruner was"),
        ({"seed": 1}, "seed was 0, got 1"),
    ]:
        with pytest.raises(ValueError, match=text):
            short(**({"n_trials": 1, "run": tmp_path / "a"} | wrong))
    lock = FileLock(tmp_path / "a" / "lock")
    with pytest.raises(BlockingIOError, match="--storage shares a study"):
        short(n_trials=1, run=tmp_path / "a")
    lock.release()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / ".best.toml.0.part").write_bytes(b"")  # a killed process has left it
    short(n_trials=1, run=tmp_path / "b")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "experiment.json").write_text(json.dumps({}))
    with pytest.raises(FileExistsError, match="expected an empty folder"):
        short(run=tmp_path / "c")
    with pytest.raises(NotADirectoryError):
        short(run=tmp_path / "c" / "experiment.json")


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ({"n_trials": 0}, ValueError, "n_trials"),
        ({"n_jobs": 0}, ValueError, "n_jobs"),
        ({"study_name": "mine"}, ValueError, "study_name: allowed only with storage"),
        ({"n_finalists": 0}, ValueError, "n_finalists"),
        ({"seeds": []}, ValueError, "seeds"),
        ({"fresh_seeds": 0}, ValueError, "^fresh_seeds: expected an integer in"),
        ({"total_timesteps": 3}, ValueError, "^total_timesteps: expected at least 4, one step of"),
        ({"fresh_seeds": [1]}, ValueError, "fresh_seeds: expected seeds that no trial uses, got 1"),
        ({"fresh_seeds": [500_000]}, ValueError, "no trial uses, got 500000"),
        ({"objective": "best"}, ValueError, "unknown objective 'best'"),
        ({"statistic": "max"}, ValueError, "unknown statistic"),
        ({"objective": "auc", "n_evaluations": 1}, ValueError, "n_evaluations: expected at least"),
        ({"sampler": "tpu"}, ValueError, "unknown sampler 'tpu'"),
        ({"pruner": "medium"}, ValueError, "unknown pruner 'medium'"),
        ({"search": ["max_kl"]}, ValueError, "did you mean 'target_kl'"),
        ({"search": ["num_threads"]}, ValueError, "unknown option 'num_threads'"),
        ({"search": "target_kl"}, TypeError, "expected ranges by option"),
        ({"search": []}, ValueError, "expected at least one option"),
        ({"search": ["n_envs"]}, ValueError, "expected a range for n_envs"),
        ({"search": ["cg_tol"], "gamma": 0.9}, ValueError, "expected a range for cg_tol"),
        ({"search": ["gamma"], "gamma": 0.9}, ValueError, "options that are not fixed, got gamma"),
        ({"search": ["critic_learning_rate"]}, ValueError, "has no effect with the other options"),
        ({"search": {"gae_lambda": "0.9:1.1"}}, ValueError, r"in \[0, 1\], got 1.1"),
        ({"lamda": 1}, TypeError, "unknown option 'lamda'"),
        ({"log": "x"}, TypeError, "log"),
        ({"env": "CartPol-v1"}, ValueError, "CartPol"),
        ({"algorithm": "nqg"}, ValueError, "unknown algorithm 'nqg'"),
        ({"env": gymnasium.make("CartPole-v1")}, TypeError, "callable that makes one"),
    ],
)  # fmt: skip
def test_mistakes_are_typed(arguments, kind, text, tmp_path):
    with pytest.raises((kind, gymnasium.error.Error), match=text):
        short(**arguments, run=tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_without_optuna_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r"tune needs optuna: pip install '\.\[tune\]'"):
        short()


def test_optuna_s_logging_is_left_as_it_was():
    before = optuna.logging.get_verbosity()
    short(n_trials=1)
    assert optuna.logging.get_verbosity() == before
