"""Train the four algorithms on CartPole-v1 with default options, and print returns and times."""

import time

import gymnasium

import fastpg

for name in ("reinforce", "npg", "trpo", "ppo"):
    start = time.perf_counter()
    algo = fastpg.train(name, "CartPole-v1", seed=0, tuned=False)
    seconds = time.perf_counter() - start
    mean, std = fastpg.evaluate_policy(algo, gymnasium.make("CartPole-v1"), n_eval_episodes=10)
    print(
        f"{name:9s}  {algo.num_timesteps:7,} steps in {seconds:.2f} s   "
        f"greedy return on Gymnasium's environment {mean:.1f} +/- {std:.1f}"
    )
