"""resume refuses every file and environment that is not that of the run, and changes nothing."""

import functools
import json
import shutil

import numpy as np
import pytest

import fastpg
from fastpg.envs import NativeVectorEnv
from fastpg.training import checkpoints
from processes import python
from trainings import same, until


@functools.cache
def algorithm():
    """It has an unfinished `learn`, and steps environments from Python."""
    return fastpg.TRPO(
        "linear", "Pendulum-v1", seed=0, n_envs=2, n_steps=50, normalize_reward=True,
        policy_kwargs={"features": np.abs},
    )  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "x.npz"
    algorithm().learn(600, until(algorithm(), 3, path))
    return path


@pytest.fixture
def path(written, tmp_path):
    return shutil.copy(written, tmp_path / "x.npz")


def resume(path, **arguments):
    return fastpg.resume(path, features=np.abs, **arguments)


def rewritten(path, running=None, drop=(), native=None, **replaced):
    stored, meta = checkpoints.read(path)
    now = meta["running"] | (running or {})
    if native:
        now["native"] = now["native"] | native
    meta["running"] = {name: value for name, value in now.items() if name not in drop}
    stored = {name: value for name, value in (stored | replaced).items() if name not in drop}
    np.savez(path, meta=np.array(json.dumps(meta)), **stored)


def test_the_file_as_it_is(path):
    rewritten(path)
    same(algorithm(), resume(path))


ARRAYS = [
    "env_states", "env_streams", "env_elapsed_steps", "env_episode_returns", "env_status",
    "collector_observations", "collector_elapsed", "collector_returns", "reward_sums",
]  # fmt: skip


def variants(array):
    """The array in other shapes and dtypes."""
    yield array.ravel()[:1].reshape((1,) * (array.ndim + 1))
    yield array[:0] if array.ndim > 1 else np.zeros((0, 2), array.dtype)
    yield array[..., :-1]
    yield np.concatenate([array, array])
    yield np.concatenate([array, array], axis=-1)
    yield array.astype(np.complex128)
    yield array.astype(array.dtype.newbyteorder() if array.dtype.itemsize > 1 else np.int8)
    yield array.astype(np.bool_)
    yield array.astype(str)
    if array.dtype.kind == "f":
        for bad in (np.nan, np.inf):
            yield np.full_like(array, bad)
    if array.dtype == np.uint8:
        for bad in (0, 3):
            yield np.full_like(array, bad)
    if array.dtype.kind == "i":
        for bad in (-1, 2**63 - 1):
            yield np.full_like(array, bad)


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(path, name):
    env = fastpg.make_vec("Pendulum-v1", 2)
    env.reset(seed=1)
    before, content = env.get_state(), path.read_bytes()
    array = checkpoints.read(path)[0][name]
    for bad in variants(array):
        path.write_bytes(content)
        rewritten(path, **{name: bad})
        with pytest.raises(fastpg.CheckpointError, match=rf"x\.npz: .*{name.split('_')[-1]}"):
            resume(path, env=env)
    after = env.get_state()
    assert all(np.array_equal(getattr(before, n), getattr(after, n)) for n in vars(before))
    path.write_bytes(content)
    rewritten(path, drop=(name,))
    with pytest.raises(fastpg.CheckpointError, match=name):
        resume(path)


PLAN = {"total": 600, "taken": 300, "iterations": 3, "seconds": 0.5, "over": False}
RECIPE = {
    "id": "Pendulum-v1", "kernel": "Pendulum", "num_envs": 2, "exact": True,
    "autoreset_mode": "NEXT_STEP", "max_episode_steps": 200,
    "parameters": {name: [1.0] for name in ("g", "m", "l", "dt", "max_speed", "max_torque")},
}  # fmt: skip


