"""Callbacks: what is one, when each method is called, and the ready ones."""

import signal

import gymnasium
import numpy as np
import pytest

import fastpg
from fastpg import callbacks
from processes import python
from trainings import NAMES, untimed


def learner(name="npg", **options):
    return fastpg.algorithms.ALGORITHMS[name]("linear", "CartPole-v1", seed=0, **options)


class Counting(callbacks.Callback):
    """Notes the name of each method that is called."""

    def __init__(self, fails=""):
        self.calls, self._fails = [], fails

    def _note(self, name):
        self.calls.append(name)
        if name == self._fails:
            raise LookupError(name)

    def on_training_start(self, algo, total_timesteps):
        self._note("start")

    def on_iteration(self, record):
        self._note("iteration")

    def on_evaluation(self, record):
        self._note("evaluation")

    def on_training_end(self):
        self._note("end")


@pytest.mark.parametrize("name", NAMES)
def test_what_looks_on_changes_no_bit(name, tmp_path, capsys):
    from fastpg import loggers

    plain = learner(name).learn(20_000)
    seen = []
    watched = learner(name).learn(
        20_000,
        [
            callbacks.EvalCallback(eval_freq=3000, deterministic=False, n_eval_episodes=3),
            callbacks.CheckpointCallback(7000, tmp_path / "checkpoints"),
            callbacks.StopTrainingOnMaxEpisodes(10**9),
            callbacks.StopTrainingAfterSeconds(1e9),
            callbacks.StopTrainingOnRewardThreshold(1e9),
            callbacks.StopTrainingOnNoModelImprovement(10**9),
            (seen.append, Counting()),
        ],
        log=[loggers.ConsoleLogger(), loggers.CsvLogger(tmp_path / "x.csv"), tmp_path / "run"],
        progress_bar=True,
        eval_env=gymnasium.make("CartPole-v1"),
        n_eval_episodes=2,
    )
    assert np.array_equal(plain.policy.theta, watched.policy.theta)
    assert untimed(plain.history) == untimed(watched.history) == untimed(seen)


LAZY = """
import sys, fastpg
late = ("callbacks.evaluation", "loggers.base", "run_folder", "run_config")
assert not any(f"fastpg.training.{name}" in sys.modules for name in late)
assert fastpg.callbacks.EvalCallback and fastpg.loggers.RunFolder
assert "rich" not in sys.modules and "tensorboard" not in sys.modules
"""


def test_they_are_imported_when_they_are_used():
    done = python(LAZY)
    assert done.returncode == 0, done.stderr
    with pytest.raises(AttributeError, match="no attribute 'callback'"):
        _ = fastpg.callback


def test_methods_are_called_in_order():
    one = Counting()
    learner(n_envs=4, n_steps=512).learn(4096, one, eval_freq=2048)
    assert one.calls == ["start", "iteration", "evaluation", "iteration", "evaluation", "end"]
    assert one.algo.num_timesteps == 4096


@pytest.mark.parametrize("fails", ["start", "iteration", "evaluation", "end"])
def test_each_start_has_one_end_whatever_fails(fails):
    before, broken, after = Counting(), Counting(fails), Counting()
    algo = learner()
    algo.learn(2000)
    with pytest.raises(LookupError, match=fails):
        algo.learn(4000, [before, [broken, after]], eval_freq=1000)
    for one in (before, broken, after):
        assert one.calls.count("start") == one.calls.count("end")
    assert before.calls.count("end") == broken.calls.count("end") == 1
    if fails == "start":
        assert (algo.num_timesteps, after.calls) == (2000, [])
    algo.learn(2000)


def test_a_stop_and_ctrl_c_end_each_callback():
    one = Counting()
    learner().learn(10_000, [lambda record: False, one])
    assert one.calls == ["start", "iteration", "end"]

    two = Counting()
    with pytest.raises(KeyboardInterrupt):
        learner().learn(10_000, [lambda record: signal.raise_signal(signal.SIGINT), two])
    assert two.calls == ["start", "iteration", "end"]


def test_an_object_with_some_methods_and_numpy_s_false():
    class Mine:
        def on_iteration(self, record):
            record.clear()  # a copy
            return np.bool_(False)

    algo = learner().learn(10_000, [Mine(), (lambda record: record["time/fps"],)])
    assert len(algo.history) == 1
    assert "time/fps" in algo.history[0]


