"""The lecture's sample-based natural policy gradient (L8), built from parts of the package.

Each iteration collects a rollout of new episodes, estimates advantages, solves F d = g, takes the
step whose predicted KL is the bound, and fits the baseline to returns. The bound falls from 0.012
to 0.
"""

import numpy as np

import fastpg

GAMMA, GAE_LAMBDA, TARGET_KL, ITERATIONS = 0.985, 0.97, 0.012, 30

env = fastpg.make_vec("CartPole-v1", num_envs=4)
policy = fastpg.LinearSoftmax.for_env(env)
baseline = fastpg.LinearBaseline(4, ridge=0.2, memory=0.6, time=False)

for iteration in range(ITERATIONS):
    rollout = fastpg.collect(env, policy, n_steps=512, seed=iteration)
    values, next_values = rollout.values(baseline)
    advantages, _ = fastpg.gae(
        rollout.rewards, values, next_values, rollout.terminated, rollout.ended, GAMMA, GAE_LAMBDA
    )

    phi = policy.features(rollout.flat(rollout.observations))
    log_pi = policy.log_probs(phi)
    a = rollout.flat(advantages)
    g = policy.score_gradient(
        phi, log_pi, rollout.flat(rollout.actions), (a - a.mean()) / (a.std() + 1e-8)
    )
    natural = fastpg.natural_gradient(policy, phi, log_pi, g, cg_damping=1e-4)
    target_kl = TARGET_KL * (1 - iteration / ITERATIONS)
    eta = np.sqrt(2 * target_kl / natural.curvature)
    policy.theta = policy.theta + eta * natural.direction

    targets = fastpg.discounted_returns(
        rollout.rewards,
        rollout.ended,
        GAMMA,
        terminated=rollout.terminated,
        next_values=next_values,
    )
    baseline.fit(
        rollout.flat(rollout.observations), rollout.flat(rollout.step_index), rollout.flat(targets)
    )
    if iteration % 5 == 4:
        new_log_pi = policy.log_probs(phi)
        print(
            f"iteration {iteration + 1:3d}  mean episode length "
            f"{rollout.episode_lengths.mean() if len(rollout.episode_lengths) else np.nan:6.1f}  "
            f"KL {policy.kl(log_pi, new_log_pi).mean():.5f}  CG {natural.status}"
        )

test = fastpg.collect(env, policy, n_episodes=100, seed=1, deterministic=True)
print(f"mean return of 100 greedy episodes: {test.episode_returns.mean():.1f}")
