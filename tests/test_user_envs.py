"""Environments of users, as functions behind the C interface; here they are Python's."""

import ctypes
import math
import pickle
import warnings
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import corridor
import fastpg
from corridor import CORRIDOR, register
from fastpg import _core
from fastpg.algorithms import ALGORITHMS
from fastpg.envs import c_interface as c
from fastpg.rollouts.stepping import SteppingCollector
from processes import python

ID = "Corridor-v0"
IMPORTABLE = f"import sys; sys.path.insert(0, r'{Path(__file__).parent}');"
STAY = np.array([1, 0])


def policy_for(env, seed=0):
    policy = fastpg.LinearSoftmax.for_env(env)
    policy.theta = np.random.default_rng(seed).normal(scale=0.5, size=policy.shape)
    return policy


def same(one, other):
    return all(np.array_equal(getattr(one, name), value) for name, value in vars(other).items())


def test_it_is_a_whole_environment():
    env = fastpg.make_vec(ID, 3, gain=2.0, render_mode="rgb_array")
    assert env.single_action_space == spaces.MultiDiscrete([3, 2])
    assert env.single_observation_space == spaces.Box(-np.inf, np.inf, (2,))
    observations, info = env.reset(seed=0, options={"mark": 0.25})
    assert np.array_equal(observations[:, 1], [0.25] * 3)
    assert np.array_equal((env.state[0] / 9).astype(np.float32), observations[:, 0])
    assert info["action_mask"].shape == (3, 5)
    assert np.array_equal(info["action_mask"][:, 0], env.state[0] > 0)
    assert env.get_attr("gain") == (2.0, 2.0, 2.0)
    env.set_attr("gain", [1.0, 2.0, 3.0])
    assert [frame.max() for frame in env.render()] == [25, 50, 75]
    assert env.spec.max_episode_steps == 50
    assert env.spec.reward_threshold == 0.5
    single = gymnasium.make(ID, gain=2.0, disable_env_checker=True)
    observation, info = single.reset(seed=1)
    assert observation[1] == 0.5
    assert info["action_mask"].shape == (5,)
    assert single.unwrapped.gain == 2.0
    assert single.step(STAY)[1] == pytest.approx(-0.01)
    assert gymnasium.make_vec(ID, 2).num_envs == 2
    assert fastpg.envs.NATIVE[ID].environment.observation_names() == ("place", "mark")


def test_gymnasium_s_checker_passes():
    fastpg.check_env(ID)


