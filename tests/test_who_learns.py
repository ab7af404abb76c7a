"""One thread learns at a time, and nothing that interrupts it keeps others from learning later."""

import copy
import pickle
import signal
import sys
import threading
import time

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import fastpg
from fastpg.training import signals

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals")


class Slow(gymnasium.Env):
    """Its reset takes a moment."""

    observation_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        time.sleep(0.2)
        self.t = 0
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.t += 1
        return self.np_random.uniform(-1, 1, 2).astype(np.float32), 1.0, False, self.t >= 50, {}


def in_thread(call):
    """What a call raises in another thread; None if nothing."""
    found = []

    def run():
        try:
            call()
            found.append(None)
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def test_of_two_threads_one_learns():
    algo = fastpg.NPG("linear", Slow, n_envs=1, n_steps=50, seed=0)
    errors = []

    def learn():
        try:
            algo.learn(200)
        except RuntimeError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=learn) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == ["learn: already learning, and called from a second thread"] * 2
    assert algo.num_timesteps == 200


USES = {
    "save": lambda algo, folder: algo.save(folder / "saved"),
    "save_checkpoint": lambda algo, folder: algo.save_checkpoint(folder / "kept"),
    "state": lambda algo, folder: algo.state(),
    "deepcopy": lambda algo, folder: copy.deepcopy(algo),
    "copy": lambda algo, folder: copy.copy(algo),
    "pickle": lambda algo, folder: pickle.dumps(algo),
}


@pytest.mark.parametrize("name", USES)
def test_what_reads_all_of_an_algorithm_is_of_the_thread_that_learns(name, tmp_path):
    """Its parts change one after the other."""
    algo, seen = fastpg.PPO("mlp", "CartPole-v1", n_envs=2, n_steps=64, seed=0), []

    def callback(record):
        seen.append(in_thread(lambda: USES[name](algo, tmp_path)))
        USES[name](algo, tmp_path)

    algo.learn(256, callback)
    assert [type(error) for error in seen] == [RuntimeError] * 2
    assert "the algorithm learns in another thread" in str(seen[0])
    assert in_thread(lambda: USES[name](algo, tmp_path)) is None


def test_a_callback_that_moves_to_another_environment_is_an_error():
    algo = fastpg.NPG("linear", "CartPole-v1", n_envs=2, n_steps=64, seed=0)
    env = algo.env
    with pytest.raises(RuntimeError, match="use_env: expected a call between two calls of learn"):
        algo.learn(512, lambda record: algo.use_env("CartPole-v1"))
    assert algo.env is env
    algo.learn(512)
    algo.use_env("CartPole-v1")
    assert algo.learn(512).num_timesteps == 512


class Injected:
    """Sends SIGINT at the k-th place in some files where Python looks at signals: after calls."""

    def __init__(self, k, files, then=()):
        self.left, self.files, self.then = k, files, list(then)

    def __call__(self, frame, event, argument):
        if event in ("call", "c_return") and frame.f_code.co_filename.endswith(self.files):
            self.left -= 1
            if self.left == 0:
                self.left = self.then.pop(0) if self.then else -1
                signal.raise_signal(signal.SIGINT)


def interrupted(make, files, k, then=()):
    """Learn with a SIGINT at a place; what sent it, and the algorithm."""
    algo = make()
    injected = Injected(k, files, then)
    sys.setprofile(injected)
    try:
        algo.learn(128)
    except KeyboardInterrupt:
        pass
    finally:
        sys.setprofile(None)
    return injected, algo


def small():
    return fastpg.NPG("linear", "CartPole-v1", n_envs=2, n_steps=32, seed=0)


FILES = ("algorithms/base.py", "training/signals.py", "training/logged_values.py")


@POSIX
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of the second one
@pytest.mark.parametrize("then", [(), (1,), (2,), (4,)], ids=["once", "at once", "soon", "later"])
def test_ctrl_c_anywhere_leaves_an_algorithm_that_learns(then):
    """Also a second one right after it."""
    handler = signal.getsignal(signal.SIGINT)
    places = 10**6 - interrupted(small, FILES, 10**6)[0].left
    assert places > 20
    for k in range(1, places + 1):
        _, algo = interrupted(small, FILES, k, then)
        assert signal.getsignal(signal.SIGINT) is handler, k
        assert signals._deferring == [], k
        assert algo._learner is None, k
        algo.learn(64)
    time.sleep(signals.GRACE)  # after which no later kernel ends
    policy = fastpg.LinearSoftmax(4, 2)
    fastpg.collect(fastpg.make_vec("CartPole-v1", 64), policy, n_steps=5000)


def test_an_exception_of_a_handler_comes_through():
    """One that comes while an observation is turned into an array is no fault of it."""

    class Timeout(Exception):
        pass

    def raising(frame, event, argument):
        if event == "c_return" and frame.f_code.co_name == "_array":
            sys.setprofile(None)
            raise Timeout

    algo = small()
    sys.setprofile(raising)
    try:
        with pytest.raises(Timeout):
            algo.predict([[0.0] * 4] * 2)
    finally:
        sys.setprofile(None)


def test_errors_of_the_user_name_no_tuned_settings():
    for wrong, text in (
        ({"seed": -1}, "seed: expected"),
        ({"policy_kwargs": {"features": "nope"}}, "unknown features 'nope'"),
        ({"env_kwargs": {"max_episode_steps": 0}}, "max_episode_steps: expected"),
    ):
        with pytest.raises(ValueError, match=text) as found:
            fastpg.train("npg", "CartPole-v1", **wrong)
        assert "with the settings" not in str(found.value)


def test_names_of_vector_environments_elsewhere():
    env = fastpg.make_vec("CartPole-v1", 2)
    for name, words in (("seed", "reset"), ("env_method", "call"), ("envs", "get_attr")):
        with pytest.raises(AttributeError, match=f"no attribute '{name}': .*{words}"):
            getattr(env, name)
    assert not hasattr(env, "nothing")
    with pytest.raises(TypeError, match=r"'features_extractor_class': .*policy='linear'"):
        fastpg.PPO("mlp", "Pendulum-v1", policy_kwargs={"features_extractor_class": int})
