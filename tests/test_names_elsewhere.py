"""Names of stable-baselines3 that fastpg has not: the error says what does their work."""

import copy
import inspect
import pkgutil
import traceback

import gymnasium
import numpy as np
import pytest

import fastpg
from fastpg import callbacks, loggers, names_elsewhere, tabular
from fastpg.public_names import PUBLIC, exported


@pytest.mark.parametrize("kind", [fastpg.PPO, fastpg.TRPO])
@pytest.mark.parametrize("policy", ["linear", "mlp"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("n_timesteps", r"it belongs to learn\(\) and train\(\), as total_timesteps"),
        ("tensorboard_log", r"learn\(log='runs/NAME'\)"),
        ("verbose", "nothing is printed"),
        ("use_sde", "there is no gSDE: .*log_std_init"),
        ("sde_sample_freq", "there is no gSDE"),
        ("_init_setup_model", "always ready to learn"),
        ("device", "on the CPU alone; num_threads"),
        ("stats_window_size", "over the last 100 episodes"),
        ("rollout_buffer_class", r"fastpg.Rollout objects, as fastpg.collect\(\)"),
        ("rollout_buffer_kwargs", r"fastpg.Rollout objects, as fastpg.collect\(\)"),
        ("sub_sampling_factor", "fisher_subsample, a fraction: 1 / sub_sampling_factor"),
    ],
)
def test_arguments_of_the_constructors(kind, policy, name, words):
    with pytest.raises(TypeError, match=f"{kind.__name__}: unknown option '{name}': .*{words}"):
        kind(policy, "CartPole-v1", **{name: 1})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("n_timesteps", "; did you mean 'total_timesteps'"),
        ("total_steps", "; did you mean 'total_timesteps'"),
        ("callbacks", "; did you mean 'callback'"),
        ("tb_log_name", r": learn\(log='runs/NAME'\) keeps records"),
        ("verbose", ": nothing is printed"),
    ],
)
def test_arguments_of_learn(name, words):
    algo = fastpg.PPO("linear", "CartPole-v1", seed=0)
    with pytest.raises(TypeError, match=f"unknown argument of learn '{name}'{words}"):
        algo.learn(total_timesteps=1000, **{name: 1})
    assert algo.num_timesteps == 0


GARNET = tabular.garnet(3, 2, 2, seed=0, horizon=4)
TABLE = tabular.TabularSoftmax(3, 2)


def model():
    return fastpg.PPO("linear", "CartPole-v1", seed=0)


CALLS = {
    "predict": lambda **wrong: model().predict(np.zeros(4), **wrong),
    "load": lambda **wrong: fastpg.load("none.npz", **wrong),
    "PPO.load": lambda **wrong: fastpg.PPO.load("none.npz", **wrong),
    "save": lambda **wrong: model().save("none.npz", **wrong),
    "save_checkpoint": lambda **wrong: model().save_checkpoint("none.npz", **wrong),
    "evaluate_policy": lambda **wrong: fastpg.evaluate_policy(model(), "CartPole-v1", **wrong),
    "check_env": lambda **wrong: fastpg.check_env("CartPole-v1", **wrong),
    "collect": lambda **wrong: fastpg.collect("CartPole-v1", model().policy, **wrong),
    "diagnose": lambda **wrong: fastpg.diagnose(model(), **wrong),
    "export": lambda **wrong: fastpg.export(model(), "none.py", **wrong),
    "gae": lambda **wrong: fastpg.gae([0.0], [0.0], [0.0], [False], [True], **wrong),
    "discounted_returns": lambda **wrong: fastpg.discounted_returns([0.0], [True], **wrong),
    "conjugate_gradient": lambda **wrong: fastpg.conjugate_gradient(np.eye(2), [1, 1], **wrong),
    "npg": lambda **wrong: tabular.npg(GARNET, TABLE, 1, **wrong),
    "pg": lambda **wrong: tabular.pg(GARNET, TABLE, 1, **wrong),
    "trpo": lambda **wrong: tabular.trpo(GARNET, TABLE, 1, **wrong),
    "ppo_penalty": lambda **wrong: tabular.ppo_penalty(GARNET, TABLE, 1, **wrong),
    "TabularVectorEnv": lambda **wrong: tabular.make_vec(GARNET, **wrong),
    "EvalCallback": callbacks.EvalCallback,
    "CheckpointCallback": lambda **wrong: callbacks.CheckpointCallback(10, "none", **wrong),
    "StopTrainingAfterSeconds": lambda **wrong: callbacks.StopTrainingAfterSeconds(1.0, **wrong),
    "StopTrainingOnMaxEpisodes": lambda **wrong: callbacks.StopTrainingOnMaxEpisodes(1, **wrong),
    "StopTrainingOnRewardThreshold": lambda **wrong: callbacks.StopTrainingOnRewardThreshold(
        1.0, **wrong
    ),
    "StopTrainingOnNoModelImprovement": lambda **wrong: callbacks.StopTrainingOnNoModelImprovement(
        1, **wrong
    ),
    "CsvLogger": lambda **wrong: loggers.CsvLogger("none.csv", **wrong),
    "RunFolder": lambda **wrong: loggers.RunFolder("none", **wrong),
}


