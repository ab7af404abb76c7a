"""Slow, independent references. NumPy only: nothing here may import fastpg."""

from __future__ import annotations

import itertools

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


def activation(name, z):
    """f(z) and f'(z)."""
    if name == "tanh":
        return np.tanh(z), 1.0 - np.tanh(z) ** 2
    if name == "relu":
        return np.maximum(z, 0.0), (z > 0.0).astype(float)
    if name == "elu":
        negative = np.exp(np.minimum(z, 0.0))
        return np.where(z > 0.0, z, negative - 1.0), np.where(z > 0.0, 1.0, negative)
    sigmoid = 0.5 * (1.0 + np.tanh(0.5 * z))
    return z * sigmoid, sigmoid * (1.0 + z * (1.0 - sigmoid))


def mlp_layers(theta, sizes):
    """(W, bias) of each layer."""
    layers, rest = [], theta
    for fan_in, fan_out in itertools.pairwise(sizes):
        weights, bias, rest = np.split(rest, [fan_in * fan_out, (fan_in + 1) * fan_out])
        layers.append((weights.reshape(fan_in, fan_out), bias))
    return layers


def mlp(theta, sizes, name, x):
    """Outputs, and of each layer its inputs and what is before and after the activation."""
    layers, trace = mlp_layers(theta, sizes), []
    for weights, bias in layers:
        z = x @ weights + bias
        value, slope = activation(name, z)
        trace.append((x, z, slope))
        x = value
    return z, trace


def mlp_jacobian(theta, sizes, name, x):
    """Outputs (n, k) and their derivatives (n, k, parameters), in reverse mode."""
    outputs, trace = mlp(theta, sizes, name, x)
    layers = mlp_layers(theta, sizes)
    n, k = outputs.shape
    delta, parts = np.broadcast_to(np.eye(k), (n, k, k)), []
    for (weights, _), (inputs, z, slope) in reversed(list(zip(layers, trace, strict=True))):
        if z is not outputs:
            delta = delta * slope[:, None, :]
        by_weights = inputs[:, None, :, None] * delta[:, :, None, :]
        parts = [by_weights.reshape(n, k, -1), delta, *parts]
        delta = delta @ weights.T
    return outputs, np.concatenate(parts, axis=2)


def natural_direction(product, g, damping, max_steps):
    """Conjugate gradient on (F + damping I) d = g from 0."""
    d, residual = np.zeros_like(g), g.copy()
    along, square = residual.copy(), g @ g
    for _ in range(max_steps):
        moved = product(along) + damping * along
        step = square / (along @ moved)
        d, residual = d + step * along, residual - step * moved
        square, before = residual @ residual, square
        along = residual + square / before * along
        if np.sqrt(square) <= 1e-10 * np.linalg.norm(g):
            break
    return d
