"""Slow references for finite MDPs: loops, enumeration and dense solves. NumPy only, never fastpg.

Tables are P (S, A, S), r (S, A), start (S,), terminal bool (S,) and pi (H, S, A) or (S, A).
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np


def trajectories(P, start, pi, terminal):
    """Every (probability, states, actions) of an episode of at most H steps."""
    n, m = pi.shape[1:]

    def extend(probability, states, actions):
        s, h = states[-1], len(actions)
        if h == len(pi) or terminal[s]:
            yield probability, tuple(states[:h]), tuple(actions)
            return
        for a in range(m):
            ends = h + 1 == len(pi)
            for following in [0] if ends else range(n):
                move = 1.0 if ends else P[s, a, following]
                if pi[h, s, a] * move > 0.0:
                    yield from extend(
                        probability * pi[h, s, a] * move, [*states, following], [*actions, a]
                    )

    for s in range(n):
        if start[s] > 0.0:
            yield from extend(start[s], [s], [])


def expectation(P, start, pi, terminal, function):
    """The expectation of function(states, actions) over every episode."""
    episodes = trajectories(P, start, pi, terminal)
    return sum(p * np.asarray(function(s, a)) for p, s, a in episodes)


def timed(pi, horizon):
    """(H, S, A) of a table with or without time."""
    return pi if pi.ndim == 3 else np.repeat(pi[None], horizon, axis=0)


def finite_values(P, r, pi, gamma):
    """V (H + 1, S) and Q (H, S, A), backwards, one sum at a time."""
    steps, n, m = pi.shape
    V, Q = np.zeros((steps + 1, n)), np.zeros((steps, n, m))
    for h in reversed(range(steps)):
        for s in range(n):
            for a in range(m):
                Q[h, s, a] = r[s, a] + gamma * sum(P[s, a, t] * V[h + 1, t] for t in range(n))
            V[h, s] = sum(pi[h, s, a] * Q[h, s, a] for a in range(m))
    return V, Q


def finite_visits(P, start, pi):
    """The distribution of the state at every step, (H, S)."""
    visits = [start]
    for table in pi[:-1]:
        visits.append(np.einsum("s,sa,sat->t", visits[-1], table, P))
    return np.array(visits)


def moves_and_rewards(P, r, pi):
    """P_pi (S, S) and r_pi (S,)."""
    return np.einsum("sa,sat->st", pi, P), np.einsum("sa,sa->s", pi, r)


def discounted_values(P, r, start, pi, gamma):
    """V, Q and the normalised visits, by summing powers until the terms vanish."""
    moves, rewards = moves_and_rewards(P, r, pi)
    V, visits, reached, weight = np.zeros(len(r)), np.zeros(len(r)), start, 1.0
    power = np.eye(len(r))
    while weight > 1e-17:
        V = V + weight * power @ rewards
        visits = visits + (1.0 - gamma) * weight * reached
        power, reached, weight = power @ moves, reached @ moves, gamma * weight
    return V, r + gamma * P @ V, visits


def stationary(P, pi):
    """The stationary distribution, by least squares on its balance equations."""
    moves = np.einsum("sa,sat->st", pi, P)
    n = len(moves)
    equations = np.vstack([moves.T - np.eye(n), np.ones(n)])
    return np.linalg.lstsq(equations, np.append(np.zeros(n), 1.0), rcond=None)[0]


def rare_moves(P, r, pi):
    """Stationary distribution and differential values in rational numbers, staying by the rest."""
    rates = [[Fraction(float(x)) for x in row] for row in np.einsum("sa,sat->st", pi, P)]
    n = len(rates)
    for s in range(n):
        rates[s][s] = -sum(rates[s][t] for t in range(n) if t != s)
    ones = [Fraction(1)] * n
    rewards = [Fraction(float(x)) for x in (pi * r).sum(axis=1)]
    balance = [[rates[t][s] for t in range(n)] for s in range(n - 1)]
    visits = solved([*balance, ones], [Fraction(0)] * (n - 1) + [Fraction(1)])
    average = sum(d * x for d, x in zip(visits, rewards, strict=True))
    gains = [average - x for x in rewards[:-1]]
    V = solved([*rates[:-1], visits], [*gains, Fraction(0)])
    return np.array(visits, dtype=float), np.array(V, dtype=float)


def solved(rows, right):
    """Gauss-Jordan elimination on rational numbers."""
    table = [[*row, value] for row, value in zip(rows, right, strict=True)]
    for k in range(len(table)):
        pivot = next(i for i in range(k, len(table)) if table[i][k] != 0)
        table[k], table[pivot] = table[pivot], table[k]
        table[k] = [x / table[k][k] for x in table[k]]
        for i, row in enumerate(table):
            if i != k and row[k] != 0:
                table[i] = [x - row[k] * y for x, y in zip(row, table[k], strict=True)]
    return [row[-1] for row in table]


def optimal_values(P, r, gamma, sweeps=5000):
    """V* by value iteration."""
    V = np.zeros(len(r))
    for _ in range(sweeps):
        V, old = (r + gamma * P @ V).max(axis=1), V
        if np.abs(V - old).max() < 1e-14:
            break
    return V


def finite_optimum(P, r, horizon, gamma=1.0):
    """V* (H + 1, S)."""
    V = np.zeros((horizon + 1, len(r)))
    for h in reversed(range(horizon)):
        V[h] = (r + gamma * P @ V[h + 1]).max(axis=1)
    return V