@pytest.mark.parametrize("name", CALLS)
def test_unknown_arguments(name):
    words = f"^unknown argument of {name.rpartition('.')[2]} 'bogus' [(]known: "
    with pytest.raises(TypeError, match=words):
        CALLS[name](bogus=1)


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("predict", "state", ": policies have no state: leave it out"),
        ("predict", "episode_start", ": policies have no state: leave it out"),
        ("predict", "action_mask", "; did you mean 'action_masks'"),
        ("predict", "determinstic", "; did you mean 'deterministic'"),
        ("load", "custom_objects", ": options are keywords"),
        ("load", "device", ": fastpg runs on the CPU alone"),
        ("PPO.load", "device", ": fastpg runs on the CPU alone"),
        ("save", "exclude", ": everything that learning needs is saved"),
        ("StopTrainingOnRewardThreshold", "verbose", ": nothing is printed"),
        ("StopTrainingOnMaxEpisodes", "verbose", ": nothing is printed"),
        ("EvalCallback", "log_path", r": learn\(log='runs/NAME'\)"),
        ("check_env", "warn", ": the module warnings of Python"),
        ("gae", "lam", "; did you mean 'gae_lambda'"),
        ("conjugate_gradient", "cg_iters", "; did you mean 'max_steps'"),
        ("npg", "eta", "; did you mean 'step_size'"),
        ("pg", "eta", "; did you mean 'learning_rate'"),
        ("npg", "delta", "; did you mean 'target_kl'. .*target_kl in L4, and 2 target_kl in L6"),
        ("TabularVectorEnv", "n_envs", "; did you mean 'num_envs'"),
    ],
)
def test_arguments_of_functions(name, wrong, words):
    with pytest.raises(TypeError, match=f"'{wrong}'{words}"):
        CALLS[name](**{wrong: 1})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("n_envs", "; did you mean 'num_envs'"),
        ("seed", r": env.reset\(seed=…\) takes it, and the algorithms"),
        ("vec_env_cls", ": there is one class"),
        ("wrapper_class", ": wrap what make_vec returns"),
    ],
)
def test_arguments_of_make_vec(name, words):
    with pytest.raises(TypeError, match=f"CartPole-v1: unknown option '{name}'{words}"):
        fastpg.make_vec("CartPole-v1", **{name: 4})


def test_environments_that_make_vec_cannot_make():
    with pytest.raises(ValueError, match=r"a native environment .*got 'FrozenLake-v1': algorithms"):
        fastpg.make_vec("FrozenLake-v1")
    with pytest.raises(TypeError, match=r"expected a string .*; algorithms take an environment"):
        fastpg.make_vec(gymnasium.make("CartPole-v1"))


@pytest.mark.parametrize("kind", [fastpg.NPG, fastpg.REINFORCE])
def test_eta_and_delta(kind):
    of = "step_size" if kind is fastpg.NPG else "learning_rate"
    with pytest.raises(TypeError, match=f"unknown option 'eta'; did you mean '{of}'"):
        kind("linear", "CartPole-v1", eta=1.0)
    with pytest.raises(TypeError, match="2 target_kl in L6" if kind is fastpg.NPG else "'delta'"):
        kind("linear", "CartPole-v1", delta=0.01)


