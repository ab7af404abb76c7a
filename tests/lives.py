"""What is made, used and dropped again and again: python tests/lives.py ROUNDS [NAME …].

Prints by name how much memory each round has added, after the first rounds have filled caches:
bytes in use by the C library's allocator, Python's blocks, and the process's resident memory.
"""

import ctypes
import ctypes.util
import gc
import pickle
import sys
import tempfile
from pathlib import Path

import gymnasium
import numpy as np

import c_envs
import fastpg
from fastpg import tabular
from fastpg.envs import NativeEnv
from fuzz_catalogue import policies
from native_ids import NEWEST

SMALL = {"seed": 0, "n_envs": 2}
STEPS = {**SMALL, "n_steps": 8}
LAYERS = {"policy_kwargs": {"net_arch": [4]}}
_TEMPORARY = tempfile.TemporaryDirectory()  # removed at the end of the process
FOLDER = Path(_TEMPORARY.name)


class _Mallinfo(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
            "fordblks", "keepcost",
        )
    ]  # fmt: skip


def in_use():
    """(bytes of malloc, Python's blocks, bytes of resident memory)."""
    gc.collect()
    library = ctypes.CDLL(None)
    library.mallinfo2.restype = _Mallinfo
    found = library.mallinfo2()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return found.uordblks + found.hblkhd, sys.getallocatedblocks(), pages * 4096


def used_env(env):
    env.reset(seed=0)
    actions = env.action_space.sample()
    for _ in range(3):
        env.step(actions)
    env.close()


def used_policy(name):
    policy = policies()[name]
    observations = np.zeros((5, 4), np.float32)
    phi = policy.features(observations)
    dist = policy.distribution(phi)
    actions = policy.sample(dist, np.full((5, policy._distribution.action_size), 0.3))
    gradient = policy.score_gradient(phi, dist, actions, np.ones(5))
    policy.fisher_vector_product(phi, dist, gradient, actions=actions)
    pickle.loads(pickle.dumps(policy))


def used_baseline(baseline):
    observations, steps = np.zeros((6, 4)), np.arange(6)
    baseline.fit(observations, steps, np.ones(6))
    baseline.predict(observations, steps)


def used_algorithm(algo):
    algo.learn(64, lambda _: False)
    algo.predict(algo.observation_space.sample())


def stored(algo):
    """Stored in the middle of `learn`, and resumed."""
    path = FOLDER / "x.npz"
    algo.learn(64, lambda _: False)
    algo.save_checkpoint(path)
    fastpg.resume(path).learn()
    fastpg.load(path)
    pickle.loads(pickle.dumps(algo))


def used_single(env_id):
    env = NativeEnv(env_id)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    env.close()


def refused():
    """What errors leave behind."""
    for call in (
        lambda: fastpg.make_vec("CartPole-v1", 0),
        lambda: fastpg.LinearSoftmax(4, 3, np.full((5, 3), np.nan)),
        lambda: fastpg.NPG("linear", "CartPole-v1", gama=0.9),
        lambda: fastpg._core.Categorical([0]),
        lambda: fastpg._core.VectorEnv("Nothing-v0", 1, None, True, True, 1),
    ):
        try:
            call()
        except (ValueError, TypeError):
            continue
        raise AssertionError("accepted")


def used_kernels():
    batch = fastpg._core.PolicyBatch(
        fastpg._core.Categorical([3]), fastpg._core.Mlp(2, [4], 3, fastpg._core.Activation.relu),
        np.zeros((5, 2)), np.zeros((5, 1), np.int32),
    )  # fmt: skip
    assert batch.phi.shape == (5, 2)
    fastpg._core.Adam(3).ascend(np.zeros(3), np.ones(3), 0.1)


def used_mdp():
    used_env(tabular.make_vec(tabular.chain(3, gamma=0.9), 2))


def lives():
    """By name a function that makes, uses and drops objects."""
    made = {f"env {name}": lambda name=name: used_env(fastpg.make_vec(name, 3)) for name in NEWEST}
    made |= {f"policy {name}": lambda name=name: used_policy(name) for name in policies()}
    made |= {
        "env of several threads": lambda: used_env(
            fastpg.make_vec("CartPole-v1", 1100, num_threads=2)
        ),
        "env with masks": lambda: used_env(fastpg.make_vec(MASKED, 3)),
        "single env": lambda: used_single("CartPole-v1"),
        "mdp": used_mdp,
        "linear baseline": lambda: used_baseline(fastpg.LinearBaseline(4)),
        "mean baseline": lambda: used_baseline(fastpg.MeanBaseline(4)),
        "mlp baseline": lambda: used_baseline(fastpg.MlpBaseline(4, net_arch=(3,))),
        "kernels": used_kernels,
        "errors": refused,
        "normalizer": lambda: fastpg.RunningNormalizer(4).update(np.ones((2, 4))),
        "npg": lambda: used_algorithm(fastpg.NPG("linear", "CartPole-v1", **STEPS)),
        "trpo": lambda: used_algorithm(fastpg.TRPO("mlp", "Acrobot-v1", **STEPS, **LAYERS)),
        "ppo": lambda: used_algorithm(
            fastpg.PPO("mlp", "Pendulum-v1", batch_size=8, n_epochs=2, **STEPS, **LAYERS)
        ),
        "reinforce": lambda: used_algorithm(
            fastpg.REINFORCE("linear", "CartPole-v1", n_episodes=2, **SMALL)
        ),
        "npg stored": lambda: stored(fastpg.NPG("linear", "CartPole-v1", **STEPS)),
        "ppo stored": lambda: stored(
            fastpg.PPO("mlp", "Pendulum-v1", batch_size=8, n_epochs=2, **STEPS, **LAYERS)
        ),
        "python env": lambda: fastpg.TRPO(
            "linear", gymnasium.make("CartPole-v1"), seed=0, n_steps=8
        ).learn(8),
    }  # fmt: skip
    return made


class Masked(c_envs.Counting):
    def mask(self, block, i):
        return 1, 0


MASKED = c_envs.registered("LivesMasked-v0", Masked())


def grown(live, rounds, first):
    """(bytes of malloc, Python's blocks, bytes of resident memory) that the rounds added."""
    for _ in range(first):
        live()
    before = in_use()
    for _ in range(rounds):
        live()
    return [after - earlier for after, earlier in zip(in_use(), before, strict=True)]


def keeps(name, live, rounds):
    """Whether the rounds have added as much memory as if each keeps something."""
    used, blocks, resident = grown(live, rounds, max(300, rounds // 10))
    print(
        f"{name}: {rounds} rounds, {used:+,} bytes in use, {blocks:+,} blocks of Python, "
        f"{resident:+,} bytes resident, {resident / rounds:+.1f} a round",
        flush=True,
    )
    # What each round keeps is at least 16 bytes, or a block. Other memory comes and goes.
    return used >= 8 * rounds + 4096 or blocks >= rounds // 2 + 100


def main():
    rounds, names = int(sys.argv[1]), sys.argv[2:]
    kept = []
    for name, live in lives().items():
        if names and name not in names:
            continue
        # What is kept in each round grows again; a table of the interpreter grows once.
        if keeps(name, live, rounds) and keeps(name, live, rounds):
            kept.append(name)
    sys.exit(f"memory is kept: {', '.join(kept)}" if kept else None)


if __name__ == "__main__":
    main()