@pytest.mark.parametrize(
    "running",
    [
        {"format": 2},
        {"format": True},
        {"format": None},
        {"step_count": -1},
        {"step_count": 2**62 + 1},
        {"step_count": 1.0},
        {"in_episodes": 1},
        {"in_episodes": None},
        {"functions": None},
        {"functions": [1]},
        {"native": None},
        {"native": []},
        {"plan": 3},
        {"plan": {}},
        *({"plan": PLAN | {name: bad}} for name in PLAN for bad in (-1, None, "x", [1])),
        {"plan": PLAN | {"taken": 601}},
        {"plan": PLAN | {"total": 2**53 + 1}},
        {"plan": PLAN | {"seconds": float("nan")}},
        {"plan": PLAN | {"iterations": True}},
    ],
    ids=str,
)
def test_entries(path, running):
    rewritten(path, running)
    with pytest.raises(fastpg.CheckpointError, match=r"x\.npz: expected"):
        resume(path)


@pytest.mark.parametrize(
    "name", ["format", "plan", "step_count", "in_episodes", "native", "functions"]
)
def test_missing_entries(path, name):
    rewritten(path, drop=(name,))
    with pytest.raises(fastpg.CheckpointError, match=name):
        resume(path)


@pytest.mark.parametrize(
    "native",
    [
        {"id": "Pendulum-v7"},
        {"id": "CartPole-v1"},
        {"id": "module:Pendulum-v1"},
        {"id": 3},
        {"kernel": "CartPole"},
        {"num_envs": 3},
        {"num_envs": 2**40},
        {"num_envs": 2.0},
        {"exact": "yes"},
        {"autoreset_mode": "never"},
        {"autoreset_mode": None},
        {"max_episode_steps": 0},
        {"max_episode_steps": 2**40},
        {"parameters": None},
        {"parameters": {"g": 9.0}},
        {"parameters": {"g": []}},
        {"parameters": {"g": [1.0, 2.0, 3.0]}},
        {"parameters": {"g": ["x"]}},
        {"parameters": {"h": [1.0]}},
        {"parameters": {"render_mode": ["rgb_array"]}},
        {"parameters": {"copy": [False]}},
    ],
    ids=str,
)
def test_descriptions_of_the_environments(path, native):
    rewritten(path, native=native)
    with pytest.raises(fastpg.CheckpointError, match=r"x\.npz: expected a complete checkpoint"):
        resume(path)


def test_spaces_of_another_environment(path):
    """Those of the policy, but not of the environment that the file names."""
    recipe = RECIPE | {"id": "MountainCarContinuous-v0", "kernel": "MountainCarContinuous"}
    rewritten(path, {"native": recipe | {"parameters": {}}})
    with pytest.raises(fastpg.CheckpointError, match="observation space"):
        resume(path)


@pytest.mark.parametrize(
    ("env", "text"),
    [
        (lambda: "CartPole-v1", "observation space"),
        (lambda: "MountainCarContinuous-v0", "observation space"),
        (
            lambda: fastpg.make_vec("Pendulum-v1", 3),
            "expected the checkpoint's num_envs 2, got num_envs 3",
        ),
        (lambda: fastpg.make_vec("Pendulum-v1", 2, exact=False), "exact True, got exact False"),
        (lambda: fastpg.make_vec("Pendulum-v1", 2, g=1.0), r"parameters {'g': \[10.0\]}, got"),
        (lambda: fastpg.make_vec("Pendulum-v1", 2, max_episode_steps=9), "steps 200, got .* 9"),
        (
            lambda: type("Own", (NativeVectorEnv,), {"step": None})("Pendulum-v1", 2),
            "the native Pend",
        ),
        (lambda: "Pendulum-v9", "unknown environment"),
        (lambda: "gymnasium:Pendulum-v1", "expected the native Pendulum-v1, got"),
    ],
)
def test_another_environment(path, env, text):
    with pytest.raises(ValueError, match=text):
        resume(path, env=env())


def test_another_algorithm(path):
    with pytest.raises(fastpg.CheckpointError, match=r"x\.npz: .*expected 'ppo', got 'trpo'"):
        fastpg.PPO.resume(path, features=np.abs)
    same(algorithm(), fastpg.TRPO.resume(path, features=np.abs))
    with pytest.raises(fastpg.CheckpointError, match=r"x\.npz: .*expected 'ppo', got 'trpo'"):
        fastpg.PPO.load(path, features=np.abs)
    loaded = fastpg.TRPO.load(path, "Pendulum-v1", features=np.abs)
    assert np.array_equal(loaded.policy.theta, algorithm().policy.theta)
    assert loaded.plan is None