def test_arguments_of_evaluate_policy():
    algo = fastpg.PPO("linear", "CartPole-v1", seed=0)
    with pytest.raises(TypeError, match="'n_episodes'; did you mean 'n_eval_episodes'"):
        fastpg.evaluate_policy(algo, "CartPole-v1", n_episodes=3)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("share_features_extractor", "policy and value function share nothing"),
        ("squash_output", "clipped to the bounds"),
        ("optimizer_class", "the optimizer is an option of the algorithm"),
    ],
)
def test_arguments_of_the_policy(name, words):
    with pytest.raises(TypeError, match=f"unknown policy argument '{name}': .*{words}"):
        fastpg.PPO("mlp", "Pendulum-v1", policy_kwargs={name: 1})


@pytest.mark.parametrize("name", names_elsewhere.NOT_EXPORTED)
def test_names_that_others_export(name):
    words = f"module 'fastpg' has no attribute '{name}'; expected "
    with pytest.raises(ImportError, match=words):
        exec(f"from fastpg import {name}")
    with pytest.raises(AttributeError, match=words):
        getattr(fastpg, name)
    assert name not in fastpg.__all__


@pytest.mark.parametrize("module", PUBLIC)
def test_public_modules_suggest_names(module):
    imported = getattr(fastpg, module)
    assert exported(imported.__name__) == imported.__all__
    wrong = f"{imported.__all__[-1]}_"
    words = f"module 'fastpg.{module}' has no attribute '{wrong}'; did you mean "
    with pytest.raises(AttributeError, match=words):
        getattr(imported, wrong)
    with pytest.raises(ImportError, match=words):
        exec(f"from fastpg.{module} import {wrong}")
    with pytest.raises(AttributeError, match=r"no attribute 'TRPO'; expected fastpg\.TRPO"):
        imported.TRPO  # noqa: B018
    assert not hasattr(imported, "__wrapped__")


def test_every_module_with_public_names_is_known():
    found = {m.name for m in pkgutil.iter_modules(fastpg.__path__) if exported(f"fastpg.{m.name}")}
    assert found == {*PUBLIC, "algorithms", "cli"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("GAE", "did you mean 'gae'"),
        ("evalute_policy", "did you mean 'evaluate_policy'"),
        ("EvalCallback", "expected fastpg.callbacks.EvalCallback"),
        ("garnet", "expected fastpg.tabular.garnet"),
        ("TensorBoardLoger", "did you mean fastpg.loggers.TensorBoardLogger"),
        ("tabula", "did you mean fastpg.tabular"),
    ],
)
def test_names_of_the_package(name, words):
    with pytest.raises(AttributeError, match=f"module 'fastpg' has no attribute '{name}'; {words}"):
        getattr(fastpg, name)


def test_modules_of_others():
    with pytest.raises(ModuleNotFoundError, match=r"'fastpg\.common'; expected") as e:
        exec("from fastpg.common.callbacks import BaseCallback")
    assert e.value.name == "fastpg.common"
    with pytest.raises(ModuleNotFoundError, match=r"tabullar'; did you mean fastpg\.tabular"):
        exec("import fastpg.tabullar")
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'fastpg\.nothing'$"):
        exec("import fastpg.nothing")


def test_python_appends_no_suggestion_of_its_own():
    with pytest.raises(AttributeError) as caught:
        fastpg.tabular.grnet  # noqa: B018
    text = traceback.format_exception_only(caught.value)[-1]
    assert text.lower().count("did you mean") == 1


@pytest.mark.parametrize("name", names_elsewhere.NOT_AN_ATTRIBUTE)
def test_attributes_of_algorithms(name):
    algo = fastpg.PPO("linear", "CartPole-v1")
    with pytest.raises(AttributeError, match=f"'PPO' object has no attribute '{name}': .+"):
        getattr(algo, name)
    assert not hasattr(algo, "nothing")


@pytest.mark.parametrize("name", names_elsewhere.NOT_A_POLICY)
def test_policies(name):
    with pytest.raises(ValueError, match=f"unknown policy '{name}': "):
        fastpg.PPO(name, "CartPole-v1")


@pytest.mark.parametrize("name", names_elsewhere.NOT_A_HOOK)
def test_methods_of_callbacks(name):
    with pytest.raises(TypeError, match=f"Mine.{name} is never called: "):
        type("Mine", (fastpg.callbacks.Callback,), {name: lambda self: True})