@pytest.mark.parametrize("wrong", [3, "runs/x", [3], {}, callbacks.ProgressBarCallback, object()])
def test_what_is_no_callback(wrong):
    algo = learner()
    with pytest.raises(TypeError, match=r"expected (a function of a record|an object)"):
        algo.learn(10_000, wrong)
    assert algo.history == []


def test_evaluations_and_the_best_model(tmp_path):
    best, each = Counting(), Counting()
    evaluation = callbacks.EvalCallback(
        "CartPole-v1",
        eval_freq=5000,
        n_eval_episodes=5,
        best_model_save_path=tmp_path / "best",
        callback_on_new_best=best,
        callback_after_eval=[each],
    )
    with pytest.raises(RuntimeError, match="expected an evaluation first"):
        evaluation.best_model()
    seen = Counting()
    algo = learner().learn(30_000, [evaluation, seen])
    records = evaluation.evaluations
    assert seen.calls.count("evaluation") == len(records) == 6
    means = [record["eval/mean_reward"] for record in records]
    assert each.calls == ["start", *["evaluation"] * 6, "end"]
    news = sum(mean > max(means[:k], default=-1.0) for k, mean in enumerate(means))
    assert best.calls == ["start", *["evaluation"] * news, "end"]
    assert evaluation.best_mean_reward == max(means)
    model = evaluation.best_model()
    stored = fastpg.load(tmp_path / "best" / "best_model.npz")
    where = means.index(max(means))
    for found in (model, stored):
        assert found.num_timesteps == records[where]["time/total_timesteps"]
        assert np.array_equal(found.policy.theta, stored.policy.theta)
    model.use_env("CartPole-v1")
    model.learn(2000)
    assert algo.num_timesteps == 30_000


@pytest.mark.parametrize("policy", ["linear", "mlp"])
@pytest.mark.parametrize("name", NAMES)
def test_the_best_model_is_a_state_and_not_the_learner(name, policy):
    """It keeps its parameters while the training goes on, and predicts like a stored model."""
    kept = []
    evaluation = callbacks.EvalCallback(
        eval_freq=1000,
        n_eval_episodes=1,
        callback_on_new_best=lambda record: kept.append(algo.policy.theta.copy()),
    )
    kind = fastpg.algorithms.ALGORITHMS[name]
    algo = kind(policy, "CartPole-v1", seed=0, n_envs=4, baseline="mlp")
    algo.learn(6000, evaluation)
    model = evaluation.best_model()
    assert np.array_equal(model.policy.theta, kept[-1])
    model.use_env("CartPole-v1")
    model.learn(1000)
    assert np.array_equal(evaluation.best_model().policy.theta, kept[-1])
    assert len(algo.history) >= len(evaluation.best_model().history) > 0


def test_train_has_the_arguments_of_learn(tmp_path, capsys):
    fastpg.train(
        "npg", "CartPole-v1", total_timesteps=8000, seed=0, log=tmp_path / "x", eval_freq=4000,
        n_eval_episodes=2, progress_bar=True,
    )  # fmt: skip
    assert fastpg.load(tmp_path / "x" / "final.npz").num_timesteps == 8000
    assert len((tmp_path / "x" / "evaluations.jsonl").read_text().splitlines()) == 2
    assert "8,000 of 8,000 steps" in capsys.readouterr().err
    with pytest.raises(TypeError, match=r"log_interval.*belongs to learn\(\)"):
        fastpg.train("npg", "CartPole-v1", log_interval=3)


def test_evaluations_are_those_of_evaluate_policy():
    evaluation = callbacks.EvalCallback(eval_freq=10_000, seed=7, n_eval_episodes=4)
    algo = learner().learn(10_000, evaluation)
    env = fastpg.make_vec("CartPole-v1", 4)
    returns, lengths = fastpg.evaluate_policy(algo, env, 4, seed=7, return_episode_rewards=True)
    assert evaluation.evaluations == [
        {
            "eval/mean_reward": returns.mean(),
            "eval/std_reward": returns.std(),
            "eval/mean_ep_length": lengths.mean(),
            "time/total_timesteps": 10_000,
        }
    ]


def test_functions_of_an_evaluation_get_its_record():
    seen = []
    evaluation = callbacks.EvalCallback(
        eval_freq=2000, callback_after_eval=[seen.append, lambda record: len(seen) < 2]
    )
    algo = learner(n_steps=512).learn(20_000, evaluation)
    assert seen == evaluation.evaluations
    assert len(seen) == 2
    assert algo.num_timesteps < 20_000
    with pytest.raises(TypeError, match="callback_on_new_best: expected a function"):
        callbacks.EvalCallback(callback_on_new_best=3)