def test_a_file_of_save(path):
    algorithm().save(path)
    text = (
        "expected a checkpoint of save_checkpoint, got a file of save, which has no running state"
    )
    with pytest.raises(fastpg.CheckpointError, match=text):
        resume(path)


def test_functions_and_threads(path):
    with pytest.raises(
        TypeError, match=r"unknown argument of resume 'feature'; did you mean 'features'"
    ):
        resume(path, feature=3)
    with pytest.raises(ValueError, match="num_threads"):
        resume(path, num_threads=0)
    rewritten(path, {"functions": ["n_steps"]})
    with pytest.raises(ValueError, match=r"expected n_steps=\.\.\., a function"):
        resume(path)
    with pytest.raises(TypeError, match="n_steps: expected an integer"):
        resume(path, n_steps=lambda r: r)


def test_no_such_file_and_the_one_before_it(path):
    missing = path.with_name("y.npz")
    with pytest.raises(FileNotFoundError, match="y") as caught:
        resume(missing)
    assert not hasattr(caught.value, "__notes__")
    previous = checkpoints.previous_of(missing)
    shutil.copy(path, previous)
    missing.write_bytes(path.read_bytes()[:-50])
    for error in (fastpg.CheckpointError, FileNotFoundError):
        with pytest.raises(error) as caught:
            resume(missing)
        assert caught.value.__notes__ == [f"The checkpoint before it is {previous}"]
        missing.unlink(missing_ok=True)
    same(algorithm(), resume(previous))


def test_truncated(path):
    content = path.read_bytes()
    for keep in (0, 10, 200, *range(0, len(content), len(content) // 40)):
        path.write_bytes(content[:keep])
        with pytest.raises(fastpg.CheckpointError, match="expected a fastpg checkpoint"):
            resume(path)


def test_a_flipped_bit_is_an_error_or_no_change(path, rng):
    content = path.read_bytes()
    for position in rng.integers(0, len(content), 200):
        damaged = bytearray(content)
        damaged[position] ^= 1 << int(position % 8)
        path.write_bytes(damaged)
        try:
            resumed = resume(path)
        except fastpg.CheckpointError:
            continue
        same(algorithm(), resumed)


@pytest.mark.parametrize("where", ["file/x", "folder.npz"])
def test_where_no_file_can_be_written(path, where):
    folder = path.parent
    (folder / "file").write_bytes(b"")
    (folder / "folder.npz" / "inside").mkdir(parents=True)
    before = sorted(folder.rglob("*"))
    with pytest.raises(OSError, match=where.split("/")[-1]):
        algorithm().save_checkpoint(folder / where)
    assert sorted(folder.rglob("*")) == before
    for bad, error in (("", ValueError), (3, TypeError)):
        with pytest.raises(error, match="path: expected the name of a file"):
            algorithm().save_checkpoint(bad)


FULL = """
import resource, sys, fastpg
from pathlib import Path

path = Path(sys.argv[1])
algo = fastpg.NPG("linear", "CartPole-v1", seed=0, n_steps=50)
twin = fastpg.NPG("linear", "CartPole-v1", seed=0, n_steps=50).learn(2000)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
failed = []

def callback(record):
    k = record["time/iterations"]
    if 3 <= k <= 5:  # as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        algo.save_checkpoint(path)
    except OSError as error:
        failed.append(k)
        assert sorted(p.name for p in path.parent.iterdir()) == ["x.npz", "x.previous.npz"]
        assert len(fastpg.resume(path).history) == 2
        assert len(fastpg.resume(path.with_name("x.previous.npz")).history) == 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

algo.learn(2000, callback)
print(failed, (algo.policy.theta == twin.policy.theta).all(), len(fastpg.resume(path).history))
"""


def test_a_full_disk_keeps_the_checkpoints(tmp_path):
    pytest.importorskip("resource")
    done = python(FULL, tmp_path / "x.npz")
    assert done.stdout == "[3, 4, 5] True 10\n", done.stderr