def test_an_environment_without_pictures_has_no_render_modes():
    described, keep = corridor.made(name=b"Unseen-v0")
    fastpg.register_env(described, keep=keep)
    env = fastpg.envs.NativeEnv("Unseen-v0")
    assert env.metadata["render_modes"] == []
    assert fastpg.make_vec("Unseen-v0", 2).metadata["render_modes"] == []
    assert fastpg.make_vec("CartPole-v1", 2).metadata["render_modes"] == ["rgb_array"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the wide bounds of observations
        check_env(env)


def test_draws_are_numpy_s_and_of_their_own_stream():
    env = fastpg.make_vec(ID, 4, slip=0.5)
    env.reset(seed=5)
    places = env.state[0].copy()
    generators = [np.random.Generator(np.random.PCG64(5 + i)) for i in range(4)]
    for generator in generators:
        generator.bit_generator.random_raw()  # of the reset
    env.step(np.tile([2, 0], (4, 1)))
    slips = np.array([generator.random() < 0.5 for generator in generators])
    assert np.array_equal(env.state[0], np.where(slips, places, places + 1))
    for mine, generator in zip(env.np_random, generators, strict=True):
        assert mine.random() == generator.random()


def normal_reset(_, given, options):
    block = given[0]
    for i in range(block.count):
        draws = block.draws[0]
        block.state[i] = draws.normal(corridor.stream(block, i))
    return 0


# The multiplier of PCG64, by which its 128-bit state moves on.
MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645


@pytest.mark.parametrize(
    ("bits", "quantile"), [(0, -8.209536151601387), (2**64 - 1, 8.209536151601387)]
)
def test_normal_numbers_are_finite_for_all_bits(bits, quantile):
    """The quantiles of 2^-53 and of 1 - 2^-53, from a stream whose next bits are all 0 or all 1."""
    register(name=b"Normal-v0", reset=c.ResetFunction(normal_reset))
    generator = np.random.Generator(np.random.PCG64(0))
    state = generator.bit_generator.state
    after = bits << 64  # the high word xor the low one are the bits
    before = (after - state["state"]["inc"]) * pow(MULTIPLIER, -1, 2**128) % 2**128
    state["state"]["state"] = before
    generator.bit_generator.state = state
    env = fastpg.make_vec("Normal-v0")
    env.np_random = [generator]
    env.reset()
    assert env.state[0, 0] == pytest.approx(quantile, rel=1e-12)


@pytest.mark.parametrize("mode", AutoresetMode)
def test_autoreset_modes_are_those_of_sync_vector_env(mode):
    env = fastpg.make_vec(ID, 5, autoreset_mode=mode, max_episode_steps=20)
    other = SyncVectorEnv(
        [lambda: gymnasium.make(ID, max_episode_steps=20)] * 5, autoreset_mode=mode
    )
    observations, info = env.reset(seed=3)
    assert np.array_equal(observations, other.reset(seed=3)[0])
    random = np.random.default_rng(0)
    corridor.stepped_ended.clear()
    for _ in range(120):
        masks = info["action_mask"]
        actions = np.array(
            [[random.choice(np.flatnonzero(m[:3])), random.integers(2)] for m in masks]
        )
        mine, theirs = env.step(actions), other.step(actions)
        for a, b in zip(mine[:4], theirs[:4], strict=True):
            assert np.array_equal(a, b)
        ended = mine[2] | mine[3]
        info = mine[4]
        if mode is AutoresetMode.DISABLED and ended.any():
            options = {"reset_mask": ended}
            assert np.array_equal(env.reset(options=options)[0], other.reset(options=options)[0])
            info = env._mask_info()
    assert not corridor.stepped_ended


def test_collecting_is_stepping_and_of_any_number_of_threads():
    rollouts = []
    for threads in (1, 2, 3):
        env = fastpg.make_vec(ID, 600, num_threads=threads)
        policy = policy_for(env)
        rollouts.append(fastpg.collect(env, policy, n_steps=12, seed=7))
        assert same(rollouts[0], rollouts[-1])
    stepper = SteppingCollector(fastpg.make_vec(ID, 600), policy, 7)
    stepper.reset(7)
    stepped = stepper.steps(12)
    for name in ("actions", "rewards", "observations", "action_masks", "terminated"):
        assert np.array_equal(getattr(rollouts[0], name), getattr(stepped, name)), name


@pytest.mark.parametrize("greedy", [False, True])
def test_no_masked_action_is_taken(greedy):
    env = fastpg.make_vec(ID, 8)
    rollout = fastpg.collect(env, policy_for(env, 3), n_episodes=60, seed=1, deterministic=greedy)
    valid = rollout.valid
    masks, actions = rollout.action_masks[valid], rollout.actions[valid]
    assert masks[np.arange(len(masks)), actions[:, 0]].all()
    assert masks[np.arange(len(masks)), 3 + actions[:, 1]].all()
    assert not masks.all()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("policy", ["linear", "mlp"])
def test_every_algorithm_trains_on_it(algorithm, policy):
    algo = fastpg.train(algorithm, CORRIDOR, total_timesteps=1500, policy=policy, seed=0)
    assert algo.num_timesteps > 1000
    assert math.isfinite(algo.history[-1]["rollout/ep_rew_mean"])


def test_it_learns():
    algo = fastpg.TRPO("linear", ID, n_envs=8, n_steps=64, seed=0)
    algo.learn(8_000)
    assert fastpg.evaluate_policy(algo, ID, n_eval_episodes=20)[0] > 0.7


def test_a_checkpoint_has_its_id_and_module(tmp_path):
    algo = fastpg.train("npg", "corridor:Corridor-v0", total_timesteps=1500, seed=0)
    algo.save(tmp_path / "a.npz")
    loaded = fastpg.load(tmp_path / "a.npz")
    assert (loaded.env_recipe.id, loaded.env_recipe.module) == (ID, "corridor")
    assert loaded.env_recipe.make(2).env_id == ID
    code = f"import fastpg; fastpg.load(r'{tmp_path / 'a.npz'}').env_recipe.make(2)"
    run = python(code)
    assert "registered by the module corridor" in run.stderr


def test_a_run_resumes_where_its_module_is_imported(tmp_path):
    straight = fastpg.train("npg", ID, total_timesteps=4000, seed=0, n_steps=50)
    algo = fastpg.NPG("linear", ID, seed=0, n_steps=50)
    algo.learn(4000, lambda record: algo.num_timesteps < 2000)
    path = tmp_path / "run.npz"
    algo.save_checkpoint(path)
    code = f"import fastpg; algo = fastpg.resume(r'{path}'); algo.learn(); algo.save(r'{path}')"
    run = python(code)
    assert "Corridor-v0 is registered by 'corridor': import it first" in run.stderr
    run = python(IMPORTABLE + "import corridor;" + code)
    assert run.returncode == 0, run.stderr
    assert np.array_equal(fastpg.load(path).policy.theta, straight.policy.theta)


def test_the_command_line_imports_its_module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = python(
        f"{IMPORTABLE}from fastpg.cli import main;"
        "sys.argv = ['fastpg', 'train', 'npg', 'corridor:Corridor-v0', '--total-timesteps', '2000',"
        " '--seed', '0']; main()"
    )
    assert run.returncode == 0, run.stderr
    assert "Corridor-v0" in run.stdout


def test_pickles_find_it_in_another_process(tmp_path):
    env = fastpg.make_vec(ID, 2, gain=3.0)
    env.reset(seed=0)
    (tmp_path / "env.pkl").write_bytes(pickle.dumps(env))
    run = python(
        f"{IMPORTABLE}import pickle;"
        f"env = pickle.loads(open(r'{tmp_path / 'env.pkl'}', 'rb').read());"
        "print(env.env_id, env.get_attr('gain'), env.step([[1, 0]] * 2)[1])"
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("Corridor-v0 (3.0, 3.0) [-0.01 -0.01]")
    assert pickle.loads(pickle.dumps(CORRIDOR)) is fastpg.envs.NATIVE[ID].environment


def test_many_seeds_in_processes():
    results = fastpg.train_many("npg", ID, seeds=4, total_timesteps=600, n_jobs=2)
    alone = fastpg.train_many("npg", ID, seeds=4, total_timesteps=600, n_jobs=1)
    assert np.array_equal(results.returns, alone.returns)


@pytest.mark.parametrize("mode", AutoresetMode)
def test_a_failing_function_names_the_environment_and_changes_nothing(mode):
    env = fastpg.make_vec(ID, 700, num_threads=2, autoreset_mode=mode, trap=0.0)
    env.reset(seed=0)
    state = env.state
    state[0] = 4.0
    state[0, 610] = 0.0
    env.state = state
    before = env.native.snapshot()
    with pytest.raises(fastpg.NativeEnvError, match="step failed in environment 610: caught") as e:
        env.step(np.tile(STAY, (700, 1)))
    assert e.value.environment == 610
    after = env.native.snapshot()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    env.set_attr("trap", -1.0)
    env.step(np.tile(STAY, (700, 1)))


def test_an_id_without_a_version():
    env = register(name=b"Bare")
    assert fastpg.make_vec(env, 2).env_id == "Bare"
    assert gymnasium.make("Bare").reset(seed=0)[0].shape == (2,)


def test_a_failing_reset_changes_nothing():
    env = fastpg.make_vec(ID, 3)
    env.reset(seed=0)
    before = env.native.snapshot()
    with pytest.raises(fastpg.NativeEnvError, match="reset failed in environment 0: status 9"):
        env.reset(seed=1, options={"mark": 1.0})
    after = env.native.snapshot()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_message_may_be_of_any_bytes(monkeypatch):
    text = ctypes.create_string_buffer(b"caf\xe9")
    monkeypatch.setitem(corridor.TEXTS, corridor.CAUGHT, text)
    env = fastpg.make_vec(ID, 2, trap=0.0)
    env.reset(seed=0)
    env.state = np.array([[4.0, 0.0], [0.5, 0.5], [0.0, 0.0]])
    with pytest.raises(fastpg.NativeEnvError, match="environment 1: caf\ufffd"):
        env.step(np.tile(STAY, (2, 1)))


def nan_reward(_, given, choices, numbers, rewards, terminated):
    status = corridor.step(_, given, choices, numbers, rewards, terminated)
    for i in range(given[0].count):
        rewards[i] = math.nan if given[0].state[i] == 5 else rewards[i]
    return status


def infinite_observation(_, given, out, stride):
    for i in range(given[0].count):
        out[i] = 0.0
        out[stride + i] = math.inf if given[0].state[i] == 5 else 0.0
    return 0


def no_action(_, given, allowed, stride):
    corridor.mask(_, given, allowed, stride)
    for i in range(given[0].count):
        for k in (3, 4):
            allowed[k * stride + i] = given[0].state[i] != 5
    return 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": c.StepFunction(nan_reward)}, "step: reward: expected a finite number, got"),
        (
            {"observe": c.ObserveFunction(infinite_observation)},
            "observe: number 1: expected a finite number, got inf",
        ),
        ({"mask": c.MaskFunction(no_action)}, "mask: expected at least one allowed action"),
    ],
    ids=["reward", "observation", "mask"],
)
def test_numbers_that_a_function_may_not_give(changes, message):
    register(name=b"Wrong-v0", **changes)
    env = fastpg.make_vec("Wrong-v0", 300)
    states = np.zeros((300, 3))
    with pytest.raises(fastpg.NativeEnvError, match=f"environment [0-9]+: {message}"):
        fastpg.collect(env, fastpg.LinearSoftmax.for_env(env), n_steps=30, seed=0)
    env.state = states.T
    states[123, 0] = 5.0
    env.native.set_state(states)
    with pytest.raises(fastpg.NativeEnvError) as raised:
        env.step(np.tile(STAY, (300, 1)))
    assert raised.value.environment == 123