def test_the_environment_of_the_training_is_no_environment_of_an_evaluation():
    env = gymnasium.make("CartPole-v1")
    algo = fastpg.NPG("linear", env, seed=0)
    with pytest.raises(ValueError, match="expected an environment of its own"):
        algo.learn(2000, eval_env=env)
    with pytest.raises(ValueError, match="expected an environment of its own"):
        algo.learn(2000, eval_env=algo.env)
    with pytest.raises(ValueError, match="observation"):
        algo.learn(2000, eval_env="Acrobot-v1")


def test_a_learn_that_goes_on_is_evaluated_at_the_steps_of_one_without_a_stop():
    def steps(stop):
        algo = learner(n_envs=4, n_steps=256)
        evaluation = callbacks.EvalCallback(eval_freq=2500, n_eval_episodes=1)
        algo.learn(10_000, [evaluation, lambda record: algo.num_timesteps < stop])
        if stop < 10_000:
            algo.learn(None, evaluation)
        return [record["time/total_timesteps"] for record in evaluation.evaluations]

    straight = steps(10_000)
    assert len(straight) == 4
    assert straight == steps(3000) == steps(1500) == steps(7600)


def test_stops_by_evaluations():
    def means(callback, *values):
        return [callback.on_evaluation({"eval/mean_reward": value}) for value in values]

    threshold = callbacks.StopTrainingOnRewardThreshold(10, times=2)
    assert means(threshold, 11, 9, 10, 10) == [True, True, True, False]
    patience = callbacks.StopTrainingOnNoModelImprovement(1, min_evals=2)
    assert means(patience, 5, 4, 3, 6, 6, 6) == [True, True, True, True, True, False]

    algo = learner().learn(
        100_000, callbacks.StopTrainingOnRewardThreshold(400.0), eval_freq=5000, n_eval_episodes=3
    )
    assert 0 < algo.num_timesteps < 100_000
    inside = callbacks.EvalCallback(
        eval_freq=5000,
        n_eval_episodes=3,
        callback_on_new_best=callbacks.StopTrainingOnRewardThreshold(400.0),
    )
    assert learner().learn(100_000, inside).num_timesteps == algo.num_timesteps


def test_stops_by_episodes_and_time():
    algo = learner().learn(100_000, callbacks.StopTrainingOnMaxEpisodes(200))
    lengths = [record["rollout/ep_len_mean"] for record in algo.history]
    assert 200 <= algo.num_episodes <= 200 + 2048 / min(lengths) * 3
    before = algo.num_episodes
    algo.learn(100_000, callbacks.StopTrainingOnMaxEpisodes(10))
    assert before + 10 <= algo.num_episodes < before + 2048
    assert len(learner().learn(100_000, callbacks.StopTrainingAfterSeconds(1e-9)).history) == 1


def test_episodes_are_counted_across_an_interruption():
    whole = learner().learn(60_000, callbacks.StopTrainingOnMaxEpisodes(250))
    algo, counting = learner(), callbacks.StopTrainingOnMaxEpisodes(250)
    algo.learn(60_000, [counting, lambda record: record["time/iterations"] < 3])
    assert algo.num_episodes < 250
    algo.learn(None, counting)
    assert algo.num_episodes == whole.num_episodes
    assert np.array_equal(algo.policy.theta, whole.policy.theta)
    other = learner()
    other.learn(60_000, [counting, lambda record: record["time/iterations"] < 2])
    other.learn(None, counting)
    assert other.num_episodes == whole.num_episodes


def test_checkpoints(tmp_path):
    learner(n_envs=4, n_steps=512).learn(
        6144, callbacks.CheckpointCallback(3000, tmp_path / "new", name_prefix="x")
    )
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == [
        "x_4096_steps.npz",
        "x_6144_steps.npz",
    ]
    assert fastpg.load(tmp_path / "new" / "x_4096_steps.npz").num_timesteps == 4096


def test_a_learn_that_goes_on_is_saved_at_the_steps_of_one_without_a_stop(tmp_path):
    def steps(stop):
        algo, folder = learner(n_envs=4, n_steps=256), tmp_path / str(stop)
        saving = callbacks.CheckpointCallback(2500, folder)
        algo.learn(10_000, [saving, lambda record: algo.num_timesteps < stop])
        if stop < 10_000:
            algo.learn(None, saving)
        return sorted(path.name for path in folder.iterdir())

    straight = steps(10_000)
    assert len(straight) == 4
    assert straight == steps(3000) == steps(7600)


