"""Orders of a shop with lost sales: compiled by Numba, trained, and beside its exact optimum.

python examples/native/inventory.py [--total-timesteps N] [--figure FILE]

Each day the shop orders some pieces, sells as many as are wanted and there, and pays for the orders
and for what it keeps over night. inventory.hpp beside this file is the same environment in C++.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from gymnasium import spaces

import fastpg
from fastpg import tabular

ROOM, DAYS = 20, 50
PARAMETERS = ("demand", "price", "cost", "fixed", "holding")


@fastpg.numba_env(
    "Inventory-v0",
    state={"stock": np.int64},
    observation=spaces.Box(0.0, 1.0, (ROOM + 1,)),  # one-hot
    action=spaces.Discrete(ROOM + 1),  # pieces ordered
    params={
        "demand": (5.0, 0.0, 20.0, "mean of a day, Poisson"),
        "price": (4.0, 0.0, 100.0, "of a piece sold"),
        "cost": (2.0, 0.0, 100.0, "of a piece ordered"),
        "fixed": (4.0, 0.0, 100.0, "cost of an order"),
        "holding": (0.5, 0.0, 100.0, "cost of a piece for a night"),
    },
    max_episode_steps=DAYS,
)
class Inventory:
    """A shop with one product."""

    def reset(state, params, options, rng):
        state.stock = rng.integer(ROOM + 1)

    def mask(state, out):
        for order in range(ROOM + 1):
            out[order] = state.stock + order <= ROOM

    def step(state, action, params, rng):
        there, wanted = state.stock + action, 0
        left, chance = rng.uniform(), math.exp(-params.demand)
        while left >= chance and wanted < there:  # the inverse of Poisson's distribution function
            left -= chance
            wanted += 1
            chance *= params.demand / wanted
        state.stock = there - wanted
        costs = params.cost * action + (params.fixed if action > 0 else 0.0)
        return params.price * wanted - costs - params.holding * state.stock, False

    def observe(state, params, out):
        out[state.stock] = 1.0


def problem() -> tabular.MDP:
    """The same problem as tables P(s'|s, a) and r(s, a), with the parameters' defaults."""
    env = fastpg.make_vec("Inventory-v0")
    demand, price, cost, fixed, holding = (env.get_attr(name)[0] for name in PARAMETERS)
    chances = np.array([math.exp(-demand) * demand**k / math.factorial(k) for k in range(ROOM)])
    P, r = np.zeros((ROOM + 1,) * 3), np.zeros((ROOM + 1,) * 2)
    for stock in range(ROOM + 1):
        for order in range(ROOM + 1):
            there = min(stock + order, ROOM)  # what does not fit is as bad as the largest that does
            sold = np.arange(there + 1)
            chance = np.append(chances[:there], 1.0 - chances[:there].sum())
            P[stock, order, there - sold] = chance
            r[stock, order] = chance @ (price * sold - holding * (there - sold))
            r[stock, order] -= cost * order + fixed * (order > 0)
    return tabular.MDP(P, r, horizon=DAYS)


def optimum() -> tabular.Evaluation:
    """Exact values of the best policy."""
    mdp = problem()
    uniform = np.full((ROOM + 1,) * 2, 1 / (ROOM + 1))
    return mdp.evaluate(tabular.policy_iteration(mdp, uniform, DAYS).policies[-1])


def orders(algo: fastpg.TRPO) -> np.ndarray:
    """The most probable order at each stock."""
    stocks = np.eye(ROOM + 1, dtype=np.float32)
    masks = np.add.outer(np.arange(ROOM + 1), np.arange(ROOM + 1)) <= ROOM
    return np.asarray(algo.predict(stocks, deterministic=True, action_masks=masks)[0])


def draw(algo: fastpg.TRPO, best: tabular.Evaluation, file: str) -> None:
    """The trained orders beside the best ones of the first day."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    axes.step(range(ROOM + 1), best.pi[0].argmax(axis=1), where="mid", label="optimum, first day")
    axes.plot(range(ROOM + 1), orders(algo), "o", label="TRPO")
    axes.set(xlabel="stock in the morning", ylabel="pieces ordered", xticks=range(0, ROOM + 1, 2))
    axes.legend()
    figure.savefig(file, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--total-timesteps", type=int, default=200_000)
    parser.add_argument("--figure", default=None)
    given = parser.parse_args()
    fastpg.check_native_env(Inventory)
    algo = fastpg.train("trpo", Inventory, total_timesteps=given.total_timesteps, seed=0)
    mean, _ = fastpg.evaluate_policy(algo, "Inventory-v0", n_eval_episodes=1000, seed=1)
    best = optimum()
    print(f"mean return {mean:.1f}, of the best policy {best.J:.1f}: {mean / best.J:.1%}")
    if given.figure is not None:
        draw(algo, best, given.figure)


if __name__ == "__main__":
    main()