def test_every_environment_has_its_own_parameters():
    env = fastpg.make_vec(ID, 4, slip=0.0, autoreset_mode="DISABLED")
    env.reset(seed=0)
    env.set_attr("gain", [1.0, 2.0, 3.0, 4.0])
    state = env.state
    state[0] = 9.0
    env.state = state
    assert np.allclose(env.step(np.tile([1, 1], (4, 1)))[1], [0.99, 1.99, 2.99, 3.99])
    with pytest.raises(ValueError, match="gain: expected a number from 0"):
        env.set_attr("gain", 11.0)
    with pytest.raises(AttributeError, match="did you mean 'gain'"):
        env.set_attr("gian", 1.0)
    with pytest.raises(ValueError, match="mark: expected a number from 0 to 1, got 2"):
        env.reset(options={"mark": 2.0})


def number(name=b"a", value=0.5, integer=0):
    return {
        "option_count": 1,
        "options": (c.Number * 1)(c.Number(name, None, value, 0.0, 1.0, integer)),
    }


DEFAULTS = "a: expected a finite default between low and high"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version: expected 1, got 2"),
        ({"size": 8}, "size: expected at least"),
        ({"name": b""}, "name: expected an id such as 'SwingUp-v0', got ''"),
        ({"name": None}, "name: expected an id"),
        ({"name": b"no id!"}, "name: expected an id such as"),
        ({"name": b"CartPole-v1"}, "'CartPole-v1' is registered already"),
        ({"name": b"LunarLander-v3"}, "'LunarLander-v3' is registered already"),
        ({"name": b"Pendulum"}, "'Pendulum' is an environment of fastpg"),
        ({"state_size": 0}, "state_size: expected 1 to 1024, got 0"),
        ({"state_size": 1025}, "state_size: expected 1 to 1024, got 1025"),
        ({"observation_size": 4097}, "observation_size: expected 1 to 4096"),
        ({"observation_names": (ctypes.c_char_p * 2)(b"a", b"a")}, "expected each name once"),
        ({"observation_low": (ctypes.c_float * 2)(0.0, math.nan)}, "low <= high at index 1"),
        ({"action_kind": 3}, "action_kind: expected 0 to 2, got 3"),
        ({"action_size": 0}, "action_size: expected 1 to 1024, got 0"),
        ({"action_kind": 0}, "action_size: expected 1 to 1, got 2"),
        ({"action_counts": None}, "action_counts: expected a pointer, got null"),
        ({"action_counts": (ctypes.c_int64 * 2)(3, 0)}, "action_counts: expected 1 to"),
        ({"action_counts": (ctypes.c_int64 * 2)(3, 4094)}, r"\(sum\): expected 1 to 4096"),
        ({"action_kind": 2}, "action_low: expected a pointer, got null"),
        ({"draws_in_steps": 2}, "draws_in_steps: expected 0 to 1"),
        ({"parameter_count": -1}, r"parameters \(number\): expected 0 to 1024, got -1"),
        ({"parameters": None}, "parameters: expected a pointer, got null"),
        (number(value=2.0), DEFAULTS),
        (number(value=math.nan), DEFAULTS),
        (number(b"a b"), "expected identifiers, got a b"),
        (number(None), "expected identifiers, got null"),
        (number(integer=1), "expected a whole number"),
        (number(integer=2), "a.integer: expected 0 to 1"),
        ({"max_episode_steps": -1}, "max_episode_steps: expected 0 to"),
        ({"reset": c.ResetFunction()}, "reset: expected a pointer, got null"),
        ({"observe": c.ObserveFunction()}, "observe: expected a pointer, got null"),
        ({"step": c.StepFunction()}, "step: expected a pointer, got null"),
    ],
)  # fmt: skip
def test_what_the_structure_may_not_say(changes, message):
    before = dict(fastpg.envs.NATIVE)
    with pytest.raises(ValueError, match=message):
        register(**changes)
    assert before == fastpg.envs.NATIVE