@pytest.mark.parametrize("goes_on", [False, True])
def test_counts_of_evaluations_begin_anew_unless_a_learn_goes_on(goes_on):
    patience = callbacks.StopTrainingOnNoModelImprovement(1)
    threshold = callbacks.StopTrainingOnRewardThreshold(10, times=2)
    algo = learner(n_envs=2, n_steps=64)
    for callback in (patience, threshold):
        callback.on_training_start(algo, 1000)
    for mean in (1e9, 10.0):
        assert patience.on_evaluation({"eval/mean_reward": mean})
    assert threshold.on_evaluation({"eval/mean_reward": 10.0})
    if goes_on:
        algo.learn(1000, lambda record: False)
    for callback in (patience, threshold):
        callback.on_training_start(algo, 1000)
        assert callback.on_evaluation({"eval/mean_reward": 10.0}) is not goes_on


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tb_log_name", "TensorBoardLogger"),
        ("eval_log_path", "runs/NAME"),
        ("verbose", "progress_bar=True"),
        ("callbacks", "did you mean 'callback'"),
        ("progresbar", "did you mean 'progress_bar'"),
    ],
)
def test_arguments_of_others(name, text):
    algo = learner()
    with pytest.raises(TypeError, match=f"unknown argument of learn '{name}'.*{text}"):
        algo.learn(1000, **{name: 1})
    with pytest.raises(TypeError, match=r"argument of EvalCallback 'log_path'.*runs/NAME"):
        callbacks.EvalCallback(log_path="x")


@pytest.mark.parametrize(
    "given", [{"eval_freq": 0}, {"n_eval_episodes": 0}, {"log_interval": 0}, {"progress_bar": 1}]
)
def test_arguments_out_of_range(given):
    algo = learner()
    with pytest.raises((TypeError, ValueError), match=next(iter(given))):
        algo.learn(1000, **given)
    assert algo.history == []


NEEDY = [
    callbacks.StopTrainingOnRewardThreshold(475.0),
    callbacks.StopTrainingOnNoModelImprovement(3),
]


@pytest.mark.parametrize("one", NEEDY, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("given", [lambda one: one, lambda one: [len, [one]]])
def test_a_callback_without_evaluations_warns(one, given):
    algo = fastpg.NPG("linear", "CartPole-v1", seed=0)
    words = f"^{type(one).__name__}: there are no evaluations"
    with pytest.warns(UserWarning, match=words) as found:
        algo.learn(2_048, given(one))
    assert found[0].filename == __file__
    assert algo.num_timesteps == 2_048


class Announces(callbacks.Callback):
    def on_iteration(self, record):
        self.announce({"eval/mean_reward": 1.0})


@pytest.mark.parametrize(
    "given",
    [
        {"eval_freq": 1_024},
        {"callback": [NEEDY[0], callbacks.EvalCallback(eval_freq=1_024)]},
        {"callback": callbacks.EvalCallback(callback_after_eval=NEEDY[0])},
        {"callback": [NEEDY[0], Announces()]},
    ],
)
def test_a_callback_with_evaluations_does_not_warn(given, recwarn):
    given = {"callback": NEEDY[0], "n_eval_episodes": 1} | given
    fastpg.NPG("linear", "CartPole-v1", seed=0).learn(2_048, **given)
    assert not recwarn.list


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("model", r"self\.algo"),
        ("num_timesteps", r"self\.algo\.num_timesteps"),
        ("training_env", r"self\.algo\.env"),
        ("logger", r"self\.algo\.history"),
        ("other", "has no attribute 'other'$"),
    ],
)
def test_attributes_of_callbacks_elsewhere(name, words):
    class Mine(callbacks.Callback):
        def on_iteration(self, record):
            getattr(self, name)

    with pytest.raises(AttributeError, match=words):
        fastpg.NPG("linear", "CartPole-v1", seed=0).learn(2048, Mine())


def test_a_callback_that_passes_verbose_on():
    class Mine(callbacks.Callback):
        def __init__(self, verbose=0):
            super().__init__(verbose)

    with pytest.raises(TypeError, match="expected no arguments, got 1; of verbose: nothing is"):
        Mine(1)