def test_objects_that_are_callbacks_elsewhere():
    hooks = {"on_training_start": lambda self, *given: None, "on_step": lambda self: True}
    with pytest.raises(TypeError, match=r"Theirs\.on_step is never called: on_iteration"):
        fastpg.PPO("linear", "CartPole-v1").learn(100, callback=type("Theirs", (), hooks)())


def test_other_unknown_names():
    assert not hasattr(fastpg, "nothing")
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec("from fastpg import nothing")


def test_no_reason_is_given_for_a_known_name():
    learn = inspect.signature(fastpg.PPO.learn).parameters
    assert not set(names_elsewhere.NOT_OF_LEARN) & set(learn)
    assert list(learn)[:3] == ["self", "total_timesteps", "callback"]


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [
        (fastpg.NPG, "learning_rate", "step_size"),
        (fastpg.TRPO, "learning_rate", "target_kl"),
        (fastpg.NPG, "n_episodes", "n_steps"),
        (fastpg.REINFORCE, "step_size", "learning_rate"),
        (fastpg.PPO, "step_size", "learning_rate"),
        (fastpg.PPO, "epsilon", "clip_range"),
    ],
)
def test_names_of_other_algorithms(kind, wrong, right):
    with pytest.raises(TypeError, match=f"'{wrong}'; did you mean '{right}'"):
        kind("linear", "CartPole-v1", **{wrong: 1})


def test_an_mdp_is_no_environment():
    with pytest.raises(TypeError, match=r"fastpg.tabular.make_vec\(mdp, num_envs\)"):
        fastpg.NPG("linear", GARNET)


def test_what_becomes_of_dict_observations():
    with pytest.raises(ValueError, match="parts are flattened to one vector, Discrete ones as one"):
        fastpg.PPO("MultiInputPolicy", "CartPole-v1")
    with pytest.raises(ValueError, match=r"images are not supported: .* flattened to one"):
        fastpg.PPO("CnnPolicy", "CartPole-v1")


def test_the_first_arguments_of_an_evaluation_have_the_same_order():
    best, every = [], []
    given = callbacks.EvalCallback("CartPole-v1", best.append, every.append, 3, 500)
    assert (given.n_eval_episodes, given.eval_freq) == (3, 500)
    fastpg.NPG("linear", "CartPole-v1", seed=0, n_envs=4, n_steps=64).learn(1024, given)
    assert every == given.evaluations
    assert len(every) == 2
    assert best[0] == every[0]
    with pytest.raises(TypeError, match="positional arguments"):
        callbacks.EvalCallback("CartPole-v1", None, None, 3, 500, "logs")


def make():
    return gymnasium.make("CartPole-v1")


def test_a_list_of_callables():
    one = fastpg.PPO("MlpPolicy", [make] * 3, seed=0, n_steps=32).learn(192)
    other = fastpg.PPO("MlpPolicy", make, seed=0, n_steps=32, n_envs=3).learn(192)
    assert (one.env.num_envs, one.options.n_envs) == (3, 3)
    assert np.array_equal(one.policy.theta, other.policy.theta)
    one.use_env((make, make))
    assert one.env.num_envs == 2
    found = fastpg.evaluate_policy(one, [make] * 2, 4, seed=0)
    assert found == fastpg.evaluate_policy(
        one, gymnasium.vector.SyncVectorEnv([make] * 2), 4, seed=0
    )
    with pytest.raises(ValueError, match="n_envs: expected 3, the number of callables, got 2"):
        fastpg.PPO("linear", [make] * 3, n_envs=2)
    for wrong in ([], ["CartPole-v1"], [make()], [make, None]):
        with pytest.raises(
            TypeError, match=r"expected a list of callables, .*, or an id with n_envs"
        ):
            fastpg.PPO("linear", wrong)


class Parts(gymnasium.Env):
    observation_space = gymnasium.spaces.Dict(a=gymnasium.spaces.Box(-1, 1, (2,)))
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        return {"a": np.zeros(2, np.float32)}, {}

    def step(self, action):
        return *self.reset(), 0.0, True, False, {}


class Pair(Parts):
    observation_space = gymnasium.spaces.Tuple((Parts.observation_space,) * 2)

    def reset(self, *, seed=None, options=None):
        part = {"a": np.zeros(2, np.float32)}
        return (part, part), {}