def test_no_structure_at_all():
    for wrong in (None, 0, -1, True, "Corridor-v0", 1.5):
        with pytest.raises(TypeError, match="expected a CEnv or the address of one"):
            fastpg.register_env(wrong)
    with pytest.raises(TypeError):
        _core.register_environment(3)


def test_an_address_and_a_second_registration():
    first, keep = corridor.made(name=b"Again-v0", release=c.ReleaseFunction(corridor.release))
    fastpg.register_env(ctypes.addressof(first), keep=(first, keep))
    old = fastpg.make_vec("Again-v0", 2)
    second, keep = corridor.made(name=b"Again-v0", max_episode_steps=3)
    fastpg.register_env(second, keep=keep)
    assert fastpg.make_vec("Again-v0").max_episode_steps == 3
    old.reset(seed=0)
    old.step(np.tile(STAY, (2, 1)))
    assert not corridor.released
    del old
    assert corridor.released == [True]


def push(_, given, choices, numbers, rewards, terminated):
    assert not choices
    for i in range(given[0].count):
        given[0].state[i] += numbers[2 * i] + 10 * numbers[2 * i + 1]
        rewards[i], terminated[i] = -abs(given[0].state[i]), 0
    return 0


def test_continuous_actions():
    bounds = (ctypes.c_double * 2)(-1.0, -0.5), (ctypes.c_double * 2)(1.0, 0.5)
    register(
        name=b"Push-v0", action_kind=c.CONTINUOUS, action_low=bounds[0], action_high=bounds[1],
        step=c.StepFunction(push), mask=c.MaskFunction(),
    )  # fmt: skip
    env = fastpg.make_vec("Push-v0", 3)
    assert env.single_action_space == spaces.Box(np.float32([-1, -0.5]), np.float32([1, 0.5]))
    env.reset(seed=0)
    for dtype in (np.float32, np.float64):
        place = env.state[0].copy()
        env.step(np.array([[0.5, 0.25]] * 3, dtype=dtype))
        assert np.array_equal(env.state[0], place + 3.0)
    algo = fastpg.train("ppo", "Push-v0", total_timesteps=1500, seed=0)
    assert math.isfinite(algo.history[-1]["rollout/ep_rew_mean"])
