"""check_env names what is wrong with an environment: errors as in training, and warnings."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

import fastpg


class Walk(gymnasium.Env):
    """A random walk in [-9, 9] that lasts five steps; it has no faults."""

    observation_space = spaces.Box(-9, 9, (2,))
    action_space = spaces.Discrete(3)

    def observe(self):
        return np.array([self.t, self.x], np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.x = 0, self.np_random.uniform(-1, 1)
        return self.observe(), {}

    def step(self, action):
        self.t += 1
        self.x += self.np_random.uniform(-1, 1)
        return self.observe(), 1.0, self.t >= 5, False, {}


def changed(**members):
    return type("Changed", (Walk,), members)


def observing(observe, space=Walk.observation_space):
    return changed(observe=observe, observation_space=space)


def stepping(**parts):
    names = ("observation", "reward", "terminated", "truncated", "info")

    def step(self, action):
        return tuple((dict(zip(names, Walk.step(self, action), strict=True)) | parts).values())

    return changed(step=step)


ERRORS = {
    "shape": (observing(lambda s: np.zeros(3, np.float32)), ValueError,
              r"Changed.reset: observation: expected shape \(2,\), got \(3,\)"),
    "dtype": (observing(lambda s: np.zeros(2), spaces.Box(-9, 9, (2,), np.int64)), TypeError,
              "Changed.reset: observation: expected dtype int64, got float64"),
    "nan": (observing(lambda s: np.array([s.t, np.nan], np.float32)), ValueError,
            r"Changed.reset: observation: expected finite values, shape \(2,\) and dtype float32; "
            r"got nan at index \(1,\)"),
    "not in a Discrete": (observing(lambda s: 5 + s.t, spaces.Discrete(5)), ValueError,
                          "observation: expected values of its space, got 5"),
    "flags": (observing(lambda s: np.array([0, 7], np.int8), spaces.MultiBinary(2)), ValueError,
              "observation: expected values of its space, got 7, from environment 0 in its reset"),
    "flags of a part": (observing(lambda s: {"a": np.array([-1], np.int8)},
                                  spaces.Dict(a=spaces.MultiBinary(1))), ValueError,
                        r"observation\['a'\]: expected values of its space, got -1"),
    "flags of many bits": (observing(lambda s: np.array([0, 256]), spaces.MultiBinary(2)),
                           ValueError, "observation: expected values of its space, got 256"),
    "reward": (stepping(reward="much"), TypeError, "Changed.step: expected a reward that is one"),
    "nan reward": (stepping(reward=float("nan")), ValueError,
                   "Changed.step: expected a finite reward, got nan"),
    "terminated": (stepping(terminated=None), TypeError, "terminated to be True or False, got No"),
    "truncated": (stepping(truncated="no"), TypeError, "truncated to be True or False, got 'no'"),
    "no info": (changed(reset=lambda s, *, seed=None, options=None: Walk.reset(s)[0]), TypeError,
                r"Changed.reset: expected \(observation, info\)"),
    "no seed": (changed(reset=lambda s: Walk.reset(s)), TypeError, "reset: expected to take seed"),
    "four values": (changed(step=lambda s, a: Walk.step(s, a)[:4]), ValueError,
                    "Changed.step: expected 5 values .*, got a tuple of 4"),
    "size of the mask": (stepping(info={"action_mask": np.ones(4, bool)}), ValueError,
                         r"info\['action_mask'\]: expected 3 flags, got 4"),
    "values of the mask": (stepping(info={"action_mask": np.array([0, 1, 2])}), ValueError,
                           r"info\['action_mask'\]: expected flags, 0 or 1"),
    "empty mask": (stepping(info={"action_mask": np.zeros(3, bool)}), ValueError, "mask"),
    "image": (changed(observation_space=spaces.Box(0, 255, (64, 64, 3), np.uint8)), ValueError,
              "shaped like an image"),
    "kind of observation": (changed(observation_space=spaces.Text(3)), ValueError,
                            "observation space: expected Box, Discrete, .*got Text"),
    "kind of action": (changed(action_space=spaces.Tuple((spaces.Discrete(2),))), ValueError,
                       "Discrete, MultiDiscrete or Box action space, got Tuple"),
    "flags of actions": (changed(action_space=spaces.Box(0, 1, (2,), np.bool_)), ValueError,
                         "expected a Box action space with numbers, got Box.*bool"),
    "no action": (changed(action_space=spaces.Box(0, 1, (0,))), ValueError,
                  "expected a Box action space with numbers, got Box"),
    "no space": (changed(action_space=None), TypeError, "Changed.action_space: expected a gymn"),
    "no environment": (lambda: 3, TypeError, "expected the callable to make a gymnasium.Env"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_those_of_training(name):
    env, error, words = ERRORS[name]
    with pytest.raises(error, match=words):
        fastpg.check_env(env)
    with pytest.raises(error):
        fastpg.train("npg", env, total_timesteps=200, seed=0, n_envs=2)


class Reused(Walk):
    room = np.zeros(2, np.float32)

    def observe(self):
        self.room[:] = self.t, self.x
        return self.room


def unseeded_reset(self, *, seed=None, options=None):
    return Walk.reset(self, seed=None)


def unseeded_step(self, action):
    self.x = np.random.default_rng().uniform()
    return Walk.step(self, action)


def endless_step(self, action):
    return Walk.observe(self), 1.0, False, False, {}


WARNINGS = {
    "bounds": (observing(lambda s: np.array([s.t, 9 + s.t], np.float32)),
               r"Changed.step: observation: expected values within its space, got 10.0 at index "
               r"\(1,\), bounds -9.0 and 9.0"),
    "dtype": (observing(lambda s: np.array([s.t, s.x])),
              "Changed.reset: observation: expected dtype float32, got float64"),
    "a part": (observing(lambda s: {"a": np.array([11], np.float32)},
                         spaces.Dict(a=spaces.Box(-9, 9, (1,)))),
               r"observation\['a'\]: expected values within its space, got 11.0"),
    "reused": (Reused, r"Reused.step: observation: the array .* shape \(2,\) and dtype float32, "
               "is changed in place"),
    "unseeded reset": (changed(reset=unseeded_reset), "observations differ from the first reset"),
    "unseeded step": (changed(step=unseeded_step), "observations differ from row 2 on"),
    "endless": (changed(step=endless_step), "no episode ended within 200 steps"),
    "unbounded": (changed(action_space=spaces.Box(-np.inf, np.inf, (1,))), "bounds are infinite"),
    "large observations": (observing(lambda s: np.array([s.t, 500], np.float32),
                                     spaces.Box(-999, 999, (2,))),
                           "observations reach 500 in magnitude: .*normalize_observations"),
    "large rewards": (stepping(reward=-2000), "rewards reach 2000 .*normalize_reward"),
}  # fmt: skip


@pytest.mark.parametrize("name", WARNINGS)
def test_warnings(name):
    env, words = WARNINGS[name]
    with pytest.warns(UserWarning, match=words) as caught:
        fastpg.check_env(env)
    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "env",
    [
        Walk,
        Walk(),
        lambda: gymnasium.wrappers.TimeLimit(changed(step=endless_step)(), 400),
        stepping(info={"action_mask": np.array([1, 0, 1])}),
        SyncVectorEnv([Walk] * 3),
        fastpg.make_vec("CartPole-v1", 3),
        "Pendulum-v1",
    ],
)
def test_environments_without_faults(env):
    fastpg.check_env(env)


def test_a_vector_environment_in_other_processes():
    env = AsyncVectorEnv([Walk] * 2)
    fastpg.check_env(env, n_steps=20)
    env.reset()  # it was left open
    env.close()


def of_gymnasium():
    makers = ("gymnasium.envs.classic_control", "gymnasium.envs.toy_text", "fastpg")
    return [name for name, s in gymnasium.registry.items() if str(s.entry_point).startswith(makers)]


@pytest.mark.parametrize("env_id", of_gymnasium())
def test_registered_environments_pass(env_id):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fastpg.check_env(env_id)
    allowed = ("no time limit is known", "is out of date")  # CliffWalking, CartPole-v0
    assert all(any(text in str(each.message) for text in allowed) for each in caught)


def test_training_is_the_same_after_a_check():
    one, two = Walk(), Walk()
    fastpg.check_env(two)
    algos = [fastpg.NPG("linear", env, seed=0, n_steps=32).learn(300) for env in (one, two)]
    assert np.array_equal(algos[0].policy.theta, algos[1].policy.theta)


@pytest.mark.parametrize("arguments", [{"n_steps": 0}, {"seed": -1}])
def test_arguments(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        fastpg.check_env(Walk, **arguments)


def test_the_command(run):
    cliff = next(name for name in gymnasium.registry if name.startswith("CliffWalking-"))
    done = run("check", "FrozenLake-v1", "--seed", 3)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "FrozenLake-v1 can be trained; 0 warnings\n"
    done = run("check", "--n-steps", 50, cliff)
    assert done.returncode == 0
    assert done.stdout.startswith("warning: CliffWalkingEnv: no episode ended within 50 steps")
    done = run("check", "CartPool-v1")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ValueError: unknown environment 'CartPool-v1'; did you")


def normalised(id="Pendulum-v1"):
    return gymnasium.wrappers.NormalizeObservation(gymnasium.make(id))


OUTSIDE = "NormalizeObservation: its running statistics are no part of the policy"


def test_running_statistics_are_not_blamed_on_the_environment():
    with pytest.warns(UserWarning, match=OUTSIDE) as found:
        fastpg.check_env(normalised())
    assert not any("cannot be repeated" in str(one.message) for one in found)


def test_findings_name_the_wrapper_that_may_be_their_cause():
    env = gymnasium.wrappers.TransformReward(gymnasium.make("Pendulum-v1"), lambda r: 1e4 * r)
    with pytest.warns(UserWarning, match=r"^TransformReward\(PendulumEnv\): rewards reach"):
        fastpg.check_env(env)


@pytest.mark.parametrize(
    "make",
    [
        normalised,
        lambda: normalised,
        lambda: gymnasium.vector.SyncVectorEnv([normalised] * 2),
        lambda: gymnasium.wrappers.vector.NormalizeObservation(
            gymnasium.vector.SyncVectorEnv([lambda: gymnasium.make("Pendulum-v1")] * 2)
        ),
        lambda: gymnasium.wrappers.vector.NormalizeObservation(fastpg.make_vec("Pendulum-v1", 2)),
    ],
)
def test_algorithms_warn_of_running_statistics_outside_the_policy(make):
    with pytest.warns(UserWarning, match=OUTSIDE) as found:
        fastpg.NPG("linear", make())
    assert found[0].filename == __file__
    assert len(found) == 1


def test_normalisation_by_the_policy_gives_no_warning(recwarn):
    kwargs = {"normalize_observations": True}
    fastpg.NPG("linear", gymnasium.make("Pendulum-v1"), policy_kwargs=kwargs)
    assert not recwarn.list