def test_what_was_meant_in_predict():
    model, env = fastpg.PPO("linear", make), make()
    pair = "expected the observation alone, got the 2 values that env.reset"
    numbers = r"expected numbers of shape \(4,\), or several such observations, got "
    for wrong, words in (
        (env.reset(), pair),
        (gymnasium.make_vec("CartPole-v1", num_envs=2).reset(), pair),
        (env.step(0), r"got the 5 values that env.step\(action\) returns"),
        (None, f"{numbers}None"),
        ({"a": 1}, rf"{numbers}a dict with \['a'\]"),
    ):
        with pytest.raises(TypeError, match=f"observation: .*{words}"):
            model.predict(wrong)
    parts, several = fastpg.PPO("mlp", Parts), fastpg.PPO("mlp", Pair)
    for other, one in ((parts, Parts()), (several, Pair())):
        assert other.predict(one.reset()[0])[0] in (0, 1)
        with pytest.raises(TypeError, match=r"expected an observation of (Dict|Tuple).*got None"):
            other.predict(None)
    first, pair_of_parts = Parts().reset()[0], Pair().reset()[0]
    for other, one, kind in ((parts, first, "dict"), (several, pair_of_parts, "tuple")):
        for count in (1, 2, 5):
            with pytest.raises(TypeError, match=f"expected one {kind} .*, got a list of {kind}s"):
                other.predict([one] * count)
    with pytest.raises(TypeError, match=pair):
        parts.predict(Parts().reset())


@pytest.mark.parametrize("policy", ["linear", "mlp"])
@pytest.mark.parametrize("name", names_elsewhere.NOT_OF_A_POLICY)
def test_attributes_of_policies(policy, name):
    made = fastpg.PPO(policy, "CartPole-v1").policy
    with pytest.raises(
        AttributeError, match=f"{type(made).__name__}' object has no .*'{name}': .+"
    ):
        getattr(made, name)
    assert not hasattr(made, "nothing")
    assert np.array_equal(copy.deepcopy(made).theta, made.theta)


def test_what_stands_for_evaluate_actions_and_predict_values():
    algo = fastpg.PPO("mlp", "CartPole-v1", seed=0).learn(2048)
    observations = np.random.default_rng(0).normal(size=(5, 4))
    policy, steps = algo.policy, np.zeros(5, np.int64)
    dist = policy.distribution(policy.features(observations))
    log_prob, entropy = policy.log_prob(dist, [0, 1, 0, 1, 1]), policy.entropy(dist)
    values = algo.baseline.predict(observations, steps)
    assert log_prob.shape == entropy.shape == values.shape == (5,)
    assert np.array_equal(log_prob, dist[np.arange(5), [0, 1, 0, 1, 1]])
    assert np.array_equal(values, algo.baseline.values(observations.astype(np.float32), steps))


@pytest.mark.parametrize("baseline", ["linear", "mlp"])
def test_arrays_of_another_kind_for_a_baseline(baseline):
    found = fastpg.NPG("linear", "CartPole-v1", baseline=baseline, seed=0).learn(4096).baseline
    rows, steps = np.zeros((2, 4)), np.zeros(2, np.int64)
    before = found.predict(rows, steps)
    kinds = r"float32 \(n, 4\) as observations, int64 \(n,\) as step_index"
    for wrong in ((rows, steps), (rows.astype(np.float32), [0.5, 0.5]), ([0, 0, 0, 0], 0)):
        with pytest.raises(TypeError, match=rf"^values: expected .*{kinds}.*; predict takes other"):
            found.values(*wrong)
    with pytest.raises(TypeError, match=rf"^fit_rollout: expected .*{kinds}.*; fit takes other"):
        found.fit_rollout(rows, steps, np.zeros(2))
    assert np.array_equal(found.predict(rows, steps), before)
    assert "int64 (n,)" in inspect.getdoc(type(found).values)


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (fastpg.PPO, ("linear", "CartPole-v1")),
        (fastpg.LinearSoftmax, (4, 2)),
        (callbacks.Callback, ()),
    ],
)
def test_the_attribute_error_of_a_property_is_its_own(kind, arguments):
    class Mine(kind):
        @property
        def level(self):
            return self.nothing_here + 1

    with pytest.raises(AttributeError, match="'Mine' object has no attribute 'nothing_here'"):
        Mine(*arguments).level  # noqa: B018
