"""Slow, independent references. NumPy only: nothing here may import fastpg."""

from __future__ import annotations

import numpy as np


def gae_by_definition(rewards, values, next_values, terminated, ended, gamma, lam):
    """A_t as the O(T^2) sum of discounted TD errors up to the end of its episode."""
    steps, lanes = rewards.shape
    delta = rewards + gamma * np.where(terminated, 0.0, next_values) - values
    advantages = np.zeros_like(delta)
    for n in range(lanes):
        for t in range(steps):
            for k in range(t, steps):
                advantages[t, n] += (gamma * lam) ** (k - t) * delta[k, n]
                if ended[k, n]:
                    break
    return advantages


def returns_by_definition(rewards, next_values, terminated, ended, gamma):
    steps, lanes = rewards.shape
    returns = np.zeros_like(rewards)
    for n in range(lanes):
        for t in range(steps):
            for k in range(t, steps):
                returns[t, n] += gamma ** (k - t) * rewards[k, n]
                if ended[k, n] or k == steps - 1:
                    if not terminated[k, n]:
                        returns[t, n] += gamma ** (k - t + 1) * next_values[k, n]
                    break
    return returns


def softmax(logits):
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def log_softmax(logits):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def score(phi, pi, action):
    """grad ln pi(a|s), flat in the order of theta.ravel()."""
    unit = np.zeros(len(pi))
    unit[action] = 1.0
    return np.kron(phi, unit - pi)


def fisher(phi, pi):
    """mean_i E_a[score score^T], the action summed out sample by sample."""
    size = phi.shape[1] * pi.shape[1]
    total = np.zeros((size, size))
    for row, probs in zip(phi, pi, strict=True):
        for action, p in enumerate(probs):
            g = score(row, probs, action)
            total += p * np.outer(g, g)
    return total / len(phi)


def sampled_fisher(phi, pi, actions):
    scores = np.array([score(*row) for row in zip(phi, pi, actions, strict=True)])
    return scores.T @ scores / len(phi)


def mean_kl(old, new):
    return float(np.mean(np.sum(old * (np.log(old) - np.log(new)), axis=1)))


def adam(theta, gradients, rate, beta1=0.9, beta2=0.999, eps=1e-5):
    """Ascent over a list of gradient functions of theta."""
    mean = np.zeros_like(theta)
    square = np.zeros_like(theta)
    for count, gradient in enumerate(gradients, start=1):
        g = gradient(theta)
        mean = beta1 * mean + (1 - beta1) * g
        square = beta2 * square + (1 - beta2) * g**2
        step = (mean / (1 - beta1**count)) / (np.sqrt(square / (1 - beta2**count)) + eps)
        theta = theta + rate * step
    return theta


def numerical_gradient(function, theta, step=1e-6):
    gradient = np.zeros_like(theta)
    for index in np.ndindex(theta.shape):
        moved = np.zeros_like(theta)
        moved[index] = step
        gradient[index] = (function(theta + moved) - function(theta - moved)) / (2 * step)
    return gradient


def value_features(observations, steps):
    """1, s, s_i s_j for i <= j, t, t^2, t^3."""
    rows = []
    for s, h in zip(np.clip(observations.astype(np.float64), -10, 10), steps, strict=True):
        products = [s[i] * s[j] for i in range(len(s)) for j in range(i, len(s))]
        t = h / 100
        rows.append([1.0, *s, *products, t, t**2, t**3])
    return np.array(rows)
