"""Natural policy gradient on CartPole from statistics alone: no trajectory is ever stored.

Collect and sum up in one pass, solve (F + damping) d = g, step to a KL of 0.01, repeat.
"""

import time

import numpy as np

import fastpg

GAMMA, TARGET_KL, DAMPING = 0.985, 0.01, 1e-4

env = fastpg.make_vec("CartPole-v1", num_envs=8)
test = fastpg.make_vec("CartPole-v1", num_envs=100)
policy = fastpg.LinearSoftmax.for_env(env)
baseline = fastpg.LinearBaseline(4, ridge=0.1, memory=0.8, time=False)
seconds = 0.0

for iteration in range(1, 41):
    start = time.perf_counter()
    batch = fastpg.collect_statistics(
        env, policy, n_steps=256, baseline=baseline, gamma=GAMMA, seed=iteration, fit_baseline=True
    )
    g = batch.standardized_gradient.ravel()
    damping = DAMPING * np.trace(batch.fisher) / len(g)
    d = np.linalg.solve(batch.fisher + damping * np.eye(len(g)), g)
    curvature = d @ batch.fisher @ d
    eta = np.sqrt(2 * TARGET_KL / curvature) if curvature > 0.0 else 0.0
    policy.theta = policy.theta + eta * d.reshape(policy.shape)
    seconds += time.perf_counter() - start

    greedy = fastpg.collect(test, policy, n_episodes=100, seed=0, deterministic=True)
    score = greedy.episode_returns.mean()
    if iteration % 5 == 0 or score >= 475.0:
        print(
            f"iteration {iteration:3d}  {batch.sample_count * iteration:6,} samples  "
            f"entropy {batch.entropy:.3f}  greedy return {score:5.1f}"
        )
    if score >= 475.0:
        print(f"solved in {1e3 * seconds:.1f} ms of learning")
        break
