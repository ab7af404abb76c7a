"""Kernels of fastpg's perceptrons, called as TRPO and PPO call them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fastpg import _core
from fastpg.algorithms.natural import step_to_kl
from fastpg.arrays import Floats
from fastpg.functional.solvers import factorises, ppo_settings
from perceptrons import clock, settings

CG_DAMPING = 0.1  # little, so that the solve takes all of its steps
FEW, MANY = 4, 12  # epochs; their difference leaves out what is done once


class Problem(NamedTuple):
    """A policy, and a batch of samples drawn from it."""

    batch: _core.PolicyBatch
    theta: Floats
    advantages: Floats


def _initial(generator: np.random.Generator, inputs: int, outputs: int) -> Floats:
    """Weights and biases, layer by layer; the last layer is small."""
    parts = []
    for fan_in, fan_out in settings.widths(inputs, outputs):
        gain = 0.01 if fan_out == outputs else 1.0
        parts.append(generator.normal(0.0, gain / np.sqrt(fan_in), fan_in * fan_out))
        parts.append(np.zeros(fan_out))
    return np.concatenate(parts)


def _network(inputs: int, outputs: int) -> _core.Mlp:
    return _core.Mlp(inputs, settings.HIDDEN, outputs, _core.Activation.tanh)


@functools.cache
def problem(samples: int) -> Problem:
    """Observations and advantages are noise; the standard deviation of actions is 1."""
    generator = np.random.default_rng(0)
    phi = generator.normal(size=(samples, settings.OBSERVATION))
    phi = phi.astype(np.float32).astype(np.float64)
    distribution = _core.DiagGaussian(settings.ACTION)
    network = _network(settings.OBSERVATION, settings.ACTION)
    weights = _initial(generator, settings.OBSERVATION, settings.ACTION)
    theta = np.concatenate([weights, np.zeros(settings.ACTION)])
    dist = _core.PolicyBatch(distribution, network, phi).distribution(theta)
    actions = dist[:, : settings.ACTION] + generator.normal(size=(samples, settings.ACTION))
    batch = _core.PolicyBatch(distribution, network, phi, actions)
    return Problem(batch, theta, generator.normal(size=samples))


def trpo_step(given: Problem) -> _core.LineSearch:
    """The gradient, conjugate gradient and line search of TRPO.update."""
    batch, theta, advantages = given
    found = batch.natural_step(
        theta,
        advantages,
        None,  # halves: there are none of one environment
        True,
        0.0,
        False,
        len(advantages),
        factorises("cg", theta.size, CG_DAMPING),
        settings.TRPO["cg_max_steps"],
        0.0,
        CG_DAMPING,
    )
    bound = settings.TRPO["target_kl"]
    status, step_size = step_to_kl(found.natural, bound, None)
    assert status == "ok", status
    return batch.line_search(
        theta,
        step_size * found.natural.direction,
        found.dist,
        found.advantages,
        ent_coef=0.0,
        target_kl=bound,
        shrinking_factor=settings.TRPO["line_search_shrinking_factor"],
        max_iter=settings.TRPO["line_search_max_iter"],
    )


def trpo_update() -> float:
    """CPU seconds of a TRPO update without the values."""
    given = problem(settings.TRPO_SAMPLES)
    found = trpo_step(given)
    assert found.status == "accepted", found.status
    return clock.of_call(lambda: trpo_step(given))


def _epochs(given: Problem, count: int) -> Callable[[], _core.PpoUpdate]:
    """PPO's epochs over a batch that is one minibatch."""
    batch, theta, advantages = given
    asked = ppo_settings(
        learning_rate=settings.PPO["learning_rate"],
        max_grad_norm=settings.PPO["max_grad_norm"],
        n_epochs=count,
        batch_size=len(advantages),
    )
    return lambda: batch.ppo_epochs(theta, advantages, _core.Adam(theta.size), 0, 0, None, asked)


def policy_minibatch(samples: int) -> float:
    """CPU seconds of the policy's part of a minibatch: forward, backward, Adam's step."""
    given = problem(samples)
    few, many = (clock.of_call(_epochs(given, count)) for count in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def _fits(samples: int, count: int) -> Callable[[], _core.ValueFit]:
    """The same of the value network."""
    network = _network(settings.OBSERVATION, 1)
    theta = _initial(np.random.default_rng(1), settings.OBSERVATION, 1)
    given = problem(samples)
    batch = _core.ValueBatch(network, given.batch.phi, given.advantages)
    asked = _core.ValueFitSettings(
        learning_rate=settings.PPO["learning_rate"],
        n_epochs=count,
        batch_size=samples,
        max_grad_norm=settings.PPO["max_grad_norm"],
        clip_range_vf=None,
    )
    return lambda: batch.fit(theta, _core.Adam(theta.size), 0, 0, asked)


def value_minibatch(samples: int) -> float:
    """The same of the value network."""
    few, many = (clock.of_call(_fits(samples, count)) for count in (FEW, MANY))
    return (many - few) / (MANY - FEW)
